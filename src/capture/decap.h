// From a captured frame to a TCP segment or a UDP datagram: link layer, VLAN tags, IPv4 and IPv6
// with extension headers, fragments put together. Checksums are not verified: captures on the
// sending host hold packets whose checksum the network card was to fill in.
#pragma once

#include <cstdint>
#include <memory>

#include "capture/packet.h"
#include "capture/stream.h"

namespace rpcmarshal {

/// A TCP segment or UDP datagram. `payload` may be shorter than `payload_length` when the snap
/// length cut the packet: the last payload_length - payload.size() bytes are then missing.
struct TransportPacket {
  Timestamp time = 0;
  Endpoint source;
  Endpoint destination;
  std::uint32_t sequence = 0;        ///< TCP
  std::uint32_t acknowledgment = 0;  ///< TCP, meaningful when kAck is set
  std::uint8_t flags = 0;            ///< TCP
  Bytes payload;                     ///< lives until the next parse()
  std::uint32_t payload_length = 0;

  static constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16;
};

struct DecapStatistics {
  std::uint64_t packets = 0, bytes = 0;
  std::uint64_t tcp = 0, udp = 0;
  std::uint64_t other = 0;        ///< not TCP or UDP over IP
  std::uint64_t malformed = 0;    ///< headers that contradict themselves or are cut
  std::uint64_t cut = 0;          ///< payload cut by the snap length
  std::uint64_t fragments = 0;    ///< IP fragments seen
  std::uint64_t reassembled = 0;  ///< packets made of fragments
  std::uint64_t fragment_overlaps =
      0;  ///< overlapping fragments with different content (first kept)
  std::uint64_t fragments_dropped = 0;  ///< by limits or age
};

class IpFragments;

class Decapsulator {
 public:
  enum class Result : std::uint8_t { kTcp, kUdp, kNothing };

  Decapsulator();
  ~Decapsulator();
  /// kNothing: a fragment kept for later, another protocol, or a malformed packet (counted).
  Result parse(const RawPacket& packet, TransportPacket& out);
  const DecapStatistics& statistics() const { return statistics_; }
  /// Whether frames of this link type (DLT_) can be read.
  static bool supports(int link_type);

 private:
  struct Cursor;
  bool link(Cursor& at);
  bool ip(Cursor& at);
  Result transport(const Cursor& at, TransportPacket& out);

  std::unique_ptr<IpFragments> fragments_;
  DecapStatistics statistics_;
};

}  // namespace rpcmarshal
