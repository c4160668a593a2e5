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
  if (recent_.size() >= half_) older_ = std::exchange(recent_, {});
  recent_.insert_or_assign(Key{client, server, handle}, std::move(label));
}

std::string_view HandleTable::find(const IpAddress& client, const IpAddress& server,
                                   const ContextHandle& handle) {
  const Key key{client, server, handle};
  if (const auto it = recent_.find(key); it != recent_.end()) return it->second;
  const auto it = older_.find(key);
  if (it == older_.end()) return {};
  std::string label = std::move(it->second);
  older_.erase(it);
  return recent_.insert_or_assign(key, std::move(label))
      .first->second;  // still in use: keep it longer
}

void HandleTable::closed(const IpAddress& client, const IpAddress& server,
                         const ContextHandle& handle) {
  const Key key{client, server, handle};
  recent_.erase(key);
  older_.erase(key);
}

}  // namespace rpcmarshal
