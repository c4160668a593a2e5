#include "match/address.h"

#include <cstring>

namespace rpcmarshal::match {
namespace {

bool parse_v4(std::string_view text, std::uint8_t* out) {
  std::size_t at = 0;
  for (int octet = 0; octet < 4; ++octet) {
    if (octet > 0) {
      if (at >= text.size() || text[at] != '.') return false;
      ++at;
    }
    unsigned value = 0;
    const std::size_t start = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      if (at > start && value == 0) return false;  // a leading zero: octal to some readers
      value = value * 10 + static_cast<unsigned>(text[at++] - '0');
      if (value > 255) return false;
    }
    if (at == start) return false;
    out[octet] = static_cast<std::uint8_t>(value);
  }
  return at == text.size();
}

int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

bool parse_v6(std::string_view text, std::uint8_t (&out)[16]) {
  std::memset(out, 0, sizeof out);
  std::size_t filled = 0, at = 0;
  std::size_t gap = 16;  // where "::" stands; 16: nowhere
  if (text.starts_with("::")) {
    gap = 0;
    at = 2;
  } else if (text.starts_with(":")) {
    return false;
  }
  while (at < text.size()) {
    unsigned group = 0;
    const std::size_t start = at;
    for (int digit; at < text.size() && (digit = hex_digit(text[at])) >= 0; ++at) {
      if (at - start == 4) return false;
      group = group << 4 | static_cast<unsigned>(digit);
    }
    if (at < text.size() && text[at] == '.') {
      if (filled + 4 > 16 || !parse_v4(text.substr(start), out + filled)) return false;
      filled += 4;
      at = text.size();
      break;
    }
    if (at == start || filled + 2 > 16) return false;
    out[filled++] = static_cast<std::uint8_t>(group >> 8);
    out[filled++] = static_cast<std::uint8_t>(group);
    if (at == text.size()) break;
    if (text[at] != ':') return false;
    ++at;
    if (at < text.size() && text[at] == ':') {
      if (gap != 16) return false;
      gap = filled;
      ++at;
    } else if (at == text.size()) {
      return false;  // a single colon at the end
    }
  }
  if (gap == 16) return filled == 16;
  if (filled == 16) return false;  // "::" stands for one group at least
  std::memmove(out + 16 - (filled - gap), out + gap, filled - gap);
  std::memset(out + gap, 0, 16 - filled);
  return true;
}

}  // namespace

bool parse_address(std::string_view text, std::uint8_t (&bytes)[16], std::size_t& size) {
  if (text.size() > 45 || text.size() < 2) return false;
  if (text.find(':') == std::string_view::npos) {
    size = 4;
    return parse_v4(text, bytes);
  }
  if (!parse_v6(text, bytes)) return false;
  size = 16;
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (std::memcmp(bytes, kMapped, sizeof kMapped) == 0) {
    std::memmove(bytes, bytes + 12, 4);
    size = 4;
  }
  return true;
}

bool in_network(std::string_view text, std::span<const std::uint8_t> network, unsigned prefix) {
  std::uint8_t bytes[16];
  std::size_t size = 0;
  if (const std::size_t zone = text.find('%'); zone != std::string_view::npos)
    text = text.substr(0, zone);
  if (!parse_address(text, bytes, size) || size != network.size() || prefix > size * 8)
    return false;
  const std::size_t whole = prefix / 8;
  if (std::memcmp(bytes, network.data(), whole) != 0) return false;
  const unsigned rest = prefix % 8;
  return rest == 0 || (bytes[whole] ^ network[whole]) >> (8 - rest) == 0;
}

}  // namespace rpcmarshal::match
