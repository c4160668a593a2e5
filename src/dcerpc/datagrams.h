// Connectionless DCE/RPC v4 over UDP ([C706] 12.5): datagrams to calls. The header names interface,
// version and operation itself, so no bind is needed; request and answer are joined by activity
// UUID and sequence number. An activity makes one call at a time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "capture/stream.h"
#include "dcerpc/call.h"

namespace rpcmarshal {

/// `client` sent the request (or received the answer, when only that was captured).
using DatagramCallHandler =
    std::function<void(const Endpoint& client, const Endpoint& server, const Call& call)>;

class DceDatagrams {
 public:
  virtual ~DceDatagrams() = default;
  /// False when the datagram is no DCE/RPC v4 PDU; nothing is counted then.
  virtual bool on_datagram(const Endpoint& source, const Endpoint& destination, Timestamp time,
                           Bytes data) = 0;
  /// Gives up the calls that waited for DceLimits::answer_timeout.
  virtual void expire(Timestamp now) = 0;
  /// The capture ended: hands over the calls without answer.
  virtual void on_end() = 0;
  virtual std::size_t memory() const = 0;
};

/// DceLimits::max_outstanding bounds the activities known at once (the one longest idle goes
/// first), max_connection_bytes the fragments held in all, answer_timeout the wait for an answer. A
/// Call's call_id is the sequence number; `connection` is `numbers`, counted up once per activity.
std::unique_ptr<DceDatagrams> make_dce_datagrams(const DceLimits& limits, DatagramCallHandler calls,
                                                 DceStatistics& statistics,
                                                 std::atomic<std::uint64_t>& numbers);

/// Whether a datagram is a DCE/RPC v4 PDU: version, type, flags, data representation and length
/// agree.
bool looks_like_dce_datagram(Bytes data);

}  // namespace rpcmarshal
