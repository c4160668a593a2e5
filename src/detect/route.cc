#include "detect/route.h"

#include <algorithm>

#include "interface/status.h"
#include "match/fold.h"

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
  kSucceeded = 1u << 17,    ///< the status the operation returned is 0
  kPlainStatus = 1u << 18,  ///< it is not, but nothing to rules either
  kNoStatus = 1u << 19,     ///< it returned none
};

/// What stands before the first dot; `rest` is what is behind it.
std::string_view head_of(std::string_view field, std::string_view& rest) {
  const std::size_t dot = field.find('.');
  rest = dot == std::string_view::npos ? std::string_view() : field.substr(dot + 1);
  return field.substr(0, dot);
}

std::string_view name_of(ndr::StatusKind kind, std::uint32_t status) {
  switch (kind) {
    case ndr::StatusKind::kWin32:
      return win32_name(status);
    case ndr::StatusKind::kNtStatus:
      return ntstatus_name(status);
    default:
      return hresult_name(status);
  }
}

/// What the operation returned; missing when that is not known. It is always the last.
ndr::Value returned(const Event& event) {
  const ndr::Value& values = event.response.values;
  if (!event.response.has_values || values.size() == 0) return {};
  const ndr::Value last = values.at(values.size() - 1);
  return last.name() == "return" ? last : ndr::Value();
}

constexpr std::string_view kStatusName = "response.return.name";
constexpr std::string_view kStatusValue = "response.return.value";

bool any_holds(const std::vector<const sigma::Predicate*>& predicates, const EventValue* value) {
  using Kind = sigma::Predicate::Kind;
  std::string text, folded;
  if (value != nullptr) {
    append_text(text, *value);
    folded = match::folded(text);
  }
  return std::ranges::any_of(predicates, [&](const sigma::Predicate* p) {
    if (p->kind == Kind::kNull) return value == nullptr;
    if (value == nullptr) return false;
    if (p->kind == Kind::kExists || p->kind == Kind::kPresent) return true;
    return sigma::holds(*p, {value, text, folded});
  });
}

}  // namespace

RouteHints::RouteHints(const sigma::FieldIndex& fields, const sigma::Predicates& predicates)
    : never_plain_(false) {
  for (sigma::FieldId field = 0; field < fields.size(); ++field) {
    std::string_view rest, below;
    if (head_of(fields.name(field), rest) != "details") continue;
    const std::string_view kind = head_of(rest, below);
    if (!kind.empty() && detail_kinds_.size() < 32 &&
        std::ranges::find(detail_kinds_, kind) == detail_kinds_.end())
      detail_kinds_.push_back(kind);
  }
  const sigma::FieldId name = fields.find(kStatusName), value = fields.find(kStatusValue);
  const auto is_status = [&](sigma::FieldId f) {
    return f != sigma::kNoField && (f == name || f == value);
  };
  for (sigma::PredicateId id = 0; id < predicates.size(); ++id) {
    const sigma::Predicate& p = predicates[id];
    if (p.kind == sigma::Predicate::Kind::kFieldRef) {
      never_plain_ = never_plain_ || is_status(p.field) || is_status(p.other);
    } else if (is_status(p.field)) {
      (p.field == name ? of_name_ : of_value_).push_back(&p);
    }
  }
}

bool RouteHints::plain(ndr::StatusKind kind, std::uint32_t status) const {
  if (never_plain_) return false;
  const auto value = EventValue::of(std::int64_t{status});
  const auto name = EventValue::of(name_of(kind, status));
  return !any_holds(of_value_, &value) && !any_holds(of_name_, name.text.empty() ? nullptr : &name);
}

RouteKey RouteKey::without_status() const {
  RouteKey out = *this;
  out.parts &= ~std::uint32_t{kPlainStatus};
  return out;
}

bool RouteKeys::plain(ndr::StatusKind kind, std::uint32_t status) {
  Known& known = known_[(status ^ status >> 16) % 64];
  if (known.kind != kind || known.status != status)
    known = {status, kind, hints_.plain(kind, status)};
  return known.plain;
}

RouteKey RouteKeys::of(const Event& e) {
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
    const ndr::Value result = returned(e);
    if (result.is_missing()) {
      key.parts |= kNoStatus;
    } else if (const ndr::StatusKind kind = result.display().status;
               kind != ndr::StatusKind::kNone) {
      const std::int64_t status = result.as_int();
      if (status == 0) {
        key.parts |= kSucceeded;
      } else if (plain(kind, static_cast<std::uint32_t>(status))) {
        key.parts |= kPlainStatus;
      }
    }
  }
  if (!e.details.empty()) {
    key.parts |= kDetails;
    const auto& kinds = hints_.detail_kinds();
    for (const auto& detail : e.details) {
      for (std::size_t i = 0; i < kinds.size(); ++i) {
        if (kinds[i] == detail.kind) key.details |= std::uint32_t{1} << i;
      }
    }
  }
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

bool field_outlook(const Event& event, const RouteKey& key, const RouteHints& hints,
                   std::string_view field, std::string_view zeek_endpoint,
                   std::string_view zeek_operation, std::vector<EventValue>& out) {
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
    // Not of the request: a parameter may have that name.
    if (head == "response" && name == "return" &&
        !(absent_without(kSucceeded) && absent_without(kPlainStatus))) {
      const ndr::Value result = returned(event);
      const auto status = static_cast<std::uint32_t>(result.as_int());
      if (below == "value") out.push_back(EventValue::of(std::int64_t{status}));
      if (below == "name") text(name_of(result.display().status, status));
      return below == "value" || below == "name";
    }
    if (head == "response" && name == "return" && !absent_without(kNoStatus)) return true;
    if (name == "return" || name.starts_with("orpc")) return false;
    return std::ranges::none_of(key.procedure->parameters,
                                [&](const Parameter& p) { return p.field.name == name; });
  }
  if (head == "details") {
    if (absent_without(kDetails)) return true;
    std::string_view below;
    const auto& kinds = hints.detail_kinds();
    const auto kind = std::ranges::find(kinds, head_of(rest, below));
    return kind != kinds.end() && (key.details >> (kind - kinds.begin()) & 1) == 0;
  }
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
