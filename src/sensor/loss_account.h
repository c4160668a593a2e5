// What was lost of one connection, and the wrapper that keeps the account: it stands in front of a
// connection's parser, counts what reassembly could not deliver, and notes when the shared counters
// of the parsers say that a limit was reached or something was malformed while they ran.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "capture/stream.h"
#include "dcerpc/call.h"
#include "sensor/recognizer.h"
#include "smb/pipe.h"

namespace rpcmarshal {

/// One connection that carried RPC or SMB and is not whole.
struct ConnectionLosses {
  ConnectionInfo connection;
  StreamKind kind = StreamKind::kUndecided;  ///< kSmb or kDce
  Timestamp end = 0;
  std::uint64_t gaps = 0, missing_bytes = 0;
  std::uint64_t conflicts = 0;  ///< retransmissions with different content (first copy kept)
  std::uint64_t limits = 0;     ///< of reassembly, SMB or RPC
  std::uint64_t malformed = 0;  ///< SMB messages and RPC PDUs
  std::uint64_t unopened = 0;   ///< encrypted SMB messages without a key
  std::string unopened_reason;  ///< why, when keys were given
  std::uint64_t forged = 0;     ///< SMB messages whose signature or tag was wrong

  bool any() const { return (gaps | conflicts | limits | malformed | unopened | forged) != 0; }
};

/// Told once per connection that lost anything, when it ends. Must not throw.
using LossHandler = std::function<void(const ConnectionLosses&)>;

/// `inner` with its account. The counters and `handler` outlive it; `handler` may be empty.
std::unique_ptr<StreamConsumer> with_loss_account(std::unique_ptr<StreamConsumer> inner,
                                                  StreamKind kind, const ConnectionInfo& connection,
                                                  const SmbStatistics& smb,
                                                  const DceStatistics& dce,
                                                  const LossHandler& handler);

}  // namespace rpcmarshal
