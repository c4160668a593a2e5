// A map that forgets: at most `capacity` entries, in two halves. When the young half is full the
// old one is dropped and the young one takes its place; what is asked for moves back to the young
// half. So whatever was used within the last capacity/2 insertions is there, at the cost of a plain
// map.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>

namespace rpcmarshal {

template <typename Key, typename Value, typename Hash = std::hash<Key>>
class RecentMap {
 public:
  explicit RecentMap(std::size_t capacity) : half_(capacity / 2) {}

  /// Replaces what was there. The reference is valid until the next call.
  Value& put(const Key& key, Value value) {
    if (young_.size() >= half_) old_ = std::exchange(young_, {});
    return young_.insert_or_assign(key, std::move(value)).first->second;
  }
  /// Null when unknown or forgotten. Valid until the next call.
  Value* find(const Key& key) {
    if (const auto it = young_.find(key); it != young_.end()) return &it->second;
    const auto it = old_.find(key);
    if (it == old_.end()) return nullptr;
    Value value = std::move(it->second);
    old_.erase(it);
    return &young_.insert_or_assign(key, std::move(value)).first->second;
  }
  void erase(const Key& key) {
    young_.erase(key);
    old_.erase(key);
  }
  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  std::size_t half_;
  std::unordered_map<Key, Value, Hash> young_, old_;
};

}  // namespace rpcmarshal
