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

/// Adds the host that `text` has at `start`; returns where it ends, or `start` when none is there.
std::size_t append_host(std::vector<std::string>& hosts, std::string_view text, std::size_t start) {
  std::size_t end = start;
  while (end < text.size() && host_character(text[end])) ++end;
  const std::string_view host = text.substr(start, end - start);
  if (host.empty() || host.size() > kMaxHostLength) return start;
  // Behind the host comes a share, or the text's (or the word's) end; anything else is no UNC
  // path.
  if (end < text.size() && !separator(text[end]) &&
      std::string_view("\"' \t\r\n,;)<>").find(text[end]) == std::string_view::npos)
    return start;
  if (host.find_first_not_of('.') == std::string_view::npos) return start;
  if (hosts.size() < kMaxHosts && std::ranges::none_of(hosts, [&](const std::string& known) {
        return equal_ignoring_case(known, host);
      })) {
    hosts.emplace_back(host);
  }
  return end;
}

/// Where the host begins of a text that is a UNC path in one of the forms that Windows takes and
/// that do not begin with two backslashes: "//host/share", "\/host\share", the object manager's
/// "\??\UNC\host\share". Only at the beginning (or behind its quote): within a text, two slashes
/// are those of an address on the web. 0: it is none.
std::size_t other_beginning(std::string_view text) {
  const std::size_t from = !text.empty() && text.front() == '"' ? 1 : 0;
  text.remove_prefix(from);
  if (text.size() < 3 || !separator(text[0])) return 0;
  if (text.starts_with("\\??\\"))
    return equal_ignoring_case(text.substr(4, 4), "UNC\\") ? from + 8 : 0;
  if (!separator(text[1]) || text.starts_with("\\\\")) return 0;  // the latter: found by the search
  if (text.size() > 4 && (text[2] == '?' || text[2] == '.') && separator(text[3])) {
    if (!equal_ignoring_case(text.substr(4, 3), "UNC") || text.size() < 8 || !separator(text[7]))
      return 0;
    return from + 8;
  }
  // A share is part of it: "//" also begins a comment.
  const std::size_t share = text.find_first_of("\\/", 2);
  return share != std::string_view::npos && share + 1 < text.size() ? from + 2 : 0;
}

}  // namespace

void append_unc_hosts(std::vector<std::string>& hosts, std::string_view text) {
  std::size_t at = other_beginning(text);
  if (at != 0) at = append_host(hosts, text, at);
  while (at + 2 < text.size()) {
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
    const std::size_t end = append_host(hosts, text, start);
    if (end != start) at = end;
  }
}

}  // namespace rpcmarshal
