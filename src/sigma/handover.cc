// What one set of rules has counted goes on in the next: Correlator::take_over. A correlation keeps
// its state when it does the same as before, and so do all rules and correlations it refers to.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sigma/correlation.h"
#include "sigma/fingerprint.h"

namespace rpcmarshal::sigma {
namespace {

/// Fingerprints, numbered in the order of their first appearance: equal ones have one number.
class Numbers {
 public:
  std::uint32_t of(std::string fingerprint) {
    return numbers_.try_emplace(std::move(fingerprint), static_cast<std::uint32_t>(numbers_.size()))
        .first->second;
  }

 private:
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

struct Numbered {
  std::vector<std::uint32_t> rules;
  std::vector<std::uint32_t> correlations;  ///< each together with all that feeds it
};

template <typename States, typename Feeds>
Numbered number(const Engine& engine, const States& states, const Feeds& of_rule,
                const Feeds& of_correlation, Numbers& numbers) {
  Numbered out;
  out.correlations.resize(states.size());
  std::vector<std::vector<std::pair<std::uint32_t, std::uint32_t>>> feeding(states.size());
  std::vector<std::size_t> unknown(states.size(), 0);  // feeding correlations without a number yet
  for (std::size_t rule = 0; rule < of_rule.size(); ++rule) {
    out.rules.push_back(numbers.of("rule " + fingerprint(*engine.program().rules[rule].rule)));
    for (const auto& feed : of_rule[rule])
      feeding[feed.correlation].emplace_back(feed.position, out.rules.back());
  }
  for (const auto& feeds : of_correlation) {
    for (const auto& feed : feeds) ++unknown[feed.correlation];
  }
  // Those that feed others come first. There are no circles: the loader refuses them.
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (unknown[i] == 0) ready.push_back(i);
  }
  for (std::size_t next = 0; next < ready.size(); ++next) {
    const std::size_t i = ready[next];
    std::ranges::sort(feeding[i]);
    std::string whole = "correlation ";
    for (const auto& [position, fed] : feeding[i])
      whole += std::to_string(position) + ':' + std::to_string(fed) + ' ';
    if (states[i].correlation != nullptr) whole += fingerprint(*states[i].correlation);
    out.correlations[i] = numbers.of(std::move(whole));
    for (const auto& feed : of_correlation[i]) {
      feeding[feed.correlation].emplace_back(feed.position, out.correlations[i]);
      if (--unknown[feed.correlation] == 0) ready.push_back(feed.correlation);
    }
  }
  return out;
}

}  // namespace

Correlator::Handover Correlator::take_over(Correlator& old) {
  Numbers numbers;
  const Numbered was =
      number(*old.engine_, old.states_, old.of_rule_, old.of_correlation_, numbers);
  const Numbered is = number(*engine_, states_, of_rule_, of_correlation_, numbers);

  Handover out;
  std::unordered_multimap<std::uint32_t, State*> known;
  for (std::size_t i = 0; i < old.states_.size(); ++i) {
    if (old.states_[i].correlation != nullptr) known.emplace(was.correlations[i], &old.states_[i]);
  }
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const auto found = known.find(is.correlations[i]);
    if (states_[i].correlation == nullptr || found == known.end()) continue;
    State &from = *found->second, &to = states_[i];
    known.erase(found);
    to.groups = std::move(from.groups);
    to.entries = std::exchange(from.entries, 0);
    to.closing = std::move(from.closing);
    from.groups.clear();
    from.closing.clear();
    ++out.kept;
  }
  now_ = std::max(now_, old.now_);
  dropped_ += std::exchange(old.dropped_, 0);

  // Of rules that find the same, the one with the same id goes on.
  std::unordered_multimap<std::uint32_t, std::uint32_t> same;
  for (std::uint32_t rule = 0; rule < is.rules.size(); ++rule) {
    if (!of_rule_[rule].empty()) same.emplace(is.rules[rule], rule);
  }
  out.rules.assign(was.rules.size(), Handover::kNone);
  for (std::size_t rule = 0; rule < was.rules.size(); ++rule) {
    const std::string& id = old.engine_->program().rules[rule].rule->about.id;
    const auto [begin, end] = same.equal_range(was.rules[rule]);
    for (auto candidate = begin; candidate != end; ++candidate) {
      if (out.rules[rule] == Handover::kNone ||
          engine_->program().rules[candidate->second].rule->about.id == id) {
        out.rules[rule] = candidate->second;
      }
    }
  }
  const FieldIndex& fields = old.engine_->fields();
  for (FieldId field = 0; field < fields.size(); ++field)
    out.fields.push_back(engine_->fields().find(fields.name(field)));
  return out;
}

}  // namespace rpcmarshal::sigma
