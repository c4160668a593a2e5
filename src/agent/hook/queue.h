// Calls on their way from the threads that serve them to the one that writes. Bounded in bytes:
// when it is full a call is dropped and counted, never waited for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "agent/hook/record.h"

namespace rpcmarshal::agent {

class CallQueue {
 public:
  explicit CallQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// False when there was no room.
  bool push(std::unique_ptr<CallRecord> record) noexcept;
  /// Takes all that wait. When none do, waits for some, `milliseconds` at most, or for close().
  std::deque<std::unique_ptr<CallRecord>> take(int milliseconds);
  /// Lets calls come together, so that a busy server does not pay a wake-up for each: returns after
  /// `milliseconds`; sooner when the queue has filled to an eighth, or at close().
  void gather(int milliseconds);
  void close();
  bool closed() const { return closed_.load(std::memory_order_acquire); }
  void set_max_bytes(std::size_t bytes) { max_bytes_.store(bytes, std::memory_order_relaxed); }

 private:
  void wait(std::unique_lock<std::mutex>& lock, std::size_t bytes, int milliseconds);

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::unique_ptr<CallRecord>> calls_;
  std::size_t bytes_ = 0;
  std::size_t wanted_ = 0;  ///< bytes that the waiting reader is to be woken for
  bool waiting_ = false;    ///< only a waiting reader is woken: waking costs a system call
  std::atomic<std::size_t> max_bytes_;
  std::atomic<bool> closed_{false};
};

}  // namespace rpcmarshal::agent
