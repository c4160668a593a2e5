// The Event: one Microsoft RPC call, from whatever source, with who, where, what, with which
// arguments, and what came back. This header is the schema; docs/event.md describes each field as
// it is written, and docs/event.schema.json checks it.
//
// An Event is a view: it refers to the call's buffers and to the builder's tapes, and lives for the
// callback that hands it over. Absent is absent: an optional without value, an empty string or a
// null pointer means "not known", and writers leave the field out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/guid.h"
#include "base/time.h"
#include "blobs/item.h"
#include "capture/stream.h"
#include "dcerpc/call.h"
#include "dcom/objects.h"
#include "interface/model.h"
#include "ndr/decode.h"
#include "ndr/value.h"
#include "security/identity.h"

namespace rpcmarshal {

/// Where a call was carried.
struct EventTransport {
  enum class Protocol : std::uint8_t {
    kTcp,
    kNamedPipe,
    kHttp,
    kUdp,
    kLocal
  } protocol = Protocol::kTcp;
  std::string_view pipe;          ///< "\pipe\svcctl"
  std::string_view tree;          ///< "\\FS1\IPC$"
  std::string_view target;        ///< RPC over HTTP: "exch1:6001", the server behind the proxy
  std::uint16_t smb_dialect = 0;  ///< 0x0311, ...; 1 for SMB1; 0 not known
  bool smb_encrypted = false;
  bool smb_signing = false;
  bool smb_decrypted = false;  ///< keys opened encrypted messages of the session
  /// What keys said of the session's signatures and tags so far: empty, "good", or "bad" when one
  /// was wrong.
  std::string_view smb_signature;
};
std::string_view protocol_sequence(EventTransport::Protocol protocol);  ///< "ncacn_np", ...

/// How far the arguments of one half could be read.
enum class DecodeStatus : std::uint8_t {
  kAbsent,  ///< this half was not captured
  kComplete,
  kPartial,           ///< stopped at an offset, for a reason; what came before is there
  kSealed,            ///< encrypted, no key
  kTruncated,         ///< bytes are missing from the capture; what came before is there
  kUnknownInterface,  ///< no definition for the interface
  kUnknownOperation,  ///< the interface is known, the operation is not
  kUntyped,           ///< interface and operation are known by name, the arguments are not
  kFault,             ///< a fault carries no arguments
};
std::string_view decode_status_name(DecodeStatus status);

struct EventHalf {
  DecodeStatus status = DecodeStatus::kAbsent;
  ndr::Value values;  ///< record of the parameters; valid when has_values
  bool has_values = false;
  ndr::DecodeResult result;  ///< meaningful when decoded
  CallHalf::Signature signature = CallHalf::Signature::kUnchecked;
  std::string_view seal_reason;  ///< kSealed, and keys were given: why it is
  Bytes stub;                    ///< may be shorter than size
  std::uint64_t size = 0;
  ByteOrder order = ByteOrder::kLittle;
};

/// A context handle in the call and what it was opened on.
struct HandleUse {
  std::string_view parameter;
  std::array<std::uint8_t, 20> handle{};
  std::string label;    ///< "service Updater", "HKLM\SYSTEM"; empty when its opening was not seen
  bool opened = false;  ///< by this call (otherwise used)
};

/// What a policy decided about the call (src/policy). Empty and false: not so, or not said.
struct EventAction {
  std::string_view decision;       ///< what was done: "allow", "audit", "block"
  std::string_view would;          ///< what the policy says, in learn mode: "block"
  std::string_view policy;         ///< its name
  std::string_view rule;           ///< id of the rule that decided; empty: the default
  std::string_view reason;         ///< of the rule
  std::string_view unknown;        ///< the field that could not be known, and on which it depended
  std::string_view learning;       ///< id of a rule in learn mode that matched
  std::uint32_t fault_status = 0;  ///< of a blocked call: what the client was told
};

/// What only the server itself can tell: events from inside a Windows server (sensor "host"). Of
/// such an event call id, context id, connection and unknown addresses are not written.
struct HostFacts {
  std::uint32_t server_pid = 0;
  std::string_view server_image;  ///< path of the server's program
  std::uint32_t client_pid = 0;   ///< local calls; 0 not known
  std::string_view client_image;
};

struct Event {
  Timestamp time = 0;  ///< of the request's first byte (of the response's when no request was seen)
  std::uint64_t id = 0;  ///< counts from 1 in one run
  std::string_view sensor = "wire";
  bool is_bind = false;  ///< no call: a server refused an interface in a bind or alter_context
  EventTransport transport;
  Endpoint client, server;
  std::string_view client_host;  ///< workstation as the client claims
  std::string_view server_host;  ///< from the tree path or the service ticket
  const Identity* user = nullptr;
  const HostFacts* host = nullptr;  ///< null but for sensor "host"
  AuthService auth_service = AuthService::kNone;
  AuthLevel auth_level = AuthLevel::kNone;

  std::optional<SyntaxId> interface_id;
  const Interface* interface = nullptr;  ///< definition, when catalogued
  const Procedure* procedure = nullptr;
  std::optional<std::uint16_t> opnum;  ///< nullopt: only the response was captured
  std::string_view inferred;           ///< how the interface was found without a bind
  bool bind_seen = true;
  bool never_offered = false;  ///< as in Call
  std::optional<Guid> object;
  SyntaxId transfer_syntax;
  bool syntax_inferred = false;  ///< nobody named it: it is the one in which the arguments fit
  std::uint32_t call_id = 0;
  std::uint16_t context_id = 0;
  std::uint64_t connection = 0;
  Timestamp connection_start = 0;      ///< of the TCP connection; with both ends it identifies it
  std::string_view secondary_address;  ///< of the bind's answer, as the server wrote it

  EventHalf request, response;
  Outcome outcome = Outcome::kNoResponse;
  std::uint32_t fault_status = 0;
  std::string_view refusal;           ///< kRejected: what fault_status means, when it has a name
  std::optional<Timestamp> duration;  ///< nanoseconds from request to response

  /// DCOM: class and lineage of the object, WMI and automation; null for other calls.
  const dcom::ObjectView* object_view = nullptr;

  std::vector<HandleUse> handles;
  std::vector<std::string> unc_hosts;  ///< hosts of UNC paths in any string argument, each once
  std::vector<blobs::Detail> details;  ///< structures inside arguments: task XML, requests, towers

  const EventAction* action = nullptr;  ///< null: no policy was asked

  /// "RCreateServiceW", or empty when the operation has no name.
  std::string_view operation() const {
    return procedure ? std::string_view(procedure->name) : std::string_view();
  }
  /// The worst of both halves, for summaries: complete < fault < partial ...
  DecodeStatus decode() const;
};

std::string_view outcome_name(Outcome outcome);           ///< "returned", "fault", "denied", ...
std::string_view auth_service_name(AuthService service);  ///< "ntlm", "kerberos", ...
std::string_view auth_level_name(AuthLevel level);        ///< "privacy", ...

using EventHandler = std::function<void(const Event&)>;

}  // namespace rpcmarshal
