// What dcerpc/ gives to the rooms above it: calls. One Call joins a request with its response or
// fault; it is handed over once, complete, when its outcome is known.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/guid.h"
#include "base/time.h"
#include "capture/stream.h"
#include "security/identity.h"

namespace rpcmarshal {

/// NDR format label ([C706] 14.1), from the PDU header's first two drep bytes.
struct DataRepresentation {
  ByteOrder order = ByteOrder::kLittle;
  bool ebcdic = false;
  enum class Float : std::uint8_t { kIeee, kVax, kCray, kIbm } floating = Float::kIeee;
};

enum class Outcome : std::uint8_t {
  kReturned,     ///< a response came
  kFault,        ///< a fault came; fault_status tells which
  kDenied,       ///< a fault with nca_s_fault_access_denied or ERROR_ACCESS_DENIED (5)
  kNoResponse,   ///< the connection ended or the limit passed without an answer
  kMaybe,        ///< [maybe] call: none is expected
  kCancelled,    ///< orphaned or cancelled by the client without an answer
  kRejected,     ///< the presentation context or the whole bind was refused
  kResponseOnly  ///< an answer whose request was not captured
};

/// One half of a call.
struct CallHalf {
  bool present = false;
  bool complete = false;  ///< all fragments seen, nothing missing, no limit reached
  bool sealed = false;    ///< encrypted and not opened: `stub` holds the ciphertext
  /// Whether the signatures of all fragments were checked; only with keys.
  enum class Signature : std::uint8_t { kUnchecked, kGood, kBad } signature = Signature::kUnchecked;
  /// `sealed`, and keys were given: why it was not opened. Lives for the callback.
  std::string_view seal_reason;
  Timestamp time = 0;  ///< of its first byte
  DataRepresentation drep;
  Bytes stub;  ///< reassembled, unsealed if possible, padding and verifier stripped; lives for the
               ///< callback
  std::uint64_t stub_size = 0;  ///< size on the wire, also when not kept
  std::uint32_t fragments = 0;
  /// Of a response that nobody marshalled where it was seen: `stub` is not one, but begins with the
  /// return value, little-endian (asynchronous calls, seen inside a server).
  bool return_only = false;
};

struct Call {
  std::uint32_t call_id = 0;
  std::uint16_t context_id = 0;
  std::uint16_t opnum = 0;            ///< not known for kResponseOnly (0 then)
  std::optional<SyntaxId> interface;  ///< nullopt: bind not seen and not inferred, or never_offered
  SyntaxId transfer_syntax;           ///< nil when not known
  bool bind_seen = false;
  /// All binds were seen, and none offered this context: it means nothing, and nothing is guessed.
  bool never_offered = false;
  std::string inferred;  ///< how `interface` was found without a bind, or empty: "pipe name", "pipe
                         ///< and stub", "endpoint mapper"
  std::optional<Guid> object;
  CallHalf request;
  CallHalf response;
  Outcome outcome = Outcome::kNoResponse;
  std::uint32_t fault_status = 0;  ///< also the provider reason for kRejected
  AuthService auth_service = AuthService::kNone;
  AuthLevel auth_level = AuthLevel::kNone;
  const Identity* identity = nullptr;  ///< of the DCE/RPC security context; nullptr when none
  std::string_view secondary_address;  ///< bind_ack's sec_addr: "\PIPE\svcctl" or "49667"
  std::uint64_t association = 0;       ///< assoc_group_id
  std::uint64_t connection = 0;        ///< unique per DceConnection object
  bool connectionless = false;         ///< DCE/RPC v4 over UDP
  bool reversed = false;  ///< the request came in Direction::kBackward: the responder is the client
};

using CallHandler = std::function<void(const Call&)>;

/// One bind or alter_context exchange, handed over once, when it was answered or will not be.
struct Bind {
  struct Context {
    std::uint16_t id = 0;
    SyntaxId interface;
    SyntaxId transfer_syntax;  ///< accepted, or the first one offered
    std::uint16_t result =
        0;  ///< p_cont_def_result_t: 0 accepted, 1 user, 2 provider rejection, 3 features
    std::uint16_t reason = 0;  ///< p_provider_reason_t, or the features acknowledged
  };
  enum class Answer : std::uint8_t { kNone, kAck, kNak, kFault } answer = Answer::kNone;
  bool alter = false;     ///< alter_context
  bool reversed = false;  ///< as in Call
  Timestamp time = 0;     ///< of the request
  std::uint32_t call_id = 0;
  std::uint32_t refusal = 0;  ///< p_reject_reason_t ([C706] 12.6.3.1) of a nak, status of a fault
  std::span<const Context> contexts;   ///< as offered; lives for the callback
  std::string_view secondary_address;  ///< of the answer
  std::uint64_t association = 0;
  std::uint64_t connection = 0;
};
using BindHandler = std::function<void(const Bind&)>;

struct DceStatistics {
  std::uint64_t pdus[20] = {};  ///< by PDU type
  std::uint64_t malformed = 0, gaps = 0, missing_bytes = 0, limits = 0, resynchronised = 0,
                orphan_responses = 0;
  /// PDUs that the security contexts protect, when keys were given: opened or verified; of bad
  /// signature; lost for their key stream; and without a key, by KeyStatus::Code.
  std::uint64_t unsealed = 0, bad_signatures = 0, lost_streams = 0, no_key[8] = {};
};

struct DceLimits {
  std::size_t max_stub =
      16u << 20;  ///< bytes of one reassembled stub; over it the call is cut, not the connection
  std::size_t max_fragments = 65536;
  std::size_t max_outstanding = 4096;  ///< calls waiting on one connection
  std::size_t max_connection_bytes = 64u << 20;
  Timestamp answer_timeout =
      0;  ///< nanoseconds after which a call counts as unanswered; 0: at the connection's end
};

/// What the connection is carried by, for inference and for the event.
class AnswerClock;
class Secrets;
struct DceTransport {
  std::string pipe;  ///< "\pipe\svcctl" or empty
  std::optional<SyntaxId>
      endpoint;              ///< what the endpoint mapper said is served at this port, when seen
  std::uint64_t number = 0;  ///< Call::connection; 0: the next of a count that the process keeps
  /// With DceLimits::answer_timeout: tells the connection when it is silent. May be null, then
  /// calls are given up only when more of the connection comes. Outlives it.
  AnswerClock* clock = nullptr;
  const Secrets* secrets = nullptr;  ///< opens what is sealed; may be null, outlives the connection
};

/// A DCE/RPC v5 parser for one byte stream pair (a TCP connection or a pipe).
std::unique_ptr<StreamConsumer> make_dce_connection(DceTransport transport, const DceLimits& limits,
                                                    CallHandler calls, DceStatistics& statistics,
                                                    BindHandler binds = {});

/// Whether the first bytes look like DCE/RPC v5: 0 unknown yet, 1 yes, -1 no.
int looks_like_dce(Bytes start);

}  // namespace rpcmarshal
