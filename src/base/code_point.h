// One Unicode code point as UTF-8 ([RFC 3629] 3), for readers of formats that write characters as
// numbers. A surrogate gets the three bytes of generalised UTF-8, as in base/unicode.h.
#pragma once

#include <cstdint>
#include <string>

namespace rpcmarshal {

/// Appends `c`, which is at most 0x10FFFF.
inline void append_code_point(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    const char encoded[] = {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
    out.append(encoded, 2);
  } else if (c < 0x10000) {
    const char encoded[] = {static_cast<char>(0xE0 | c >> 12),
                            static_cast<char>(0x80 | (c >> 6 & 0x3F)),
                            static_cast<char>(0x80 | (c & 0x3F))};
    out.append(encoded, 3);
  } else {
    const char encoded[] = {
        static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
        static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
    out.append(encoded, 4);
  }
}

}  // namespace rpcmarshal
