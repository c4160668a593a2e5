// PDUs of connection-oriented DCE/RPC v5 ([C706] 12.6, [MS-RPCE] 2.2.2): the common header, the
// bodies that change a connection's state, and the authentication verifier. All integers are in the
// byte order that the PDU's own data representation label gives.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/guid.h"
#include "dcerpc/call.h"

namespace rpcmarshal {

/// PTYPE ([C706] 12.6.1); the numbers left out exist in connectionless RPC only. RTS belongs to RPC
/// over HTTP ([MS-RPCH] 2.2.3.6.1).
enum class PduType : std::uint8_t {
  kRequest = 0,
  kResponse = 2,
  kFault = 3,
  kBind = 11,
  kBindAck = 12,
  kBindNak = 13,
  kAlterContext = 14,
  kAlterContextResponse = 15,
  kAuth3 = 16,
  kShutdown = 17,
  kCancel = 18,
  kOrphaned = 19,
  kRts = 20
};

/// PFC flags ([C706] 12.6.3.1).
inline constexpr std::uint8_t kPfcFirst = 0x01;
inline constexpr std::uint8_t kPfcLast = 0x02;
inline constexpr std::uint8_t kPfcDidNotExecute = 0x20;
inline constexpr std::uint8_t kPfcMaybe = 0x40;
inline constexpr std::uint8_t kPfcObject = 0x80;

inline constexpr std::size_t kPduHeaderSize = 16;
/// Request, response and fault: alloc_hint, p_cont_id and four more bytes follow the common header.
inline constexpr std::size_t kCallHeaderSize = 24;

struct PduHeader {
  PduType type{};
  std::uint8_t flags = 0;
  DataRepresentation drep;
  std::uint16_t length = 0;       ///< frag_length: the whole PDU, header included
  std::uint16_t auth_length = 0;  ///< of the verifier's token alone, without its 8-byte header
  std::uint32_t call_id = 0;
};

/// The header if `bytes` (at least kPduHeaderSize) can open a PDU: version, type, data
/// representation and lengths that go together. `strict` adds what every known sender does
/// (reserved bytes zero), for use where a header is looked for rather than expected.
std::optional<PduHeader> read_pdu_header(Bytes bytes, bool strict);
/// Whether bytes shorter than a header can be the start of one.
bool may_open_pdu(Bytes bytes);

/// The data representation of drep's first two bytes.
DataRepresentation read_drep(std::byte first, std::byte second);

/// auth_verifier_co_t ([MS-RPCE] 2.2.2.11).
struct AuthVerifier {
  AuthService service = AuthService::kNone;
  AuthLevel level = AuthLevel::kNone;
  std::uint8_t pad = 0;
  std::uint32_t context_id = 0;
  Bytes token;
};

/// A PDU cut into what lies between `body_at` and the verifier, without padding, and the verifier.
struct PduParts {
  Bytes body;
  std::optional<AuthVerifier> auth;
  bool damaged = false;  ///< lengths disagree, or the PDU is shorter than its header says
};
/// Authentication padding is cut from stubs only. `pdu` may be shorter than header.length (a gap):
/// then what is there of the body is given.
PduParts split_pdu(const PduHeader& header, Bytes pdu, std::size_t body_at);

/// Whether a transfer syntax stands for bind-time feature negotiation ([MS-RPCE] 3.3.1.5.3).
bool is_feature_negotiation(const Guid& transfer);

/// One presentation context as offered: p_cont_elem_t.
struct ContextOffer {
  std::uint16_t id = 0;
  SyntaxId interface;
  std::uint8_t transfer_count = 0;
  SyntaxId transfer;  ///< the first transfer syntax offered
  bool features_only =
      false;  ///< bind-time feature negotiation ([MS-RPCE] 3.3.1.5.3), not a context
};
/// Results of p_result_t.
enum class ContextResult : std::uint16_t {
  kAccepted = 0,
  kUserRejection = 1,
  kProviderRejection = 2,
  kNegotiateAck = 3
};
struct ContextAnswer {
  ContextResult result{};
  std::uint16_t reason = 0;  ///< provider reason; the feature bitmask for kNegotiateAck
  SyntaxId transfer;
};

struct BindBody {
  std::uint32_t association = 0;
  std::vector<ContextOffer> offers;
};
struct BindAckBody {
  std::uint32_t association = 0;
  Bytes secondary_address;  ///< without its NUL
  std::vector<ContextAnswer> answers;
};
/// What could be read; false when the body ended early (what precedes the end is kept).
bool read_bind(Bytes body, ByteOrder order, BindBody& out);
bool read_bind_ack(Bytes body, ByteOrder order, BindAckBody& out);

/// Length of a stub without the verification trailer ([MS-RPCE] 2.2.2.13) at its end, if one is
/// there.
std::size_t without_verification_trailer(Bytes stub);

}  // namespace rpcmarshal
