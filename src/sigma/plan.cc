#include "sigma/plan.h"

#include <algorithm>
#include <atomic>

namespace rpcmarshal::sigma {
namespace {

/// Every predicate that a rule's evaluation may ask for.
void collect(const Program& program, const Expressions& expressions, std::uint32_t op,
             std::vector<bool>& seen_ops, std::vector<bool>& predicates) {
  std::vector<std::uint32_t> open{op};
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (seen_ops[at]) continue;
    seen_ops[at] = true;
    const Expressions::Op& o = expressions.ops[at];
    if (o.kind == Expressions::Op::Kind::kTrue) continue;
    if (o.kind != Expressions::Op::Kind::kPredicate) {
      for (std::uint32_t i = 0; i < o.count; ++i) open.push_back(expressions.children[o.first + i]);
      continue;
    }
    predicates[o.first] = true;
    for (const PredicateId guard : program.predicates[o.first].guards) predicates[guard] = true;
  }
}

}  // namespace

Plan::Plan(const Program& program, std::vector<std::uint32_t> rules)
    : rules_(std::move(rules)), expressions_(&program) {
  for (const std::uint32_t rule : rules_) roots_.push_back(program.rules[rule].root);
  compile(program);
}

Plan::Plan(const Program& program, const Residue& residue)
    : rules_(residue.rules), roots_(residue.roots), expressions_(&own_), own_(residue) {
  compile(program);
}

void Plan::compile(const Program& program) {
  scanner_of_.assign(program.fields.size(), -1);
  std::vector<bool> seen_ops(expressions_->ops.size(), false),
      used(program.predicates.size(), false);
  std::vector<std::pair<PredicateId, std::uint32_t>> waiting;
  for (std::uint32_t position = 0; position < rules_.size(); ++position) {
    collect(program, *expressions_, roots_[position], seen_ops, used);
    const std::vector<PredicateId> witnesses =
        expressions_->witnesses(program.predicates, roots_[position]);
    if (witnesses.empty()) always_.push_back(position);
    for (const PredicateId id : witnesses) waiting.emplace_back(id, position);
  }
  if (!waiting.empty()) {
    std::sort(waiting.begin(), waiting.end());
    first_waited_for_ = waiting.front().first;
    waiting_from_.assign(waiting.back().first - first_waited_for_ + 2, 0);
    for (const auto& [id, position] : waiting) {
      ++waiting_from_[id - first_waited_for_ + 1];
      waiting_.push_back(position);
    }
    for (std::size_t i = 1; i < waiting_from_.size(); ++i) waiting_from_[i] += waiting_from_[i - 1];
  }

  std::vector<Words> words;
  scanned_.assign(program.predicates.size(), false);
  for (PredicateId id = 0; id < used.size(); ++id) {
    if (!used[id]) continue;
    predicates_.push_back(id);
    const Predicate& p = program.predicates[id];
    if (!p.scanned()) continue;
    // Short words, which texts are full of.
    const bool asked = p.kind == Predicate::Kind::kContains && p.text.size() < LongWords::kLeast &&
                       this->waiting(id).empty();
    if (asked) continue;
    scanned_[id] = true;
    add_scanned(program, id, words);
  }
  const auto separable = [](const std::vector<std::string>& all) {
    return std::none_of(all.begin(), all.end(), [](const std::string& word) {
      return word.find(kSeparator) != std::string::npos;
    });
  };
  static std::atomic<std::uint32_t> last_serial = 0;
  for (std::size_t i = 0; i < scanners_.size(); ++i) {
    scanners_[i].serial = ++last_serial;
    scanners_[i].inside_only = scanners_[i].whole.empty() && words[i].start.empty() &&
                               words[i].end.empty() && separable(words[i].inside) &&
                               separable(words[i].inside_long);
    scanners_[i].inside_long.build(words[i].inside_long);
    scanners_[i].inside.build(words[i].inside);
    scanners_[i].start.build(words[i].start);
    scanners_[i].end.build(words[i].end);
  }
}

void Plan::add_scanned(const Program& program, PredicateId id, std::vector<Words>& words) {
  const Predicate& p = program.predicates[id];
  std::int32_t& index = p.field == kAnyValue ? any_value_ : scanner_of_[p.field];
  if (index < 0) {
    index = static_cast<std::int32_t>(scanners_.size());
    scanners_.emplace_back().field = p.field;
    words.emplace_back();
  }
  Scanner& scanner = scanners_[static_cast<std::size_t>(index)];
  if (p.kind == Predicate::Kind::kPresent) {
    scanner.present.push_back(id);
  } else if (p.kind == Predicate::Kind::kEquals) {
    scanner.whole.emplace(p.text, id);
    scanner.longest_whole = std::max(scanner.longest_whole, p.text.size());
  } else {
    Words& to = words[static_cast<std::size_t>(index)];
    if (p.kind == Predicate::Kind::kStartsWith) {
      scanner.start_predicates.push_back(id);
      to.start.push_back(p.text);
    } else if (p.kind == Predicate::Kind::kEndsWith) {
      scanner.end_predicates.push_back(id);
      to.end.emplace_back(p.text.rbegin(), p.text.rend());
    } else if (p.text.size() >= LongWords::kLeast) {
      scanner.long_predicates.push_back(id);
      to.inside_long.push_back(p.text);
    } else {
      scanner.inside_predicates.push_back(id);
      to.inside.push_back(p.text);
    }
  }
}

std::size_t Plan::memory() const {
  std::size_t out = (waiting_from_.size() + waiting_.size()) * sizeof(std::uint32_t);
  for (const Scanner& s : scanners_) {
    out += s.inside_long.memory() + s.inside.memory() + s.start.memory() + s.end.memory() +
           s.whole.size() * 64;
  }
  return out;
}

}  // namespace rpcmarshal::sigma
