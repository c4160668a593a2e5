#include "agent/service/interface_scan.h"

#include <algorithm>
#include <optional>

#include "agent/service/pe_image.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::size_t kInterfaceSize = sizeof(RpcServerInterface);

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

SyntaxId read_syntax(const std::byte* at) {
  ByteReader in{Bytes(at, 20)};
  SyntaxId id;
  id.uuid = Guid::read(in);
  id.major = in.u16();
  id.minor = in.u16();
  return id;
}

// The entries of the dispatch table at `address`; nullopt unless all of them are code.
std::optional<std::vector<std::uint64_t>> read_dispatch_table(const AddressSpace& memory,
                                                              std::uint64_t address) {
  const auto count = read_value<std::uint32_t>(memory, address);
  const auto table = read_value<std::uint64_t>(memory, address + 8);
  if (!count || !table || *count == 0 || *count > kMaxOperations) return std::nullopt;
  std::vector<std::byte> bytes(std::size_t{*count} * 8);
  if (!memory.read(*table, bytes)) return std::nullopt;
  std::vector<std::uint64_t> entries(*count);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i] = load<std::uint64_t>(bytes.data() + i * 8, ByteOrder::kLittle);
    // Neighbours are mostly the same function.
    if (i > 0 && entries[i] == entries[i - 1]) continue;
    if (!memory.executable(entries[i])) return std::nullopt;
  }
  return entries;
}

// RPC_PROTSEQ_ENDPOINT: two pointers to text.
std::vector<std::string> read_endpoints(const AddressSpace& memory, std::uint32_t count,
                                        std::uint64_t address) {
  std::vector<std::string> endpoints;
  if (address == 0) return endpoints;
  for (std::uint32_t i = 0; i < std::min(count, kMaxCompiledEndpoints); ++i) {
    const auto sequence_at = read_value<std::uint64_t>(memory, address + i * 16);
    const auto endpoint_at = read_value<std::uint64_t>(memory, address + i * 16 + 8);
    if (!sequence_at || !endpoint_at) break;
    const auto sequence = read_c_string(memory, *sequence_at, 64);
    const auto endpoint = read_c_string(memory, *endpoint_at, 512);
    if (!sequence || !endpoint || !sequence->starts_with("nca")) break;
    endpoints.push_back(*sequence + ":[" + *endpoint + "]");
  }
  return endpoints;
}

bool offers_ndr64(const AddressSpace& memory, std::uint64_t server_info) {
  const auto count =
      read_value<std::uint64_t>(memory, server_info + offsetof(MidlServerInfo, syntax_count));
  const auto infos =
      read_value<std::uint64_t>(memory, server_info + offsetof(MidlServerInfo, syntax_info));
  if (!count || !infos || *infos == 0) return false;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(*count, kMaxSyntaxes); ++i) {
    std::byte syntax[20];
    if (!memory.read(*infos + i * sizeof(MidlSyntaxInfo), syntax)) break;
    if (read_syntax(syntax).uuid == kNdr64Syntax) return true;
  }
  return false;
}

// What lies at `bytes` (kInterfaceSize of them, which stood at `address`), if it is a server
// interface.
std::optional<FoundInterface> recognise(const AddressSpace& memory, const std::byte* bytes,
                                        std::uint64_t address, const ScanContext& context) {
  const auto candidate = interface_at(bytes);
  if (!candidate || !names_transfer_syntax(*candidate)) return std::nullopt;
  const auto entries = read_dispatch_table(memory, address_of(candidate->dispatch_table));
  if (!entries) return std::nullopt;
  const std::uint64_t server_info = address_of(candidate->interpreter_info);

  FoundInterface found;
  found.id = candidate->interface_id.id();
  found.operations = static_cast<std::uint32_t>(entries->size());
  found.address = address;
  found.server_info = server_info;
  bool interpreted = false, async = false;
  std::uint64_t last = 0, target = 0;
  const auto read = [&](std::uint64_t at, std::span<std::byte> out) {
    return memory.read(at, out);
  };
  for (const std::uint64_t entry : *entries) {
    if (context.hook.contains(entry)) ++found.hooked;
    if (entry != last) target = follow_jumps(entry, read);
    last = entry;
    const auto known = context.interpreter_entries.find(target);
    if (known == context.interpreter_entries.end()) continue;
    interpreted = true;
    async = async || known->second;
  }
  found.stubs = async ? Stubs::kAsync : interpreted ? Stubs::kInterpreted : Stubs::kInline;
  found.ndr64 = candidate->transfer_syntax.uuid == kNdr64Syntax ||
                (server_info != 0 && offers_ndr64(memory, server_info));
  found.endpoints =
      read_endpoints(memory, candidate->endpoint_count, address_of(candidate->endpoints));
  return found;
}

}  // namespace

const char* to_string(Stubs stubs) {
  switch (stubs) {
    case Stubs::kInterpreted:
      return "interpreted";
    case Stubs::kAsync:
      return "asynchronous";
    case Stubs::kInline:
      break;
  }
  return "inline";
}

std::vector<FoundInterface> scan_module(const AddressSpace& memory, const LoadedModule& module,
                                        const ScanContext& context) {
  std::vector<FoundInterface> found;
  const auto image = read_pe(memory, module.base);
  if (!image || image->machine != Machine::kX64) return found;
  // Pieces overlap by a structure less a step, so that none is cut.
  constexpr std::size_t kPiece = 64u << 10;
  std::vector<std::byte> bytes(kPiece + kInterfaceSize);
  std::uint64_t scanned = 0;
  for (const PeSection& section : image->sections) {
    if (section.executable || section.address >= module.size) continue;
    const std::uint64_t size = std::min<std::uint64_t>(section.size, module.size - section.address);
    const std::uint64_t start = module.base + section.address;
    for (std::uint64_t at = 0; at < size && scanned < kMaxScannedPerModule; at += kPiece) {
      const auto want =
          static_cast<std::size_t>(std::min<std::uint64_t>(size - at, kPiece + kInterfaceSize));
      scanned += want;
      if (want < kInterfaceSize || !memory.read(start + at, std::span(bytes.data(), want)))
        continue;
      // A structure that begins in the overlap belongs to the next piece.
      const std::size_t last = std::min(want - kInterfaceSize, kPiece - 8);
      for (std::size_t offset = 0; offset <= last; offset += 8) {
        if (load<std::uint32_t>(bytes.data() + offset, ByteOrder::kLittle) != kInterfaceSize)
          continue;
        auto one = recognise(memory, bytes.data() + offset, start + at + offset, context);
        if (!one) continue;
        one->module = module.file_name();
        found.push_back(std::move(*one));
        if (found.size() == kMaxInterfacesPerModule) return found;
      }
    }
  }
  return found;
}

std::map<std::uint64_t, bool> interpreter_entries(const AddressSpace& memory,
                                                  const LoadedModule& rpcrt4) {
  std::map<std::uint64_t, bool> entries;
  const auto image = read_pe(memory, rpcrt4.base);
  if (!image) return entries;
  for (const InterpreterEntry& one : kInterpreterEntries) {
    if (const auto at = find_export(memory, rpcrt4.base, *image, one.name))
      entries[*at] = one.asynchronous;
  }
  return entries;
}

}  // namespace rpcmarshal::agent
