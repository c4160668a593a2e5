#include "dcerpc/call_table.h"

#include <random>

namespace rpcmarshal {
namespace {

/// Buffers up to this size stay with their slot, in the first few slots only, so that a burst of
/// calls leaves no lasting memory behind.
constexpr std::size_t kKeepBytes = 2048;
constexpr std::uint32_t kKeepSlots = 16;

/// Peers choose call ids; with an unknown factor they cannot choose collisions.
std::uint64_t hash_factor() {
  static const std::uint64_t factor = [] {
    std::random_device device;
    return (std::uint64_t{device()} << 32 | device()) | 1;
  }();
  return factor;
}

}  // namespace

CallTable::CallTable() : index_(8, kNone) {}

std::size_t CallTable::home(Direction direction, std::uint32_t call_id) const {
  std::uint64_t key = std::uint64_t{call_id} << 1 | (direction == Direction::kBackward);
  return static_cast<std::size_t>((key * hash_factor()) >> 32) & (index_.size() - 1);
}

PendingCall* CallTable::find(Direction direction, std::uint32_t call_id) {
  for (std::size_t i = home(direction, call_id); index_[i] != kNone;
       i = (i + 1) & (index_.size() - 1)) {
    PendingCall& call = slots_[index_[i]];
    if (call.call_id == call_id && call.direction == direction) return &call;
  }
  return nullptr;
}

void CallTable::insert_index(const PendingCall& call) {
  std::size_t i = home(call.direction, call.call_id);
  while (index_[i] != kNone) i = (i + 1) & (index_.size() - 1);
  index_[i] = call.slot;
}

void CallTable::erase_index(const PendingCall& call) {
  std::size_t mask = index_.size() - 1;
  std::size_t hole = home(call.direction, call.call_id);
  while (index_[hole] != call.slot) hole = (hole + 1) & mask;
  // Close the hole: move back what was probed past it.
  for (std::size_t i = (hole + 1) & mask; index_[i] != kNone; i = (i + 1) & mask) {
    const PendingCall& other = slots_[index_[i]];
    std::size_t wanted = home(other.direction, other.call_id);
    if (((i - wanted) & mask) >= ((i - hole) & mask)) {
      index_[hole] = index_[i];
      hole = i;
    }
  }
  index_[hole] = kNone;
}

PendingCall& CallTable::add(Direction direction, std::uint32_t call_id) {
  std::uint32_t slot;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back().slot = slot;
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  if (++size_ * 2 > index_.size()) {
    index_.assign(index_.size() * 2, kNone);
    for (PendingCall* call = oldest(); call; call = newer(*call)) insert_index(*call);
  }
  PendingCall& call = slots_[slot];
  call.call_id = call_id;
  call.direction = direction;
  call.older = newest_;
  call.newer = kNone;
  if (newest_ == kNone) {
    oldest_ = slot;
  } else {
    slots_[newest_].newer = slot;
  }
  newest_ = slot;
  insert_index(call);
  return call;
}

void CallTable::remove(PendingCall& call) {
  erase_index(call);
  (call.older == kNone ? oldest_ : slots_[call.older].newer) = call.newer;
  (call.newer == kNone ? newest_ : slots_[call.newer].older) = call.older;
  std::uint32_t slot = call.slot;
  bool keep = slot < kKeepSlots;
  release(call.request, keep);
  release(call.response, keep);
  PendingHalf request{}, response{};
  request.stub.swap(call.request.stub);
  response.stub.swap(call.response.stub);
  call = PendingCall{};
  call.request.stub.swap(request.stub);
  call.response.stub.swap(response.stub);
  call.slot = slot;
  free_.push_back(slot);
  if (--size_ == 0 && slots_.size() > kKeepSlots) {  // a burst is over
    held_ = 0;
    slots_.clear();
    free_.clear();
    index_.assign(8, kNone);
  }
}

void CallTable::release(PendingHalf& half, bool keep_small) {
  half.stub.clear();
  if (keep_small && half.stub.capacity() <= kKeepBytes) return;
  held_ -= half.stub.capacity();
  std::vector<std::byte>().swap(half.stub);
}

void CallTable::append(PendingHalf& half, Bytes bytes) {
  std::size_t before = half.stub.capacity();
  half.stub.insert(half.stub.end(), bytes.begin(), bytes.end());
  held_ += half.stub.capacity() - before;
}

void CallTable::clear(PendingHalf& half) {
  release(half, true);
  std::vector<std::byte> buffer;
  buffer.swap(half.stub);
  half = PendingHalf{};
  half.stub.swap(buffer);
}

std::size_t CallTable::memory() const {
  return held_ + slots_.size() * sizeof(PendingCall) + index_.capacity() * sizeof(std::uint32_t);
}

}  // namespace rpcmarshal
