// An event as a tree of named values: which names there are, in which order, how they nest, and
// what is left out. Said once for every writer: docs/event.md describes it field by field, and
// docs/event.schema.json is to be kept in step.
//
// `Out` is a JsonWriter, or has its functions. key() and key_escaped() say whether the value that
// would follow is wanted; when it is not, nothing may be given for it. JsonWriter wants everything;
// one that looks for some fields only never sees the rest presented.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "event/event.h"
#include "interface/status.h"
#include "sink/sink.h"
#include "sink/value_tree.h"

namespace rpcmarshal::tree {

/// One end of the call; what a capture always has, a server need not know (`inside`).
template <typename Out>
void endpoint(Out& out, std::string_view name, const Endpoint& endpoint, std::string_view host,
              bool inside, std::uint32_t pid, std::string_view process) {
  if (!out.key(name)) return;
  out.begin_object();
  if (!inside || endpoint.address != IpAddress{}) {
    if (out.key("address")) out.plain_string(endpoint.address.to_string());
  }
  if (!inside || endpoint.port != 0) out.member_number("port", endpoint.port);
  if (!host.empty()) out.member("host", host);
  if (pid != 0) out.member_number("pid", pid);
  if (!process.empty()) out.member("process", process);
  out.end_object();
}

inline std::string_view dialect_name(std::uint16_t dialect) {
  switch (dialect) {
    case 1:
      return "1";
    case 0x0202:
      return "2.0.2";
    case 0x0210:
      return "2.1";
    case 0x0300:
      return "3.0";
    case 0x0302:
      return "3.0.2";
    case 0x0311:
      return "3.1.1";
    default:
      return {};
  }
}

template <typename Out>
void transport(Out& out, const Event& e) {
  if (!out.key("transport")) return;
  out.begin_object();
  if (out.key("protocol")) out.plain_string(protocol_sequence(e.transport.protocol));
  if (!e.transport.pipe.empty()) out.member("pipe", e.transport.pipe);
  if (!e.transport.tree.empty()) out.member("tree", e.transport.tree);
  if (!e.transport.target.empty()) out.member("target", e.transport.target);
  if (const auto dialect = dialect_name(e.transport.smb_dialect); !dialect.empty())
    out.member("smb_dialect", dialect);
  if (e.transport.smb_encrypted) out.member_bool("smb_encrypted", true);
  if (e.transport.smb_signing) out.member_bool("smb_signing", true);
  if (e.transport.smb_decrypted) out.member_bool("smb_decrypted", true);
  if (!e.transport.smb_signature.empty()) out.member("smb_signature", e.transport.smb_signature);
  if (!e.host) out.member_number("connection", e.connection);
  out.end_object();
}

template <typename Out>
void user(Out& out, const Event& e) {
  if (!out.key("user")) return;
  out.begin_object();
  if (e.user) {
    const Identity& u = *e.user;
    if (!u.domain.empty()) out.member("domain", u.domain);
    if (!u.user.empty()) out.member("name", u.user);
    if (!u.sid.empty()) out.member("sid", u.sid);
    if (!u.groups.empty() && out.key("groups")) {
      out.begin_array();
      for (const std::string& group : u.groups) out.string(group);
      out.end_array();
    }
    if (!u.workstation.empty()) out.member("workstation", u.workstation);
    if (!u.service.empty()) out.member("service", u.service);
    if (u.anonymous) out.member_bool("anonymous", true);
    if (u.guest) out.member_bool("guest", true);
    if (u.mechanism != AuthService::kNone) out.member("mechanism", auth_service_name(u.mechanism));
    if (!u.known_by.empty()) out.member("known_by", u.known_by);
  }
  out.member("authentication", auth_service_name(e.auth_service));
  out.member("level", auth_level_name(e.auth_level));
  out.end_object();
}

template <typename Out>
void half_status(Out& out, std::string_view name, const EventHalf& half) {
  if (half.status == DecodeStatus::kAbsent) return;
  if (!out.key(name)) return;
  out.begin_object();
  out.member("status", decode_status_name(half.status));
  out.member_number("size", half.size);
  if (half.has_values) {
    if (!half.result.complete()) {
      out.member_number("stopped_at", half.result.failed_at);
      out.member("reason", half.result.reason);
    } else if (half.result.trailing > 15) {
      out.member_number("trailing", half.result.trailing);
    }
    if (half.result.mismatches != 0) out.member_number("mismatches", half.result.mismatches);
  }
  if (!half.seal_reason.empty()) out.member("reason", half.seal_reason);
  if (half.signature != CallHalf::Signature::kUnchecked)
    out.member("signature", half.signature == CallHalf::Signature::kGood ? "good" : "bad");
  out.end_object();
}

template <typename Out>
void item(Out& out, const blobs::Item& item_) {
  using Kind = blobs::Item::Kind;
  switch (item_.kind) {
    case Kind::kText:
      out.string(item_.text);
      break;
    case Kind::kNumber:
      out.number(item_.number);
      break;
    case Kind::kBool:
      out.boolean(item_.number != 0);
      break;
    case Kind::kList:
      out.begin_array();
      for (const blobs::Item& inner : item_.items) item(out, inner);
      out.end_array();
      break;
    case Kind::kObject:
      out.begin_object();
      for (const blobs::Item& inner : item_.items) {
        if (out.key(inner.name)) item(out, inner);
      }
      out.end_object();
      break;
  }
}

/// Structures inside arguments, by kind: {"task": [{"argument": "xml", ...}]}. Their trees are a
/// few levels deep: we made them (blobs/item.h).
template <typename Out>
void details(Out& out, const Event& e) {
  if (!out.key("details")) return;
  out.begin_object();
  for (std::size_t i = 0; i < e.details.size(); ++i) {
    const std::string_view kind = e.details[i].kind;
    const auto same = [&](const blobs::Detail& d) { return d.kind == kind; };
    const auto here = e.details.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::any_of(e.details.begin(), here, same)) continue;
    if (!out.key(kind)) continue;
    out.begin_array();
    for (auto detail = here; detail != e.details.end(); ++detail) {
      if (!same(*detail)) continue;
      out.begin_object();
      out.member("argument", detail->argument);
      for (const blobs::Item& inner : detail->item.items) {
        if (out.key(inner.name)) item(out, inner);
      }
      out.end_object();
    }
    out.end_array();
  }
  out.end_object();
}

/// The context handles of a call.
template <typename Out>
void handles(Out& out, const Event& e) {
  if (!out.key("handles")) return;
  out.begin_array();
  for (const HandleUse& use : e.handles) {
    out.begin_object();
    out.member("parameter", use.parameter);
    if (!use.label.empty()) out.member("name", use.label);
    if (use.opened) out.member_bool("opened", true);
    out.end_object();
  }
  out.end_array();
}

/// The bytes are shown where the arguments could not be.
inline bool wants_raw(const EventHalf& half) {
  switch (half.status) {
    case DecodeStatus::kUnknownInterface:
    case DecodeStatus::kUnknownOperation:
    case DecodeStatus::kUntyped:
    case DecodeStatus::kPartial:
    case DecodeStatus::kTruncated:
      return true;
    default:
      return half.has_values && half.result.trailing > 15;
  }
}

template <typename Out>
void interface(Out& out, const Event& e) {
  if (!out.key("interface")) return;
  out.begin_object();
  if (e.interface_id) {
    if (out.key("uuid")) out.plain_string(e.interface_id->uuid.to_string());
    if (out.key("version"))
      out.plain_string(std::to_string(e.interface_id->major) + '.' +
                       std::to_string(e.interface_id->minor));
  }
  if (e.interface) {
    out.member("name", e.interface->name);
    if (!e.interface->document.empty()) out.member("document", e.interface->document);
  }
  if (!e.inferred.empty()) out.member("inferred", e.inferred);
  if (!e.bind_seen) out.member_bool("bind_seen", false);
  if (e.never_offered) out.member_bool("offered", false);
  out.end_object();
}

/// What a policy decided, as an object.
template <typename Out>
void action(Out& out, const EventAction& action) {
  out.begin_object();
  out.member("decision", action.decision);
  if (!action.would.empty()) out.member("would", action.would);
  if (!action.policy.empty()) out.member("policy", action.policy);
  if (!action.rule.empty()) out.member("rule", action.rule);
  if (!action.reason.empty()) out.member("reason", action.reason);
  if (!action.unknown.empty()) out.member("unknown", action.unknown);
  if (!action.learning.empty()) out.member("learning", action.learning);
  if (action.fault_status != 0) out.member_number("status", action.fault_status);
  out.end_object();
}

/// Who called what: the members that nearly all events have.
template <typename Out>
void header(Out& out, const Event& e) {
  if (out.key("ts")) {
    std::string time;
    append_time(time, e.time);
    out.plain_string(time);
  }
  out.member_number("id", e.id);
  out.member("sensor", e.sensor);
  if (e.is_bind) out.member("kind", "bind");
  transport(out, e);
  const HostFacts inside = e.host ? *e.host : HostFacts{};
  endpoint(out, "client", e.client, e.client_host, e.host, inside.client_pid, inside.client_image);
  endpoint(out, "server", e.server, e.server_host, e.host, inside.server_pid, inside.server_image);
  user(out, e);
  interface(out, e);
  if (e.opnum) out.member_number("opnum", *e.opnum);
  if (!e.operation().empty()) out.member("operation", e.operation());
  if (e.object && out.key("object")) out.plain_string(e.object->to_string());
  if (out.key("syntax")) {
    out.begin_object();
    out.member("name", e.transfer_syntax.uuid == kNdr64Syntax   ? "ndr64"
                       : e.transfer_syntax.uuid == kNdr20Syntax ? "ndr"
                                                                : "unknown");
    if (e.syntax_inferred) out.member_bool("inferred", true);
    if (e.request.order == ByteOrder::kBig) out.member_bool("big_endian", true);
    out.end_object();
  }
  if (!e.host) {
    out.member_number("call_id", e.call_id);
    out.member_number("context_id", e.context_id);
  }
}

/// What became of the call, and all that was made of its arguments. `values` is of the same event
/// and writer.
template <typename Out>
void findings(Out& out, const Event& e, ValueTree<Out>& values) {
  out.member("outcome", outcome_name(e.outcome));
  if ((e.outcome == Outcome::kFault || e.outcome == Outcome::kDenied ||
       (e.outcome == Outcome::kRejected && (e.fault_status != 0 || !e.refusal.empty()))) &&
      out.key("fault")) {
    out.begin_object();
    out.member_number("status", e.fault_status);
    const auto name = e.outcome == Outcome::kRejected ? e.refusal : fault_name(e.fault_status);
    if (!name.empty()) out.member("name", name);
    out.end_object();
  }
  if (e.duration && out.key("duration")) out.real(static_cast<double>(*e.duration) / 1e9);
  if (out.key("decode")) {
    out.begin_object();
    out.member("status", decode_status_name(e.decode()));
    half_status(out, "request", e.request);
    half_status(out, "response", e.response);
    out.end_object();
  }

  if ((wants_raw(e.request) || wants_raw(e.response)) && out.key("stub")) {
    out.begin_object();
    for (const auto& [name, half] : {std::pair{"request", &e.request}, {"response", &e.response}}) {
      if (wants_raw(*half) && out.key(name))
        out.hex_string(half->stub.first(std::min(half->stub.size(), values.options().max_bytes)));
    }
    out.end_object();
  }
  if (!e.details.empty()) details(out, e);
  if (!e.handles.empty()) handles(out, e);
  if (e.object_view) {
    object_view_groups(out, *e.object_view,
                       [&](const ndr::Value& value) { values.element(value); });
  }
  if (!e.unc_hosts.empty() && out.key("unc_hosts")) {
    out.begin_array();
    for (const std::string& host : e.unc_hosts) out.string(host);
    out.end_array();
  }
  if (e.procedure) {
    const Annotation* attack = e.procedure->annotations.find("attack");
    if (attack && out.key("attack")) {
      out.begin_array();
      for (const std::string& id : attack->arguments) out.string(id);
      out.end_array();
    }
  }
  if (e.action && out.key("action")) action(out, *e.action);
}

/// With which arguments, and what became of it. `values` is of the same event and writer.
template <typename Out>
void body(Out& out, const Event& e, ValueTree<Out>& values) {
  if (e.request.has_values && out.key("request"))
    values.record(e.request.values, e.response.has_values ? e.response.values : ndr::Value());
  if (e.response.has_values && out.key("response"))
    values.record(e.response.values, e.request.has_values ? e.request.values : ndr::Value());
  findings(out, e, values);
}

/// The event as an object. `values` is of the same event and writer.
template <typename Out>
void event(Out& out, const Event& e, ValueTree<Out>& values) {
  out.begin_object();
  header(out, e);
  body(out, e, values);
  out.end_object();
}

}  // namespace rpcmarshal::tree
