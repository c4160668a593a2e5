// Headers of a PE image, where the loader put it or at the beginning of a file (the headers are the
// same): what machine it is for, its sections, and where it exports what. Layouts: "PE Format",
// COFF File Header, Optional Header, Section Table, Export Directory Table. The image may be
// damaged or hostile: counts are bounded, and what cannot be read is missing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/service/address_space.h"

namespace rpcmarshal::agent {

enum class Machine : std::uint16_t {
  kUnknown = 0,
  kX86 = 0x14c,
  kArm = 0x1c4,
  kX64 = 0x8664,
  kArm64 = 0xaa64,
};
/// "x64", "x86", "ARM64", "ARM", "unknown".
const char* to_string(Machine machine);

struct PeSection {
  std::string name;
  std::uint32_t address = 0;  ///< relative to the image
  std::uint32_t size = 0;     ///< in memory
  bool executable = false, readable = false, writable = false;
};

struct PeImage {
  Machine machine = Machine::kUnknown;
  std::uint32_t size = 0;  ///< of the image in memory, as its header says
  bool dll = false;
  std::vector<PeSection> sections;  ///< at most 96, the loader's own limit
  std::uint32_t exports = 0;        ///< relative address of the export directory; 0: none
};

/// The headers at `base`; nullopt when there are none of a 64-bit (PE32+) or 32-bit image.
std::optional<PeImage> read_pe(const AddressSpace& memory, std::uint64_t base);

/// The address of an exported name in a mapped image; nullopt when it is not there, or is forwarded
/// to another module.
std::optional<std::uint64_t> find_export(const AddressSpace& memory, std::uint64_t base,
                                         const PeImage& image, std::string_view name);

/// The first bytes of a file, as memory at address 0.
class FileHeaders : public AddressSpace {
 public:
  /// Reads up to 64 KiB; empty when the file cannot be read.
  explicit FileHeaders(const std::string& utf8_path);
  bool read(std::uint64_t address, std::span<std::byte> out) const override;
  bool executable(std::uint64_t) const override { return false; }
  bool empty() const { return bytes_.empty(); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace rpcmarshal::agent
