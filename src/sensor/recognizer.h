// Decides what a TCP connection carries (SMB, DCE/RPC, something else) from its first bytes, and
// hands the bytes to the parser for it. A capture that starts in the middle of a connection gets
// more than one try: a segment that starts with a PDU is recognised whenever it comes.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "capture/stream.h"

namespace rpcmarshal {

enum class StreamKind : std::uint8_t {
  kUndecided,
  kSmb,
  kDce,
  kDceHttp,  ///< DCE/RPC behind the greeting of ncacn_http version 1 ([MS-RPCH] 2.1.1.1)
  kHttp,     ///< a channel of RPC over HTTP version 2
  kKerberos,
  kOther
};

class Recognizer final : public StreamConsumer {
 public:
  /// Makes the parser once the kind is known; `connection` has initiator and responder the right
  /// way round. kOther is told too (return nullptr).
  using Open = std::function<std::unique_ptr<StreamConsumer>(StreamKind, const ConnectionInfo&)>;
  Recognizer(const ConnectionInfo& connection, Open open)
      : connection_(connection), open_(std::move(open)) {}

  void on_data(Direction direction, Timestamp time, Bytes data) override;
  void on_gap(Direction direction, Timestamp time, std::uint64_t missing) override;
  void on_reassembly(const ReassemblyFindings& findings) override {
    if (inner_) inner_->on_reassembly(findings);
  }
  void on_end(Timestamp time) override;
  bool interested() const override {
    return kind_ == StreamKind::kUndecided || (inner_ && inner_->interested());
  }
  std::size_t memory() const override { return sizeof *this + (inner_ ? inner_->memory() : 0); }

 private:
  struct Pending {
    std::vector<std::byte> bytes;  ///< first bytes of an undecided direction, below kNeeded
    Timestamp time = 0;
  };
  static constexpr std::size_t kNeeded = 24;  ///< every recogniser has decided by then
  /// Segments that may fail to look like anything before the connection is given up.
  static constexpr int kTries = 8;
  static constexpr int kTriesOnRpcPort = 256;

  void decide(StreamKind kind, Direction from, Bytes start);
  Direction turned(Direction d) const { return swapped_ ? reverse(d) : d; }

  ConnectionInfo connection_;
  Open open_;
  std::unique_ptr<StreamConsumer> inner_;
  Pending pending_[2];
  StreamKind kind_ = StreamKind::kUndecided;
  bool swapped_ = false;
  int failures_ = 0;
};

}  // namespace rpcmarshal
