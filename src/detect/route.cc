#include "detect/route.h"

#include <algorithm>

#include "interface/status.h"

namespace rpcmarshal::detect {
namespace {

using sigma::EventValue;

enum Part : std::uint32_t {
  kRequest = 1u << 8,
  kResponse = 1u << 9,
  kDetails = 1u << 10,
  kUncHosts = 1u << 11,
  kHandles = 1u << 12,
  kDcom = 1u << 13,
  kDispatch = 1u << 14,
  kWmi = 1u << 15,
  kBind = 1u << 16,
  kSucceeded = 1u << 17,  ///< the status the operation returned is 0
};

/// What stands before the first dot; `rest` is what is behind it.
std::string_view head_of(std::string_view field, std::string_view& rest) {
  const std::size_t dot = field.find('.');
  rest = dot == std::string_view::npos ? std::string_view() : field.substr(dot + 1);
  return field.substr(0, dot);
}

std::string_view success_name(const ndr::Value& result) {
  switch (result.display().status) {
    case ndr::StatusKind::kWin32:
      return win32_name(0);
    case ndr::StatusKind::kNtStatus:
      return ntstatus_name(0);
    default:
      return hresult_name(0);
  }
}

}  // namespace

RouteKey route_key(const Event& e) {
  RouteKey key;
  // The operation is known by its number: answers whose request was not captured have none.
  if (e.procedure && e.interface && e.interface_id && e.opnum) {
    key.procedure = e.procedure;
    key.interface = e.interface;
  }
  key.parts = static_cast<std::uint32_t>(e.outcome) & 0xFF;
  if (e.request.has_values) key.parts |= kRequest;
  if (e.response.has_values) {
    key.parts |= kResponse;
    const ndr::Value result = e.response.values.find("return");
    if (!result.is_missing() && result.display().status != ndr::StatusKind::kNone &&
        result.as_int() == 0) {
      key.parts |= kSucceeded;
    }
  }
  if (!e.details.empty()) key.parts |= kDetails;
  if (!e.unc_hosts.empty()) key.parts |= kUncHosts;
  if (!e.handles.empty()) key.parts |= kHandles;
  if (e.is_bind) key.parts |= kBind;
  if (e.object_view) {
    key.parts |= kDcom;
    if (e.object_view->dispatch.present) key.parts |= kDispatch;
    if (e.object_view->wmi.present) key.parts |= kWmi;
  }
  return key;
}

HeaderField header_field(std::string_view field) {
  if (field == "client.address" || field == "id.orig_h") return HeaderField::kClientAddress;
  if (field == "client.port" || field == "id.orig_p") return HeaderField::kClientPort;
  if (field == "server.address" || field == "id.resp_h") return HeaderField::kServerAddress;
  if (field == "server.port" || field == "id.resp_p") return HeaderField::kServerPort;
  return HeaderField::kNone;
}

bool field_outlook(const Event& event, std::string_view field, std::string_view zeek_endpoint,
                   std::string_view zeek_operation, std::vector<EventValue>& out) {
  const RouteKey key = route_key(event);
  const auto absent_without = [&](std::uint32_t part) { return (key.parts & part) == 0; };
  const auto text = [&](std::string_view value) {
    if (!value.empty()) out.push_back(EventValue::of(value));
  };
  std::string_view rest;
  const std::string_view head = head_of(field, rest);

  if (head == "request" || head == "response") {
    if (absent_without(head == "request" ? kRequest : kResponse)) return true;
    if (rest.empty() || !key.procedure) return false;
    std::string_view below;
    const std::string_view name = head_of(rest, below);
    if (name == "return" && !absent_without(kSucceeded)) {
      if (below == "value") out.push_back(EventValue::of(std::int64_t{0}));
      if (below == "name") text(success_name(event.response.values.find("return")));
      return below == "value" || below == "name";
    }
    if (name == "return" || name.starts_with("orpc")) return false;
    return std::ranges::none_of(key.procedure->parameters,
                                [&](const Parameter& p) { return p.field.name == name; });
  }
  if (head == "details") return absent_without(kDetails);
  if (head == "unc_hosts") return absent_without(kUncHosts);
  if (head == "handles") return absent_without(kHandles);
  if (head == "dcom") return absent_without(kDcom);
  if (head == "dispatch") return absent_without(kDispatch);
  if (head == "wmi") return absent_without(kWmi);
  if (field == "outcome") {
    text(outcome_name(event.outcome));
    return true;
  }
  if (field == "kind") {
    if (event.is_bind) text("bind");
    return true;
  }
  // What the RPC Firewall would have logged.
  if (field == "EventLog") {
    text("RPCFW");
    return true;
  }
  if (field == "EventID") {
    out.push_back(EventValue::of(std::int64_t{3}));
    return true;
  }
  if (!key.procedure) return false;
  if (field == "operation") {
    text(event.operation());
    text(zeek_operation);
    return true;
  }
  if (field == "endpoint") {
    text(event.interface->name);
    text(zeek_endpoint);
    return true;
  }
  if (field == "interface.name") {
    text(event.interface->name);
    return true;
  }
  if (field == "interface.document") {
    text(event.interface->document);
    return true;
  }
  if (field == "opnum" || field == "OpNum") {
    out.push_back(EventValue::of(std::int64_t{*event.opnum}));
    return true;
  }
  return false;
}

}  // namespace rpcmarshal::detect
