#include "capture/ip_fragments.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>

namespace rpcmarshal {

std::size_t IpFragments::KeyHash::operator()(const Key& key) const noexcept {
  auto text = [](const IpAddress& a) {
    return std::string_view(reinterpret_cast<const char*>(a.bytes.data()), a.bytes.size());
  };
  std::hash<std::string_view> hash;
  return hash(text(key.source)) * 31 + hash(text(key.destination)) * 17 + key.id * 0x9E3779B1u +
         key.protocol;
}

void IpFragments::drop(Datagrams::iterator it) {
  bytes_ -= it->data.size();
  index_.erase(it->key);
  datagrams_.erase(it);
}

IpFragments::Whole IpFragments::add(Timestamp time, const Key& key, std::uint8_t next_protocol,
                                    const Fragment& fragment) {
  ++statistics_.fragments;
  std::size_t end = fragment.offset + fragment.data.size();
  if (fragment.data.empty() || end > kMaxLength ||
      (fragment.more && fragment.data.size() % 8 != 0)) {
    ++statistics_.malformed;
    return {};
  }
  while (!datagrams_.empty() && (time - datagrams_.front().first > kMaxAge ||
                                 datagrams_.size() > kMaxDatagrams || bytes_ > kMaxBytes)) {
    ++statistics_.fragments_dropped;
    drop(datagrams_.begin());
  }
  auto found = index_.find(key);
  if (found == index_.end()) {
    datagrams_.emplace_back();
    datagrams_.back().key = key;
    datagrams_.back().first = time;
    datagrams_.back().protocol = next_protocol;
    found = index_.emplace(key, std::prev(datagrams_.end())).first;
  }
  Datagrams::iterator it = found->second;
  Datagram& whole = *it;
  if (fragment.offset == 0) whole.protocol = next_protocol;
  if (!fragment.more && whole.total == 0) whole.total = end;
  if (whole.total != 0 && end > whole.total) {
    ++statistics_.fragment_overlaps;  // says it ends later than the first last fragment did
    return {};
  }
  if (whole.data.size() < end) {
    bytes_ += end - whole.data.size();
    whole.data.resize(end);
  }
  bool conflict = false;
  for (std::size_t at = 0; at < fragment.data.size(); at += 8) {
    std::size_t block = (fragment.offset + at) / 8;
    std::size_t size = std::min<std::size_t>(8, fragment.data.size() - at);
    std::byte* to = whole.data.data() + fragment.offset + at;
    if (whole.received[block]) {
      conflict |= std::memcmp(to, fragment.data.data() + at, size) != 0;
    } else {
      std::memcpy(to, fragment.data.data() + at, size);
      whole.received.set(block);
      ++whole.blocks;
    }
  }
  if (conflict) ++statistics_.fragment_overlaps;
  if (whole.total == 0 || whole.blocks < (whole.total + 7) / 8) return {};
  Whole result{true, whole.protocol, {}};
  whole_.swap(whole.data);
  bytes_ -= whole_.size();
  whole.data.clear();
  result.data = Bytes(whole_).first(whole.total);
  drop(it);
  ++statistics_.reassembled;
  return result;
}

}  // namespace rpcmarshal
