// Runs rules. An Engine holds the compiled rules and a plan per kind of event; a Matcher holds what
// one thread needs to evaluate events against it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sigma/fields.h"
#include "sigma/found_cache.h"
#include "sigma/partial.h"
#include "sigma/plan.h"
#include "sigma/program.h"
#include "sigma/residue.h"
#include "sigma/rule.h"

namespace rpcmarshal::sigma {

class Engine {
 public:
  /// Takes the rules (with references resolved). Those that cannot be compiled are reported.
  Engine(RuleSet rules, Diagnostics& diagnostics);

  const FieldIndex& fields() const { return program_.fields; }
  /// Names that a reader or a correlation needs beside the rules'. Only before the first plan().
  FieldId intern(std::string_view field) { return program_.fields.intern(field); }
  FieldIndex& mutable_fields() { return program_.fields; }

  const RuleSet& rules() const { return rules_; }
  const Program& program() const { return program_; }
  std::size_t rule_count() const { return program_.rules.size(); }

  /// The plan for events that are each of `sources` at once (a Sysmon event 1 is
  /// windows/process_creation and windows/sysmon). No source: where the event is from is not known,
  /// and every rule is tried. Kept by the Engine; made on first use, which may take a while. Safe
  /// to call from several threads.
  const Plan& plan(const std::vector<LogSource>& sources);
  /// What those rules come to for events of which `known` (partial.h) is known.
  struct Narrowed {
    std::vector<Residue::Certain> certain;         ///< match, whatever else the event holds
    const Plan* plan = nullptr;                    ///< for the rules that may match; perhaps none
    std::vector<std::vector<MatchedField>> known;  ///< for Matcher::explain()
  };
  Narrowed plan(const std::vector<LogSource>& sources, const KnownValues& known);

 private:
  std::vector<bool> concerned(const std::vector<LogSource>& sources) const;

  RuleSet rules_;
  Program program_;
  std::unique_ptr<Alternatives> alternatives_;
  std::vector<LogSource> distinct_sources_;
  std::vector<std::uint32_t> source_of_rule_;
  std::mutex mutex_;
  std::map<std::vector<bool>, std::unique_ptr<Plan>> plans_;
  /// By what is left of their rules (Residue::key): a few serve many kinds of events.
  std::map<std::vector<std::uint32_t>, std::unique_ptr<Plan>> narrow_plans_;
};

class Matcher {
 public:
  explicit Matcher(const Engine& engine);

  /// Evaluates the rules of `plan` on `event`; afterwards matches() are the indexes (into
  /// program().rules) of those that match, ascending. Valid until the next call.
  const std::vector<std::uint32_t>& match(const Plan& plan, const EventFields& event);

  /// Which values made `rule`, one of the last matches, match: the fields it names outside `not`,
  /// each once per value. `known`: of the plan's Narrowed.
  std::vector<MatchedField> explain(std::uint32_t rule,
                                    const std::vector<std::vector<MatchedField>>& known = {});

 private:
  struct Text {
    std::string_view text;  ///< numbers: written out
    std::uint32_t folded_at = 0, folded_size = 0;
    std::uint32_t epoch = 0;  ///< in which these are of this event
  };

  ValueView view(std::uint32_t value);
  std::string_view folded(const Text& text) const {
    return {folded_.data() + text.folded_at, text.folded_size};
  }
  void fold(Text& text);
  /// The value of a link, for its field.
  void scan(const Plan::Scanner& scanner, std::uint32_t link);
  /// All values, for keywords.
  void scan_all(const Plan::Scanner& scanner);
  void scan_text(const Plan::Scanner& scanner, std::string_view folded_text);
  void found(PredicateId id) {
    if (found_[id] == epoch_) return;
    found_[id] = epoch_;
    found_list_.push_back(id);
  }
  bool evaluate(std::uint32_t op);
  bool holds(PredicateId id);
  bool compute(const Predicate& p);
  void explain(std::uint32_t op, const std::vector<std::vector<MatchedField>>& known,
               std::vector<MatchedField>& out);
  template <typename Visit>
  bool any_value(FieldId field, Visit&& visit);

  const Program& program_;
  const Plan* plan_ = nullptr;  // of the last match
  const EventFields* event_ = nullptr;
  std::uint32_t epoch_ = 0;
  std::vector<std::uint32_t> found_;      // predicate -> epoch in which it was found by scanning
  std::vector<std::uint32_t> asked_;      // predicate -> 2 * epoch + result
  std::vector<std::uint32_t> evaluated_;  // position in the plan's rules -> epoch
  std::vector<PredicateId> found_list_;
  std::vector<std::uint32_t> matches_;
  struct FieldValues {
    std::uint32_t epoch = 0, first = 0;
  };
  std::vector<FieldValues> of_field_;  // field -> first link
  std::vector<std::uint32_t> next_link_;
  std::vector<Text> texts_;
  std::string numbers_;
  std::string folded_;  // the texts' so far, and room for more
  std::size_t folded_size_ = 0;
  std::size_t joined_size_ = 0;  // of them, all values with separators; 0: they are not
  FoundCache cache_;
};

}  // namespace rpcmarshal::sigma
