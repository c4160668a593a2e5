#include "dcerpc/contexts.h"

namespace rpcmarshal {
namespace {

/// Binds that wait for an answer at once; a real client has one.
constexpr std::size_t kMaxPending = 16;

}  // namespace

void ContextTable::offer(Direction direction, const PduHeader& header, Timestamp time,
                         const BindBody& body, DceStatistics& statistics,
                         const BindHandler& binds) {
  if (pending_.size() == kMaxPending) {
    ++statistics.limits;
    report(pending_.front(), Bind::Answer::kNone, 0, {}, binds);
    pending_.erase(pending_.begin());
  }
  if (body.association != 0) association_ = body.association;
  for (const ContextOffer& offer : body.offers) {
    if (offer.features_only) continue;
    // An accepted context keeps its meaning until the server accepts another one for its id.
    PresentationContext& context = contexts_[offer.id];
    if (context.state == PresentationContext::State::kAccepted) continue;
    context.state = PresentationContext::State::kOffered;
    context.interface = offer.interface;
    context.transfer = offer.transfer_count == 1 ? offer.transfer : SyntaxId{};
  }
  pending_.push_back(
      {header.call_id, direction, header.type == PduType::kAlterContext, time, body.offers});
}

bool ContextTable::take(Direction direction, std::uint32_t call_id, Pending& out) {
  for (std::size_t i = pending_.size(); i-- > 0;) {
    if (pending_[i].call_id != call_id || pending_[i].direction != direction) continue;
    out = std::move(pending_[i]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }
  return false;
}

void ContextTable::settle(const ContextOffer& offer, bool accepted, const SyntaxId& transfer,
                          std::uint32_t reason) {
  PresentationContext& context = contexts_[offer.id];
  if (!accepted && context.state == PresentationContext::State::kAccepted) return;
  context.state =
      accepted ? PresentationContext::State::kAccepted : PresentationContext::State::kRejected;
  context.interface = offer.interface;
  context.transfer = accepted ? transfer : SyntaxId{};
  context.reason = reason;
}

void ContextTable::answer(Direction direction, const PduHeader& header, const BindAckBody& body,
                          const BindHandler& binds) {
  if (body.association != 0) association_ = body.association;
  if (!body.secondary_address.empty()) secondary_address_ = as_text(body.secondary_address);
  Pending pending;
  if (!take(reverse(direction), header.call_id, pending)) {
    // The bind was not captured. Results come in the order of the offers, and clients number these
    // from 0: good enough for the transfer syntax, which nothing else would tell.
    for (std::size_t i = 0; i < body.answers.size(); ++i) {
      if (body.answers[i].result != ContextResult::kAccepted) continue;
      auto [entry, fresh] = contexts_.try_emplace(static_cast<std::uint16_t>(i));
      if (fresh) entry->second.transfer = body.answers[i].transfer;
    }
    return;
  }
  for (std::size_t i = 0; i < pending.offers.size() && i < body.answers.size(); ++i) {
    const ContextAnswer& result = body.answers[i];
    // A context offered only to negotiate features shares its id with none that is used.
    if (pending.offers[i].features_only || result.result == ContextResult::kNegotiateAck) continue;
    settle(pending.offers[i], result.result == ContextResult::kAccepted, result.transfer,
           result.reason);
  }
  report(pending, Bind::Answer::kAck, 0, body.answers, binds);
}

bool ContextTable::refuse(Direction direction, const PduHeader& header, Bind::Answer how,
                          std::uint32_t reason, const BindHandler& binds) {
  Pending pending;
  if (!take(reverse(direction), header.call_id, pending)) return false;
  for (const ContextOffer& offer : pending.offers) {
    if (!offer.features_only) settle(offer, false, {}, reason);
  }
  report(pending, how, reason, {}, binds);
  return true;
}

void ContextTable::end(const BindHandler& binds) {
  for (const Pending& pending : pending_) report(pending, Bind::Answer::kNone, 0, {}, binds);
  pending_.clear();
}

void ContextTable::report(const Pending& pending, Bind::Answer answer, std::uint32_t reason,
                          const std::vector<ContextAnswer>& answers,
                          const BindHandler& binds) const {
  if (!binds) return;
  std::vector<Bind::Context> contexts;
  contexts.reserve(pending.offers.size());
  for (std::size_t i = 0; i < pending.offers.size(); ++i) {
    const ContextOffer& offer = pending.offers[i];
    Bind::Context& context = contexts.emplace_back();
    context.id = offer.id;
    context.interface = offer.interface;
    context.transfer_syntax = offer.transfer;
    if (i >= answers.size()) continue;
    context.result = static_cast<std::uint16_t>(answers[i].result);
    context.reason = answers[i].reason;
    if (answers[i].result == ContextResult::kAccepted)
      context.transfer_syntax = answers[i].transfer;
  }
  Bind bind;
  bind.answer = answer;
  bind.alter = pending.alter;
  bind.reversed = pending.direction == Direction::kBackward;
  bind.time = pending.time;
  bind.call_id = pending.call_id;
  bind.refusal = reason;
  bind.contexts = contexts;
  bind.secondary_address = secondary_address_;
  bind.association = association_;
  bind.connection = connection_;
  binds(bind);
}

const PresentationContext* ContextTable::find(std::uint16_t id) const {
  auto entry = contexts_.find(id);
  return entry == contexts_.end() ? nullptr : &entry->second;
}

std::size_t ContextTable::memory() const {
  constexpr std::size_t kNode = sizeof(PresentationContext) + 4 * sizeof(void*);
  std::size_t out = contexts_.size() * kNode + secondary_address_.capacity();
  for (const Pending& pending : pending_) out += pending.offers.capacity() * sizeof(ContextOffer);
  return out;
}

}  // namespace rpcmarshal
