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

}  // namespace

bool looks_like_server_interface(const std::byte* at) {
  // Compared before it is believed to be a structure: most memory is none.
  if (load<std::uint32_t>(at, ByteOrder::kLittle) != sizeof(RpcServerInterface)) return false;
  RpcServerInterface candidate;
  std::memcpy(&candidate, at, sizeof candidate);
  return (candidate.transfer_syntax.uuid == kNdr20Syntax ||
          candidate.transfer_syntax.uuid == kNdr64Syntax) &&
         !candidate.interface_id.uuid.is_nil() && candidate.dispatch_table;
}

void append_tables(const RpcServerInterface& of, AddressSpace& space,
                   std::vector<FoundTable>& tables) {
  const SyntaxId id = of.interface_id.id();
  append_table(id, of.transfer_syntax.id(), of.dispatch_table, space, tables);
  if (!(of.flags & kHasMultiSyntaxes) || !of.interpreter_info) return;
  const MidlServerInfo* info = of.interpreter_info;
  if (!space.readable(info, sizeof *info) || !info->syntax_info) return;
  const std::size_t count = std::min<std::size_t>(info->syntax_count, kMaxSyntaxes);
  const MidlSyntaxInfo* syntaxes = info->syntax_info;
  if (count == 0 || !space.readable(syntaxes, count * sizeof *syntaxes)) return;
  for (std::size_t i = 0; i < count; ++i)
    append_table(id, syntaxes[i].transfer_syntax.id(), syntaxes[i].dispatch_table, space, tables);
}

void scan_interfaces(Bytes memory, AddressSpace& space, std::vector<FoundTable>& tables) {
  constexpr std::size_t kSize = sizeof(RpcServerInterface);
  for (std::size_t at = 0; memory.size() >= kSize && at <= memory.size() - kSize; at += 8) {
    if (!looks_like_server_interface(memory.data() + at)) continue;
    RpcServerInterface found;
    std::memcpy(&found, memory.data() + at, sizeof found);
    append_tables(found, space, tables);
  }
}

}  // namespace rpcmarshal::agent
