// The memory of a process as the agent reads it from outside: bounded copies, nothing trusted. The
// real one is windows/process_memory.h; tests lay out a fake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "base/bytes.h"

namespace rpcmarshal::agent {

class AddressSpace {
 public:
  virtual ~AddressSpace() = default;
  /// Copies out.size() bytes from `address`: all of them, or false and `out` is unspecified.
  virtual bool read(std::uint64_t address, std::span<std::byte> out) const = 0;
  /// Whether code can run at `address`.
  virtual bool executable(std::uint64_t address) const = 0;
};

/// A little-endian integer, or nullopt where nothing can be read.
template <typename T>
std::optional<T> read_value(const AddressSpace& memory, std::uint64_t address) {
  static_assert(std::is_integral_v<T>);
  std::byte bytes[sizeof(T)];
  if (!memory.read(address, bytes)) return std::nullopt;
  return load<T>(bytes, ByteOrder::kLittle);
}

/// A NUL-terminated string of at most `limit` bytes at `address`; nullopt when it cannot be read or
/// does not end.
std::optional<std::string> read_c_string(const AddressSpace& memory, std::uint64_t address,
                                         std::size_t limit);

/// A module as the loader lists it: `size` bytes from `base`.
struct LoadedModule {
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  std::string path;  ///< UTF-8

  bool contains(std::uint64_t address) const { return address >= base && address - base < size; }
  /// The last part of the path.
  std::string_view file_name() const;
};

}  // namespace rpcmarshal::agent
