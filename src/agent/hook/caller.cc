#include "agent/hook/caller.h"

#include <charconv>

#include "base/unicode.h"

namespace rpcmarshal::agent {

std::optional<StringBinding> parse_binding(std::u16string_view text) {
  constexpr std::size_t kObject = 36;  // a GUID and '@'
  if (text.size() > kObject && text[kObject] == u'@') text.remove_prefix(kObject + 1);
  std::string utf8;
  append_utf8(utf8, std::as_bytes(std::span(text)));
  const std::size_t colon = utf8.find(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  StringBinding binding;
  binding.protocol = utf8.substr(0, colon);
  const std::size_t open = utf8.find('[', colon);
  binding.address = utf8.substr(colon + 1, open == std::string::npos ? open : open - colon - 1);
  if (open != std::string::npos) {
    binding.endpoint = utf8.substr(open + 1, utf8.find_first_of(",]", open) - open - 1);
    // The runtime doubles backslashes in bindings of some versions.
    for (std::size_t at; (at = binding.endpoint.find("\\\\")) != std::string::npos;)
      binding.endpoint.erase(at, 1);
  }
  return binding;
}

std::optional<EventTransport::Protocol> protocol_of(std::string_view sequence) {
  using Protocol = EventTransport::Protocol;
  for (const Protocol protocol :
       {Protocol::kTcp, Protocol::kNamedPipe, Protocol::kHttp, Protocol::kUdp, Protocol::kLocal}) {
    if (equal_ignoring_case(sequence, protocol_sequence(protocol))) return protocol;
  }
  return std::nullopt;
}

std::optional<IpAddress> parse_address(std::string_view text) {
  IpAddress address;
  if (text.find(':') == std::string_view::npos) {
    for (std::size_t part = 0; part < 4; ++part) {
      std::uint8_t& byte = address.bytes[part];
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), byte);
      if (error != std::errc{}) return std::nullopt;
      text.remove_prefix(static_cast<std::size_t>(end - text.data()));
      if (part < 3 && !text.starts_with('.')) return std::nullopt;
      if (part < 3) text.remove_prefix(1);
    }
    return text.empty() ? std::optional(address) : std::nullopt;
  }
  address.v6 = true;
  if (const auto zone = text.find('%'); zone != std::string_view::npos) text = text.substr(0, zone);
  constexpr std::size_t kNoGap = 9;
  // Groups before "::" fill from the left, those after it from the right.
  std::uint16_t groups[8] = {};
  std::size_t count = 0, gap = kNoGap;
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (count == 8) return std::nullopt;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), groups[count], 16);
    if (error != std::errc{} || end - text.data() > 4) return std::nullopt;
    ++count;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) break;
    if (text.starts_with("::") && gap == kNoGap) {
      gap = count;
      text.remove_prefix(2);
    } else if (text.starts_with(':') && text.size() > 1) {
      text.remove_prefix(1);
    } else {
      return std::nullopt;
    }
  }
  if (gap == kNoGap ? count != 8 : count == 8) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = i < gap ? i : 8 - count + i;
    address.bytes[at * 2] = static_cast<std::uint8_t>(groups[i] >> 8);
    address.bytes[at * 2 + 1] = static_cast<std::uint8_t>(groups[i]);
  }
  return address;
}

UserCache::Shared UserCache::find(const std::string& key, std::uint64_t now) {
  const Entry* entry = entries_.find(key);
  return entry && now - entry->since < kBelieved ? entry->user : nullptr;
}

void UserCache::put(const std::string& key, Shared user, std::uint64_t now) {
  entries_.put(key, Entry{std::move(user), now});
}

}  // namespace rpcmarshal::agent
