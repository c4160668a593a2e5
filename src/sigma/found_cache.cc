#include "sigma/found_cache.h"

namespace rpcmarshal::sigma {

FoundCache::FoundCache() : slots_(new Slot[kSlots]), ring_(new std::uint32_t[kWords]) {}

void FoundCache::put(const Key& key, std::span<const PredicateId> found) {
  if (key.bytes.size() > kMaxText || found.size() > kMaxFound) return;
  const auto words =
      static_cast<std::uint32_t>(kHeaderWords + found.size() + (key.bytes.size() + 3) / 4);
  // An entry does not go over the end.
  const std::uint64_t left = kWords - (written_ & (kWords - 1));
  if (left < words) written_ += left;
  std::uint32_t* at = ring_.get() + (written_ & (kWords - 1));
  const Header header{key.scanner, key.kind, static_cast<std::uint16_t>(key.bytes.size()),
                      static_cast<std::uint16_t>(found.size())};
  std::memcpy(at, &header, sizeof header);
  if (!found.empty()) std::memcpy(at + kHeaderWords, found.data(), found.size_bytes());
  if (!key.bytes.empty())
    std::memcpy(at + kHeaderWords + found.size(), key.bytes.data(), key.bytes.size());
  slots_[key.hash & (kSlots - 1)] = {written_, key.hash};
  written_ += words;
}

}  // namespace rpcmarshal::sigma
