#include "sensor/recognizer.h"

#include "dcerpc/call.h"
#include "dcerpc/http_tunnel.h"
#include "sensor/kerberos_stream.h"
#include "smb/pipe.h"

namespace rpcmarshal {
namespace {

bool rpc_port(std::uint16_t port) { return port == 135 || port == 139 || port == 445; }

/// Whether the first PDU of a direction can only come from a server.
bool from_server(StreamKind kind, Bytes start) {
  const auto at = [&](std::size_t i) {
    return i < start.size() ? static_cast<std::uint8_t>(start[i]) : 0;
  };
  if (kind == StreamKind::kDce) {
    switch (at(2)) {  // PTYPE, [C706] 12.6.4: response, fault, bind_ack, bind_nak,
                      // alter_context_resp, shutdown
      case 2:
      case 3:
      case 12:
      case 13:
      case 15:
      case 17:
        return true;
      default:
        return false;
    }
  }
  if (kind == StreamKind::kDceHttp) return true;
  if (kind == StreamKind::kHttp) return false;
  if (kind == StreamKind::kKerberos) {
    switch (kerberos_type(start.subspan(std::min<std::size_t>(4, start.size())))) {
      case KerberosType::kAsRep:
      case KerberosType::kTgsRep:
      case KerberosType::kError:
        return true;
      default:
        return false;
    }
  }
  if (at(4) == 0xFE)
    return at(20) & 1;  // SMB2_FLAGS_SERVER_TO_REDIR, [MS-SMB2] 2.2.1, behind 4 bytes of framing
  if (at(4) == 0xFF) return at(13) & 0x80;  // SMB_FLAGS_REPLY, [MS-CIFS] 2.2.3.1
  return false;
}

}  // namespace

void Recognizer::on_data(Direction direction, Timestamp time, Bytes data) {
  if (inner_) return inner_->on_data(turned(direction), time, data);
  if (kind_ != StreamKind::kUndecided || data.empty()) return;

  Pending& pending = pending_[static_cast<int>(direction)];
  Bytes start = data;
  if (!pending.bytes.empty()) {
    pending.bytes.insert(
        pending.bytes.end(), data.begin(),
        data.begin() + static_cast<std::ptrdiff_t>(std::min(data.size(), kNeeded)));
    start = pending.bytes;
  }
  const int smb = looks_like_smb(start);
  const int dce = looks_like_dce(start);
  const int kerberos = looks_like_kerberos(start);
  const int http = looks_like_rpc_http(start);
  if (smb <= 0 && dce <= 0 && kerberos <= 0 && http <= 0) {
    if ((smb == 0 || dce == 0 || kerberos == 0 || http == 0) && start.size() < kNeeded) {
      if (pending.bytes.empty()) {
        pending.bytes.assign(data.begin(), data.end());
        pending.time = time;
      }
      return;
    }
    pending.bytes.clear();
    const bool likely =
        rpc_port(connection_.initiator.port) || rpc_port(connection_.responder.port);
    if (++failures_ >= (likely ? kTriesOnRpcPort : kTries))
      decide(StreamKind::kOther, direction, {});
    return;
  }

  const StreamKind kind = smb > 0                      ? StreamKind::kSmb
                          : http > 0                   ? StreamKind::kHttp
                          : dce <= 0                   ? StreamKind::kKerberos
                          : start[0] == std::byte{'n'} ? StreamKind::kDceHttp
                                                       : StreamKind::kDce;
  decide(kind, direction, start);
  if (!inner_) return;
  // The other direction's first bytes came earlier, if any are waiting.
  for (const Direction d : {reverse(direction), direction}) {
    Pending& waiting = pending_[static_cast<int>(d)];
    if (waiting.bytes.empty()) continue;
    // What of this segment was copied above follows from its own memory instead.
    const std::size_t copied = d == direction ? std::min(data.size(), kNeeded) : 0;
    inner_->on_data(turned(d), waiting.time,
                    Bytes(waiting.bytes).first(waiting.bytes.size() - copied));
    std::vector<std::byte>().swap(waiting.bytes);
  }
  inner_->on_data(turned(direction), time, data);
}

void Recognizer::decide(StreamKind kind, Direction from, Bytes start) {
  kind_ = kind;
  if (kind != StreamKind::kOther && !connection_.initiator_known &&
      from_server(kind, start) == (from == Direction::kForward)) {
    swapped_ = true;
    std::swap(connection_.initiator, connection_.responder);
  }
  inner_ = open_(kind, connection_);
  open_ = nullptr;
}

void Recognizer::on_gap(Direction direction, Timestamp time, std::uint64_t missing) {
  if (inner_) return inner_->on_gap(turned(direction), time, missing);
  pending_[static_cast<int>(direction)].bytes.clear();
}

void Recognizer::on_end(Timestamp time) {
  if (inner_) inner_->on_end(time);
  if (kind_ == StreamKind::kUndecided && open_) decide(StreamKind::kOther, Direction::kForward, {});
}

}  // namespace rpcmarshal
