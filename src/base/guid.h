// GUIDs (UUIDs) as Microsoft RPC uses them: three integers in the sender's byte order, then eight
// bytes ([MS-DTYP] 2.3.4). And the (UUID, version) pair that names interfaces and transfer
// syntaxes.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace rpcmarshal {

struct Guid {
  std::uint32_t data1 = 0;
  std::uint16_t data2 = 0;
  std::uint16_t data3 = 0;
  std::array<std::uint8_t, 8> data4{};

  auto operator<=>(const Guid&) const = default;
  bool is_nil() const { return *this == Guid{}; }

  /// Lower-case 8-4-4-4-12 form, 36 characters, without braces.
  std::string to_string() const;
  /// Writes the 36 characters of to_string() to `out` (not terminated).
  void format_to(char* out) const;
  /// Accepts the 36-character form in either case, with or without braces; nullopt otherwise.
  static std::optional<Guid> parse(std::string_view text);
  /// Reads the 16 bytes of a GUID in the reader's byte order.
  static Guid read(ByteReader& reader);
};

/// An interface or transfer syntax identifier: p_syntax_id_t ([C706] 12.6.3.1).
struct SyntaxId {
  Guid uuid;
  std::uint16_t major = 0;
  std::uint16_t minor = 0;
  auto operator<=>(const SyntaxId&) const = default;
};

/// Transfer syntaxes ([MS-RPCE] 2.2.4.12, 2.2.4.14 and 3.3.1.5.3).
inline constexpr Guid kNdr20Syntax{
    0x8a885d04, 0x1ceb, 0x11c9, {0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60}};
inline constexpr Guid kNdr64Syntax{
    0x71710533, 0xbeba, 0x4937, {0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36}};
/// Bind-time feature negotiation: the first eight bytes are fixed, the next two are the bitmask.
inline constexpr Guid kBindTimeFeatures{0x6cb71c2c, 0x9812, 0x4540, {0x03, 0, 0, 0, 0, 0, 0, 0}};

}  // namespace rpcmarshal

template <>
struct std::hash<rpcmarshal::Guid> {
  std::size_t operator()(const rpcmarshal::Guid& guid) const noexcept {
    std::uint64_t halves[2];
    static_assert(sizeof guid == sizeof halves);
    std::memcpy(halves, &guid, sizeof halves);
    return halves[0] * 0x9E3779B97F4A7C15ull ^ (halves[1] + (halves[0] >> 29));
  }
};
