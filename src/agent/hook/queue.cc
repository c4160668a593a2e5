#include "agent/hook/queue.h"

#include <chrono>
#include <new>

namespace rpcmarshal::agent {

bool CallQueue::push(std::unique_ptr<CallRecord> record) noexcept {
  bool wake = false;
  try {
    const std::size_t size = record->footprint();
    const std::lock_guard lock(mutex_);
    if (closed_.load(std::memory_order_relaxed) ||
        bytes_ + size > max_bytes_.load(std::memory_order_relaxed))
      return false;
    calls_.push_back(std::move(record));
    bytes_ += size;
    wake = waiting_ && bytes_ >= wanted_;
    if (wake) waiting_ = false;
  } catch (const std::bad_alloc&) {
    return false;
  }
  if (wake) more_.notify_one();
  return true;
}

void CallQueue::wait(std::unique_lock<std::mutex>& lock, std::size_t bytes, int milliseconds) {
  if (bytes_ >= bytes || closed_) return;
  wanted_ = bytes;
  waiting_ = true;
  more_.wait_for(lock, std::chrono::milliseconds(milliseconds),
                 [&] { return bytes_ >= bytes || closed_; });
  waiting_ = false;
}

std::deque<std::unique_ptr<CallRecord>> CallQueue::take(int milliseconds) {
  std::unique_lock lock(mutex_);
  wait(lock, 1, milliseconds);
  bytes_ = 0;
  return std::exchange(calls_, {});
}

void CallQueue::gather(int milliseconds) {
  std::unique_lock lock(mutex_);
  wait(lock, max_bytes_.load(std::memory_order_relaxed) / 8, milliseconds);
}

void CallQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  more_.notify_all();
}

}  // namespace rpcmarshal::agent
