#include "lint/known_fields.h"

#include <algorithm>
#include <array>

namespace rpcmarshal::lint {
namespace {

using Names = std::span<const std::string_view>;

// [Zeek documentation: DCE_RPC::Info], and what the JSON writer and usual shippers add.
constexpr std::string_view kZeekRpc[] = {"ts",        "uid",       "id.orig_h", "id.orig_p",
                                         "id.resp_h", "id.resp_p", "rtt",       "named_pipe",
                                         "endpoint",  "operation", "_path",     "_system_name"};
// [Zeek documentation: SMB::FileInfo]
constexpr std::string_view kZeekSmbFiles[] = {"ts",
                                              "uid",
                                              "id.orig_h",
                                              "id.orig_p",
                                              "id.resp_h",
                                              "id.resp_p",
                                              "fuid",
                                              "action",
                                              "path",
                                              "name",
                                              "size",
                                              "prev_name",
                                              "_path",
                                              "data_offset_req",
                                              "data_len_req",
                                              "data_len_rsp",
                                              "times.modified",
                                              "times.accessed",
                                              "times.created",
                                              "times.changed",
                                              "_system_name"};
// [RPC Firewall: Messages.mc] under the names docs/detection.md gives its inserts, and what every
// Windows event has.
constexpr std::string_view kFirewall[] = {
    "EventLog",   "EventID",    "Channel",       "Provider_Name",       "Computer",
    "Keywords",   "Level",      "Function",      "ProcessId",           "Image",
    "Protocol",   "Endpoint",   "ClientAddress", "InterfaceUuid",       "OpNum",
    "SecurityId", "ClientPort", "ServerAddress", "AuthenticationLevel", "AuthenticationService",
    "ServerPort", "Sid"};
// [docs/event.schema.json]
constexpr std::string_view kOwn[] = {"ts",
                                     "id",
                                     "sensor",
                                     "kind",
                                     "transport.protocol",
                                     "transport.pipe",
                                     "transport.tree",
                                     "transport.target",
                                     "transport.smb_dialect",
                                     "transport.smb_encrypted",
                                     "transport.smb_signing",
                                     "transport.smb_decrypted",
                                     "transport.smb_signature",
                                     "transport.connection",
                                     "client.address",
                                     "client.port",
                                     "client.host",
                                     "client.pid",
                                     "client.process",
                                     "server.address",
                                     "server.port",
                                     "server.host",
                                     "server.pid",
                                     "server.process",
                                     "user.domain",
                                     "user.name",
                                     "user.sid",
                                     "user.workstation",
                                     "user.service",
                                     "user.anonymous",
                                     "user.guest",
                                     "user.mechanism",
                                     "user.known_by",
                                     "user.authentication",
                                     "user.level",
                                     "user.groups",
                                     "interface.uuid",
                                     "interface.version",
                                     "interface.name",
                                     "interface.document",
                                     "interface.inferred",
                                     "interface.bind_seen",
                                     "interface.offered",
                                     "opnum",
                                     "operation",
                                     "object",
                                     "syntax.name",
                                     "syntax.big_endian",
                                     "call_id",
                                     "context_id",
                                     "outcome",
                                     "fault.status",
                                     "fault.name",
                                     "duration",
                                     "decode.status",
                                     "stub.request",
                                     "stub.response",
                                     "unc_hosts",
                                     "attack"};
constexpr std::string_view kOwnTrees[] = {"request", "response", "wmi",    "dcom", "dispatch",
                                          "handles", "details",  "decode", "fault", "action"};

}  // namespace

std::span<const std::string_view> known_fields(View view) {
  switch (view) {
    case View::kZeekRpc:
      return kZeekRpc;
    case View::kZeekSmbFiles:
      return kZeekSmbFiles;
    case View::kFirewall:
      return kFirewall;
    case View::kOwn:
      return kOwn;
    case View::kOther:
      break;
  }
  return {};
}

bool is_known_field(View view, std::string_view field) {
  const Names names = known_fields(view);
  if (std::ranges::find(names, field) != names.end()) return true;
  if (view != View::kOwn) return false;
  const std::string_view head = field.substr(0, field.find_first_of(".["));
  return std::ranges::find(kOwnTrees, head) != std::end(kOwnTrees);
}

}  // namespace rpcmarshal::lint
