// Event to JSON. Field by field in docs/event.md; keep docs/event.schema.json in step.
#include <algorithm>
#include <ctime>

#include "interface/status.h"
#include "sink/json_writer.h"
#include "sink/object_json.h"
#include "sink/sink.h"

namespace rpcmarshal {
namespace {

void append_digits(std::string& out, std::uint64_t value, int width) {
  char text[20];
  for (int i = width; i-- > 0; value /= 10) text[i] = static_cast<char>('0' + value % 10);
  out.append(text, static_cast<std::size_t>(width));
}

class ValueJson {
 public:
  ValueJson(JsonWriter& json, Presenter& presenter, ndr::Walker& walker, const SinkOptions& options,
            const Event& event)
      : json_(json), presenter_(presenter), walker_(walker), options_(options), event_(event) {}

  /// The members of `root` as an object.
  void record(const ndr::Value& root, const ndr::Value& other_root) {
    walker_.start(root);
    while (walker_.next()) {
      const ndr::Value& value = walker_.value();
      const bool top = walker_.depth() == 0;
      // Records have far fewer members than any sensible limit: only lists are cut.
      if (walker_.event() != ndr::Walker::Event::kClose &&
          walker_.index() >= options_.max_elements) {
        if (walker_.event() == ndr::Walker::Event::kOpen) walker_.skip();
        continue;
      }
      switch (walker_.event()) {
        case ndr::Walker::Event::kOpen:
          if (!top) name(value);
          if (presenter_.withheld(value)) {
            json_.plain_string("<redacted>");
            walker_.skip();
          } else if (value.display().semantic == "bindings") {
            append_bindings(json_, value);
            walker_.skip();
          } else if (value.kind() == ndr::ValueKind::kList) {
            json_.begin_array();
          } else {
            json_.begin_object();
            if (value.kind() == ndr::ValueKind::kUnion)
              json_.member_number("case", value.as_uint());
          }
          break;
        case ndr::Walker::Event::kClose:
          if (value.kind() == ndr::ValueKind::kList) {
            if (value.size() > options_.max_elements) {
              json_.begin_object();
              json_.member_number("omitted", value.size() - options_.max_elements);
              json_.end_object();
            }
            json_.end_array();
          } else {
            json_.end_object();
          }
          break;
        case ndr::Walker::Event::kLeaf:
          if (value.is_missing() && !value.name().empty()) break;  // not decoded: absent
          if (!top) name(value);
          leaf(value, root, other_root);
          break;
      }
    }
  }
  /// One value by itself, without its name.
  void element(const ndr::Value& value) { record(value, ndr::Value()); }

 private:
  void name(const ndr::Value& value) {
    if (!value.name().empty()) json_.key_escaped(value.name());
  }

  void leaf(const ndr::Value& value, const ndr::Value& root, const ndr::Value& other_root) {
    using Form = Presented::Form;
    const Presented shown = presenter_.present(value, root, other_root);
    switch (shown.form) {
      case Form::kNull:
      case Form::kMissing:
        json_.null();
        break;
      case Form::kBool:
        json_.boolean(shown.number != 0);
        break;
      case Form::kSigned:
        json_.number_signed(shown.number);
        break;
      case Form::kUnsigned:
        json_.number(static_cast<std::uint64_t>(shown.number));
        break;
      case Form::kReal:
        json_.real(shown.real);
        break;
      case Form::kUtf16:
        json_.string_utf16(shown.bytes, shown.order);
        break;
      case Form::kText:
        json_.string(shown.text);
        break;
      case Form::kSymbol:
      case Form::kNotation:
      case Form::kRedacted:
        json_.string(shown.text);
        break;
      case Form::kStatus:
        json_.begin_object();
        json_.member_number("value", static_cast<std::uint64_t>(shown.number));
        if (!shown.text.empty()) json_.member("name", shown.text);
        json_.end_object();
        break;
      case Form::kBytes:
      case Form::kInterface:
        json_.begin_object();
        if (shown.form == Form::kInterface) append_objref(json_, shown.bytes);
        json_.member_number("size", shown.bytes.size());
        json_.key("hex");
        json_.hex_string(shown.bytes.first(std::min(shown.bytes.size(), options_.max_bytes)));
        json_.end_object();
        break;
      case Form::kList:
        json_.begin_array();
        for (const std::string& text : *shown.list) json_.string(text);
        json_.end_array();
        break;
      case Form::kHandle: {
        json_.begin_object();
        json_.key("handle");
        json_.plain_string(shown.text);
        for (const HandleUse& use : event_.handles) {
          if (!use.label.empty() &&
              std::ranges::equal(as_text(shown.bytes),
                                 as_text(std::as_bytes(std::span(use.handle))))) {
            json_.member("name", use.label);
            break;
          }
        }
        json_.end_object();
        break;
      }
      case Form::kAlias:
        json_.plain_string("<same as above>");
        break;
    }
  }

  JsonWriter& json_;
  Presenter& presenter_;
  ndr::Walker& walker_;
  const SinkOptions& options_;
  const Event& event_;
};

/// One end of the call; what a capture always has, a server need not know (`inside`).
void endpoint(JsonWriter& json, std::string_view name, const Endpoint& endpoint,
              std::string_view host, bool inside, std::uint32_t pid, std::string_view process) {
  json.key(name);
  json.begin_object();
  if (!inside || endpoint.address != IpAddress{}) {
    json.key("address");
    json.plain_string(endpoint.address.to_string());
  }
  if (!inside || endpoint.port != 0) json.member_number("port", endpoint.port);
  if (!host.empty()) json.member("host", host);
  if (pid != 0) json.member_number("pid", pid);
  if (!process.empty()) json.member("process", process);
  json.end_object();
}

std::string_view dialect_name(std::uint16_t dialect) {
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

void transport(JsonWriter& json, const Event& e) {
  json.key("transport");
  json.begin_object();
  json.key("protocol");
  json.plain_string(protocol_sequence(e.transport.protocol));
  if (!e.transport.pipe.empty()) json.member("pipe", e.transport.pipe);
  if (!e.transport.tree.empty()) json.member("tree", e.transport.tree);
  if (!e.transport.target.empty()) json.member("target", e.transport.target);
  if (const auto dialect = dialect_name(e.transport.smb_dialect); !dialect.empty())
    json.member("smb_dialect", dialect);
  if (e.transport.smb_encrypted) json.member_bool("smb_encrypted", true);
  if (e.transport.smb_signing) json.member_bool("smb_signing", true);
  if (e.transport.smb_decrypted) json.member_bool("smb_decrypted", true);
  if (!e.transport.smb_signature.empty()) json.member("smb_signature", e.transport.smb_signature);
  if (!e.host) json.member_number("connection", e.connection);
  json.end_object();
}

void user(JsonWriter& json, const Event& e) {
  json.key("user");
  json.begin_object();
  if (e.user) {
    const Identity& u = *e.user;
    if (!u.domain.empty()) json.member("domain", u.domain);
    if (!u.user.empty()) json.member("name", u.user);
    if (!u.sid.empty()) json.member("sid", u.sid);
    if (!u.groups.empty()) {
      json.key("groups");
      json.begin_array();
      for (const std::string& group : u.groups) json.string(group);
      json.end_array();
    }
    if (!u.workstation.empty()) json.member("workstation", u.workstation);
    if (!u.service.empty()) json.member("service", u.service);
    if (u.anonymous) json.member_bool("anonymous", true);
    if (u.guest) json.member_bool("guest", true);
    if (u.mechanism != AuthService::kNone) json.member("mechanism", auth_service_name(u.mechanism));
    if (!u.known_by.empty()) json.member("known_by", u.known_by);
  }
  json.member("authentication", auth_service_name(e.auth_service));
  json.member("level", auth_level_name(e.auth_level));
  json.end_object();
}

void half_status(JsonWriter& json, std::string_view name, const EventHalf& half) {
  if (half.status == DecodeStatus::kAbsent) return;
  json.key(name);
  json.begin_object();
  json.member("status", decode_status_name(half.status));
  json.member_number("size", half.size);
  if (half.has_values) {
    if (!half.result.complete()) {
      json.member_number("stopped_at", half.result.failed_at);
      json.member("reason", half.result.reason);
    } else if (half.result.trailing > 15) {
      json.member_number("trailing", half.result.trailing);
    }
    if (half.result.mismatches != 0) json.member_number("mismatches", half.result.mismatches);
  }
  if (!half.seal_reason.empty()) json.member("reason", half.seal_reason);
  if (half.signature != CallHalf::Signature::kUnchecked)
    json.member("signature", half.signature == CallHalf::Signature::kGood ? "good" : "bad");
  json.end_object();
}

void item(JsonWriter& json, const blobs::Item& item_) {
  using Kind = blobs::Item::Kind;
  switch (item_.kind) {
    case Kind::kText:
      json.string(item_.text);
      break;
    case Kind::kNumber:
      json.number(item_.number);
      break;
    case Kind::kBool:
      json.boolean(item_.number != 0);
      break;
    case Kind::kList:
      json.begin_array();
      for (const blobs::Item& inner : item_.items) item(json, inner);
      json.end_array();
      break;
    case Kind::kObject:
      json.begin_object();
      for (const blobs::Item& inner : item_.items) {
        json.key(inner.name);
        item(json, inner);
      }
      json.end_object();
      break;
  }
}

/// Structures inside arguments, by kind: {"task": [{"argument": "xml", ...}]}. Their trees are a
/// few levels deep: we made them (blobs/item.h).
void details(JsonWriter& json, const Event& e) {
  json.key("details");
  json.begin_object();
  for (std::size_t i = 0; i < e.details.size(); ++i) {
    const std::string_view kind = e.details[i].kind;
    const auto same = [&](const blobs::Detail& d) { return d.kind == kind; };
    const auto here = e.details.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::any_of(e.details.begin(), here, same)) continue;
    json.key(kind);
    json.begin_array();
    for (auto detail = here; detail != e.details.end(); ++detail) {
      if (!same(*detail)) continue;
      json.begin_object();
      json.member("argument", detail->argument);
      for (const blobs::Item& inner : detail->item.items) {
        json.key(inner.name);
        item(json, inner);
      }
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
}

/// The bytes are shown where the arguments could not be.
bool wants_raw(const EventHalf& half) {
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

}  // namespace

void append_time(std::string& out, Timestamp time) {
  const std::time_t seconds = static_cast<std::time_t>(time / 1'000'000'000);
  std::tm parts{};
#ifdef _WIN32
  gmtime_s(&parts, &seconds);
#else
  gmtime_r(&seconds, &parts);
#endif
  append_digits(out, static_cast<std::uint64_t>(std::clamp(parts.tm_year + 1900, 0, 9999)), 4);
  out += '-';
  append_digits(out, static_cast<std::uint64_t>(parts.tm_mon + 1), 2);
  out += '-';
  append_digits(out, static_cast<std::uint64_t>(parts.tm_mday), 2);
  out += 'T';
  append_digits(out, static_cast<std::uint64_t>(parts.tm_hour), 2);
  out += ':';
  append_digits(out, static_cast<std::uint64_t>(parts.tm_min), 2);
  out += ':';
  append_digits(out, static_cast<std::uint64_t>(parts.tm_sec), 2);
  out += '.';
  append_digits(out, static_cast<std::uint64_t>(time % 1'000'000'000 / 1000), 6);
  out += 'Z';
}

void append_action(std::string& out, const EventAction& action) {
  JsonWriter json(out);
  json.begin_object();
  json.member("decision", action.decision);
  if (!action.would.empty()) json.member("would", action.would);
  if (!action.policy.empty()) json.member("policy", action.policy);
  if (!action.rule.empty()) json.member("rule", action.rule);
  if (!action.reason.empty()) json.member("reason", action.reason);
  if (!action.unknown.empty()) json.member("unknown", action.unknown);
  if (!action.learning.empty()) json.member("learning", action.learning);
  if (action.fault_status != 0) json.member_number("status", action.fault_status);
  json.end_object();
}

void EventJson::append(std::string& out, const Event& e) {
  JsonWriter json(out);
  json.begin_object();
  json.key("ts");
  std::string time;
  append_time(time, e.time);
  json.plain_string(time);
  json.member_number("id", e.id);
  json.member("sensor", e.sensor);
  if (e.is_bind) json.member("kind", "bind");
  transport(json, e);
  const HostFacts inside = e.host ? *e.host : HostFacts{};
  endpoint(json, "client", e.client, e.client_host, e.host, inside.client_pid, inside.client_image);
  endpoint(json, "server", e.server, e.server_host, e.host, inside.server_pid, inside.server_image);
  user(json, e);

  json.key("interface");
  json.begin_object();
  if (e.interface_id) {
    json.key("uuid");
    json.plain_string(e.interface_id->uuid.to_string());
    json.key("version");
    json.plain_string(std::to_string(e.interface_id->major) + '.' +
                      std::to_string(e.interface_id->minor));
  }
  if (e.interface) {
    json.member("name", e.interface->name);
    if (!e.interface->document.empty()) json.member("document", e.interface->document);
  }
  if (!e.inferred.empty()) json.member("inferred", e.inferred);
  if (!e.bind_seen) json.member_bool("bind_seen", false);
  if (e.never_offered) json.member_bool("offered", false);
  json.end_object();
  if (e.opnum) json.member_number("opnum", *e.opnum);
  if (!e.operation().empty()) json.member("operation", e.operation());
  if (e.object) {
    json.key("object");
    json.plain_string(e.object->to_string());
  }
  json.key("syntax");
  json.begin_object();
  json.member("name", e.transfer_syntax.uuid == kNdr64Syntax   ? "ndr64"
                      : e.transfer_syntax.uuid == kNdr20Syntax ? "ndr"
                                                               : "unknown");
  if (e.syntax_inferred) json.member_bool("inferred", true);
  if (e.request.order == ByteOrder::kBig) json.member_bool("big_endian", true);
  json.end_object();
  if (!e.host) {
    json.member_number("call_id", e.call_id);
    json.member_number("context_id", e.context_id);
  }

  ValueJson values(json, presenter_, walker_, options_, e);
  if (e.request.has_values) {
    json.key("request");
    values.record(e.request.values, e.response.has_values ? e.response.values : ndr::Value());
  }
  if (e.response.has_values) {
    json.key("response");
    values.record(e.response.values, e.request.has_values ? e.request.values : ndr::Value());
  }
  json.member("outcome", outcome_name(e.outcome));
  if (e.outcome == Outcome::kFault || e.outcome == Outcome::kDenied ||
      (e.outcome == Outcome::kRejected && (e.fault_status != 0 || !e.refusal.empty()))) {
    json.key("fault");
    json.begin_object();
    json.member_number("status", e.fault_status);
    const auto name = e.outcome == Outcome::kRejected ? e.refusal : fault_name(e.fault_status);
    if (!name.empty()) json.member("name", name);
    json.end_object();
  }
  if (e.duration) {
    json.key("duration");
    json.real(static_cast<double>(*e.duration) / 1e9);
  }

  json.key("decode");
  json.begin_object();
  json.member("status", decode_status_name(e.decode()));
  half_status(json, "request", e.request);
  half_status(json, "response", e.response);
  json.end_object();

  if (wants_raw(e.request) || wants_raw(e.response)) {
    json.key("stub");
    json.begin_object();
    for (const auto& [name, half] : {std::pair{"request", &e.request}, {"response", &e.response}}) {
      if (!wants_raw(*half)) continue;
      json.key(name);
      json.hex_string(half->stub.first(std::min(half->stub.size(), options_.max_bytes)));
    }
    json.end_object();
  }
  if (!e.details.empty()) details(json, e);
  if (!e.handles.empty()) {
    json.key("handles");
    json.begin_array();
    for (const HandleUse& use : e.handles) {
      json.begin_object();
      json.member("parameter", use.parameter);
      if (!use.label.empty()) json.member("name", use.label);
      if (use.opened) json.member_bool("opened", true);
      json.end_object();
    }
    json.end_array();
  }
  if (e.object_view) {
    append_object_view(json, *e.object_view,
                       [&](const ndr::Value& value) { values.element(value); });
  }
  if (!e.unc_hosts.empty()) {
    json.key("unc_hosts");
    json.begin_array();
    for (const std::string& host : e.unc_hosts) json.string(host);
    json.end_array();
  }
  if (e.procedure) {
    if (const Annotation* attack = e.procedure->annotations.find("attack")) {
      json.key("attack");
      json.begin_array();
      for (const std::string& id : attack->arguments) json.string(id);
      json.end_array();
    }
  }
  if (e.action) {
    json.key("action");
    append_action(out, *e.action);
  }
  json.end_object();
}

void EventJson::append_arguments(std::string& out, const Event& e, bool response) {
  const EventHalf& half = response ? e.response : e.request;
  const EventHalf& other = response ? e.request : e.response;
  JsonWriter json(out);
  ValueJson(json, presenter_, walker_, options_, e)
      .record(half.values, other.has_values ? other.values : ndr::Value());
}

void EventJson::append_result(std::string& out, const Event& e) {
  if (!e.response.has_values) return;
  const ndr::Value result = e.response.values.find("return");
  if (result.is_missing()) return;
  const Presented shown = presenter_.present(
      result, e.response.values, e.request.has_values ? e.request.values : ndr::Value());
  char hex[16];
  switch (shown.form) {
    case Presented::Form::kStatus:
      if (!shown.text.empty()) {
        out += shown.text;
      } else {
        std::snprintf(hex, sizeof hex, "0x%08x", static_cast<unsigned>(shown.number));
        out += hex;
      }
      break;
    case Presented::Form::kSymbol:
      out += shown.text;
      break;
    case Presented::Form::kBool:
      out += shown.number != 0 ? "true" : "false";
      break;
    case Presented::Form::kSigned:
    case Presented::Form::kUnsigned:
      out += std::to_string(shown.number);
      break;
    default:
      break;  // operations return numbers
  }
}

namespace {

class JsonFormat final : public EventFormat {
 public:
  explicit JsonFormat(const SinkOptions& options) : json_(options) {}
  using EventFormat::append;
  void append(std::string& out, const Event& event, const EventFindings& findings) override {
    if (findings.json.empty()) {
      json_.append(out, event);
    } else {
      out += findings.json;
    }
    if (!findings.alerts.empty()) {
      out.back() = ',';  // the event's closing brace
      out += "\"alerts\":";
      JsonWriter json(out);
      append_event_alerts(json, findings.alerts);
      out += '}';
    }
    out += '\n';
  }
  void append_alert(std::string& out, const Alert& alert) override {
    append_alert_json(out, alert, true);
  }

 private:
  EventJson json_;
};

}  // namespace

std::unique_ptr<EventFormat> make_json_format(const SinkOptions& options) {
  return std::make_unique<JsonFormat>(options);
}

}  // namespace rpcmarshal
