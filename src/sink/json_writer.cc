#include "sink/json_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/code_point.h"
#include "base/unicode.h"

namespace rpcmarshal {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// 0: as it is; 'u': \u00XX; otherwise the letter after the backslash. Bytes of 0x80 and above are
// 1: they are checked as UTF-8.
constexpr std::array<char, 256> kEscape = [] {
  std::array<char, 256> table{};
  for (int c = 0; c < 0x20; ++c) table[static_cast<std::size_t>(c)] = 'u';
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  table['"'] = '"';
  table['\\'] = '\\';
  table[0x7F] = 'u';
  for (std::size_t c = 0x80; c < 256; ++c) table[c] = 1;
  return table;
}();

/// "\\uXXXX"; what is behind it.
char* put_unit_escape(char* to, std::uint16_t unit) {
  *to++ = '\\';
  *to++ = 'u';
  for (int shift = 12; shift >= 0; shift -= 4) *to++ = kHex[unit >> shift & 15];
  return to;
}

/// Length of the valid UTF-8 sequence at `at`, or 0; a WTF-8 surrogate gives -3.
int sequence_length(std::string_view s, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return i < s.size() ? static_cast<std::uint8_t>(s[i]) : std::uint8_t{0};
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const std::uint8_t b = byte(at);
  if (b >= 0xC2 && b < 0xE0) return tail(at + 1) ? 2 : 0;
  if (b >= 0xE0 && b < 0xF0) {
    if (!tail(at + 1) || !tail(at + 2)) return 0;
    if (b == 0xE0 && byte(at + 1) < 0xA0) return 0;
    if (b == 0xED && byte(at + 1) >= 0xA0) return -3;
    return 3;
  }
  if (b >= 0xF0 && b < 0xF5) {
    if (!tail(at + 1) || !tail(at + 2) || !tail(at + 3)) return 0;
    if (b == 0xF0 && byte(at + 1) < 0x90) return 0;
    if (b == 0xF4 && byte(at + 1) >= 0x90) return 0;
    return 4;
  }
  return 0;
}

static_assert(std::endian::native == std::endian::little);

/// Up to eight bytes from `at` on, the first one lowest; 0 where there are none.
std::uint64_t load_group(std::string_view s, std::size_t at) {
  std::uint64_t x = 0;
  if (at + 8 <= s.size()) {
    std::memcpy(&x, s.data() + at, 8);
  } else if (s.size() >= 8) {
    std::memcpy(&x, s.data() + s.size() - 8, 8);
    x >>= 8 * (at + 8 - s.size());
  } else {
    for (std::size_t i = s.size(); i-- > at;) x = x << 8 | static_cast<std::uint8_t>(s[i]);
  }
  return x;
}

/// How many of the first of eight bytes are written as they are: those below the first special one.
/// Bit 7 of a byte is set when it is one. What a borrow or carry adds comes from a byte that is one
/// itself, so the lowest is right.
std::size_t plain_bytes(std::uint64_t x) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  const std::uint64_t quote = x ^ kOnes * '"', slash = x ^ kOnes * '\\';
  const std::uint64_t special = x | (x - kOnes * 0x20) | (quote - kOnes) | (slash - kOnes) |
                                (x + kOnes);  // 0x80 and above, below 0x20, the two, 0x7F
  return static_cast<std::size_t>(std::countr_zero(special & kHigh)) / 8;
}

/// The code unit that the three bytes of a WTF-8 surrogate at `at` stand for.
std::uint16_t surrogate(std::string_view s, std::size_t at) {
  return static_cast<std::uint16_t>(0xD000 | (static_cast<std::uint8_t>(s[at + 1]) & 0x3F) << 6 |
                                    (static_cast<std::uint8_t>(s[at + 2]) & 0x3F));
}

}  // namespace

void JsonWriter::string_body(std::string_view s) {
  // Most texts are short, and each append has its price: they are written here first.
  constexpr std::size_t kBlock = 256, kMostAtOnce = 16;  // eight plain bytes, and an escape
  char block[kBlock + kMostAtOnce];
  char* to = block;
  *to++ = '"';
  for (std::size_t i = 0; i < s.size();) {
    if (to >= block + kBlock) {
      out_.append(block, static_cast<std::size_t>(to - block));
      to = block;
    }
    const std::uint64_t group = load_group(s, i);
    const std::size_t plain = std::min(plain_bytes(group), s.size() - i);
    std::memcpy(to, &group, 8);  // what is too much is written over
    to += plain;
    i += plain;
    if (plain == 8 || i == s.size()) continue;
    const auto c = static_cast<std::uint8_t>(s[i]);
    const char escape = kEscape[c];
    if (escape == 1) {
      const int length = sequence_length(s, i);
      if (length > 0) {
        for (int left = length; left > 0; --left) *to++ = s[i++];
      } else {
        to = put_unit_escape(to, length == -3 ? surrogate(s, i) : 0xFFFD);
        i += length == -3 ? 3 : 1;
      }
    } else {
      ++i;
      if (escape == 'u') {
        to = put_unit_escape(to, c);
      } else {
        *to++ = '\\';
        *to++ = escape;
      }
    }
  }
  *to++ = '"';
  out_.append(block, static_cast<std::size_t>(to - block));
}

void JsonWriter::string_utf16(Bytes utf16, ByteOrder order) {
  comma();
  const std::size_t units = utf16.size() / 2;
  const std::size_t start = out_.size();
  // The longest form of a code unit is its six-character escape.
  out_.resize(start + 2 + 6 * units);
  char* to = out_.data() + start;
  *to++ = '"';
  const std::byte* from = utf16.data();
  for (std::size_t i = 0; i < units; ++i, from += 2) {
    const auto c = load<std::uint16_t>(from, order);
    if (c < 0x80) {
      const char escape = kEscape[c];
      if (escape == 0) {
        *to++ = static_cast<char>(c);
      } else if (escape == 'u') {
        *to++ = '\\';
        *to++ = 'u';
        *to++ = '0';
        *to++ = '0';
        *to++ = kHex[c >> 4];
        *to++ = kHex[c & 15];
      } else {
        *to++ = '\\';
        *to++ = escape;
      }
    } else if (c < 0x800) {
      *to++ = static_cast<char>(0xC0 | c >> 6);
      *to++ = static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0xD800 || c >= 0xE000) {
      *to++ = static_cast<char>(0xE0 | c >> 12);
      *to++ = static_cast<char>(0x80 | (c >> 6 & 0x3F));
      *to++ = static_cast<char>(0x80 | (c & 0x3F));
    } else {
      const std::uint16_t low =
          c < 0xDC00 && i + 1 < units ? load<std::uint16_t>(from + 2, order) : 0;
      if (low >= 0xDC00 && low < 0xE000) {
        const std::uint32_t p = 0x10000u + ((c - 0xD800u) << 10) + (low - 0xDC00u);
        *to++ = static_cast<char>(0xF0 | p >> 18);
        *to++ = static_cast<char>(0x80 | (p >> 12 & 0x3F));
        *to++ = static_cast<char>(0x80 | (p >> 6 & 0x3F));
        *to++ = static_cast<char>(0x80 | (p & 0x3F));
        ++i;
        from += 2;
      } else {
        *to++ = '\\';
        *to++ = 'u';
        *to++ = kHex[c >> 12];
        *to++ = kHex[c >> 8 & 15];
        *to++ = kHex[c >> 4 & 15];
        *to++ = kHex[c & 15];
      }
    }
  }
  *to++ = '"';
  out_.resize(static_cast<std::size_t>(to - out_.data()));
}

void append_as_read(std::string& out, std::string_view s) {
  std::size_t start = 0;
  for (std::size_t i = 0; i < s.size();) {
    const int length = static_cast<std::uint8_t>(s[i]) < 0x80 ? 1 : sequence_length(s, i);
    if (length > 0) {
      i += static_cast<std::size_t>(length);
      continue;
    }
    out.append(s.data() + start, i - start);
    std::uint32_t rune = 0xFFFD;
    if (length == -3 && surrogate(s, i) < 0xDC00 && sequence_length(s, i + 3) == -3 &&
        surrogate(s, i + 3) >= 0xDC00) {
      rune = 0x10000u + ((surrogate(s, i) - 0xD800u) << 10) + (surrogate(s, i + 3) - 0xDC00u);
      i += 3;
    }
    append_code_point(out, rune);
    start = i += length == -3 ? 3 : 1;
  }
  out.append(s.data() + start, s.size() - start);
}

void JsonWriter::hex_string(Bytes bytes) {
  comma();
  out_ += '"';
  append_hex(out_, bytes);
  out_ += '"';
}

void JsonWriter::real(double value) {
  if (!std::isfinite(value)) {
    plain_string(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    return;
  }
  comma();
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out_.append(text, end);
}

}  // namespace rpcmarshal
