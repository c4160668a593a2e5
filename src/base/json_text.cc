#include "base/json_text.h"

#include <charconv>
#include <cstdint>

#include "base/code_point.h"

namespace rpcmarshal {
namespace {

/// The unit that four hexadecimal digits at `at` name; -1: there are none.
int hex4(std::string_view text, std::size_t at) {
  if (text.size() < 4 || at > text.size() - 4) return -1;
  unsigned out = 0;
  const auto r = std::from_chars(text.data() + at, text.data() + at + 4, out, 16);
  return r.ec == std::errc() && r.ptr == text.data() + at + 4 ? static_cast<int>(out) : -1;
}

}  // namespace

bool append_json_text(std::string& out, std::string_view raw) {
  for (std::size_t at = 0; at < raw.size();) {
    const std::size_t escape = raw.find('\\', at);
    out.append(raw.substr(at, escape - at));
    if (escape == std::string_view::npos) return true;
    at = escape + 1;
    if (at >= raw.size()) return false;
    switch (const char c = raw[at++]) {
      case '"':
      case '\\':
      case '/':
        out += c;
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        const int unit = hex4(raw, at);
        if (unit < 0) return false;
        at += 4;
        auto rune = static_cast<std::uint32_t>(unit);
        if (rune >= 0xD800 && rune < 0xE000) {
          const int low = rune < 0xDC00 && raw.substr(at, 2) == "\\u" ? hex4(raw, at + 2) : -1;
          if (low >= 0xDC00 && low < 0xE000) {
            rune = 0x10000 + ((rune - 0xD800) << 10) + (static_cast<std::uint32_t>(low) - 0xDC00);
            at += 6;
          } else {
            rune = 0xFFFD;  // half a pair is no text
          }
        }
        append_code_point(out, rune);
        break;
      }
      default:
        return false;
    }
  }
  return true;
}

}  // namespace rpcmarshal
