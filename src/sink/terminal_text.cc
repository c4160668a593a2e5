#include "sink/terminal_text.h"

#include <algorithm>

namespace rpcmarshal {
namespace {

constexpr std::size_t kMaxText = 300;  // bytes of one string argument

}  // namespace

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string safe(std::string_view text) {
  std::string to;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '\n') {
      to += "\\n";
    } else if (c == '\r') {
      to += "\\r";
    } else if (c == '\t') {
      to += "\\t";
    } else if (u < 0x20 || u == 0x7F) {
      static constexpr char kHex[] = "0123456789abcdef";
      to += "\\x";
      to += kHex[u >> 4];
      to += kHex[u & 15];
    } else {
      to += c;
    }
  }
  // C1 controls (U+0080..U+009F) come as C2 80..C2 9F.
  for (std::size_t at = 0; (at = to.find('\xC2', at)) != std::string::npos && at + 1 < to.size();
       ++at) {
    if (static_cast<unsigned char>(to[at + 1]) < 0xA0) to.replace(at, 2, "?");
  }
  return to;
}

std::string shortened(std::string_view text) {
  std::size_t end = std::min(text.size(), kMaxText);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return safe(text.substr(0, end)) + (end < text.size() ? "…" : "");
}

std::string quoted(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0 && text[end - 1] == '\0') --end;
  text = text.substr(0, end);
  const std::size_t all = text.size();
  if (all > kMaxText) {
    end = kMaxText;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  std::string out = "\"";
  for (const char c : safe(text)) {
    // The value must not seem to end here.
    if (c == '"') out += '\\';
    out += c;
  }
  out += '"';
  if (all > kMaxText) out += "… (" + std::to_string(all) + " bytes)";
  return out;
}

}  // namespace rpcmarshal
