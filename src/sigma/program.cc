#include "sigma/program.h"

#include <algorithm>

namespace rpcmarshal::sigma {
namespace {

using OpKind = Program::Op::Kind;

class Compiler {
 public:
  Compiler(Program& program, const Detection& detection)
      : program_(program), detection_(detection), done_(detection.nodes.size(), kNotYet) {}

  /// A selection that a condition names twice is compiled once.
  std::uint32_t node(std::uint32_t index) {
    if (done_[index] == kNotYet) done_[index] = compile(index);
    return done_[index];
  }
  std::uint32_t combine(OpKind kind, std::vector<std::uint32_t> parts) {
    if (kind != OpKind::kNot) {
      if (parts.size() == 1) return parts[0];
      // What was found by scanning is known already and comes first.
      std::stable_sort(parts.begin(), parts.end(),
                       [&](std::uint32_t a, std::uint32_t b) { return effort(a) < effort(b); });
    }
    const auto first = static_cast<std::uint32_t>(program_.children.size());
    program_.children.insert(program_.children.end(), parts.begin(), parts.end());
    program_.ops.push_back({kind, first, static_cast<std::uint32_t>(parts.size())});
    return static_cast<std::uint32_t>(program_.ops.size() - 1);
  }

  const std::string& error() const { return error_; }
  Location error_at() const { return error_at_; }

 private:
  static constexpr std::uint32_t kNotYet = 0xFFFFFFFF;

  std::uint32_t compile(std::uint32_t index) {
    const Node& n = detection_.nodes[index];
    if (n.kind == Node::Kind::kItem) return item(detection_.items[n.item]);
    std::vector<std::uint32_t> parts;
    for (const std::uint32_t child : n.children) parts.push_back(node(child));
    return combine(n.kind == Node::Kind::kAnd  ? OpKind::kAnd
                   : n.kind == Node::Kind::kOr ? OpKind::kOr
                                               : OpKind::kNot,
                   std::move(parts));
  }

  int effort(std::uint32_t op) const {
    const Program::Op& o = program_.ops[op];
    if (o.kind != OpKind::kPredicate) return 1;
    const Predicate& p = program_.predicates[o.first];
    return p.scanned() ? 0 : p.kind == Predicate::Kind::kRegex ? 3 : 2;
  }

  std::uint32_t item(const Item& i) {
    const FieldId field = i.keyword ? kAnyValue : program_.fields.intern(i.field);
    std::vector<std::uint32_t> parts;
    for (const Value& value : i.values) parts.push_back(this->value(value, field));
    const std::uint32_t all = combine(i.all ? OpKind::kAnd : OpKind::kOr, std::move(parts));
    return i.negated ? combine(OpKind::kNot, {all}) : all;
  }

  std::uint32_t value(const Value& v, FieldId field) {
    if (v.kind == Value::Kind::kAnyOf) {
      std::vector<std::uint32_t> parts;
      for (const Value& alternative : v.alternatives) parts.push_back(value(alternative, field));
      return combine(OpKind::kOr, std::move(parts));
    }
    std::string error;
    PredicateId predicate = program_.predicates.add(v, field, error);
    if (predicate == Predicates::kNone) {
      if (error_.empty()) {
        error_ = error;
        error_at_ = v.at;
      }
      predicate = 0;
    } else {
      program_.predicates.count_use(predicate);
      // A guard stands for what is looked for, so it is as common.
      const std::vector<PredicateId> guards = program_.predicates[predicate].guards;
      for (const PredicateId guard : guards) program_.predicates.count_use(guard);
    }
    program_.ops.push_back({OpKind::kPredicate, predicate, 0});
    return static_cast<std::uint32_t>(program_.ops.size() - 1);
  }

  Program& program_;
  const Detection& detection_;
  std::vector<std::uint32_t> done_;  // node -> op
  std::string error_;
  Location error_at_;
};

}  // namespace

bool Program::add(const Rule& rule, Diagnostics& diagnostics) {
  const std::size_t ops_before = ops.size(), children_before = children.size();
  Compiler compiler(*this, rule.detection);
  std::vector<std::uint32_t> roots;
  for (const Condition& condition : rule.detection.conditions)
    roots.push_back(compiler.node(condition.node));
  if (!compiler.error().empty() || roots.empty()) {
    ops.resize(ops_before);
    children.resize(children_before);
    diagnostics.push_back({Diagnostic::Severity::kError, rule.about.file, compiler.error_at(),
                           compiler.error(), rule.about.title});
    return false;
  }
  rules.push_back({&rule, compiler.combine(Op::Kind::kOr, std::move(roots))});
  return true;
}

std::vector<PredicateId> Expressions::witnesses(const Predicates& predicates,
                                                std::uint32_t op) const {
  const Op& o = ops[op];
  const auto cost = [&](const std::vector<PredicateId>& set) {
    double sum = 0;
    for (const PredicateId id : set) sum += predicates.cost(id);
    return sum;
  };
  std::vector<PredicateId> out;
  switch (o.kind) {
    case Op::Kind::kNot:
    case Op::Kind::kTrue:
      break;
    case Op::Kind::kPredicate: {
      const Predicate& p = predicates[o.first];
      if (p.scanned()) return {o.first};
      return p.guards;
    }
    case Op::Kind::kOr:
      for (std::uint32_t i = 0; i < o.count; ++i) {
        const std::vector<PredicateId> part = witnesses(predicates, children[o.first + i]);
        if (part.empty()) return {};
        out.insert(out.end(), part.begin(), part.end());
      }
      break;
    case Op::Kind::kAnd: {
      double best = 0;
      for (std::uint32_t i = 0; i < o.count; ++i) {
        std::vector<PredicateId> part = witnesses(predicates, children[o.first + i]);
        if (part.empty()) continue;
        const double c = cost(part);
        if (out.empty() || c < best) {
          best = c;
          out = std::move(part);
        }
      }
      break;
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace rpcmarshal::sigma
