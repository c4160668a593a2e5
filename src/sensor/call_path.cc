#include "sensor/call_path.h"

#include <utility>

#include "dcerpc/pdu.h"
#include "dcerpc/tower.h"

namespace rpcmarshal {
namespace {

/// The endpoint mapper, in whose answers towers are ([C706] appendix O).
constexpr Guid kEndpointMapper{
    0xe1af8308, 0x5d1f, 0x11c9, {0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa}};
constexpr std::uint16_t kLookup = 2, kMap = 3;

/// p_cont_def_result_t ([C706] 12.6.3.1).
constexpr std::uint16_t kAccepted = 0, kFeatures = 3;

}  // namespace

CallPath::CallPath(const Catalogue& catalogue, const Limits& limits, EventHandler handler,
                   DceStatistics& dce, std::atomic<std::uint64_t>& numbers,
                   std::atomic<std::uint64_t>* ids)
    : limits_(limits),
      handler_(std::move(handler)),
      dce_(dce),
      numbers_(numbers),
      tickets_(limits.tickets ? limits.tickets : std::make_shared<TicketNames>()),
      builder_(catalogue, ids),
      guess_(catalogue, endpoints_),
      datagrams_(make_dce_datagrams(
          limits.datagrams,
          [this](const Endpoint& client, const Endpoint& server, const Call& call) {
            CallContext context;
            context.protocol = EventTransport::Protocol::kUdp;
            context.client = client;
            context.server = server;
            if (!limits_.secrets || (!call.request.sealed && !call.response.sealed))
              return emit(call, context);
            Call told = call;
            told.request.seal_reason = told.response.seal_reason = "RPC over UDP cannot be opened";
            emit(told, context);
          },
          dce, numbers)) {
  builder_.set_tickets(tickets_.get());
}

std::unique_ptr<StreamConsumer> CallPath::connection(std::shared_ptr<const CallContext> context) {
  DceTransport transport;
  transport.pipe = context->pipe;
  transport.number = numbers_.fetch_add(1, std::memory_order_relaxed);
  transport.clock = &clock_;
  transport.secrets = limits_.secrets.get();
  return make_dce_connection(
      std::move(transport), limits_.connections,
      [this, context](const Call& call) { emit(call, *context); }, dce_,
      [this, context](const Bind& bind) { bound(bind, *context); });
}

void CallPath::datagram(const Endpoint& source, const Endpoint& destination, Timestamp time,
                        Bytes data) {
  if (datagrams_->on_datagram(source, destination, time, data)) {
    ++statistics_.dce_datagrams;
  } else {
    kerberos(source, destination, data);
  }
}

/// Kerberos over UDP, recognised by its content.
void CallPath::kerberos(const Endpoint& source, const Endpoint& destination, Bytes data) {
  const KerberosType type = kerberos_type(data);
  if (type != KerberosType::kAsRep && type != KerberosType::kTgsRep &&
      type != KerberosType::kTgsReq) {
    return;
  }
  if (asked_.size() >= kMaxAsked) asked_.clear();  // only hidden names depend on it
  if (type == KerberosType::kTgsReq) return kerberos_message(data, asked_[source]);
  const auto asked = asked_.find(destination);
  KdcTalk none;
  kerberos_message(data, asked == asked_.end() ? none : asked->second);
}

void CallPath::advance(Timestamp now) {
  clock_.advance(now);
  datagrams_->expire(now);
}

void CallPath::finish() { datagrams_->on_end(); }

void CallPath::emit(const Call& call, const CallContext& context) {
  ++statistics_.calls;
  if (call.bind_seen) {
    const Event& event = builder_.build(call, context);
    learn(event);
    return handler_(event);
  }
  Call guessed = call;
  // What an answer said the object is, is better evidence than any guess.
  if (const Guid iid = builder_.object_interface(call, context); !call.interface && !iid.is_nil()) {
    guessed.interface = SyntaxId{iid, 0, 0};
    guessed.inferred = "object";
  } else {
    guess_.infer(guessed, context);
  }
  if (!guessed.inferred.empty()) ++statistics_.inferred;
  const Event& event = builder_.build(guessed, context);
  learn(event);
  handler_(event);
}

/// Towers in the endpoint mapper's answers say what is served where.
void CallPath::learn(const Event& event) {
  if (limits_.secrets) netlogon_.observe(event, *limits_.secrets);
  if (!event.interface_id || event.interface_id->uuid != kEndpointMapper) return;
  if (!event.response.has_values || (event.opnum != kLookup && event.opnum != kMap)) return;
  walker_.start(event.response.values);
  while (walker_.next()) {
    if (walker_.event() != ndr::Walker::Event::kLeaf) continue;
    const ndr::Value& value = walker_.value();
    if (value.kind() != ndr::ValueKind::kBytes) continue;
    if (const auto tower = parse_tower(value.bytes()))
      endpoints_.mapped(event.server.address, *tower);
  }
}

/// Accepted contexts are remembered for connections whose bind is missing; a refused interface is
/// an event, unless the same bind offered it again in a form that was accepted.
void CallPath::bound(const Bind& bind, const CallContext& context) {
  const Endpoint& server = bind.reversed ? context.client : context.server;
  const auto accepted = [&](const Bind::Context& c) {
    return bind.answer == Bind::Answer::kAck && c.result == kAccepted;
  };
  for (const Bind::Context& offer : bind.contexts) {
    if (accepted(offer)) endpoints_.bound(server, context.pipe, offer.interface);
  }
  if (bind.answer == Bind::Answer::kNone) return;
  for (std::size_t i = 0; i < bind.contexts.size(); ++i) {
    const Bind::Context& offer = bind.contexts[i];
    if (accepted(offer) || (bind.answer == Bind::Answer::kAck && offer.result == kFeatures))
      continue;
    if (is_feature_negotiation(offer.transfer_syntax.uuid)) continue;
    const auto same = [&](const Bind::Context& other) {
      return other.interface.uuid == offer.interface.uuid &&
             other.interface.major == offer.interface.major;
    };
    bool told = false;
    for (std::size_t j = 0; j < bind.contexts.size() && !told; ++j)
      told = same(bind.contexts[j]) && (accepted(bind.contexts[j]) || j < i);
    if (told) continue;
    ++statistics_.refused_binds;
    handler_(builder_.refused(bind, offer, context));
  }
}

}  // namespace rpcmarshal
