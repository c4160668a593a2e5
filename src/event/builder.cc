#include "event/builder.h"

#include <algorithm>
#include <cstring>

#include "base/unicode.h"
#include "event/unc.h"
#include "interface/status.h"

namespace rpcmarshal {
namespace {

ContextHandle handle_bytes(const ndr::Value& value) {
  ContextHandle handle{};
  const Bytes bytes = value.bytes();
  std::memcpy(handle.data(), bytes.data(), std::min(bytes.size(), handle.size()));
  return handle;
}

bool is_null(const ContextHandle& handle) {
  return std::ranges::all_of(handle, [](std::uint8_t b) { return b == 0; });
}

/// "\\FS1\IPC$" -> "FS1".
std::string_view host_of_tree(std::string_view tree) {
  if (!tree.starts_with("\\\\")) return {};
  tree.remove_prefix(2);
  return tree.substr(0, tree.find('\\'));
}

/// "cifs/fs1.lab.test@LAB.TEST" -> "fs1.lab.test".
std::string_view host_of_service(std::string_view service) {
  const auto slash = service.find('/');
  if (slash == std::string_view::npos) return {};
  service.remove_prefix(slash + 1);
  return service.substr(0, service.find_first_of("/@:"));
}

/// p_provider_reason_t, of a presentation context ([C706] 12.6.3.1).
std::string_view provider_reason(std::uint32_t reason) {
  constexpr std::string_view kNames[] = {"reason_not_specified", "abstract_syntax_not_supported",
                                         "proposed_transfer_syntaxes_not_supported",
                                         "local_limit_exceeded"};
  return reason < std::size(kNames) ? kNames[reason] : std::string_view();
}

/// p_reject_reason_t, of a bind_nak ([C706] 12.6.3.1, [MS-RPCE] 2.2.2.5).
std::string_view nak_reason(std::uint32_t reason) {
  switch (reason) {
    case 0:
      return "reason_not_specified";
    case 1:
      return "temporary_congestion";
    case 2:
      return "local_limit_exceeded";
    case 3:
      return "called_paddr_unknown";
    case 4:
      return "protocol_version_not_supported";
    case 5:
      return "default_context_not_supported";
    case 6:
      return "user_data_not_readable";
    case 7:
      return "no_psap_available";
    case 8:
      return "authentication_type_not_recognized";
    case 9:
      return "invalid_checksum";
    default:
      return {};
  }
}

/// Arguments read in a transfer syntax that nobody named: more left over than padding is no
/// success.
void doubt(EventHalf& half) {
  constexpr std::size_t kPadding = 15;
  if (!half.has_values || !half.result.complete() || half.result.trailing <= kPadding) return;
  half.result.status = ndr::DecodeResult::Status::kPartial;
  half.result.failed_at = half.result.consumed;
  half.result.reason = "bytes are left over, and the transfer syntax is not known";
  if (half.status == DecodeStatus::kComplete) half.status = DecodeStatus::kPartial;
}

/// What an IPID is unique for.
std::string_view machine(const IpAddress& address) {
  return as_text(std::as_bytes(std::span(address.bytes)));
}

/// Two separators side by side, or one at the beginning (`\??\UNC\host`).
bool may_hold_unc(const ndr::Value& value) {
  const std::string_view raw = as_text(value.bytes());
  const std::size_t first = std::min(raw.find('\\'), raw.find('/'));
  if (first == raw.npos) return false;
  const std::size_t width = value.is_text16() ? 2 : 1;
  const std::size_t low = width == 2 && value.order() == ByteOrder::kBig ? 1 : 0;
  bool before = first < width;
  for (std::size_t at = first / width * width; at + width <= raw.size(); at += width) {
    const char c = raw[at + low];
    const bool separator = (c == '\\' || c == '/') && (width == 1 || raw[at + 1 - low] == 0);
    if (separator && before) return true;
    before = separator;
  }
  return false;
}

}  // namespace

const Event& EventBuilder::build(const Call& call, const CallContext& context) {
  describe(call, context);
  decode_halves(call);
  note_handles();
  note_objects();
  blobs_.start();
  note_values(event_.request, event_.response);
  note_values(event_.response, event_.request);
  blobs_.finish(event_.details);
  forget_own_hosts();
  return event_;
}

const Event& EventBuilder::refused(const Bind& bind, const Bind::Context& offer,
                                   const CallContext& context) {
  Call call;
  call.call_id = bind.call_id;
  call.context_id = offer.id;
  call.interface = offer.interface;
  call.transfer_syntax = offer.transfer_syntax;
  call.bind_seen = true;
  call.response.time = bind.time;
  call.outcome = Outcome::kRejected;
  call.secondary_address = bind.secondary_address;
  call.association = bind.association;
  call.connection = bind.connection;
  call.reversed = bind.reversed;
  call.fault_status = bind.answer == Bind::Answer::kAck ? offer.reason : bind.refusal;
  describe(call, context);
  event_.is_bind = true;
  if (bind.answer == Bind::Answer::kAck) {
    event_.refusal = provider_reason(offer.reason);
  } else if (bind.answer == Bind::Answer::kNak) {
    event_.refusal = nak_reason(bind.refusal);
  } else {
    event_.refusal = fault_name(bind.refusal);
  }
  return event_;
}

/// Adds what the exchange could not tell: the client of a Kerberos ticket, from the KDC's reply,
/// and that the server let the client in as guest or anonymously.
void EventBuilder::name_user(const SmbSession* session) {
  Event& e = event_;
  // RPC's own authentication is another one than the session's.
  const bool of_session =
      session && (!e.user || (session->auth && e.user == &session->auth->identity()));
  const bool guest = of_session && session->guest, anonymous = of_session && session->anonymous;
  const bool hidden = e.user && e.user->ticket != 0 && e.user->user.empty() && tickets_;
  if (!guest && !anonymous && !hidden) return;
  const std::uint64_t known = user_.user.empty() ? 0 : user_.ticket;
  if (hidden && known == e.user->ticket && !guest && !anonymous && !user_.guest &&
      !user_.anonymous && user_.service == e.user->service) {
    e.user = &user_;  // the same ticket as in the call before
    return;
  }
  user_ = e.user ? *e.user : Identity{};
  if (TicketNames::Client client; hidden && tickets_->find(user_.ticket, client)) {
    user_.user = std::move(client.name);
    user_.domain = std::move(client.realm);
    user_.known_by = client.by_request ? "kerberos exchange" : "kerberos reply";
  }
  user_.guest |= guest;
  user_.anonymous |= anonymous;
  if (user_.known_by.empty()) user_.known_by = "smb session";
  e.user = &user_;
}

void EventBuilder::describe(const Call& call, const CallContext& context) {
  Event& e = event_;
  e.id = ids_ ? ids_->fetch_add(1, std::memory_order_relaxed) + 1 : ++count_;
  e.time = call.request.present ? call.request.time : call.response.time;
  e.host = context.host;
  e.action = context.action;
  e.sensor = context.host ? "host" : "wire";
  e.transport = {};
  e.transport.protocol = call.connectionless ? EventTransport::Protocol::kUdp : context.protocol;
  e.transport.pipe = context.pipe;
  if (e.transport.pipe.empty() && context.protocol == EventTransport::Protocol::kNamedPipe) {
    e.transport.pipe = call.secondary_address;  // the server's own name for it
  }
  e.transport.tree = context.tree;
  e.transport.target = context.target;
  // Inside a server a user may be known by SID alone.
  const bool known = call.identity && (call.identity->known() || !call.identity->sid.empty());
  e.user = known ? call.identity : nullptr;
  if (context.session) {
    e.transport.smb_dialect = context.session->dialect;
    e.transport.smb_encrypted = context.session->encrypted;
    e.transport.smb_signing = context.session->signing;
    e.transport.smb_decrypted = context.session->decrypted;
    if (context.session->verified) e.transport.smb_signature = "good";
    if (context.session->bad_signatures > 0) e.transport.smb_signature = "bad";
    if (!e.user && context.session->auth && context.session->auth->identity().known()) {
      e.user = &context.session->auth->identity();
    }
  }
  if (!e.user && context.http_auth && context.http_auth->identity().known())
    e.user = &context.http_auth->identity();
  name_user(context.session.get());
  const SmbRoutes::Route* route = context.routes ? context.routes->at(e.time) : nullptr;
  const Endpoint& initiator = route ? route->client : context.client;
  const Endpoint& responder = route ? route->server : context.server;
  e.client = call.reversed ? responder : initiator;
  e.server = call.reversed ? initiator : responder;
  e.client_host = e.user ? std::string_view(e.user->workstation) : std::string_view();
  e.server_host = host_of_tree(context.tree);
  if (e.server_host.empty())
    e.server_host = e.transport.target.substr(0, e.transport.target.find(':'));
  if (e.server_host.empty() && e.user) e.server_host = host_of_service(e.user->service);
  if (e.server_host == e.server.address.to_string()) e.server_host = {};  // says nothing new
  e.auth_service = call.auth_service;
  e.auth_level = call.auth_level;

  e.interface_id = call.interface;
  e.interface = call.interface ? definition(*call.interface) : nullptr;
  e.opnum.reset();
  if (call.request.present) e.opnum = call.opnum;
  e.procedure = e.interface && e.opnum ? e.interface->find(*e.opnum) : nullptr;
  if (e.procedure && e.procedure->name.empty()) e.procedure = nullptr;
  e.inferred = call.inferred;
  e.bind_seen = call.bind_seen;
  e.never_offered = call.never_offered;
  e.object = call.object;
  e.transfer_syntax = call.transfer_syntax;
  e.syntax_inferred = false;
  e.call_id = call.call_id;
  e.context_id = call.context_id;
  e.connection = call.connection;
  e.connection_start = context.connection_start;
  e.secondary_address = call.secondary_address;

  e.request = {};
  e.response = {};
  e.outcome = call.outcome;
  e.fault_status = call.fault_status;
  e.is_bind = false;
  e.refusal = {};
  if (call.outcome == Outcome::kRejected) {
    e.refusal =
        call.response.present ? fault_name(call.fault_status) : provider_reason(call.fault_status);
  }
  e.duration.reset();
  if (call.request.present && call.response.present)
    e.duration = call.response.time - call.request.time;
  e.object_view = nullptr;
  e.handles.clear();
  e.unc_hosts.clear();
  e.details.clear();
}

const Interface* EventBuilder::definition(const SyntaxId& id) {
  const auto [it, fresh] = recent_.try_emplace(id.uuid, id.major, nullptr);
  if (fresh || it->second.first != id.major)
    it->second = {id.major, catalogue_.find(id.uuid, id.major)};
  const Interface* found = it->second.second;
  if (recent_.size() > 4096) recent_.clear();  // a scan of random UUIDs must not grow it
  return found;
}

void EventBuilder::Misfit::add(const EventHalf& half) {
  if (!half.has_values) return;
  stopped += !half.result.complete();
  mismatches += half.result.mismatches;
  trailing += half.result.trailing;
}

/// Reads the arguments in the transfer syntax of the call, or else in the one that fits.
void EventBuilder::decode_halves(const Call& call) {
  Event& e = event_;
  if (!e.transfer_syntax.uuid.is_nil()) {
    decode_halves(
        call, e.transfer_syntax.uuid == kNdr64Syntax ? ndr::Syntax::kNdr64 : ndr::Syntax::kNdr20);
    return;
  }
  const Misfit wide = decode_halves(call, ndr::Syntax::kNdr64);
  const bool read = e.request.has_values || e.response.has_values;
  const Misfit best = decode_halves(call, ndr::Syntax::kNdr20);
  // What reads alike in both, a handle and a status for example, says nothing about the syntax.
  if (read && wide != best) {
    e.syntax_inferred = true;
    e.transfer_syntax = wide < best ? SyntaxId{kNdr64Syntax, 1, 0} : SyntaxId{kNdr20Syntax, 2, 0};
    if (wide < best) decode_halves(call, ndr::Syntax::kNdr64);
  }
  doubt(e.request);
  doubt(e.response);
}

EventBuilder::Misfit EventBuilder::decode_halves(const Call& call, ndr::Syntax syntax) {
  Event& e = event_;
  e.request = {};
  e.response = {};
  request_tape_.clear();
  decode_half(call.request, ndr::Half::kRequest, syntax, request_tape_, nullptr, e.request);
  if (call.outcome == Outcome::kReturned || call.outcome == Outcome::kResponseOnly) {
    decode_half(call.response, ndr::Half::kResponse, syntax, response_tape_,
                e.request.has_values ? &request_tape_ : nullptr, e.response);
  } else if (call.response.present) {
    e.response.status = DecodeStatus::kFault;
    e.response.signature = call.response.signature;
    e.response.stub = call.response.stub;
    e.response.size = call.response.stub_size;
  }
  Misfit misfit;
  misfit.add(e.request);
  misfit.add(e.response);
  return misfit;
}

void EventBuilder::decode_half(const CallHalf& from, ndr::Half half, ndr::Syntax syntax,
                               ndr::Tape& tape, const ndr::Tape* request, EventHalf& to) {
  if (!from.present) return;
  to.stub = from.stub;
  to.size = from.stub_size;
  to.order = from.drep.order;
  to.signature = from.signature;
  if (from.sealed) {
    to.seal_reason = from.seal_reason;
    to.status = DecodeStatus::kSealed;
    return;
  }
  if (!event_.interface) {
    to.status = DecodeStatus::kUnknownInterface;
    return;
  }
  const ndr::Program* program =
      event_.opnum ? codec_.program(*event_.interface, *event_.opnum, half, syntax) : nullptr;
  if (!program) {
    to.status = event_.procedure && !event_.procedure->typed ? DecodeStatus::kUntyped
                                                             : DecodeStatus::kUnknownOperation;
    return;
  }
  if (from.return_only) {
    decode_result(from, syntax, to);
    return;
  }
  ndr::DecodeInput input{.stub = from.stub,
                         .order = from.drep.order,
                         .ebcdic = from.drep.ebcdic,
                         .float_format = static_cast<std::uint8_t>(from.drep.floating),
                         .request = request};
  to.result = ndr::decode(*program, input, tape);
  to.values = tape.root();
  to.has_values = true;
  to.status = !from.complete         ? DecodeStatus::kTruncated
              : to.result.complete() ? DecodeStatus::kComplete
                                     : DecodeStatus::kPartial;
}

const EventBuilder::ResultProgram& EventBuilder::result_program(ndr::Syntax syntax) {
  const auto [it, fresh] = result_programs_.try_emplace({event_.procedure, syntax});
  ResultProgram& result = it->second;
  if (!fresh) return result;
  const Procedure& whole = *event_.procedure;
  result.procedure.name = whole.name;
  result.procedure.opnum = whole.opnum;
  result.procedure.result = whole.result;
  result.procedure.result_annotations = whole.result_annotations;
  result.alone = !whole.object &&
                 std::ranges::none_of(whole.parameters, [](const Parameter& p) { return p.out; });
  result.program =
      ndr::compile(catalogue_, *event_.interface, result.procedure, ndr::Half::kResponse, syntax);
  return result;
}

/// The return value as the server's memory has it reads like one on the wire: little-endian, and a
/// shorter one on the wire is the beginning of the longer one. With no other results it is the
/// response as it was sent.
void EventBuilder::decode_result(const CallHalf& from, ndr::Syntax syntax, EventHalf& to) {
  const ResultProgram& of = result_program(syntax);
  if (of.program->count != 0 && of.program->nodes[of.program->first].op != ndr::Op::kFixed) {
    to.status = DecodeStatus::kUntyped;  // memory has a pointer there
    return;
  }
  to.result = ndr::decode(*of.program, {.stub = from.stub}, response_tape_);
  to.values = response_tape_.root();
  to.has_values = true;
  to.stub = from.stub.first(std::min(to.result.consumed, from.stub.size()));
  to.size = to.stub.size();
  to.result.trailing = 0;
  to.status = DecodeStatus::kComplete;
  if (to.result.complete() && of.alone) return;
  to.status = DecodeStatus::kPartial;
  to.result.status = ndr::DecodeResult::Status::kPartial;
  to.result.failed_at = to.size;
  to.result.reason = "an asynchronous call: only what it returned is known";
}

// Handles that the request uses come first, with what they were opened on; then those the response
// gives out, whose label is made from the request's arguments.
void EventBuilder::note_handles() {
  const IpAddress& client = event_.client.address;
  const IpAddress& server = event_.server.address;
  if (event_.request.has_values) {
    for (const ndr::Value argument : event_.request.values) {
      if (argument.kind() != ndr::ValueKind::kHandle) continue;
      const ContextHandle handle = handle_bytes(argument);
      if (is_null(handle)) continue;
      event_.handles.push_back(
          {argument.name(), handle, std::string(handles_.find(client, server, handle)), false});
    }
  }
  if (!event_.response.has_values) return;
  for (const ndr::Value argument : event_.response.values) {
    if (argument.kind() != ndr::ValueKind::kHandle) continue;
    const ContextHandle handle = handle_bytes(argument);
    const auto used = std::ranges::find_if(event_.handles, [&](const HandleUse& use) {
      return !use.opened && use.parameter == argument.name();
    });
    if (is_null(handle)) {  // an [in, out] handle that comes back null was closed
      if (used != event_.handles.end()) handles_.closed(client, server, used->handle);
      continue;
    }
    const std::string_view pattern = argument.display().label;
    if (pattern.empty() || (used != event_.handles.end() && used->handle == handle)) continue;
    HandleUse opened{argument.name(), handle, expand_label(pattern), true};
    handles_.opened(client, server, handle, opened.label);
    event_.handles.push_back(std::move(opened));
  }
}

Guid EventBuilder::object_interface(const Call& call, const CallContext& context) {
  if (!call.object) return {};
  const Endpoint& server = call.reversed ? context.client : context.server;
  return objects_.interface_of(machine(server.address), *call.object);
}

void EventBuilder::note_objects() {
  Event& e = event_;
  if (!e.interface || !e.procedure || !dcom::ObjectTracker::concerns(*e.interface)) return;
  const dcom::ObjectView& view =
      objects_.observe({.interface = e.interface,
                        .procedure = e.procedure,
                        .ipid = e.object.value_or(Guid{}),
                        .server = machine(e.server.address),
                        .client = machine(e.client.address),
                        .event = e.id,
                        .request = e.request.has_values ? e.request.values : ndr::Value(),
                        .response = e.response.has_values ? e.response.values : ndr::Value()});
  if (view.present || view.dispatch.present) e.object_view = &view;
}

std::string EventBuilder::expand_label(std::string_view pattern) const {
  constexpr std::size_t kMaxLabel = 4096;
  std::string label;
  for (std::size_t at = 0; at < pattern.size() && label.size() < kMaxLabel;) {
    const std::size_t brace = pattern.find('{', at);
    label += pattern.substr(at, brace - at);
    if (brace == std::string_view::npos) break;
    const std::size_t close = pattern.find('}', brace);
    if (close == std::string_view::npos) break;
    const std::string_view name = pattern.substr(brace + 1, close - brace - 1);
    at = close + 1;
    if (!event_.request.has_values) continue;
    const auto used = std::ranges::find(event_.handles, name, &HandleUse::parameter);
    if (used != event_.handles.end()) {
      label += used->label.empty() ? "?" : used->label;
      continue;
    }
    const ndr::Value value = event_.request.values.find(name);
    switch (value.kind()) {
      case ndr::ValueKind::kText:
        value.append_text(label);
        break;
      case ndr::ValueKind::kInt:
        label += std::to_string(value.as_int());
        break;
      case ndr::ValueKind::kUInt:
        label += std::to_string(value.as_uint());
        break;
      case ndr::ValueKind::kGuid:
        label += value.as_guid().to_string();
        break;
      default:
        break;
    }
  }
  if (label.size() > kMaxLabel) label.resize(kMaxLabel);
  while (!label.empty() && (label.back() == ' ' || label.back() == '\\')) label.pop_back();
  return label;
}

// One walk over the values finds UNC hosts in texts, and arguments with a structure of their own in
// texts, bytes and records.
void EventBuilder::note_values(const EventHalf& half, const EventHalf& other) {
  if (!half.has_values) return;
  walker_.start(half.values);
  while (walker_.next()) {
    if (walker_.event() == ndr::Walker::Event::kClose) continue;
    const ndr::Value& value = walker_.value();
    if (walker_.depth() == 1) blobs_.argument(value.name());
    const ndr::ValueKind kind = value.kind();
    if ((kind == ndr::ValueKind::kText || kind == ndr::ValueKind::kBytes ||
         kind == ndr::ValueKind::kRecord) &&
        !value.display().semantic.empty()) {
      blobs_.note(value, half.values, other.has_values ? other.values : ndr::Value());
    }
    if (kind != ndr::ValueKind::kText || !may_hold_unc(value)) continue;
    if (value.display().semantic == "server") continue;  // the server, as the client calls it
    scratch_.clear();
    value.append_text(scratch_);
    append_unc_hosts(event_.unc_hosts, scratch_);
  }
}

// A path back to the server itself is not somewhere else to go. What the server is called must be
// known from itself, or from a ticket that it accepted: the share path is what the client says.
void EventBuilder::forget_own_hosts() {
  if (event_.unc_hosts.empty()) return;
  const std::string own = event_.server.address.to_string();
  const auto named = [&](const std::string& host, std::string_view name) {
    return !name.empty() && equal_ignoring_case(host, name);
  };
  std::erase_if(event_.unc_hosts, [&](const std::string& host) {
    if (host == own) return true;
    const Identity* user = event_.user;
    return user && (named(host, user->server_name) || named(host, user->server_dns_name) ||
                    named(host, host_of_service(user->service)));
  });
}

}  // namespace rpcmarshal
