#include "sigma/partial.h"

#include <algorithm>

#include "match/fold.h"

namespace rpcmarshal::sigma {

PartialEvent::PartialEvent(const Program& program, const KnownValues& known)
    : program_(program),
      known_(known),
      ops_(program.ops.size(), Truth::kNotAsked),
      predicates_(program.predicates.size(), Truth::kNotAsked),
      fields_(program.fields.size()) {}

// As deep as the parser lets conditions and lists nest.
PartialEvent::Truth PartialEvent::truth(std::uint32_t op) {
  if (ops_[op] != Truth::kNotAsked) return ops_[op];
  const Program::Op& o = program_.ops[op];
  Truth out = Truth::kMaybe;
  switch (o.kind) {
    case Program::Op::Kind::kPredicate:
      out = predicate(o.first);
      break;
    case Program::Op::Kind::kNot: {
      const Truth inner = truth(program_.children[o.first]);
      out = inner == Truth::kTrue    ? Truth::kFalse
            : inner == Truth::kFalse ? Truth::kTrue
                                     : Truth::kMaybe;
      break;
    }
    case Program::Op::Kind::kTrue:
      return Truth::kTrue;
    case Program::Op::Kind::kAnd:
    case Program::Op::Kind::kOr: {
      const bool all = o.kind == Program::Op::Kind::kAnd;
      out = all ? Truth::kTrue : Truth::kFalse;
      for (std::uint32_t i = 0; i < o.count; ++i) {
        const Truth part = truth(program_.children[o.first + i]);
        out = all ? std::min(out, part) : std::max(out, part);
        if (out == (all ? Truth::kFalse : Truth::kTrue)) break;
      }
      break;
    }
  }
  return ops_[op] = out;
}

const PartialEvent::Field& PartialEvent::field(FieldId id) {
  Field& f = fields_[id];
  if (f.asked) return f;
  f.asked = true;
  f.known = known_(id, f.values);
  for (const EventValue& value : f.values) {
    std::string& text = f.texts.emplace_back();
    if (value.kind == EventValue::Kind::kText) {
      text = value.text;
    } else {
      append_text(text, value);
    }
    f.folded.push_back(match::folded(text));
  }
  return f;
}

PartialEvent::Truth PartialEvent::predicate(PredicateId id) {
  if (predicates_[id] != Truth::kNotAsked) return predicates_[id];
  const Predicate& p = program_.predicates[id];
  Truth out = Truth::kMaybe;
  if (p.field != kAnyValue && field(p.field).known) {
    const Field& f = fields_[p.field];
    const auto is_value = [&](std::size_t i) {
      return f.values[i].kind != EventValue::Kind::kNull &&
             f.values[i].kind != EventValue::Kind::kObject;
    };
    bool any = false, exists = false, present = false;
    for (std::size_t i = 0; i < f.values.size(); ++i) {
      exists = exists || f.values[i].kind != EventValue::Kind::kNull;
      present = present || is_value(i);
    }
    switch (p.kind) {
      case Predicate::Kind::kNull:
        any = !exists;
        break;
      case Predicate::Kind::kExists:
        any = exists;
        break;
      case Predicate::Kind::kPresent:
        any = present;
        break;
      case Predicate::Kind::kFieldRef:
        // The other field decides, unless there is nothing to compare it with.
        if (!present) return predicates_[id] = Truth::kFalse;
        return predicates_[id] = Truth::kMaybe;
      default:
        for (std::size_t i = 0; i < f.values.size() && !any; ++i)
          any = is_value(i) && holds(p, {&f.values[i], f.texts[i], f.folded[i]});
    }
    out = any ? Truth::kTrue : Truth::kFalse;
  }
  return predicates_[id] = out;
}

std::pair<bool, std::string_view> PartialEvent::matched(PredicateId id) {
  const Predicate& p = program_.predicates[id];
  const Field& f = field(p.field);
  const bool by_name_only =
      p.kind == Predicate::Kind::kPresent || p.kind == Predicate::Kind::kExists;
  if (p.kind == Predicate::Kind::kNull) return {};
  for (std::size_t i = 0; i < f.values.size(); ++i) {
    const EventValue::Kind kind = f.values[i].kind;
    if (kind == EventValue::Kind::kNull || kind == EventValue::Kind::kObject) continue;
    if (by_name_only || holds(p, {&f.values[i], f.texts[i], f.folded[i]}))
      return {true, f.texts[i]};
  }
  return {};
}

}  // namespace rpcmarshal::sigma
