#include "sigma/partial.h"

#include <algorithm>
#include <tuple>

#include "match/fold.h"

namespace rpcmarshal::sigma {

namespace {

bool is_value(const EventValue& value) {
  return value.kind != EventValue::Kind::kNull && value.kind != EventValue::Kind::kObject;
}

bool is_alternative(const Predicate& p) {
  return p.kind == Predicate::Kind::kEquals && !p.cased && p.field != kAnyValue;
}

}  // namespace

Alternatives::Alternatives(const Program& program) : program_(program), lists_(program.ops.size()) {
  using Op = Program::Op;
  for (std::uint32_t at = 0; at < program.ops.size(); ++at) {
    const Op& op = program.ops[at];
    if (op.kind != Op::Kind::kOr || op.count == 0) continue;
    List list;
    list.equals = true;
    list.first = static_cast<std::uint32_t>(ids_.size());
    list.count = op.count;
    bool one_field = true;
    for (std::uint32_t i = 0; i < op.count && one_field; ++i) {
      const Op& child = program.ops[program.children[op.first + i]];
      one_field = child.kind == Op::Kind::kPredicate;
      if (!one_field) break;
      const Predicate& p = program.predicates[child.first];
      if (i == 0) list.field = p.field;
      one_field =
          p.field == list.field && p.field != kAnyValue && p.kind != Predicate::Kind::kFieldRef;
      list.absent = list.absent || p.kind == Predicate::Kind::kNull;
      list.equals = list.equals && is_alternative(p);
      ids_.push_back(child.first);
    }
    if (!one_field || !list.equals) ids_.resize(list.first);
    if (!one_field) continue;
    std::sort(ids_.begin() + list.first, ids_.end());
    lists_[at] = list;
  }
  for (PredicateId id = 0; id < program.predicates.size(); ++id) {
    if (is_alternative(program.predicates[id])) by_text_.push_back(id);
  }
  std::sort(by_text_.begin(), by_text_.end(), [&](PredicateId a, PredicateId b) {
    const Predicate &x = program.predicates[a], &y = program.predicates[b];
    return std::tie(x.field, x.text) < std::tie(y.field, y.text);
  });
}

bool Alternatives::contains(const List& list, PredicateId predicate) const {
  const auto first = ids_.begin() + list.first;
  return std::binary_search(first, first + list.count, predicate);
}

PredicateId Alternatives::find(FieldId field, std::string_view folded) const {
  const std::pair<FieldId, std::string_view> wanted{field, folded};
  const auto key = [&](PredicateId id) {
    const Predicate& p = program_.predicates[id];
    return std::pair<FieldId, std::string_view>{p.field, p.text};
  };
  const auto found = std::lower_bound(by_text_.begin(), by_text_.end(), wanted,
                                      [&](PredicateId id, const auto& of) { return key(id) < of; });
  return found != by_text_.end() && key(*found) == wanted ? *found : Predicates::kNone;
}

PartialEvent::PartialEvent(const Program& program, const Alternatives& alternatives,
                           const KnownValues& known)
    : program_(program),
      alternatives_(alternatives),
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
      if (const auto& list = alternatives_.list(op); list.field != kNoField) {
        const Field& f = field(list.field);
        if (!f.known) break;
        const bool none = f.values.empty() && !list.absent;
        if (none || list.equals) {
          const bool holds_one = !none && std::ranges::any_of(f.equal, [&](PredicateId id) {
            return alternatives_.contains(list, id);
          });
          out = holds_one ? Truth::kTrue : Truth::kFalse;
          break;
        }
      }
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
    if (!is_value(value)) continue;
    const PredicateId equal = alternatives_.find(id, f.folded.back());
    if (equal != Predicates::kNone) f.equal.push_back(equal);
  }
  return f;
}

PartialEvent::Truth PartialEvent::predicate(PredicateId id) {
  if (predicates_[id] != Truth::kNotAsked) return predicates_[id];
  const Predicate& p = program_.predicates[id];
  Truth out = Truth::kMaybe;
  if (p.field != kAnyValue && field(p.field).known) {
    const Field& f = fields_[p.field];
    bool any = false, exists = false, present = false;
    for (std::size_t i = 0; i < f.values.size(); ++i) {
      exists = exists || f.values[i].kind != EventValue::Kind::kNull;
      present = present || is_value(f.values[i]);
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
          any = is_value(f.values[i]) && holds(p, {&f.values[i], f.texts[i], f.folded[i]});
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
    if (!is_value(f.values[i])) continue;
    if (by_name_only || holds(p, {&f.values[i], f.texts[i], f.folded[i]}))
      return {true, f.texts[i]};
  }
  return {};
}

}  // namespace rpcmarshal::sigma
