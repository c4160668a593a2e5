#include "agent/service/interface_scan.h"

#include <algorithm>
#include <optional>

#include "agent/service/pe_image.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::size_t kInterfaceSize = 0x60;
constexpr std::size_t kSyntaxInfoSize = 0x50;
constexpr std::uint64_t kMaxSyntaxes = 8;

SyntaxId read_syntax(const std::byte* at) {
  ByteReader in{Bytes(at, 20)};
  SyntaxId id;
  id.uuid = Guid::read(in);
  id.major = in.u16();
  id.minor = in.u16();
  return id;
}

bool is_transfer_syntax(const Guid& uuid) { return uuid == kNdr20Syntax || uuid == kNdr64Syntax; }

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
  const auto count = read_value<std::uint64_t>(memory, server_info + 0x30);
  const auto infos = read_value<std::uint64_t>(memory, server_info + 0x38);
  if (!count || !infos || *infos == 0) return false;
  for (std::uint64_t i = 0; i < std::min(*count, kMaxSyntaxes); ++i) {
    std::byte syntax[20];
    if (!memory.read(*infos + i * kSyntaxInfoSize, syntax)) break;
    if (read_syntax(syntax).uuid == kNdr64Syntax) return true;
  }
  return false;
}

// Where a function of another module is called through a jump of its own module, as linkers make
// them for imports: `jmp [rip + offset]`, or `jmp offset` to one of those.
std::uint64_t follow_jumps(const AddressSpace& memory, std::uint64_t address) {
  for (int hop = 0; hop < 2; ++hop) {
    std::byte code[6];
    if (!memory.read(address, code)) break;
    const auto offset = [&](std::size_t at) {
      return static_cast<std::uint64_t>(
          std::int64_t{load<std::int32_t>(code + at, ByteOrder::kLittle)});
    };
    if (code[0] == std::byte{0xFF} && code[1] == std::byte{0x25}) {
      const auto target = read_value<std::uint64_t>(memory, address + 6 + offset(2));
      return target ? *target : address;
    }
    if (code[0] != std::byte{0xE9}) break;
    address += 5 + offset(1);
  }
  return address;
}

// What lies at `bytes` (kInterfaceSize of them, which stood at `address`), if it is a server
// interface.
std::optional<FoundInterface> recognise(const AddressSpace& memory, const std::byte* bytes,
                                        std::uint64_t address, const ScanContext& context) {
  if (load<std::uint32_t>(bytes, ByteOrder::kLittle) != kInterfaceSize) return std::nullopt;
  const SyntaxId syntax = read_syntax(bytes + 0x18);
  if (!is_transfer_syntax(syntax.uuid)) return std::nullopt;
  ByteReader in{Bytes(bytes, kInterfaceSize)};
  in.seek(0x30);
  const std::uint64_t dispatch = in.u64();
  const std::uint32_t endpoint_count = in.u32();
  in.seek(0x40);
  const std::uint64_t endpoints = in.u64();
  in.seek(0x50);
  const std::uint64_t server_info = in.u64();
  if (dispatch == 0) return std::nullopt;  // a client's
  const auto entries = read_dispatch_table(memory, dispatch);
  if (!entries) return std::nullopt;

  FoundInterface found;
  found.id = read_syntax(bytes + 4);
  if (found.id.uuid.is_nil()) return std::nullopt;
  found.operations = static_cast<std::uint32_t>(entries->size());
  found.address = address;
  found.server_info = server_info;
  bool interpreted = false, async = false;
  std::uint64_t last = 0, target = 0;
  for (const std::uint64_t entry : *entries) {
    if (context.hook.contains(entry)) ++found.hooked;
    if (entry != last) target = follow_jumps(memory, entry);
    last = entry;
    const auto known = context.interpreter_entries.find(target);
    if (known == context.interpreter_entries.end()) continue;
    interpreted = true;
    async = async || known->second;
  }
  found.stubs = async ? Stubs::kAsync : interpreted ? Stubs::kInterpreted : Stubs::kInline;
  found.ndr64 =
      syntax.uuid == kNdr64Syntax || (server_info != 0 && offers_ndr64(memory, server_info));
  found.endpoints = read_endpoints(memory, endpoint_count, endpoints);
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
  struct Name {
    const char* name;
    bool async;
  };
  static constexpr Name kNames[] = {
      {"NdrServerCall", false},         {"NdrServerCall2", false},
      {"NdrServerCallAll", false},      {"NdrServerCallNdr64", false},
      {"NdrAsyncServerCall", true},     {"Ndr64AsyncServerCall", true},
      {"Ndr64AsyncServerCall64", true}, {"Ndr64AsyncServerCallAll", true},
  };
  for (const Name& one : kNames) {
    if (const auto at = find_export(memory, rpcrt4.base, *image, one.name))
      entries[*at] = one.async;
  }
  return entries;
}

}  // namespace rpcmarshal::agent
