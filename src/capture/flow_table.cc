#include "capture/flow_table.h"

#include <cstring>
#include <random>

namespace rpcmarshal {
namespace {

__extension__ typedef unsigned __int128 Wide;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

FlowKey FlowKey::of(const TransportPacket& packet, int& side) {
  const Endpoint& s = packet.source;
  const Endpoint& d = packet.destination;
  int order = std::memcmp(s.address.bytes.data(), d.address.bytes.data(), 16);
  side = order > 0 || (order == 0 && s.port > d.port);
  const Endpoint& low = side ? d : s;
  const Endpoint& high = side ? s : d;
  FlowKey key;
  std::memcpy(&key.addresses[0], low.address.bytes.data(), 16);
  std::memcpy(&key.addresses[2], high.address.bytes.data(), 16);
  key.ports = static_cast<std::uint32_t>(low.port) << 16 | high.port;
  key.v6 = s.address.v6;
  return key;
}

Endpoint FlowKey::endpoint(int side) const {
  Endpoint out;
  out.address.v6 = v6;
  std::memcpy(out.address.bytes.data(), &addresses[side ? 2 : 0], 16);
  out.port = static_cast<std::uint16_t>(side ? ports : ports >> 16);
  return out;
}

FlowTable::FlowTable() : buckets_(1024) {
  std::random_device device;
  seed_ = (static_cast<std::uint64_t>(device()) << 32 | device()) | 1;
}

FlowTable::~FlowTable() {
  for (Flow* flow : buckets_) {
    while (flow) {
      Flow* next = flow->chain;
      delete flow;
      flow = next;
    }
  }
}

std::size_t FlowTable::bucket(const FlowKey& key) const {
  std::uint64_t hash = mix(key.addresses[0] ^ seed_, key.addresses[1] ^ 0x9E3779B97F4A7C15ull);
  hash = mix(hash ^ key.addresses[2], key.addresses[3] ^ 0xD6E8FEB86659FD93ull);
  hash = mix(hash ^ key.ports, seed_ ^ 0xA0761D6478BD642Full);
  return static_cast<std::size_t>(hash) & (buckets_.size() - 1);
}

Flow* FlowTable::find(const FlowKey& key) {
  if (recent_ && recent_->key == key) return recent_;
  for (Flow* flow = buckets_[bucket(key)]; flow; flow = flow->chain) {
    if (flow->key == key) return recent_ = flow;
  }
  return nullptr;
}

void FlowTable::grow() {
  std::vector<Flow*> old(buckets_.size() * 2);
  old.swap(buckets_);
  for (Flow* flow : old) {
    while (flow) {
      Flow* next = flow->chain;
      Flow*& head = buckets_[bucket(flow->key)];
      flow->chain = head;
      head = flow;
      flow = next;
    }
  }
}

Flow* FlowTable::add(const FlowKey& key, bool short_lived) {
  if (size_ >= buckets_.size()) grow();
  auto* flow = new Flow;
  flow->key = key;
  flow->short_lived = short_lived;
  Flow*& head = buckets_[bucket(key)];
  flow->chain = head;
  head = flow;
  link(flow);
  ++size_;
  return recent_ = flow;
}

void FlowTable::remove(Flow* flow) {
  Flow** at = &buckets_[bucket(flow->key)];
  while (*at != flow) at = &(*at)->chain;
  *at = flow->chain;
  unlink(flow);
  if (recent_ == flow) recent_ = nullptr;
  --size_;
  delete flow;
}

void FlowTable::touch(Flow* flow, bool short_lived) {
  if (flow->short_lived == short_lived && lists_[short_lived].newest == flow) return;
  unlink(flow);
  flow->short_lived = short_lived;
  link(flow);
}

void FlowTable::unlink(Flow* flow) {
  List& list = lists_[flow->short_lived];
  (flow->newer ? flow->newer->older : list.newest) = flow->older;
  (flow->older ? flow->older->newer : list.oldest) = flow->newer;
  flow->newer = flow->older = nullptr;
}

void FlowTable::link(Flow* flow) {
  List& list = lists_[flow->short_lived];
  flow->older = list.newest;
  (list.newest ? list.newest->newer : list.oldest) = flow;
  list.newest = flow;
}

}  // namespace rpcmarshal
