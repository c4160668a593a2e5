#include "event/unc.h"

#include <algorithm>

#include "base/unicode.h"

namespace rpcmarshal {
namespace {

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

/// Whether what stands before `at` lets a path begin there that may be written with slashes: the
/// text's beginning, a quote, a space.
bool begins(std::string_view text, std::size_t at) {
  return at == 0 || std::string_view("\"' \t=").find(text[at - 1]) != std::string_view::npos;
}

void skip_separators(std::string_view text, std::size_t& at) {
  while (at < text.size() && separator(text[at])) ++at;
}

/// The component at `at`, up to a separator or the end.
std::string_view component(std::string_view text, std::size_t at) {
  if (at > text.size()) return {};
  std::size_t end = at;
  while (end < text.size() && end - at <= kMaxHostLength && !separator(text[end])) ++end;
  return text.substr(at, end - at);
}

bool any_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::any_of(names,
                             [&](std::string_view one) { return equal_ignoring_case(name, one); });
}

/// Passes over "?\UNC\", "??\UNC\", ".\GLOBALROOT\Device\Mup\" and the like at `at`, which lead to
/// the redirector in the object manager's name space. False: they lead elsewhere, to no host.
bool pass_device_names(std::string_view text, std::size_t& at) {
  for (int i = 0; i < 8; ++i) {  // more names than that do not stand in front of a host
    const std::string_view name = component(text, at);
    const bool redirector =
        any_of(name, {"UNC", "Mup", "LanmanRedirector", "WebDavRedirector", "DfsClient"});
    if (!redirector &&
        !any_of(name, {"?", ".", "??", "GLOBALROOT", "Global", "GLOBAL??", "DosDevices", "Device"}))
      return false;
    at += name.size();
    if (at >= text.size()) return false;
    skip_separators(text, at);
    if (redirector) return true;
  }
  return false;
}

/// Where a path to another host may begin, at or behind `at`; npos: nowhere. `device`: it begins
/// with names of the object manager. `loose`: it is written with slashes, and so less certain.
std::size_t find_start(std::string_view text, std::size_t at, bool& device, bool& loose) {
  device = loose = false;
  if (at == 0) {
    const std::size_t first = text.starts_with('"') ? 1 : 0;
    if (text.substr(first).starts_with('\\') &&
        any_of(component(text, first + 1), {"??", "Device", "DosDevices", "GLOBAL??"})) {
      device = true;
      return first;
    }
  }
  for (; at + 2 < text.size(); ++at) {
    at = text.find_first_of("\\/", at);
    if (at == std::string_view::npos || at + 2 >= text.size()) return std::string_view::npos;
    if (!separator(text[at + 1])) continue;
    loose = text[at] == '/' || text[at + 1] == '/';
    if (loose ? begins(text, at) : !inside_a_path(text, at)) return at;
    skip_separators(text, at);
    --at;
  }
  return std::string_view::npos;
}

}  // namespace

void append_unc_hosts(std::vector<std::string>& hosts, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    bool device = false, loose = false;
    const std::size_t begin = find_start(text, at, device, loose);
    if (begin == std::string_view::npos) return;
    std::size_t start = begin;
    skip_separators(text, start);
    at = start;
    if (device || any_of(component(text, start), {"?", "."})) {
      if (!pass_device_names(text, start)) continue;
    }
    // "\\;LanmanRedirector\host", "\\?\UNC\;X:0\host": whom the redirector is to ask, and for whom.
    for (int i = 0; i < 4 && start < text.size() && text[start] == ';'; ++i) {
      start += component(text, start).size();
      skip_separators(text, start);
    }
    std::size_t end = start;
    while (end < text.size() && host_character(text[end])) ++end;
    // Behind the host comes a share, or the text's (or the word's) end.
    const bool share = end < text.size() && separator(text[end]);
    if (loose && !share) continue;
    if (!share && end < text.size() &&
        std::string_view("\"' \t\r\n,;)<>").find(text[end]) == std::string_view::npos) {
      // Else this is no UNC path; but at a text's beginning it can be nothing else, and Windows
      // asks the network for whatever name stands there.
      end = start + component(text, start).size();
      if (begin != 0 || end == text.size()) continue;
    }
    const std::string_view host = text.substr(start, end - start);
    if (host.empty() || host.size() > kMaxHostLength ||
        host.find_first_of("\"<>|*?") != std::string_view::npos ||
        host.find_first_not_of('.') == std::string_view::npos)
      continue;
    if (hosts.size() < kMaxUncHosts && std::ranges::none_of(hosts, [&](const std::string& known) {
          return equal_ignoring_case(known, host);
        })) {
      hosts.emplace_back(host);
    }
    at = end;
  }
}

}  // namespace rpcmarshal
