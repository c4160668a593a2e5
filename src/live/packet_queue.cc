#include "live/packet_queue.h"

#include <chrono>

namespace rpcmarshal {

bool PacketBlock::add(const RawPacket& packet, std::uint64_t place) {
  if (!records_.empty() &&
      (bytes_.size() + packet.data.size() > kBytes || records_.size() >= kPackets))
    return false;
  if (bytes_.capacity() == 0) bytes_.reserve(kBytes);
  records_.push_back({packet.time, place, static_cast<std::uint32_t>(bytes_.size()),
                      static_cast<std::uint32_t>(packet.data.size()), packet.original_length,
                      packet.link_type});
  bytes_.insert(bytes_.end(), packet.data.begin(), packet.data.end());
  return true;
}

void PacketBlock::clear() {
  records_.clear();
  mark_ = 0;
  mark_time_ = 0;
  bytes_.clear();
  if (bytes_.capacity() > 2 * kBytes) std::vector<std::byte>().swap(bytes_);
}

bool PacketQueue::push(bool wait) {
  if (filling_->empty()) return true;
  std::unique_lock lock(mutex_);
  if (waiting_.size() >= limit_) {
    if (!wait) return false;
    changed_.wait(lock, [&] { return waiting_.size() < limit_; });
  }
  waiting_.push_back(std::move(filling_));
  if (spare_.empty()) {
    filling_ = std::make_unique<PacketBlock>();
  } else {
    filling_ = std::move(spare_.back());
    spare_.pop_back();
  }
  lock.unlock();
  changed_.notify_all();
  return true;
}

void PacketQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

std::unique_ptr<PacketBlock> PacketQueue::pop(int milliseconds) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(milliseconds),
                    [&] { return !waiting_.empty() || closed_; });
  if (waiting_.empty()) return nullptr;
  std::unique_ptr<PacketBlock> block = std::move(waiting_.front());
  waiting_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return block;
}

bool PacketQueue::finished() {
  const std::lock_guard lock(mutex_);
  return closed_ && waiting_.empty();
}

void PacketQueue::recycle(std::unique_ptr<PacketBlock> block) {
  block->clear();
  const std::lock_guard lock(mutex_);
  if (spare_.size() < limit_) spare_.push_back(std::move(block));
}

}  // namespace rpcmarshal
