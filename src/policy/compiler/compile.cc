#include "policy/compiler/compile.h"

#include <algorithm>

#include "match/fold.h"
#include "policy/compiler/block_writer.h"
#include "policy/compiler/regex.h"

namespace rpcmarshal::policy {
namespace {

using format::Op;
using format::PredicateKind;
using match::PartKind;
using sigma::Value;

constexpr std::size_t kMaxCode = 65536;  ///< instructions of one rule
/// From so many plain texts on, a list is searched as a set.
constexpr std::size_t kSetFrom = 4;

std::string folded_unless(bool cased, const std::string& text) {
  return cased ? text : match::folded(text);
}

/// Text with wildcards: the same cases as sigma::Predicates.
PredicateRecord text_record(const Value& value, const std::string& field) {
  PredicateRecord p;
  p.field = field;
  p.cased = value.cased;
  std::vector<std::pair<PartKind, std::string>> parts;
  for (const sigma::PatternPart& part : value.pattern.parts()) {
    const bool repeated =
        part.kind == PartKind::kMany && !parts.empty() && parts.back().first == PartKind::kMany;
    if (!repeated) parts.emplace_back(part.kind, folded_unless(value.cased, part.text));
  }
  const std::size_t n = parts.size();
  const auto is = [&](std::size_t i, PartKind kind) { return parts[i].first == kind; };
  if (n == 0) {
    p.kind = PredicateKind::kEquals;
  } else if (n == 1 && is(0, PartKind::kText)) {
    p.kind = PredicateKind::kEquals;
    p.text = parts[0].second;
  } else if (n == 1 && is(0, PartKind::kMany)) {
    p.kind = PredicateKind::kPresent;
    p.cased = false;
  } else if (n == 2 && is(0, PartKind::kText) && is(1, PartKind::kMany)) {
    p.kind = PredicateKind::kStartsWith;
    p.text = parts[0].second;
  } else if (n == 2 && is(0, PartKind::kMany) && is(1, PartKind::kText)) {
    p.kind = PredicateKind::kEndsWith;
    p.text = parts[1].second;
  } else if (n == 3 && is(0, PartKind::kMany) && is(1, PartKind::kText) && is(2, PartKind::kMany)) {
    p.kind = PredicateKind::kContains;
    p.text = parts[1].second;
  } else {
    p.kind = PredicateKind::kWildcard;
    p.parts = std::move(parts);
  }
  return p;
}

class Compiler {
 public:
  Compiler(const PolicyModel& policy, sigma::Diagnostics& diagnostics)
      : policy_(policy), diagnostics_(diagnostics) {}

  std::vector<std::byte> compile() {
    for (const RuleModel& rule : policy_.rules) this->rule(rule);
    if (failed_) return {};
    std::vector<std::byte> block = writer_.finish(policy_);
    const Policy::Loaded loaded = Policy::load(block);
    if (!loaded.policy) {
      report({}, {}, "the policy is too large to be compiled: " + loaded.error);
      return {};
    }
    return block;
  }

 private:
  void report(const std::string& rule, sigma::Location at, std::string message) {
    failed_ = true;
    diagnostics_.push_back(
        {sigma::Diagnostic::Severity::kError, policy_.file, at, std::move(message), rule});
  }

  void rule(const RuleModel& rule) {
    rule_ = &rule;
    code_.clear();
    too_large_ = false;
    if (rule.any) {
      emit(Op::kTrue, 0);
    } else {
      std::vector<std::uint32_t> roots;
      for (const sigma::Condition& condition : rule.detection.conditions)
        roots.push_back(condition.node);
      combine(Op::kOr, roots, 0, [&](std::uint32_t root, int depth) { node(root, depth); });
    }
    if (too_large_ || code_.empty()) {
      report(rule.id, rule.when_at,
             "this rule is too large to be compiled: split it, or use lists of values");
      return;
    }
    writer_.rule(rule, rule.fault.value_or(policy_.fault), code_);
  }

  void emit(Op op, std::uint32_t argument) {
    if (code_.size() >= kMaxCode || argument > 0xFFFFFF) {
      too_large_ = true;
      return;
    }
    code_.push_back(static_cast<std::uint32_t>(op) << 24 | argument);
  }

  /// Code for each part, combined; what follows is skipped once the outcome is sure.
  template <typename Parts, typename Each>
  void combine(Op op, const Parts& parts, int depth, Each&& each) {
    std::vector<std::size_t> jumps;
    bool first = true;
    for (const auto& part : parts) {
      if (too_large_) return;
      if (!first) {
        jumps.push_back(code_.size());
        emit(op == Op::kAnd ? Op::kJumpIfFalse : Op::kJumpIfTrue, 0);
      }
      each(part, first ? depth : depth + 1);
      if (!first) emit(op, 0);
      first = false;
    }
    if (too_large_) return;
    for (const std::size_t jump : jumps) code_[jump] |= static_cast<std::uint32_t>(code_.size());
  }

  void node(std::uint32_t index, int depth) {
    if (depth > static_cast<int>(format::kMaxStack) - 4) too_large_ = true;
    if (too_large_) return;
    const sigma::Node& n = rule_->detection.nodes[index];
    const auto each = [&](std::uint32_t child, int d) { node(child, d); };
    switch (n.kind) {
      case sigma::Node::Kind::kItem:
        item(rule_->detection.items[n.item], depth);
        break;
      case sigma::Node::Kind::kNot:
        node(n.children[0], depth);
        emit(Op::kNot, 0);
        break;
      case sigma::Node::Kind::kAnd:
        combine(Op::kAnd, n.children, depth, each);
        break;
      case sigma::Node::Kind::kOr:
        combine(Op::kOr, n.children, depth, each);
        break;
    }
  }

  void item(const sigma::Item& item, int depth) {
    std::vector<PredicateRecord> records;
    std::vector<std::vector<PredicateRecord>> groups;  // with `all`: any of each
    for (const Value& value : item.values) {
      std::vector<PredicateRecord>& to = item.all ? groups.emplace_back() : records;
      value_records(value, item.field, to);
    }
    if (!item.all) groups.push_back(std::move(records));
    for (auto& group : groups) make_set(group);
    if (item.every) {  // never with `all`
      emit(Op::kTest, writer_.every(groups.front()));
      if (item.negated) emit(Op::kNot, 0);
      return;
    }
    const auto test = [&](const PredicateRecord& record, int) {
      emit(Op::kTest, writer_.predicate(record));
    };
    combine(Op::kAnd, groups, depth, [&](const std::vector<PredicateRecord>& group, int d) {
      combine(Op::kOr, group, d, test);
    });
    if (item.negated) emit(Op::kNot, 0);
  }

  /// Many plain texts become one set.
  static void make_set(std::vector<PredicateRecord>& group) {
    for (const bool cased : {false, true}) {
      const auto plain = [&](const PredicateRecord& p) {
        return p.kind == PredicateKind::kEquals && p.cased == cased;
      };
      if (static_cast<std::size_t>(std::ranges::count_if(group, plain)) < kSetFrom) continue;
      PredicateRecord set;
      set.kind = PredicateKind::kInSet;
      set.field = group.front().field;
      set.cased = cased;
      for (PredicateRecord& p : group) {
        if (plain(p)) set.parts.emplace_back(PartKind::kText, std::move(p.text));
      }
      std::erase_if(group, plain);
      std::ranges::sort(set.parts);
      set.parts.erase(std::unique(set.parts.begin(), set.parts.end()), set.parts.end());
      group.insert(group.begin(), std::move(set));
    }
  }

  void value_records(const Value& value, const std::string& field,
                     std::vector<PredicateRecord>& out) {
    PredicateRecord p;
    p.field = field;
    switch (value.kind) {
      case Value::Kind::kAnyOf:
        for (const Value& one : value.alternatives) value_records(one, field, out);
        return;
      case Value::Kind::kString:
        out.push_back(text_record(value, field));
        return;
      case Value::Kind::kRegex: {
        const RegexPatterns patterns = patterns_of(value);
        if (!patterns.error.empty()) report(rule_->id, value.at, patterns.error);
        for (const Value& one : patterns.any) out.push_back(text_record(one, field));
        if (patterns.any.empty()) out.push_back(p);  // reported
        return;
      }
      case Value::Kind::kBool:
        p.text = value.flag ? "true" : "false";
        break;
      case Value::Kind::kNumber:
        if (value.integral) {
          p.text = std::to_string(value.integer);
        } else {
          p.kind = PredicateKind::kReal;
          p.number = value.number;
        }
        break;
      case Value::Kind::kNull:
        p.kind = PredicateKind::kNull;
        break;
      case Value::Kind::kExists:
        p.kind = value.flag ? PredicateKind::kExists : PredicateKind::kNull;
        break;
      case Value::Kind::kCidr:
        p.kind = PredicateKind::kCidr;
        p.network = value.network;
        p.prefix = value.prefix;
        break;
      case Value::Kind::kCompare:
        p.kind = PredicateKind::kCompare;
        p.op = value.op;
        p.part = value.part;
        p.number = value.number;
        break;
      case Value::Kind::kTimePart:
        p.kind = PredicateKind::kTimePart;
        p.part = value.part;
        p.number = value.number;
        break;
      case Value::Kind::kFieldRef:
        p.kind = PredicateKind::kFieldRef;
        p.other = value.pattern.plain();
        p.at_start = value.at_start;
        p.at_end = value.at_end;
        p.cased = value.cased;
        break;
    }
    out.push_back(std::move(p));
  }

  const PolicyModel& policy_;
  sigma::Diagnostics& diagnostics_;
  BlockWriter writer_;
  const RuleModel* rule_ = nullptr;
  std::vector<std::uint32_t> code_;
  bool failed_ = false, too_large_ = false;
};

}  // namespace

std::vector<std::byte> compile_policy(const PolicyModel& policy, sigma::Diagnostics& diagnostics) {
  return Compiler(policy, diagnostics).compile();
}

}  // namespace rpcmarshal::policy
