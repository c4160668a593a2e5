// Packets on their way from the thread that captures to a worker: copied into blocks, whole blocks
// handed over, so that a lock is taken a few thousand times a second and not per packet. Bounded:
// when the worker is behind, the caller decides between waiting (files) and dropping (live).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "capture/packet.h"

namespace rpcmarshal {

/// Packets one after the other in one piece of memory.
class PacketBlock {
 public:
  static constexpr std::size_t kBytes = 256u << 10;
  static constexpr std::size_t kPackets = 4096;

  /// False when it does not fit and the block is not empty. A packet larger than a block gets one
  /// to itself.
  /// `place`: of the packet among all that were captured.
  bool add(const RawPacket& packet, std::uint64_t place);
  /// Nobody before this packet (and its time) is still to come for this worker.
  void mark(std::uint64_t place, Timestamp time) {
    mark_ = place;
    mark_time_ = time;
  }
  std::uint64_t mark() const { return mark_; }
  Timestamp mark_time() const { return mark_time_; }
  bool empty() const { return records_.empty() && mark_ == 0; }
  std::size_t size() const { return records_.size(); }
  void clear();
  /// The packets in order, with their places; they live until clear().
  template <typename F>
  void for_each(F&& f) const {
    for (const Record& r : records_) {
      f(RawPacket{.time = r.time,
                  .data = Bytes(bytes_).subspan(r.offset, r.size),
                  .original_length = r.original_length,
                  .link_type = r.link_type},
        r.place);
    }
  }

 private:
  struct Record {
    Timestamp time;
    std::uint64_t place;
    std::uint32_t offset, size, original_length;
    int link_type;
  };
  std::vector<std::byte> bytes_;
  std::vector<Record> records_;
  std::uint64_t mark_ = 0;
  Timestamp mark_time_ = 0;
};

/// For one producer and one consumer.
class PacketQueue {
 public:
  /// At most `blocks` wait, not counting the one being filled and the one being read.
  explicit PacketQueue(std::size_t blocks) : limit_(blocks) {}

  /// The block to fill; the producer's until push().
  PacketBlock& filling() { return *filling_; }
  /// Hands the block being filled over, unless it is empty. When there is no room: waits, or
  /// (`wait` false) leaves it as it is and returns false.
  bool push(bool wait);
  /// No more blocks come.
  void close();

  /// The next block, or null after `milliseconds` without one and when closed. Null and closed():
  /// everything was taken.
  std::unique_ptr<PacketBlock> pop(int milliseconds);
  bool finished();
  /// Gives a block back for use again.
  void recycle(std::unique_ptr<PacketBlock> block);

 private:
  const std::size_t limit_;
  std::unique_ptr<PacketBlock> filling_ = std::make_unique<PacketBlock>();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<PacketBlock>> waiting_;
  std::vector<std::unique_ptr<PacketBlock>> spare_;
  bool closed_ = false;
};

}  // namespace rpcmarshal
