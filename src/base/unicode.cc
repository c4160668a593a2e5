#include "base/unicode.h"

#include <algorithm>

#include "base/code_point.h"

namespace rpcmarshal {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

void append_utf8(std::string& out, Bytes utf16, ByteOrder order) {
  const std::size_t units = utf16.size() / 2;
  out.reserve(out.size() + units);
  for (std::size_t i = 0; i < units; ++i) {
    std::uint32_t c = load<std::uint16_t>(utf16.data() + 2 * i, order);
    if (c >= 0xD800 && c < 0xDC00 && i + 1 < units) {
      const std::uint32_t low = load<std::uint16_t>(utf16.data() + 2 * i + 2, order);
      if (low >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        ++i;
      }
    }
    append_code_point(out, c);
  }
}

void append_utf8_latin1(std::string& out, Bytes text) {
  for (const std::byte b : text) append_code_point(out, static_cast<std::uint8_t>(b));
}

std::string utf16_to_utf8(Bytes utf16, ByteOrder order) {
  std::string out;
  append_utf8(out, utf16, order);
  while (!out.empty() && out.back() == '\0') out.pop_back();
  return out;
}

std::u16string utf8_to_utf16(std::string_view text) {
  std::u16string out;
  out.reserve(text.size());
  const auto tail = [&](std::size_t at) -> int {
    if (at >= text.size()) return -1;
    const auto b = static_cast<std::uint8_t>(text[at]);
    return (b & 0xC0) == 0x80 ? b & 0x3F : -1;
  };
  for (std::size_t i = 0; i < text.size();) {
    const auto b = static_cast<std::uint8_t>(text[i]);
    std::uint32_t c = 0xFFFD;
    std::size_t used = 1;
    if (b < 0x80) {
      c = b;
    } else if (b >= 0xC2 && b < 0xE0 && tail(i + 1) >= 0) {
      c = static_cast<std::uint32_t>((b & 0x1F) << 6 | tail(i + 1));
      used = 2;
    } else if (b >= 0xE0 && b < 0xF0 && tail(i + 1) >= 0 && tail(i + 2) >= 0) {
      const auto v = static_cast<std::uint32_t>((b & 0x0F) << 12 | tail(i + 1) << 6 | tail(i + 2));
      if (v >= 0x800) {
        c = v;
        used = 3;
      }
    } else if (b >= 0xF0 && b < 0xF5 && tail(i + 1) >= 0 && tail(i + 2) >= 0 && tail(i + 3) >= 0) {
      const auto v = static_cast<std::uint32_t>((b & 0x07) << 18 | tail(i + 1) << 12 |
                                                tail(i + 2) << 6 | tail(i + 3));
      if (v >= 0x10000 && v < 0x110000) {
        c = v;
        used = 4;
      }
    }
    if (c >= 0x10000) {
      out += static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10));
      out += static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF));
    } else {
      out += static_cast<char16_t>(c);
    }
    i += used;
  }
  return out;
}

void append_hex(std::string& out, Bytes bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  const std::size_t start = out.size();
  out.resize(start + 2 * bytes.size());
  char* to = out.data() + start;
  for (const std::byte b : bytes) {
    *to++ = kHex[static_cast<std::uint8_t>(b) >> 4];
    *to++ = kHex[static_cast<std::uint8_t>(b) & 15];
  }
}

void append_base64(std::string& out, Bytes bytes) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<std::uint32_t>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k <= bytes.size() ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
    }
  }
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace rpcmarshal
