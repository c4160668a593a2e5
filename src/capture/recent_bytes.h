// What was delivered of late, of all connections together, in one ring of fixed size: enough to see
// whether a retransmission brings the same bytes again. Internal to capture/.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/bytes.h"

namespace rpcmarshal {

class RecentBytes {
 public:
  /// Of a longer segment only the start is kept: who hides something from a reader of PDUs sends
  /// small segments.
  static constexpr std::size_t kMost = 4096;

  /// Where `bytes` lie, counted from the first byte ever kept.
  std::uint64_t add(Bytes bytes) {
    if (ring_.empty()) ring_.resize(kSize);
    bytes = bytes.first(std::min(kMost, bytes.size()));
    if (kSize - end_ % kSize < bytes.size()) end_ += kSize - end_ % kSize;  // no piece wraps
    std::memcpy(ring_.data() + end_ % kSize, bytes.data(), bytes.size());
    end_ += bytes.size();
    return end_ - bytes.size();
  }
  /// Whether `bytes` differ from those kept at `position`; false when these were overwritten.
  bool differ(std::uint64_t position, Bytes bytes) const {
    if (end_ - position > kSize - kMost || bytes.empty()) return false;
    return std::memcmp(ring_.data() + position % kSize, bytes.data(), bytes.size()) != 0;
  }

 private:
  static constexpr std::size_t kSize = 4u << 20;
  std::vector<std::byte> ring_;
  std::uint64_t end_ = 0;
};

/// One direction's last segments in it.
struct DeliveredSegments {
  struct Segment {
    std::uint32_t sequence = 0, length = 0;  ///< as kept
    std::uint64_t position = 0;
  };
  std::array<Segment, 16> segments{};
  std::uint8_t next = 0;

  void add(std::uint32_t sequence, Bytes bytes, RecentBytes& recent) {
    // Single bytes one after the other count as one segment.
    Segment& last = segments[(next + segments.size() - 1) % segments.size()];
    const std::uint64_t position = recent.add(bytes);
    const auto length = static_cast<std::uint32_t>(std::min(RecentBytes::kMost, bytes.size()));
    if (last.length != 0 && last.sequence + last.length == sequence &&
        last.position + last.length == position && last.length + length <= RecentBytes::kMost) {
      last.length += length;
      return;
    }
    segments[next] = {sequence, length, position};
    next = static_cast<std::uint8_t>((next + 1) % segments.size());
  }
  /// Whether any byte of `payload` at `sequence` was delivered with another value.
  bool conflicts(std::uint32_t sequence, Bytes payload, const RecentBytes& recent) const {
    for (const Segment& s : segments) {
      if (s.length == 0) continue;
      const auto ahead = static_cast<std::int32_t>(sequence - s.sequence);
      const std::size_t skip = ahead < 0 ? 0 - static_cast<std::uint32_t>(ahead) : 0;
      const std::size_t from = ahead > 0 ? static_cast<std::uint32_t>(ahead) : 0;
      if (skip >= payload.size() || from >= s.length) continue;
      const std::size_t common = std::min(payload.size() - skip, s.length - from);
      if (recent.differ(s.position + from, payload.subspan(skip, common))) return true;
    }
    return false;
  }
};

}  // namespace rpcmarshal
