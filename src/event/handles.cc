#include "event/handles.h"

#include <cstring>
#include <utility>

namespace rpcmarshal {

std::size_t HandleTable::Hash::operator()(const Key& key) const noexcept {
  // The GUID part is random enough on every server known; the addresses tell clients apart.
  std::uint64_t words[2];
  std::memcpy(words, key.handle.data() + 4, sizeof words);
  std::uint64_t client;
  std::memcpy(&client, key.client.bytes.data(), sizeof client);
  return (words[0] ^ client) * 0x9E3779B97F4A7C15ull ^ words[1];
}

void HandleTable::opened(const IpAddress& client, const IpAddress& server,
                         const ContextHandle& handle, std::string label) {
  labels_.put(Key{client, server, handle}, std::move(label));
}

std::string_view HandleTable::find(const IpAddress& client, const IpAddress& server,
                                   const ContextHandle& handle) {
  const std::string* label = labels_.find(Key{client, server, handle});
  return label != nullptr ? std::string_view(*label) : std::string_view();
}

void HandleTable::closed(const IpAddress& client, const IpAddress& server,
                         const ContextHandle& handle) {
  labels_.erase(Key{client, server, handle});
}

}  // namespace rpcmarshal
