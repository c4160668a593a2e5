// Segments of one direction that came before their turn: sorted by sequence number, without
// overlaps. The bytes that came first stay; a later copy that differs is a conflict. Internal to
// capture/.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace rpcmarshal {

/// How far `a` is after `b` in TCP's wrapping sequence space ([RFC 9293] 3.4).
inline std::int32_t sequence_distance(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b);
}

class PendingSegments {
 public:
  struct Segment {
    std::uint32_t sequence = 0;
    std::uint32_t length = 0;  ///< on the wire; more than data.size() when the snap length cut it
    Timestamp time = 0;
    std::vector<std::byte> data;
  };
  struct Inserted {
    bool overlapped = false;  ///< some of it was already here
    bool conflict = false;    ///< and differed
    bool refused = false;     ///< the limit on segments was reached; some of it was not kept
  };

  /// Keeps what is new of [sequence, sequence + length), whose first data.size() bytes were
  /// captured.
  Inserted insert(std::uint32_t sequence, std::uint32_t length, Bytes data, Timestamp time,
                  std::size_t max_segments);
  bool empty() const { return first_ == segments_.size(); }
  std::size_t size() const { return segments_.size() - first_; }
  const Segment& front() const { return segments_[first_]; }
  void pop_front();
  /// Sequence bytes held, and memory used for them.
  std::size_t bytes() const { return bytes_; }
  std::size_t memory() const { return memory_; }

 private:
  void place(std::size_t at, std::uint32_t sequence, std::uint32_t length, Bytes data,
             Timestamp time);

  std::vector<Segment> segments_;
  std::size_t first_ = 0;  // those before it were popped
  std::size_t bytes_ = 0;
  std::size_t memory_ = 0;
};

}  // namespace rpcmarshal
