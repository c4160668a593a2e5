// How the rules that concern one kind of event are matched against it without trying them all.
//
// Every field that those rules compare with text has a scanner: a hash table of whole values, and
// what finds words in text (long_words.h, automaton.h). Scanning an event's fields once finds every
// scanned predicate that holds. Of each rule, the compiler has chosen predicates of which one must
// hold for the rule to match (Expressions::witnesses), the rarest it could find; only rules with a
// witness among those found are evaluated, plus the few that have none (rules that only say what
// must not be there). Short words, which texts are full of, are looked for one by one when a rule
// is evaluated, unless they are witnesses.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sigma/automaton.h"
#include "sigma/long_words.h"
#include "sigma/program.h"
#include "sigma/residue.h"

namespace rpcmarshal::sigma {

class Plan {
 public:
  /// `rules` are indexes into program.rules. The program must outlive the plan and not change.
  Plan(const Program& program, std::vector<std::uint32_t> rules);
  /// For what is left of rules. As above.
  Plan(const Program& program, const Residue& residue);
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// A byte that is in no UTF-8: what stands between texts that are scanned together.
  static constexpr char kSeparator = '\xFF';

  struct Scanner {
    FieldId field = kNoField;
    std::uint32_t serial = 0;  ///< no other scanner of any plan has it
    /// Finds only words that stand anywhere, none of which has kSeparator.
    bool inside_only = false;
    std::vector<PredicateId> present;  ///< hold when there is a value at all
    std::unordered_map<std::string_view, PredicateId> whole;
    std::size_t longest_whole = 0;
    /// Words that stand anywhere, at the beginning, and (reversed) at the end; and their
    /// predicates, by word.
    LongWords inside_long;
    Automaton inside, start, end;
    std::vector<PredicateId> long_predicates, inside_predicates, start_predicates, end_predicates;
  };

  /// Ascending.
  const std::vector<std::uint32_t>& rules() const { return rules_; }
  /// What must hold for rules()[position] to match: an expression of expressions().
  std::uint32_t root(std::uint32_t position) const { return roots_[position]; }
  const Expressions& expressions() const { return *expressions_; }
  /// Predicates that evaluating the rules may ask for, ascending.
  const std::vector<PredicateId>& predicates() const { return predicates_; }
  /// Index into scanners() by field, or -1.
  std::int32_t scanner_of(FieldId field) const {
    return field < scanner_of_.size() ? scanner_of_[field] : -1;
  }
  const Scanner& scanner(std::int32_t index) const {
    return scanners_[static_cast<std::size_t>(index)];
  }
  /// Of keywords, or nullptr.
  const Scanner* any_value() const { return any_value_ < 0 ? nullptr : &scanner(any_value_); }
  /// Rules (positions in rules()) that wait for a predicate.
  std::span<const std::uint32_t> waiting(PredicateId predicate) const {
    if (predicate < first_waited_for_) return {};
    const std::size_t at = predicate - first_waited_for_;
    if (at + 1 >= waiting_from_.size()) return {};
    return {waiting_.data() + waiting_from_[at], waiting_from_[at + 1] - waiting_from_[at]};
  }
  /// Scanning finds this predicate; else it is evaluated when a rule asks. Of predicates().
  bool scanned(PredicateId predicate) const { return scanned_[predicate]; }
  /// Rules (positions) that are evaluated for every event.
  const std::vector<std::uint32_t>& always() const { return always_; }
  std::size_t memory() const;

 private:
  /// Texts of a scanner's predicates, until its automatons are built.
  struct Words {
    std::vector<std::string> inside_long, inside, start, end;
  };
  void compile(const Program& program);
  void add_scanned(const Program& program, PredicateId id, std::vector<Words>& words);

  std::vector<std::uint32_t> rules_, roots_;
  std::vector<PredicateId> predicates_;
  const Expressions* expressions_;
  Expressions own_;  // of a residue
  std::vector<Scanner> scanners_;
  std::vector<std::int32_t> scanner_of_;
  std::int32_t any_value_ = -1;
  PredicateId first_waited_for_ = 0;
  std::vector<std::uint32_t> waiting_from_, waiting_;
  std::vector<std::uint32_t> always_;
  std::vector<bool> scanned_;  // by predicate
};

}  // namespace rpcmarshal::sigma
