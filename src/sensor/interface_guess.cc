#include "sensor/interface_guess.h"

#include <algorithm>

namespace rpcmarshal {
namespace {

constexpr SyntaxId kNdr20{kNdr20Syntax, 2, 0};
constexpr SyntaxId kNdr64{kNdr64Syntax, 1, 0};

/// The management interface answers at every endpoint, with opnums 0 to 4 ([C706] appendix Q).
constexpr Guid kManagement{
    0xafa8bd80, 0x7d8a, 0x11c9, {0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89}};
constexpr std::uint16_t kManagementOpnums = 5;

/// Up to so many bytes after the last value are ordinary padding.
constexpr std::size_t kPadding = 15;

const SyntaxId& syntax_id(ndr::Syntax syntax) {
  return syntax == ndr::Syntax::kNdr64 ? kNdr64 : kNdr20;
}

bool readable_half(const CallHalf& half) { return half.present && half.complete && !half.sealed; }

/// Text as people and programs write it: no control characters, no broken UTF-16.
bool plausible_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
    // A lone surrogate, in the generalised UTF-8 that Value writes.
    if (c == 0xed && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0xa0)
      return false;
  }
  return true;
}

}  // namespace

void InterfaceGuess::infer(Call& call, const CallContext& where) {
  if (call.interface && !call.inferred.empty() && by_pipe(call)) return;
  Context& context = context_of(call);
  if (context.decided) {
    if (call.request.present && readable_half(call.request)) {
      const Interface* known = catalogue_.find(context.decided->uuid, context.decided->major);
      if (call.transfer_syntax.uuid.is_nil()) call.transfer_syntax = context.transfer;
      if (known) {
        const auto transfer = readable(*known, call);
        if (!transfer) return;
        call.transfer_syntax = context.transfer = *transfer;
      }
    }
    call.interface = context.decided;
    call.inferred = context.how;
    if (call.transfer_syntax.uuid.is_nil()) call.transfer_syntax = context.transfer;
    return;
  }
  if (!call.request.present) return;
  if (by_endpoint(call, where, context)) return;
  by_evidence(call, where, context);
}

/// What the pipe's name says stands unless the arguments contradict it.
bool InterfaceGuess::by_pipe(Call& call) {
  const Interface* known = catalogue_.find(call.interface->uuid, call.interface->major);
  if (!known || !call.request.present) return true;
  if (call.opnum >= known->procedures.size() && !known->procedures.empty()) {
    call.interface.reset();
    call.inferred.clear();
    return false;
  }
  if (!readable_half(call.request) || call.request.stub.size() > kMaxStub) return true;
  if (const auto transfer = readable(*known, call)) {
    call.transfer_syntax = *transfer;
    return true;
  }
  call.interface.reset();
  call.inferred.clear();
  return false;
}

/// The transfer syntax in which the request reads; nil when it reads in both, nullopt when in none.
std::optional<SyntaxId> InterfaceGuess::readable(const Interface& interface, const Call& call) {
  std::optional<SyntaxId> out;
  for (const ndr::Syntax syntax : {ndr::Syntax::kNdr20, ndr::Syntax::kNdr64}) {
    if (!call.transfer_syntax.uuid.is_nil() && call.transfer_syntax.uuid != syntax_id(syntax).uuid)
      continue;
    if (!fit(interface, call, syntax, Care::kContradiction).fits) continue;
    out = out ? SyntaxId{} : syntax_id(syntax);
  }
  return out;
}

/// One interface only that the endpoint is known for, and this call does not contradict it.
bool InterfaceGuess::by_endpoint(Call& call, const CallContext& where, Context& context) {
  const Endpoint& server = call.reversed ? where.client : where.server;
  const auto& served = endpoints_.find(server, where.pipe);
  if (std::ranges::none_of(served, &EndpointMemory::Served::mapped)) return false;
  const bool known_stub = readable_half(call.request) && call.request.stub.size() <= kMaxStub;
  if (known_stub && !may_try(call, context)) return false;
  // Nothing in a sealed or cut request could tell the management interface from the one sought.
  if (!known_stub && call.opnum < kManagementOpnums) return false;
  const EndpointMemory::Served* only = nullptr;
  SyntaxId transfer;
  for (const EndpointMemory::Served& candidate : served) {
    if (candidate.interface.uuid == kManagement && call.opnum >= kManagementOpnums) continue;
    const Interface* known = catalogue_.find(candidate.interface.uuid, candidate.interface.major);
    if (known && !known->procedures.empty() && call.opnum >= known->procedures.size()) continue;
    std::optional<SyntaxId> reads = SyntaxId{};
    if (known && known_stub) reads = readable(*known, call);
    if (!reads) continue;
    if (only) return false;  // two fit
    only = &candidate;
    transfer = *reads;
  }
  if (!only || !only->mapped) return false;
  // The endpoint mapper need not list the management interface: it may be this one all the same.
  if (call.opnum < kManagementOpnums && only->interface.uuid != kManagement) {
    const Interface* management = catalogue_.find(kManagement, 1);
    if (!management || readable(*management, call)) return false;
  }
  const auto mapped = std::ranges::count_if(
      served, [](const EndpointMemory::Served& s) { return s.interface.uuid != kManagement; });
  decide(call, context, only->interface, transfer,
         mapped > 1 ? "endpoint mapper and stub" : "endpoint mapper");
  return true;
}

/// All that is in the catalogue against the arguments of this and earlier calls of the context.
bool InterfaceGuess::by_evidence(Call& call, const CallContext& where, Context& context) {
  if (call.outcome != Outcome::kReturned || !readable_half(call.request) ||
      !readable_half(call.response) || call.request.stub.size() > kMaxStub ||
      call.response.stub.size() > kMaxStub || !may_try(call, context)) {
    return false;
  }
  const bool fresh = std::ranges::find(context.opnums, call.opnum) == context.opnums.end();
  if (fresh) context.opnums.push_back(call.opnum);
  if (!context.started) {
    context.started = true;
    if (all_.empty()) all_ = catalogue_.all();
    for (const Interface* interface : all_) {
      if (interface->object != call.object.has_value()) continue;
      for (const ndr::Syntax syntax : {ndr::Syntax::kNdr20, ndr::Syntax::kNdr64}) {
        if (call.transfer_syntax.uuid.is_nil() ||
            call.transfer_syntax.uuid == syntax_id(syntax).uuid) {
          context.fitting.push_back({interface, syntax, 0});
        }
      }
    }
  }
  std::erase_if(context.fitting, [&](Candidate& candidate) {
    const Fit result = fit(*candidate.interface, call, candidate.syntax, Care::kEvidence);
    if (result.fits && fresh) candidate.weight += result.weight;
    return !result.fits;
  });
  const auto& fitting = context.fitting;
  // An interface with a second UUID does not tell which of the two was bound.
  if (fitting.size() == 1 && fitting[0].weight >= kEnough &&
      !fitting[0].interface->annotations.find("alias_uuid")) {
    decide(call, context, fitting[0].interface->id, syntax_id(fitting[0].syntax), "opnum and stub");
    return true;
  }
  // Fewer words are needed for what other connections to this endpoint were bound to.
  const auto& served = endpoints_.find(call.reversed ? where.client : where.server, where.pipe);
  const Candidate* only = nullptr;
  for (const Candidate& candidate : fitting) {
    const bool here = std::ranges::any_of(served, [&](const EndpointMemory::Served& s) {
      return s.interface.uuid == candidate.interface->id.uuid &&
             s.interface.major == candidate.interface->id.major;
    });
    if (!here) continue;
    if (only) return false;
    only = &candidate;
  }
  if (!only || only->weight < kEnoughAtEndpoint) return false;
  decide(call, context, only->interface->id, syntax_id(only->syntax), "endpoint and stub");
  return true;
}

void InterfaceGuess::decide(Call& call, Context& context, const SyntaxId& interface,
                            const SyntaxId& transfer, const char* how) {
  context.decided = interface;
  context.transfer = call.transfer_syntax.uuid.is_nil() ? transfer : call.transfer_syntax;
  context.how = how;
  context.fitting = {};
  context.opnums = {};
  call.interface = interface;
  call.transfer_syntax = context.transfer;
  call.inferred = how;
}

InterfaceGuess::Fit InterfaceGuess::fit(const Interface& interface, const Call& call,
                                        ndr::Syntax syntax, Care care) {
  Fit out;
  const ndr::Program* program = codec_.program(interface, call.opnum, ndr::Half::kRequest, syntax);
  if (!program) {
    // Without a definition of this operation nothing contradicts, and nothing speaks for it.
    out.fits = care == Care::kContradiction && interface.find(call.opnum);
    return out;
  }
  const auto read = [&](const CallHalf& half, const ndr::Program& half_program,
                        const ndr::Tape* request, ndr::Tape& tape) {
    const ndr::DecodeInput input{.stub = half.stub,
                                 .order = half.drep.order,
                                 .ebcdic = half.drep.ebcdic,
                                 .float_format = static_cast<std::uint8_t>(half.drep.floating),
                                 .request = request};
    const ndr::DecodeResult result = ndr::decode(half_program, input, tape);
    if (!result.complete()) return false;
    if (care == Care::kContradiction) return result.trailing <= kPadding;
    if (result.trailing != 0 || result.mismatches != 0) return false;
    weigh(tape.root(), out);
    return out.fits;
  };
  out.fits = true;
  if (!read(call.request, *program, nullptr, request_)) return {};
  if (care == Care::kContradiction) return out;
  program = codec_.program(interface, call.opnum, ndr::Half::kResponse, syntax);
  if (!program || !read(call.response, *program, &request_, response_)) return {};
  // An answer of a status alone fits almost any operation.
  if (call.response.stub.size() > 8) out.weight += 1;
  return out;
}

/// Adds what could have contradicted and did not; clears `fits` where it did.
void InterfaceGuess::weigh(const ndr::Value& root, Fit& fit) {
  constexpr int kMost = 12;  // one long list does not outweigh everything
  int weight = 0;
  walker_.start(root);
  while (walker_.next()) {
    if (walker_.event() != ndr::Walker::Event::kLeaf) continue;
    const ndr::Value& value = walker_.value();
    switch (value.kind()) {
      case ndr::ValueKind::kText:
        text_.clear();
        value.append_text(text_);
        if (!plausible_text(text_)) {
          fit.fits = false;
          return;
        }
        if (text_.size() >= 3) weight += 2;
        break;
      case ndr::ValueKind::kSid:
        weight += 2;
        break;
      case ndr::ValueKind::kHandle:
        // A context handle's attributes are zero ([C706] 14.3.12.1).
        if (std::ranges::any_of(value.bytes().first(std::min<std::size_t>(4, value.bytes().size())),
                                [](std::byte b) { return b != std::byte{0}; })) {
          fit.fits = false;
          return;
        }
        break;
      case ndr::ValueKind::kInt:
      case ndr::ValueKind::kUInt: {
        const ndr::Display& display = value.display();
        if (!display.values || display.flags) break;
        const std::int64_t number = value.as_int();
        const bool named = std::ranges::any_of(
            display.values->values, [&](const EnumValue& v) { return v.value == number; });
        weight += named ? 1 : -2;
        break;
      }
      default:
        break;
    }
  }
  fit.weight += std::min(weight, kMost);
}

bool InterfaceGuess::may_try(const Call& call, Context& context) {
  if (context.tries >= kMaxTries) return false;
  const Timestamp second = call.request.time / 1'000'000'000;
  if (second != second_) {
    second_ = second;
    tries_ = 0;
  }
  if (tries_ >= kTriesPerSecond) {
    ++skipped_;
    return false;
  }
  ++tries_;
  ++context.tries;
  return true;
}

InterfaceGuess::Context& InterfaceGuess::context_of(const Call& call) {
  const std::uint64_t key = call.connection << 16 | call.context_id;
  const auto found = index_.find(key);
  if (found != index_.end()) {
    contexts_.splice(contexts_.end(), contexts_, found->second);
    return contexts_.back();
  }
  if (contexts_.size() >= kMaxContexts) {
    index_.erase(contexts_.front().key);
    contexts_.pop_front();
  }
  Context& made = contexts_.emplace_back();
  made.key = key;
  index_[key] = std::prev(contexts_.end());
  return made;
}

}  // namespace rpcmarshal
