#include "event/unc.h"

#include <algorithm>

#include "base/unicode.h"

namespace rpcmarshal {
namespace {

constexpr std::size_t kMaxHosts = 16;
constexpr std::size_t kMaxHostLength = 255;  // a DNS name's limit

bool host_character(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u >= '0' && u <= '9') || (u >= 'A' && u <= 'Z') || (u >= 'a' && u <= 'z') || u == '-' ||
         u == '.' || u == '_' || u == '@' || u == '$' || u == ':' || u >= 0x80;
}

bool letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// Whether the two backslashes at `at` only separate parts of a path ("C:\\Windows", "a\\b").
bool inside_a_path(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  const char before = text[at - 1];
  if (letter_or_digit(before) || before == '.' || before == '_' || before == '-' || before == '\\')
    return true;
  if (before != ':' || at < 2 || !letter_or_digit(text[at - 2])) return false;
  // A drive letter stands alone; "/s:\\host" is a switch.
  return at == 2 || (!letter_or_digit(text[at - 3]) && text[at - 3] != '/' && text[at - 3] != '-');
}

bool separator(char c) { return c == '\\' || c == '/'; }

}  // namespace

void append_unc_hosts(std::vector<std::string>& hosts, std::string_view text) {
  for (std::size_t at = 0; at + 2 < text.size();) {
    at = text.find("\\\\", at);
    if (at == std::string_view::npos) return;
    std::size_t start = at + 2;
    const bool inside = inside_a_path(text, at);
    at += 2;
    if (inside) continue;
    if (text.substr(start, 2) == "?\\" || text.substr(start, 2) == ".\\") {
      start += 2;
      if (!equal_ignoring_case(text.substr(start, 4), "UNC\\")) continue;
      start += 4;
    }
    std::size_t end = start;
    while (end < text.size() && host_character(text[end])) ++end;
    const std::string_view host = text.substr(start, end - start);
    if (host.empty() || host.size() > kMaxHostLength) continue;
    // Behind the host comes a share, or the text's (or the word's) end; anything else is no UNC
    // path.
    if (end < text.size() && !separator(text[end]) &&
        std::string_view("\"' \t\r\n,;)<>").find(text[end]) == std::string_view::npos)
      continue;
    if (host.find_first_not_of('.') == std::string_view::npos) continue;
    if (hosts.size() < kMaxHosts && std::ranges::none_of(hosts, [&](const std::string& known) {
          return equal_ignoring_case(known, host);
        })) {
      hosts.emplace_back(host);
    }
    at = end;
  }
}

}  // namespace rpcmarshal
