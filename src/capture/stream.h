// What capture/ gives to the rooms above it: ordered payload per TCP connection, and UDP datagrams.
// Both directions of a connection reach one StreamConsumer, in capture order, each byte once.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/time.h"

namespace rpcmarshal {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  ///< network order; IPv4 in the first four
  bool v6 = false;
  auto operator<=>(const IpAddress&) const = default;
  std::string to_string() const;  ///< dotted or RFC 5952 form
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
  std::string to_string() const;  ///< "10.0.0.5:445", "[fe80::1]:445"
};

/// kForward: from the connection's initiator. When the handshake was not seen, the initiator is the
/// side that sent the first payload, or the one with the higher port when the other port is 135,
/// 139, 445 or 593 (ConnectionInfo::initiator_known is then false; consumers that can tell, may
/// swap).
enum class Direction : std::uint8_t { kForward, kBackward };
inline Direction reverse(Direction d) {
  return d == Direction::kForward ? Direction::kBackward : Direction::kForward;
}

struct ConnectionInfo {
  Endpoint initiator;
  Endpoint responder;
  bool initiator_known = false;  ///< a SYN was seen
  Timestamp start = 0;
  std::uint64_t number = 0;  ///< counts connections in order of their first packet
};

/// What reassembly noticed about one connection besides its gaps.
struct ReassemblyFindings {
  std::uint64_t conflicts = 0;  ///< overlaps whose content differs: the first copy was kept
  std::uint64_t limits = 0;     ///< holes given up because too much waited behind them
};

/// One connection's bytes. Called from one thread, never re-entered, must not throw.
class StreamConsumer {
 public:
  virtual ~StreamConsumer() = default;
  /// In-order payload; `data` lives for this call.
  virtual void on_data(Direction direction, Timestamp time, Bytes data) = 0;
  /// `missing` bytes of this direction will never come; the next on_data follows them.
  virtual void on_gap(Direction direction, Timestamp time, std::uint64_t missing) = 0;
  /// Right before on_end, when there is anything to tell.
  virtual void on_reassembly(const ReassemblyFindings&) {}
  /// Connection closed, reset, timed out, evicted, or the capture ended. Last call.
  virtual void on_end(Timestamp time) = 0;
  /// False once the consumer wants nothing more of this connection: it is then tracked no further.
  virtual bool interested() const { return true; }
  /// Bytes of state held, for the total memory bound.
  virtual std::size_t memory() const { return 0; }
};

using StreamFactory = std::function<std::unique_ptr<StreamConsumer>(const ConnectionInfo&)>;

/// A UDP datagram's payload; `data` lives for this call.
using DatagramHandler = std::function<void(const Endpoint& source, const Endpoint& destination,
                                           Timestamp time, Bytes data)>;

}  // namespace rpcmarshal
