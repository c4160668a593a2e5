#include "policy/evaluator.h"

#include <algorithm>
#include <cstring>

#include "match/address.h"
#include "match/fold.h"
#include "match/wildcard.h"

namespace rpcmarshal::policy {
namespace {

using namespace format;
using match::Value;
using match::ValueView;

bool is_value(const Value& value) {
  return value.kind != Value::Kind::kNull && value.kind != Value::Kind::kObject;
}

}  // namespace

Evaluator::Evaluator(const Policy& policy)
    : policy_(policy), fields_(policy.field_count()), asked_(policy.count(kPredicates), 0) {
  values_.reserve(64);
  numbers_.reserve(256);
  folded_.reserve(4096);
}

void Evaluator::start(FieldSource& fields) {
  if (++epoch_ > 0x3FFFFFF0) {
    std::fill(asked_.begin(), asked_.end(), 0);
    std::fill(fields_.begin(), fields_.end(), CachedField{});
    epoch_ = 1;
  }
  source_ = &fields;
  values_.clear();
  numbers_.clear();
  folded_.clear();
}

Narrowed Evaluator::narrow(FieldSource& alike) {
  start(alike);
  Narrowed out;
  std::vector<std::uint32_t> tested;
  for (std::uint32_t index = 0; index < policy_.rule_count(); ++index) {
    if (run(index) == Truth::kFalse) continue;
    out.rules.push_back(index);
    const std::size_t at = policy_.rule_at(index);
    const std::size_t code = policy_.section(kCode) + std::size_t{policy_.u32(at + kRuleCode)} * 4;
    for (std::uint32_t i = 0; i < policy_.u32(at + kRuleCode + 4); ++i) {
      const std::uint32_t word = policy_.u32(code + std::size_t{i} * 4);
      if (static_cast<Op>(word >> 24) == Op::kTest) tested.push_back(word & 0xFFFFFF);
    }
  }
  std::ranges::sort(tested);
  tested.erase(std::unique(tested.begin(), tested.end()), tested.end());
  for (const std::uint32_t predicate : tested) {
    const Truth truth = test(predicate);
    if (truth != Truth::kUnknown) out.known.push_back({predicate, truth == Truth::kTrue});
  }
  source_ = nullptr;
  return out;
}

Decision Evaluator::decide(FieldSource& fields, std::int64_t now, const Narrowed* to) {
  start(fields);
  if (to) {
    for (const auto& [predicate, holds] : to->known)
      asked_[predicate] =
          epoch_ << 2 | static_cast<std::uint32_t>(holds ? Truth::kTrue : Truth::kFalse);
  }
  Decision out;
  // The first rules that could not be decided and would lead to the one outcome or the other.
  std::uint32_t may_block = Decision::kNoRule, may_pass = Decision::kNoRule;
  FieldId may_block_field = 0xFFFFFFFF, may_pass_field = 0xFFFFFFFF;
  const std::size_t rules = to ? to->rules.size() : policy_.rule_count();
  std::uint32_t index = 0;
  bool matched = false;
  for (std::size_t i = 0; i < rules; ++i) {
    index = to ? to->rules[i] : static_cast<std::uint32_t>(i);
    const std::size_t at = policy_.rule_at(index);
    const auto expires = policy_.get<std::int64_t>(at + kRuleExpires);
    if (expires != 0 && now >= expires) continue;
    unknown_field_ = 0xFFFFFFFF;
    Truth truth = run(index);
    const auto action = static_cast<Action>(policy_.u8(at + kRuleAction));
    const auto unknown = static_cast<Unknown>(policy_.u8(at + kRuleUnknown));
    const bool learn = policy_.u8(at + kRuleLearn) != 0;
    if (truth == Truth::kUnknown) {
      out.undecided = true;
      if (unknown == Unknown::kMatch) {
        truth = Truth::kTrue;
        if (!learn) {
          out.unknown = true;
          out.unknown_field = unknown_field_;
        }
      } else if (unknown == Unknown::kPolicy && !learn) {
        const bool block = action == Action::kBlock;
        std::uint32_t& first = block ? may_block : may_pass;
        if (first == Decision::kNoRule) {
          first = index;
          (block ? may_block_field : may_pass_field) = unknown_field_;
        }
      }
    }
    if (truth != Truth::kTrue) continue;
    if (learn) {
      if (out.learn_rule == Decision::kNoRule) out.learn_rule = index;
      continue;
    }
    matched = true;
    break;
  }

  out.fault_status = policy_.fault_status();
  if (matched) {
    const std::size_t at = policy_.rule_at(index);
    out.rule = index;
    out.verdict = static_cast<Action>(policy_.u8(at + kRuleAction));
    out.fault_status = policy_.u32(at + kRuleFault);
  } else {
    out.verdict = policy_.default_action();
  }
  const bool block = out.verdict == Action::kBlock;
  const std::uint32_t against = block ? may_pass : may_block;
  if (against != Decision::kNoRule) {
    // An undecided rule before this one would have led elsewhere.
    out.unknown = true;
    out.rule = against;
    out.unknown_field = block ? may_pass_field : may_block_field;
    out.verdict = policy_.unknown_action();
    out.fault_status =
        block ? out.fault_status : policy_.u32(policy_.rule_at(against) + kRuleFault);
  }
  out.action = out.verdict;
  if (policy_.learn() && out.action == Action::kBlock) out.action = Action::kAudit;
  if (out.learn_rule != Decision::kNoRule && out.action == Action::kAllow)
    out.action = Action::kAudit;
  source_ = nullptr;
  return out;
}

const Evaluator::CachedField& Evaluator::field(FieldId id) {
  CachedField& cached = fields_[id];
  if (cached.epoch == epoch_) return cached;
  const FieldValues found = source_->lookup(id);
  cached.epoch = epoch_;
  cached.unknown = found.unknown;
  cached.first = static_cast<std::uint32_t>(values_.size());
  cached.count = 0;
  for (const Value& value : found.values) {
    if (cached.count == kMaxValues ||
        (value.kind == Value::Kind::kText && value.text.size() > kMaxTextSize)) {
      cached.unknown = true;
      continue;
    }
    values_.emplace_back().value = &value;
    ++cached.count;
  }
  return cached;
}

ValueView Evaluator::view(std::uint32_t index, bool fold) {
  CachedValue& cached = values_[index];
  const Value& value = *cached.value;
  if (!cached.written) {
    cached.written = true;
    if (value.kind != Value::Kind::kText) {
      cached.number_at = numbers_.size();
      match::append_text(numbers_, value);
      cached.number_size = numbers_.size() - cached.number_at;
    } else {
      cached.nul = value.text.find('\0');
    }
  }
  const std::string_view text =
      value.kind == Value::Kind::kText
          ? value.text
          : std::string_view(numbers_).substr(cached.number_at, cached.number_size);
  if (fold && !cached.folded) {
    cached.folded = true;
    cached.folded_at = folded_.size();
    match::append_folded(folded_, text);
    cached.folded_size = folded_.size() - cached.folded_at;
  }
  return {&value, text,
          fold ? std::string_view(folded_).substr(cached.folded_at, cached.folded_size)
               : std::string_view()};
}

Evaluator::Truth Evaluator::run(std::uint32_t rule) {
  Truth stack[kMaxStack];
  std::uint32_t depth = 0;
  const std::size_t at = policy_.rule_at(rule);
  const std::uint32_t size = policy_.u32(at + kRuleCode + 4);
  const std::size_t code = policy_.section(kCode) + std::size_t{policy_.u32(at + kRuleCode)} * 4;
  for (std::uint32_t i = 0; i < size;) {
    const std::uint32_t word = policy_.u32(code + std::size_t{i} * 4);
    const std::uint32_t argument = word & 0xFFFFFF;
    ++i;
    switch (static_cast<Op>(word >> 24)) {
      case Op::kTrue:
        stack[depth++] = Truth::kTrue;
        break;
      case Op::kTest:
        stack[depth++] = test(argument);
        break;
      case Op::kNot:
        if (stack[depth - 1] != Truth::kUnknown)
          stack[depth - 1] = stack[depth - 1] == Truth::kTrue ? Truth::kFalse : Truth::kTrue;
        break;
      case Op::kAnd:
        --depth;
        stack[depth - 1] = std::min(stack[depth - 1], stack[depth]);
        break;
      case Op::kOr:
        --depth;
        stack[depth - 1] = std::max(stack[depth - 1], stack[depth]);
        break;
      case Op::kJumpIfFalse:
        if (stack[depth - 1] == Truth::kFalse) i = argument;
        break;
      case Op::kJumpIfTrue:
        if (stack[depth - 1] == Truth::kTrue) i = argument;
        break;
      case Op::kCount:
        break;
    }
  }
  return stack[0];
}

Evaluator::Truth Evaluator::test(std::uint32_t predicate) {
  const std::size_t at = policy_.predicate_at(predicate);
  std::uint32_t& asked = asked_[predicate];
  if (asked >> 2 != epoch_) asked = epoch_ << 2 | static_cast<std::uint32_t>(compute(at));
  const auto truth = static_cast<Truth>(asked & 3);
  if (truth == Truth::kUnknown && unknown_field_ == 0xFFFFFFFF)
    unknown_field_ = policy_.u32(at + kPredicateField);
  return truth;
}

Evaluator::Truth Evaluator::compute(std::size_t at) {
  const auto kind = static_cast<PredicateKind>(policy_.u8(at + kPredicateKind));
  if (kind == PredicateKind::kFieldRef) return refers(at);
  if (kind == PredicateKind::kEvery) return every(at);
  const CachedField cached = field(policy_.u32(at + kPredicateField));
  const std::uint32_t end = cached.first + cached.count;
  if (kind == PredicateKind::kNull || kind == PredicateKind::kExists) {
    bool exists = false;
    for (std::uint32_t v = cached.first; v < end && !exists; ++v)
      exists = values_[v].value->kind != Value::Kind::kNull;
    if (!exists && cached.unknown) return Truth::kUnknown;
    return exists == (kind == PredicateKind::kExists) ? Truth::kTrue : Truth::kFalse;
  }
  bool unknown = cached.unknown;
  for (std::uint32_t v = cached.first; v < end; ++v) {
    if (!is_value(*values_[v].value)) continue;
    const Truth met = meets(at, v);
    if (met == Truth::kTrue) return met;
    unknown |= met == Truth::kUnknown;
  }
  return unknown ? Truth::kUnknown : Truth::kFalse;
}

/// Whether a value meets a predicate that looks at one value.
Evaluator::Truth Evaluator::meets(std::size_t at, std::uint32_t value) {
  if (folded_.size() > kMaxFolded) return Truth::kUnknown;
  const ValueView whole = view(value, (policy_.u8(at + kPredicateFlags) & kCased) == 0);
  const bool match = holds(at, whole);
  if (const std::size_t nul = values_[value].nul; nul != std::string_view::npos) {
    // Some servers read a text up to its first NUL, some by its length: what is true of one
    // reading only is not known.
    const ValueView until{whole.value, whole.text.substr(0, nul),
                          whole.folded.substr(0, whole.folded.find('\0'))};
    if (holds(at, until) != match) return Truth::kUnknown;
  }
  return match ? Truth::kTrue : Truth::kFalse;
}

Evaluator::Truth Evaluator::every(std::size_t at) {
  const CachedField cached = field(policy_.u32(at + kPredicateField));
  const std::uint32_t from = policy_.u32(at + kPredicateOther);
  const std::uint32_t to = from + policy_.u32(at + kPredicatePrefix);
  bool any = false, unknown = cached.unknown;
  for (std::uint32_t v = cached.first; v < cached.first + cached.count; ++v) {
    if (!is_value(*values_[v].value)) continue;
    any = true;
    Truth met = Truth::kFalse;
    for (std::uint32_t i = from; i < to && met != Truth::kTrue; ++i)
      met = std::max(met, meets(policy_.predicate_at(i), v));
    if (met == Truth::kFalse) return met;
    unknown |= met == Truth::kUnknown;
  }
  return unknown ? Truth::kUnknown : any ? Truth::kTrue : Truth::kFalse;
}

Evaluator::Truth Evaluator::refers(std::size_t at) {
  const CachedField a = field(policy_.u32(at + kPredicateField));
  const CachedField b = field(policy_.u32(at + kPredicateOther));
  const std::uint8_t flags = policy_.u8(at + kPredicateFlags);
  const bool fold = (flags & kCased) == 0;
  bool unknown = a.unknown || b.unknown;
  // Both fields may have thousands of values: so many pairs are compared and no more.
  std::uint32_t left = 65536;
  for (std::uint32_t i = a.first; i < a.first + a.count; ++i) {
    if (!is_value(*values_[i].value)) continue;
    for (std::uint32_t j = b.first; j < b.first + b.count; ++j) {
      if (!is_value(*values_[j].value)) continue;
      if (left-- == 0 || folded_.size() > kMaxFolded) return Truth::kUnknown;
      // view() may move the texts: all are made before any is looked at.
      view(i, fold);
      view(j, fold);
      const ValueView x = view(i, fold), y = view(j, fold);
      if (values_[i].nul != std::string_view::npos || values_[j].nul != std::string_view::npos) {
        unknown = true;
        continue;
      }
      const std::string_view s = fold ? x.folded : x.text, t = fold ? y.folded : y.text;
      const bool start = (flags & kAtStart) != 0, end = (flags & kAtEnd) != 0;
      const bool agrees = start && end ? s.find(t) != std::string_view::npos
                          : start      ? s.starts_with(t)
                          : end        ? s.ends_with(t)
                                       : s == t;
      if (agrees) return Truth::kTrue;
    }
  }
  return unknown ? Truth::kUnknown : Truth::kFalse;
}

bool Evaluator::holds(std::size_t at, const ValueView& v) {
  const bool cased = (policy_.u8(at + kPredicateFlags) & kCased) != 0;
  const std::string_view text = cased ? v.text : v.folded;
  const auto number = [&] {
    double out = 0;
    std::memcpy(&out, policy_.block_.data() + at + kPredicateNumber, sizeof out);
    return out;
  };
  const auto part = static_cast<match::TimePart>(policy_.u8(at + kPredicatePart));
  const std::size_t first = policy_.section(kParts) + policy_.u32(at + kPredicateParts) * kPartSize;
  const auto piece = [&](std::size_t i) {
    const std::size_t p = first + i * kPartSize;
    struct Part {
      match::PartKind kind;
      std::string_view text;
    };
    return Part{static_cast<match::PartKind>(policy_.u32(p)), policy_.string(p + 4)};
  };
  double value = 0;
  switch (static_cast<PredicateKind>(policy_.u8(at + kPredicateKind))) {
    case PredicateKind::kEquals:
      return text == policy_.string(at + kPredicateText);
    case PredicateKind::kStartsWith:
      return text.starts_with(policy_.string(at + kPredicateText));
    case PredicateKind::kEndsWith:
      return text.ends_with(policy_.string(at + kPredicateText));
    case PredicateKind::kContains:
      return text.find(policy_.string(at + kPredicateText)) != std::string_view::npos;
    case PredicateKind::kPresent:
      return true;
    case PredicateKind::kWildcard: {
      struct View {
        const decltype(piece)& get;
        std::size_t count;
        std::size_t size() const { return count; }
        auto operator[](std::size_t i) const { return get(i); }
      };
      return match::wildcard_match(View{piece, policy_.u32(at + kPredicateParts + 4)}, text);
    }
    case PredicateKind::kInSet: {
      std::size_t low = 0, high = policy_.u32(at + kPredicateParts + 4);
      while (low < high) {
        const std::size_t middle = (low + high) / 2;
        const int order = piece(middle).text.compare(text);
        if (order == 0) return true;
        (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
      }
      return false;
    }
    case PredicateKind::kReal:
      return match::number_of(v, value) && value == number();
    case PredicateKind::kCompare:
      return (part == match::TimePart::kNone ? match::number_of(v, value)
                                             : match::time_part(part, v, value)) &&
             match::compare(static_cast<match::CompareOp>(policy_.u8(at + kPredicateOp)), value,
                            number());
    case PredicateKind::kTimePart:
      return match::time_part(part, v, value) && value == number();
    case PredicateKind::kCidr: {
      std::uint8_t network[16];
      std::memcpy(network, policy_.block_.data() + at + kPredicateNetwork, sizeof network);
      return match::in_network(v.text, {network, policy_.u32(at + kPredicateNetworkSize)},
                               policy_.u32(at + kPredicatePrefix));
    }
    case PredicateKind::kNull:
    case PredicateKind::kExists:
    case PredicateKind::kFieldRef:
    case PredicateKind::kEvery:
    case PredicateKind::kCount:
      break;
  }
  return false;
}

}  // namespace rpcmarshal::policy
