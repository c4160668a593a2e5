#include "logs/derived.h"

#include <array>
#include <vector>

#include "base/unicode.h"

namespace rpcmarshal::logs {
namespace {

using sigma::EventValue;

struct Alias {
  std::string_view field;
  std::vector<std::string_view> path;
};
const std::vector<Alias>& own_aliases() {
  static const std::vector<Alias> kAliases = {
      {"endpoint", {"interface", "name"}},
      {"named_pipe", {"transport", "pipe"}},
      {"id.orig_h", {"client", "address"}},
      {"id.orig_p", {"client", "port"}},
      {"id.resp_h", {"server", "address"}},
      {"id.resp_p", {"server", "port"}},
      {"rtt", {"duration"}},
      {"InterfaceUuid", {"interface", "uuid"}},
      {"OpNum", {"opnum"}},
      {"EventLog", {"Event", "System", "Channel"}},
      {"EventLog", {"Channel"}},
  };
  return kAliases;
}

/// The inserts of RPC Firewall's event 3, in their order. [RPC Firewall: Messages.mc]
constexpr std::array<std::string_view, 15> kFirewallInserts = {"Function",
                                                               "ProcessId",
                                                               "Image",
                                                               "Protocol",
                                                               "Endpoint",
                                                               "ClientAddress",
                                                               "InterfaceUuid",
                                                               "OpNum",
                                                               "SecurityId",
                                                               "AuthenticationLevel",
                                                               "AuthenticationService",
                                                               "ClientPort",
                                                               "ServerAddress",
                                                               "ServerPort",
                                                               "Sid"};

}  // namespace

DerivedFields::DerivedFields(sigma::FieldIndex& index, const KnownFields& known, ZeekNames names)
    : known_(known),
      names_(std::move(names)),
      uuid_(index.intern("interface.uuid")),
      opnum_(index.intern("opnum")),
      endpoint_(index.intern("endpoint")),
      operation_(index.intern("operation")),
      data_(index.intern("Data")),
      event_log_(index.intern("EventLog")) {
  for (const Alias& alias : own_aliases()) index.add_path(alias.path, index.intern(alias.field));
  for (std::size_t i = 0; i < kFirewallInserts.size(); ++i)
    firewall_[i] = index.intern(kFirewallInserts[i]);
}

void DerivedFields::add(sigma::EventFields& event,
                        const std::pair<std::string, std::string>* names) {
  std::string buffer;
  for (const auto& link : event.links()) {
    if (link.field == known_.own_event) return add_own(event, names);
    if (link.field == known_.channel || link.field == known_.provider) {
      const EventValue& value = event.values()[link.value];
      if (value.kind == EventValue::Kind::kText && equal_ignoring_case(value.text, "RPCFW"))
        return add_firewall(event);
    }
  }
}

void DerivedFields::add_own(sigma::EventFields& event,
                            const std::pair<std::string, std::string>* names) {
  // As the RPC Firewall, were it installed on the server.
  event.add(EventValue::of("RPCFW"), event_log_);
  event.add(EventValue::of(std::int64_t{3}), known_.event_id);
  if (names) {
    if (!names->first.empty()) event.add(EventValue::of(names->first), endpoint_);
    if (!names->second.empty()) event.add(EventValue::of(names->second), operation_);
    return;
  }
  if (!names_) return;
  std::string uuid_buffer, opnum_buffer;
  const std::string_view uuid = first_text(event, uuid_, uuid_buffer);
  const std::string_view opnum = first_text(event, opnum_, opnum_buffer);
  if (uuid.empty()) return;
  std::tie(zeek_endpoint_, zeek_operation_) = names_(uuid, opnum);
  if (!zeek_endpoint_.empty()) event.add(EventValue::of(zeek_endpoint_), endpoint_);
  if (!zeek_operation_.empty()) event.add(EventValue::of(zeek_operation_), operation_);
}

void DerivedFields::add_firewall(sigma::EventFields& event) {
  // Adding values moves the ones that are there: first find them all.
  std::array<EventValue, 15> inserts;
  std::size_t count = 0;
  for (const auto& link : event.links()) {
    if (link.field == data_ && count < inserts.size() &&
        event.values()[link.value].kind != EventValue::Kind::kObject) {
      inserts[count++] = event.values()[link.value];
    }
  }
  // Fewer inserts are another event of the firewall's.
  if (count < inserts.size()) return;
  for (std::size_t i = 0; i < count; ++i) event.add(inserts[i], firewall_[i]);
}

}  // namespace rpcmarshal::logs
