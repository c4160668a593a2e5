// One connection-oriented DCE/RPC association's byte streams to calls. PDU types, not the stream's
// direction, say who calls: a request opens a call, answers against it close it. Calls are paired
// by call id alone; contexts, security and limits are looked up beside it.
#include <atomic>
#include <cstring>

#include "base/unicode.h"
#include "dcerpc/answer_clock.h"
#include "dcerpc/auth_contexts.h"
#include "dcerpc/call.h"
#include "dcerpc/call_table.h"
#include "dcerpc/contexts.h"
#include "dcerpc/fault.h"
#include "dcerpc/framer.h"
#include "dcerpc/inference.h"
#include "dcerpc/pdu.h"
#include "dcerpc/unseal.h"

namespace rpcmarshal {
namespace {

std::uint64_t next_connection_number() {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

class DceConnection final : public StreamConsumer, private AnswerClock::Waiting {
 public:
  DceConnection(DceTransport transport, const DceLimits& limits, CallHandler calls,
                DceStatistics& statistics, BindHandler binds)
      : transport_(std::move(transport)),
        limits_(limits),
        handler_(std::move(calls)),
        binds_(std::move(binds)),
        statistics_(statistics),
        number_(transport_.number ? transport_.number : next_connection_number()),
        contexts_(number_),
        auth_(transport_.secrets) {}

  void on_data(Direction direction, Timestamp time, Bytes data) override {
    expire(time);
    Receiver receiver(*this, direction);
    framer(direction).data(time, data, receiver, statistics_);
    if (transport_.clock && limits_.answer_timeout != 0) {
      if (PendingCall* call = calls_.oldest()) transport_.clock->wait(*this, due(*call));
    }
  }

  void on_gap(Direction direction, Timestamp, std::uint64_t missing) override {
    ++statistics_.gaps;
    statistics_.missing_bytes += missing;
    Receiver receiver(*this, direction);
    framer(direction).gap(missing, receiver);
  }

  void on_end(Timestamp) override {
    while (PendingCall* call = calls_.oldest()) finish(*call);
    contexts_.end(binds_);
  }

  std::size_t memory() const override {
    return sizeof *this + framers_[0].memory() + framers_[1].memory() + calls_.memory() +
           contexts_.memory() + auth_.memory();
  }

 private:
  /// Gives a framer's findings their direction.
  class Receiver final : public PduFramer::Sink {
   public:
    Receiver(DceConnection& owner, Direction direction) : owner_(owner), direction_(direction) {}
    void on_pdu(const PduHeader& header, Timestamp time, Bytes pdu) override {
      owner_.on_pdu(direction_, header, time, pdu);
    }
    void on_lost() override { owner_.on_lost(direction_); }

   private:
    DceConnection& owner_;
    Direction direction_;
  };

  PduFramer& framer(Direction direction) { return framers_[direction == Direction::kBackward]; }

  void on_pdu(Direction direction, const PduHeader& header, Timestamp time, Bytes pdu) {
    auto type = static_cast<std::size_t>(header.type);
    if (type < std::size(statistics_.pdus)) ++statistics_.pdus[type];
    if (opening_ == Opening::kNothing) {
      opening_ = header.type == PduType::kBind ? Opening::kBind : Opening::kOther;
      opener_ = direction;
    }
    switch (header.type) {
      case PduType::kRequest:
        return on_request(direction, header, time, pdu);
      case PduType::kResponse:
      case PduType::kFault:
        return on_answer(direction, header, time, pdu);
      case PduType::kBind:
      case PduType::kAlterContext:
        return on_bind(direction, header, time, pdu);
      case PduType::kBindAck:
      case PduType::kAlterContextResponse:
        return on_bind_ack(direction, header, pdu);
      case PduType::kBindNak:
        if (pdu.size() >= 18) {
          contexts_.refuse(direction, header, Bind::Answer::kNak,
                           load<std::uint16_t>(pdu.data() + 16, header.drep.order), binds_);
        }
        return;
      case PduType::kAuth3:
        return take_token(true, split_pdu(header, pdu, kPduHeaderSize));
      case PduType::kCancel:
      case PduType::kOrphaned:
        return on_cancel(direction, header);
      case PduType::kShutdown:
      case PduType::kRts:
        return;
    }
  }

  /// PDUs of this direction may be missing: what is half collected in it is not complete any more.
  void on_lost(Direction direction) {
    ++losses_[direction == Direction::kBackward];
    for (PendingCall* call = calls_.oldest(); call; call = calls_.newer(*call)) {
      PendingHalf& half = call->direction == direction ? call->request : call->response;
      if (half.started && !half.finished) half.damaged = true;
    }
  }

  // Binding and security.

  void on_bind(Direction direction, const PduHeader& header, Timestamp time, Bytes pdu) {
    PduParts parts = split_pdu(header, pdu, kPduHeaderSize);
    BindBody body;
    if (!read_bind(parts.body, header.drep.order, body)) {
      ++statistics_.malformed;
      opening_ = Opening::kOther;  // it may have offered more than was read
    }
    contexts_.offer(direction, header, time, body, statistics_, binds_);
    take_token(true, parts);
  }

  void on_bind_ack(Direction direction, const PduHeader& header, Bytes pdu) {
    PduParts parts = split_pdu(header, pdu, kPduHeaderSize);
    BindAckBody body;
    if (!read_bind_ack(parts.body, header.drep.order, body)) ++statistics_.malformed;
    contexts_.answer(direction, header, body, binds_);
    take_token(false, parts);
  }

  void take_token(bool from_client, const PduParts& parts) {
    if (!parts.auth) return;
    std::unique_ptr<AuthContext> evicted;
    AuthContext& context = auth_.open(*parts.auth, evicted);
    if (evicted) {
      ++statistics_.limits;
      for (PendingCall* call = calls_.oldest(); call; call = calls_.newer(*call)) {
        if (call->auth == evicted.get()) call->auth = nullptr;
      }
    }
    context.exchange->token(from_client, parts.auth->token);
  }

  /// With keys: opens or verifies a whole PDU, and changes `parts` to what was opened.
  Protection open(Direction direction, bool from_client, const PduHeader& header, Bytes pdu,
                  std::size_t body_at, PduParts& parts) {
    if (!transport_.secrets || !parts.auth || parts.auth->level < AuthLevel::kCall) return {};
    return unseal(auth_.find(parts.auth->context_id), from_client,
                  losses_[direction == Direction::kBackward], header, pdu, body_at, parts,
                  statistics_);
  }

  void note_security(PendingCall& call, const PduParts& parts) {
    if (parts.auth) {
      call.service = parts.auth->service;
      call.level = parts.auth->level;
      call.auth = auth_.find(parts.auth->context_id);
    } else if (const AuthContext* context = auth_.unprotected()) {
      call.service = context->service;
      call.level = context->level;
      call.auth = context;
    }
  }

  /// Whether whatever the sender of `direction` offered so far was captured, as far as the PDUs
  /// tell.
  bool all_offers_seen(Direction direction) const {
    return opening_ == Opening::kBind && opener_ == direction &&
           losses_[direction == Direction::kBackward] == 0;
  }

  void note_context(PendingCall& call) {
    const PresentationContext* context = contexts_.find(call.context_id);
    call.never_offered = !context && all_offers_seen(call.direction);
    call.bound = call.rejected = call.settled = false;  // an early answer may name another context
    call.interface = call.transfer = {};
    if (!context) return;
    call.transfer = context->transfer;
    if (context->state == PresentationContext::State::kUnknown) return;
    call.bound = true;
    call.interface = context->interface;
    call.rejected = context->state == PresentationContext::State::kRejected;
    call.reject_reason = context->reason;
    call.settled = context->state != PresentationContext::State::kOffered;
  }

  // Calls.

  PendingCall& open_call(Direction direction, std::uint32_t call_id) {
    while (calls_.size() >= limits_.max_outstanding && calls_.size() > 0) {
      ++statistics_.limits;
      finish(*calls_.oldest());
    }
    return calls_.add(direction, call_id);
  }

  void on_request(Direction direction, const PduHeader& header, Timestamp time, Bytes pdu) {
    if (pdu.size() < kCallHeaderSize) return;  // cut by a gap before the opnum
    PendingCall* call = calls_.find(direction, header.call_id);
    bool first = (header.flags & kPfcFirst) != 0;
    bool early_answer = call && !call->request.started && time <= call->response.time;
    if (call && !early_answer && (first || call->request.finished || !call->request.started)) {
      // The id is used again: the old call gets no answer any more.
      finish(*call);
      call = nullptr;
    }
    std::size_t body_at = kCallHeaderSize;
    if (header.flags & kPfcObject) body_at += 16;
    PduParts parts = split_pdu(header, pdu, body_at);
    const Protection protection = open(direction, true, header, pdu, body_at, parts);
    if (!call && !first && was_abandoned(direction, header.call_id, header.flags & kPfcLast))
      return;
    if (parts.damaged && pdu.size() == header.length) ++statistics_.malformed;
    if (!call || early_answer) {
      if (early_answer) --early_answers_;
      if (!call) call = &open_call(direction, header.call_id);
      call->context_id = load<std::uint16_t>(pdu.data() + 20, header.drep.order);
      call->opnum = load<std::uint16_t>(pdu.data() + 22, header.drep.order);
      if ((header.flags & kPfcObject) && pdu.size() >= kCallHeaderSize + 16) {
        ByteReader reader(pdu.subspan(kCallHeaderSize, 16), header.drep.order);
        call->object = Guid::read(reader);
      }
      note_context(*call);
      note_security(*call, parts);
      call->request.damaged = !first;
    }
    collect(*call, call->request, header, time, parts, protection);
    if (!call->request.finished) return;
    if (call->response.finished) {
      deliver(*call, Outcome::kReturned, nullptr);
    } else if (header.flags & kPfcMaybe) {
      deliver(*call, Outcome::kMaybe, nullptr);
    }
  }

  void on_answer(Direction direction, const PduHeader& header, Timestamp time, Bytes pdu) {
    if (pdu.size() < kCallHeaderSize) return;
    bool is_fault = header.type == PduType::kFault;
    bool first = (header.flags & kPfcFirst) != 0;
    bool last = is_fault || (header.flags & kPfcLast) != 0;
    const std::size_t body_at = is_fault ? 32 : kCallHeaderSize;
    PduParts parts = split_pdu(header, pdu, body_at);
    const Protection protection = open(direction, false, header, pdu, body_at, parts);
    // A fault may end after its status.
    if (is_fault && header.length < 32) parts.damaged = false;
    if (parts.damaged && pdu.size() == header.length) ++statistics_.malformed;
    PendingCall* call = calls_.find(reverse(direction), header.call_id);
    if (!call && is_fault && pdu.size() >= 28) {
      // A server may also answer an alter_context with a fault.
      auto status = load<std::uint32_t>(pdu.data() + 24, header.drep.order);
      if (contexts_.refuse(direction, header, Bind::Answer::kFault, status, binds_)) return;
    }
    if (call && call->response.finished) {
      finish(*call);
      call = nullptr;
    }
    if (!call) {
      make_room_for_early_answer();
      ++early_answers_;
      call = &open_call(reverse(direction), header.call_id);
      call->context_id = load<std::uint16_t>(pdu.data() + 20, header.drep.order);
      note_context(*call);
      note_security(*call, parts);
    }
    if (is_fault && pdu.size() >= 28) {
      call->fault = true;
      call->fault_status = load<std::uint32_t>(pdu.data() + 24, header.drep.order);
    }
    PendingHalf& half = call->response;
    if (half.started && first) {
      // A second first fragment: what was collected belongs to nothing.
      calls_.clear(half);
      half.damaged = true;
    }
    if (!half.started && last && (call->request.finished || (is_fault && call->request.started))) {
      // The usual case: one PDU is the whole answer, and is not copied.
      half.damaged |= !first && !is_fault;
      note_fragment(half, header, time, parts, protection);
      half.finished = true;
      return answered(*call, &parts.body);
    }
    if (!half.started) half.damaged |= !first;
    collect(*call, half, header, time, parts, protection);
    if (is_fault) half.finished = true;
    if (half.finished) answered(*call, nullptr);
  }

  /// The answer is complete. A fault may come before the request's last fragment; a response
  /// cannot, so the request is still on its way to us: its direction waits for a lost segment.
  void answered(PendingCall& call, const Bytes* whole) {
    if (!call.request.finished) {
      if (!call.fault || !call.request.started) return;
      abandoned_[abandoned_at_++ % kAbandoned] = {call.direction, call.call_id, true};
    }
    deliver(call, Outcome::kReturned, whole);
  }

  /// Answers that overtook their request are few; more are those of a capture that misses requests.
  void make_room_for_early_answer() {
    if (early_answers_ < kMaxEarlyAnswers) return;
    for (PendingCall* call = calls_.oldest(); call; call = calls_.newer(*call)) {
      if (!call->request.started) return finish(*call);
    }
  }

  void on_cancel(Direction direction, const PduHeader& header) {
    PendingCall* call = calls_.find(direction, header.call_id);
    if (!call) return;
    call->cancelled = true;
    // An orphaned call whose request was not sent to its end gets no answer.
    if (header.type == PduType::kOrphaned && !call->request.finished) finish(*call);
  }

  /// Takes in what one fragment says besides its bytes.
  void note_fragment(PendingHalf& half, const PduHeader& header, Timestamp time,
                     const PduParts& parts, const Protection& protection) {
    if (!half.started) {
      half.started = true;
      half.time = time;
      half.drep = header.drep;
    }
    ++half.fragments;
    half.size += parts.body.size();
    if (parts.damaged) half.damaged = true;
    if (protection.opened) {
      half.opened = true;
    } else if (parts.auth && parts.auth->level == AuthLevel::kPrivacy) {
      half.sealed = true;
      if (!half.seal_reason) half.seal_reason = protection.reason;
    }
    // Of all fragments: one wrong signature says it for the whole.
    if (half.fragments == 1 || protection.signature == CallHalf::Signature::kBad) {
      half.signature = protection.signature;
    } else if (half.signature == CallHalf::Signature::kGood) {
      half.signature = protection.signature;
    }
    if (header.flags & kPfcLast) half.finished = true;
  }

  /// Adds a fragment to a half, within the limits.
  void collect(PendingCall& call, PendingHalf& half, const PduHeader& header, Timestamp time,
               const PduParts& parts, const Protection& protection) {
    note_fragment(half, header, time, parts, protection);
    if (half.cut) return;
    std::size_t room = limits_.max_stub - std::min(limits_.max_stub, half.stub.size());
    Bytes bytes = parts.body.first(std::min(room, parts.body.size()));
    make_room(call, bytes.size());
    if (half.fragments > limits_.max_fragments ||
        calls_.held() + bytes.size() > limits_.max_connection_bytes) {
      bytes = {};
    }
    if (bytes.size() < parts.body.size()) {
      half.cut = true;
      half.damaged = true;
      ++statistics_.limits;
    }
    calls_.append(half, bytes);
  }

  /// Finishes older calls until `count` more bytes fit.
  void make_room(const PendingCall& keep, std::size_t count) {
    while (calls_.held() + count > limits_.max_connection_bytes) {
      PendingCall* victim = calls_.oldest();
      if (victim == &keep) victim = calls_.newer(*victim);
      if (!victim) return;
      ++statistics_.limits;
      finish(*victim);
    }
  }

  Timestamp due(const PendingCall& call) const {
    return (call.request.started ? call.request.time : call.response.time) + limits_.answer_timeout;
  }

  void expire(Timestamp now) {
    if (limits_.answer_timeout == 0) return;
    while (PendingCall* call = calls_.oldest()) {
      if (now < due(*call)) return;
      finish(*call);
    }
  }

  Timestamp overdue(Timestamp now) override {
    expire(now);
    PendingCall* call = calls_.oldest();
    return call ? due(*call) : 0;
  }

  /// Hands over a call for which no (further) answer is awaited.
  void finish(PendingCall& call) {
    if (call.response.started) return deliver(call, Outcome::kReturned, nullptr);
    deliver(call, call.cancelled ? Outcome::kCancelled : Outcome::kNoResponse, nullptr);
  }

  /// Hands the call over and forgets it. `whole` is an answer that was not copied.
  void deliver(PendingCall& call, Outcome outcome, const Bytes* whole) {
    if (!call.settled && call.bound) {
      const PresentationContext* context = contexts_.find(call.context_id);
      if (context && context->interface == call.interface) note_context(call);
    }
    Call out;
    out.call_id = call.call_id;
    out.context_id = call.context_id;
    out.opnum = call.opnum;
    out.object = call.object;
    out.transfer_syntax = call.transfer;
    out.never_offered = call.never_offered && call.request.started;
    out.bind_seen = call.bound || out.never_offered;
    fill(out.request, call, call.request, call.request.stub);
    fill(out.response, call, call.response, whole ? *whole : Bytes(call.response.stub));
    if (out.request.complete && !out.request.sealed) {
      out.request.stub = out.request.stub.first(without_verification_trailer(out.request.stub));
    }
    if (call.bound) {
      out.interface = call.interface;
    } else if (!out.never_offered) {
      infer(out);
    }
    out.outcome = outcome;
    out.fault_status = call.fault_status;
    if (call.fault) {
      out.outcome = is_access_denied(call.fault_status) ? Outcome::kDenied : Outcome::kFault;
    }
    if (call.rejected && (call.fault || !call.response.started)) {
      out.outcome = Outcome::kRejected;
      if (!call.fault) out.fault_status = call.reject_reason;
    }
    if (!call.request.started) {
      out.outcome = Outcome::kResponseOnly;
      --early_answers_;
      ++statistics_.orphan_responses;
    }
    out.auth_service = call.service;
    out.auth_level = call.level;
    if (call.auth) out.identity = &call.auth->exchange->identity();
    out.secondary_address = contexts_.secondary_address();
    out.association = contexts_.association();
    out.connection = number_;
    out.reversed = call.direction == Direction::kBackward;
    handler_(out);
    calls_.remove(call);
  }

  static void fill(CallHalf& out, const PendingCall& call, const PendingHalf& half, Bytes stub) {
    out.present = half.started;
    out.complete = half.started && half.finished && !half.damaged;
    out.sealed = half.sealed;
    out.time = half.time;
    out.drep = half.drep;
    out.stub = stub;
    out.stub_size = half.size;
    out.fragments = half.fragments;
    out.signature = half.signature;
    if (!half.sealed) return;
    if (half.opened) out.stub = {};  // a mixture of clear and sealed fragments is neither
    if (half.seal_reason) {
      out.seal_reason = half.seal_reason;
    } else if (call.auth) {
      out.seal_reason = call.auth->exchange->key_status().text;
    }
  }

  void infer(Call& out) const {
    std::string_view pipe = transport_.pipe;
    if (pipe.empty()) {
      pipe = contexts_.secondary_address();
      // Windows answers with this alias on the pipe of svcctl too.
      if (equal_ignoring_case(pipe, "\\pipe\\ntsvcs")) pipe = {};
    }
    if (!pipe.empty() && out.request.present) {
      bool stub_known = out.request.complete && !out.request.sealed;
      if (auto found = infer_interface(pipe, out.opnum, out.request.stub, stub_known,
                                       out.request.drep.order)) {
        out.interface = found->interface;
        out.inferred = found->how;
        return;
      }
    }
    if (transport_.endpoint) {
      out.interface = *transport_.endpoint;
      out.inferred = "endpoint mapper";
    }
  }

  /// Whether a fragment belongs to a call that was answered early; `last` forgets it.
  bool was_abandoned(Direction direction, std::uint32_t call_id, bool last) {
    for (Abandoned& entry : abandoned_) {
      if (!entry.used || entry.call_id != call_id || entry.direction != direction) continue;
      entry.used = !last;
      return true;
    }
    return false;
  }

  /// Calls answered before their request was sent to its end; late fragments of it open no new
  /// call.
  struct Abandoned {
    Direction direction{};
    std::uint32_t call_id = 0;
    bool used = false;
  };
  static constexpr std::size_t kAbandoned = 8;
  static constexpr std::size_t kMaxEarlyAnswers = 64;

  DceTransport transport_;
  DceLimits limits_;
  CallHandler handler_;
  BindHandler binds_;
  DceStatistics& statistics_;
  std::uint64_t number_;
  PduFramer framers_[2];
  ContextTable contexts_;
  AuthContexts auth_;
  CallTable calls_;
  Abandoned abandoned_[kAbandoned];
  std::size_t abandoned_at_ = 0;
  std::uint32_t losses_[2] = {};  ///< times that PDUs went missing, forwards and backwards
  /// The first PDU: when it was a bind, the connection is known from its beginning.
  enum class Opening : std::uint8_t { kNothing, kBind, kOther } opening_ = Opening::kNothing;
  Direction opener_{};
  std::size_t early_answers_ = 0;  ///< calls waiting whose request did not start
};

}  // namespace

std::unique_ptr<StreamConsumer> make_dce_connection(DceTransport transport, const DceLimits& limits,
                                                    CallHandler calls, DceStatistics& statistics,
                                                    BindHandler binds) {
  return std::make_unique<DceConnection>(std::move(transport), limits, std::move(calls), statistics,
                                         std::move(binds));
}

int looks_like_dce(Bytes start) {
  constexpr std::string_view kHttpBanner = "ncacn_http/1.0";
  std::string_view text = as_text(start);
  if (text.starts_with(kHttpBanner)) return 1;
  if (kHttpBanner.starts_with(text)) return 0;
  if (start.size() >= kPduHeaderSize) return read_pdu_header(start, true) ? 1 : -1;
  return may_open_pdu(start) ? 0 : -1;
}

}  // namespace rpcmarshal
