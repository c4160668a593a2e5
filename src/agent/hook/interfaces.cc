#include "agent/hook/interfaces.h"

#include <algorithm>
#include <cstring>

namespace rpcmarshal::agent {
namespace {

void append_table(const SyntaxId& interface, const SyntaxId& syntax, const RpcDispatchTable* table,
                  AddressSpace& space, std::vector<FoundTable>& tables) {
  if (!table || !space.readable(table, sizeof *table)) return;
  const std::uint32_t count = table->count;
  DispatchFunction* const entries = table->table;
  if (count == 0 || count > kMaxOperations || !entries ||
      reinterpret_cast<std::uintptr_t>(entries) % sizeof(void*) != 0 ||
      !space.readable(entries, count * sizeof(void*)))
    return;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto entry = reinterpret_cast<const void*>(entries[i]);
    if (!entry || !space.executable(entry)) return;
  }
  const auto same = [&](const FoundTable& known) { return known.entries == entries; };
  if (std::any_of(tables.begin(), tables.end(), same)) return;
  tables.push_back({interface, syntax, entries, count});
}

void append_tables(const RpcServerInterface& of, AddressSpace& space,
                   std::vector<FoundTable>& tables) {
  const SyntaxId id = of.interface_id.id();
  const SyntaxId syntax = of.transfer_syntax.id();
  append_table(id, syntax.uuid.is_nil() ? SyntaxId{kNdr20Syntax, 2, 0} : syntax, of.dispatch_table,
               space, tables);
  if (!(of.flags & kHasMultiSyntaxes) || !of.interpreter_info) return;
  const MidlServerInfo* info = of.interpreter_info;
  if (!space.readable(info, sizeof *info) || !info->syntax_info) return;
  const std::size_t count = std::min<std::size_t>(info->syntax_count, kMaxSyntaxes);
  const MidlSyntaxInfo* syntaxes = info->syntax_info;
  if (count == 0 || !space.readable(syntaxes, count * sizeof *syntaxes)) return;
  for (std::size_t i = 0; i < count; ++i)
    append_table(id, syntaxes[i].transfer_syntax.id(), syntaxes[i].dispatch_table, space, tables);
}

/// Wine's COM fills in no more than this.
bool is_bare_com_interface(const RpcServerInterface& of, AddressSpace& space) {
  if (!of.transfer_syntax.uuid.is_nil() || of.transfer_syntax.major != 0 ||
      of.interface_id.major != 0 || of.interface_id.minor != 0 || of.endpoint_count != 0 ||
      of.endpoints || of.default_manager || of.interpreter_info || of.flags != 0)
    return false;
  const RpcDispatchTable* table = of.dispatch_table;
  const void* const module = space.module(table);
  return module && space.readable(table, sizeof *table) && table->count == 1 &&
         table->reserved == 0 && space.module(table->table) == module &&
         space.readable(table->table, sizeof(void*)) &&
         space.module(reinterpret_cast<const void*>(*table->table)) == module;
}

}  // namespace

void append_interface(const std::byte* at, Found where, AddressSpace& space,
                      std::vector<FoundTable>& tables) {
  const auto candidate = interface_at(at);
  if (!candidate) return;
  if (!names_transfer_syntax(*candidate) && where != Found::kRegistered &&
      !(where == Found::kOnHeap && is_bare_com_interface(*candidate, space)))
    return;
  append_tables(*candidate, space, tables);
}

bool leads_to(DispatchFunction entry, const std::vector<DispatchFunction>& functions,
              AddressSpace& space) {
  const auto read = [&](std::uint64_t at, std::span<std::byte> out) {
    const auto* from = reinterpret_cast<const void*>(at);
    if (!space.readable(from, out.size())) return false;
    std::memcpy(out.data(), from, out.size());
    return true;
  };
  const auto target = reinterpret_cast<DispatchFunction>(
      follow_jumps(reinterpret_cast<std::uint64_t>(entry), read));
  return std::ranges::find(functions, target) != functions.end();
}

void scan_interfaces(Bytes memory, Found where, AddressSpace& space,
                     std::vector<FoundTable>& tables) {
  constexpr std::size_t kSize = sizeof(RpcServerInterface);
  for (std::size_t at = 0; memory.size() >= kSize && at <= memory.size() - kSize; at += 8)
    append_interface(memory.data() + at, where, space, tables);
}

}  // namespace rpcmarshal::agent
