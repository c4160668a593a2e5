#include "capture/pending_segments.h"

#include <algorithm>
#include <cstring>

namespace rpcmarshal {
namespace {

constexpr std::size_t kSegmentCost = sizeof(PendingSegments::Segment) + 16;

// The captured bytes of `data` between `from` and `from + size`, fewer when the capture was cut.
Bytes slice(Bytes data, std::size_t from, std::size_t size) {
  if (from >= data.size()) return {};
  return data.subspan(from, std::min(size, data.size() - from));
}

}  // namespace

void PendingSegments::place(std::size_t at, std::uint32_t sequence, std::uint32_t length,
                            Bytes data, Timestamp time) {
  Segment segment{sequence, length, time, {data.begin(), data.end()}};
  bytes_ += length;
  memory_ += kSegmentCost + data.size();
  segments_.insert(segments_.begin() + static_cast<std::ptrdiff_t>(at), std::move(segment));
}

void PendingSegments::pop_front() {
  Segment& segment = segments_[first_];
  bytes_ -= segment.length;
  memory_ -= kSegmentCost + segment.data.size();
  segment.data = {};
  ++first_;
  if (first_ == segments_.size()) {
    segments_.clear();
    first_ = 0;
  } else if (first_ >= 64 && first_ * 2 >= segments_.size()) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

PendingSegments::Inserted PendingSegments::insert(std::uint32_t sequence, std::uint32_t length,
                                                  Bytes data, Timestamp time,
                                                  std::size_t max_segments) {
  Inserted result;
  // The first segment that ends after the new one starts.
  auto it = std::partition_point(
      segments_.begin() + static_cast<std::ptrdiff_t>(first_), segments_.end(),
      [&](const Segment& s) { return sequence_distance(s.sequence + s.length, sequence) <= 0; });
  auto at = static_cast<std::size_t>(it - segments_.begin());
  std::uint32_t done = 0;
  while (done < length) {
    std::uint32_t here = sequence + done;
    std::uint32_t left = length - done;
    std::uint32_t free_bytes = left;
    if (at < segments_.size()) {
      std::int32_t distance = sequence_distance(segments_[at].sequence, here);
      if (distance <= 0) {
        // Overlap with a kept segment: compare where both were captured, then go past it.
        const Segment& kept = segments_[at];
        std::uint32_t offset = here - kept.sequence;
        std::uint32_t common = std::min(left, kept.length - offset);
        Bytes ours = slice(data, done, common), theirs = slice(kept.data, offset, common);
        std::size_t both = std::min(ours.size(), theirs.size());
        if (both > 0 && std::memcmp(ours.data(), theirs.data(), both) != 0) result.conflict = true;
        result.overlapped = true;
        done += common;
        ++at;
        continue;
      }
      free_bytes = std::min(left, static_cast<std::uint32_t>(distance));
    }
    if (size() >= max_segments) {
      result.refused = true;
      return result;
    }
    place(at, here, free_bytes, slice(data, done, free_bytes), time);
    ++at;
    done += free_bytes;
  }
  return result;
}

}  // namespace rpcmarshal
