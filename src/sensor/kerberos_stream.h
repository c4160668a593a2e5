// Kerberos over TCP ([RFC4120] 7.2.2): each message behind its length in four bytes, big-endian.
// Replies teach whose ticket is whose.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "capture/stream.h"
#include "security/kerberos.h"
#include "security/kerberos_session.h"

namespace rpcmarshal {

/// Longer messages are passed over. Tickets of users in hundreds of groups come near 64 KiB.
inline constexpr std::size_t kMaxKerberosMessage = 128u << 10;

/// Whether a stream starts with a length and a Kerberos message of that length: 0 unknown yet, 1
/// yes, -1 no.
inline int looks_like_kerberos(Bytes start) {
  if (!start.empty() && start[0] != std::byte{0}) return -1;
  if (start.size() >= 6 && kerberos_type(start.subspan(4)) == KerberosType::kNone) return -1;
  if (start.size() < 8) return 0;
  const auto length = load<std::uint32_t>(start.data(), ByteOrder::kBig);
  if (length > kMaxKerberosMessage || length < 16) return -1;
  // The message is one DER element: its length and the one before it agree ([X.690] 8.1.3).
  const auto u8 = [&](std::size_t at) { return std::to_integer<std::uint32_t>(start[at]); };
  std::uint32_t inner = 0;
  if (u8(5) < 0x80) {
    inner = 2 + u8(5);
  } else if (u8(5) == 0x81) {
    inner = 3 + u8(6);
  } else if (u8(5) == 0x82) {
    inner = 4 + (u8(6) << 8 | u8(7));
  } else {
    return -1;  // a message beyond 64 KiB starts no connection
  }
  return inner == length ? 1 : -1;
}

class KerberosStream final : public StreamConsumer {
 public:
  /// Takes whole messages.
  using Learn = std::function<void(Bytes message, KdcTalk& talk)>;
  explicit KerberosStream(Learn learn) : learn_(std::move(learn)) {}

  void on_data(Direction direction, Timestamp, Bytes data) override {
    Half& half = halves_[direction == Direction::kBackward];
    while (!data.empty() && !half.lost) {
      const std::size_t wanted = half.length == 0 ? 4 : half.length;
      const std::size_t count = std::min(wanted - half.bytes.size(), data.size());
      half.bytes.insert(half.bytes.end(), data.begin(),
                        data.begin() + static_cast<std::ptrdiff_t>(count));
      data = data.subspan(count);
      if (half.bytes.size() < wanted) return;
      if (half.length == 0) {
        half.length = load<std::uint32_t>(half.bytes.data(), ByteOrder::kBig);
        half.lost = half.length == 0 || half.length > kMaxKerberosMessage;
      } else {
        learn_(half.bytes, talk_);
        half.length = 0;
      }
      half.bytes.clear();
    }
  }
  void on_gap(Direction direction, Timestamp, std::uint64_t) override {
    // Nothing in the stream tells where the next message starts.
    halves_[direction == Direction::kBackward].lost = true;
  }
  void on_end(Timestamp) override {}
  bool interested() const override { return !halves_[0].lost || !halves_[1].lost; }
  std::size_t memory() const override {
    return sizeof *this + halves_[0].bytes.capacity() + halves_[1].bytes.capacity();
  }

 private:
  struct Half {
    std::vector<std::byte> bytes;
    std::uint32_t length = 0;  ///< of the message; 0 while its length is read
    bool lost = false;
  };
  Learn learn_;
  Half halves_[2];
  KdcTalk talk_;
};

}  // namespace rpcmarshal
