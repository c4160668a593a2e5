// Memory that a test lays out byte by byte, with images and interfaces in it.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "agent/service/address_space.h"
#include "base/guid.h"

namespace rpcmarshal::agent {

class FakeMemory : public AddressSpace {
 public:
  /// Bytes from `address` that were not there before.
  std::vector<std::byte>& add(std::uint64_t address, std::size_t size, bool code = false) {
    Block& block = blocks_[address];
    block.bytes.resize(size);
    block.code = code;
    return block.bytes;
  }
  template <typename T>
  void put(std::uint64_t address, T value) {
    auto [start, block] = *find(address, sizeof value);
    std::memcpy(block->bytes.data() + (address - start), &value, sizeof value);
  }
  void put_text(std::uint64_t address, const std::string& text) {
    for (std::size_t i = 0; i <= text.size(); ++i) put<char>(address + i, text.c_str()[i]);
  }
  void put_syntax(std::uint64_t address, const SyntaxId& id) {
    put(address, id.uuid.data1);
    put(address + 4, id.uuid.data2);
    put(address + 6, id.uuid.data3);
    for (std::size_t i = 0; i < 8; ++i) put(address + 8 + i, id.uuid.data4[i]);
    put(address + 16, id.major);
    put(address + 18, id.minor);
  }

  bool read(std::uint64_t address, std::span<std::byte> out) const override {
    const auto found = const_cast<FakeMemory*>(this)->find(address, out.size());
    if (!found) return false;
    std::memcpy(out.data(), found->second->bytes.data() + (address - found->first), out.size());
    return true;
  }
  bool executable(std::uint64_t address) const override {
    const auto found = const_cast<FakeMemory*>(this)->find(address, 1);
    return found && found->second->code;
  }

 private:
  struct Block {
    std::vector<std::byte> bytes;
    bool code = false;
  };
  std::optional<std::pair<std::uint64_t, Block*>> find(std::uint64_t address, std::size_t size) {
    auto after = blocks_.upper_bound(address);
    if (after == blocks_.begin()) return std::nullopt;
    --after;
    const std::uint64_t offset = address - after->first;
    if (offset > after->second.bytes.size() || size > after->second.bytes.size() - offset)
      return std::nullopt;
    return std::pair{after->first, &after->second};
  }
  std::map<std::uint64_t, Block> blocks_;
};

/// An x64 image at `base`: headers, .text (0x1000), .data (0x2000, `data_size`).
inline LoadedModule add_image(FakeMemory& memory, std::uint64_t base, std::size_t data_size,
                              const std::string& path, std::uint16_t machine = 0x8664) {
  memory.add(base, 0x1000);
  memory.add(base + 0x1000, 0x1000, true);
  memory.add(base + 0x2000, data_size);
  memory.put<std::uint16_t>(base, 0x5a4d);
  memory.put<std::uint32_t>(base + 0x3c, 0x80);
  const std::uint64_t coff = base + 0x84;
  memory.put<std::uint32_t>(base + 0x80, 0x4550);
  memory.put<std::uint16_t>(coff, machine);
  memory.put<std::uint16_t>(coff + 2, 2);        // sections
  memory.put<std::uint16_t>(coff + 16, 240);     // optional header
  memory.put<std::uint16_t>(coff + 18, 0x2022);  // DLL
  const std::uint64_t optional = coff + 20;
  memory.put<std::uint16_t>(optional, 0x20b);
  memory.put<std::uint32_t>(optional + 56, static_cast<std::uint32_t>(0x2000 + data_size));
  memory.put<std::uint32_t>(optional + 108, 16);
  const auto section = [&](std::uint64_t at, const char* name, std::uint32_t size,
                           std::uint32_t address, std::uint32_t flags) {
    memory.put_text(at, name);
    memory.put<std::uint32_t>(at + 8, size);
    memory.put<std::uint32_t>(at + 12, address);
    memory.put<std::uint32_t>(at + 36, flags);
  };
  section(optional + 240, ".text", 0x1000, 0x1000, 0x60000020);
  section(optional + 280, ".data", static_cast<std::uint32_t>(data_size), 0x2000, 0xC0000040);
  return {base, 0x2000 + data_size, path};
}

inline constexpr SyntaxId kNdr20{kNdr20Syntax, 2, 0};
inline constexpr SyntaxId kSvcctl{
    {0x367abb81, 0x9844, 0x35f1, {0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03}}, 2, 0};

/// An RPC_SERVER_INTERFACE at `at`, with its tables behind it (0x400 bytes are used); entries are
/// `functions`.
inline void add_interface(FakeMemory& memory, std::uint64_t at, const SyntaxId& id,
                          const std::vector<std::uint64_t>& functions,
                          const std::string& pipe = {}) {
  memory.put<std::uint32_t>(at, 0x60);
  memory.put_syntax(at + 4, id);
  memory.put_syntax(at + 0x18, kNdr20);
  memory.put<std::uint64_t>(at + 0x30, at + 0x100);
  memory.put<std::uint32_t>(at + 0x100, static_cast<std::uint32_t>(functions.size()));
  memory.put<std::uint64_t>(at + 0x108, at + 0x200);
  for (std::size_t i = 0; i < functions.size(); ++i)
    memory.put<std::uint64_t>(at + 0x200 + 8 * i, functions[i]);
  if (pipe.empty()) return;
  memory.put<std::uint32_t>(at + 0x38, 1);
  memory.put<std::uint64_t>(at + 0x40, at + 0x120);
  memory.put<std::uint64_t>(at + 0x120, at + 0x140);
  memory.put<std::uint64_t>(at + 0x128, at + 0x160);
  memory.put_text(at + 0x140, "ncacn_np");
  memory.put_text(at + 0x160, pipe);
}

}  // namespace rpcmarshal::agent
