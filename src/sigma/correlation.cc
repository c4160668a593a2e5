#include "sigma/correlation.h"

#include <algorithm>
#include <cmath>

#include "sigma/loader.h"

namespace rpcmarshal::sigma {
namespace {

using Type = CorrelationType;
using Op = CorrelationBound::Op;

bool bound_holds(const CorrelationBound& bound, double value) {
  switch (bound.op) {
    case Op::kLt:
      return value < bound.value;
    case Op::kLte:
      return value <= bound.value;
    case Op::kGt:
      return value > bound.value;
    case Op::kGte:
      return value >= bound.value;
    case Op::kEq:
      return value == bound.value;
    case Op::kNeq:
      return value != bound.value;
  }
  return false;
}

bool has_not(const std::vector<Node>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(),
                     [](const Node& n) { return n.kind == Node::Kind::kNot; });
}

bool only_and(const std::vector<Node>& nodes) {
  return std::all_of(nodes.begin(), nodes.end(), [](const Node& n) {
    return n.kind == Node::Kind::kAnd || n.kind == Node::Kind::kItem;
  });
}

/// Linear interpolation between the two nearest ranks.
double percentile(std::vector<double> numbers, double percent) {
  if (numbers.empty()) return 0;
  const double rank = percent / 100 * static_cast<double>(numbers.size() - 1);
  const auto low = static_cast<std::size_t>(rank);
  std::nth_element(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(low),
                   numbers.end());
  const double below = numbers[low];
  if (low + 1 >= numbers.size()) return below;
  const double above =
      *std::min_element(numbers.begin() + static_cast<std::ptrdiff_t>(low) + 1, numbers.end());
  return below + (above - below) * (rank - static_cast<double>(low));
}

}  // namespace

std::uint32_t Correlator::key_number(const std::vector<FieldId>& fields) {
  const auto found = std::find(keys_.begin(), keys_.end(), fields);
  const auto number = static_cast<std::uint32_t>(found - keys_.begin());
  if (found == keys_.end()) keys_.push_back(fields);
  return number;
}

Correlator::Correlator(Engine& engine, Diagnostics& diagnostics, CorrelationLimits limits)
    : engine_(&engine),
      limits_(limits),
      of_rule_(engine.rule_count()),
      silent_(engine.rule_count(), false),
      scratch_(kMaxDepth + 2) {
  const std::vector<Correlation>& all = engine.rules().correlations;
  states_.resize(all.size());
  of_correlation_.resize(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Correlation& c = all[i];
    State& state = states_[i];
    state.correlation = &c;
    state.at_close = has_not(c.expression) ||
                     std::any_of(c.bounds.begin(), c.bounds.end(), [](const CorrelationBound& b) {
                       return b.op != Op::kGt && b.op != Op::kGte;
                     });
    state.by_value = c.type == Type::kValueCount || c.type == Type::kTemporal;
    if ((state.by_value || c.type == Type::kEventCount) && !c.expression_root) {
      for (const CorrelationBound& bound : c.bounds)
        state.least = std::max(state.least, bound.value);
    }

    timed_ = timed_ || state.at_close;
    state.most_entries = limits_.group_entries;
    // These look at every entry with every match, or with a late one.
    if (c.type == Type::kValuePercentile || c.type == Type::kValueMedian ||
        c.type == Type::kTemporalOrdered)
      state.most_entries = std::min<std::size_t>(state.most_entries, 4096);
    if (c.type == Type::kTemporalOrdered && !only_and(c.expression)) {
      diagnostics.push_back(
          {Diagnostic::Severity::kError, c.about.file, c.about.at,
           "the condition of temporal_ordered joins its rules by 'and' only: what "
           "does not happen has no place in an order",
           c.about.title});
      state.correlation = nullptr;
      continue;
    }
    state.positions.resize(c.rules.size());
    // A rule that is named twice, perhaps by id and by name, is one rule.
    const auto give = [&](std::vector<Feed>& feeds, const Feed& feed) {
      for (const Feed& f : feeds) {
        if (f.correlation != feed.correlation) continue;
        std::vector<std::uint32_t>& same = state.positions[f.position];
        if (std::ranges::find(same, feed.position) == same.end()) same.push_back(feed.position);
        return;
      }
      state.positions[feed.position] = {feed.position};
      feeds.push_back(feed);
    };
    for (std::uint32_t position = 0; position < c.rules.size(); ++position) {
      Feed feed;
      feed.correlation = static_cast<std::uint32_t>(i);
      feed.position = position;
      const auto make = [&](const Metadata& about) {
        Feed out = feed;
        std::vector<FieldId> group_ids;
        for (const std::string& name : c.group_by) {
          std::string field = name;
          for (const auto& [alias, mapping] : c.aliases) {
            if (alias != name) continue;
            for (const auto& [rule, mapped] : mapping) {
              if (refers_to(rule, about)) field = mapped;
            }
          }
          out.group_fields.push_back(field);
          group_ids.push_back(engine.intern(field));
        }
        out.key = key_number(group_ids);
        for (const std::string& name : c.fields) out.value_ids.push_back(engine.intern(name));
        return out;
      };
      for (std::uint32_t rule = 0; rule < engine.rule_count(); ++rule) {
        const Metadata& about = engine.program().rules[rule].rule->about;
        if (!refers_to(c.rules[position], about)) continue;
        give(of_rule_[rule], make(about));
        if (!c.generate) silent_[rule] = true;
      }
      for (std::size_t other = 0; other < all.size(); ++other) {
        if (!refers_to(c.rules[position], all[other].about)) continue;
        give(of_correlation_[other], make(all[other].about));
        if (!c.generate) states_[other].silent = true;
      }
    }
  }
  for (Scratch& scratch : scratch_) scratch.keys.resize(keys_.size());
}

void Correlator::fields_of(std::uint32_t rule, std::vector<FieldId>& out) const {
  for (const Feed& f : of_rule_[rule]) {
    out.insert(out.end(), keys_[f.key].begin(), keys_[f.key].end());
    out.insert(out.end(), f.value_ids.begin(), f.value_ids.end());
  }
}

void Correlator::event(const std::vector<std::uint32_t>& rules, std::int64_t time,
                       const FieldTexts& values, std::vector<CorrelationMatch>& out) {
  if (states_.empty()) return;
  if (time != 0) now_ = std::max(now_, time);
  const std::int64_t at = time != 0 ? time : now_;
  if (timed_) {
    for (State& state : states_) {
      if (!state.closing.empty()) close_until(state, now_, out, 0);
    }
  }
  ++scratch_[0].event;
  for (const std::uint32_t rule : rules) {
    for (const Feed& f : of_rule_[rule]) feed(f, at, values, out, 0);
  }
}

void Correlator::finish(std::vector<CorrelationMatch>& out) {
  for (State& state : states_) close_until(state, INT64_MAX, out, 0);
}

Group& Correlator::group_of(State& state, std::string_view key, std::uint64_t hash) {
  if (Group* known = state.groups.use(key, hash)) return *known;
  if (state.groups.size() >= limits_.groups) {
    ++dropped_;
    forget(state, state.groups.oldest());
  }
  return state.groups.add(key, hash);
}

void Correlator::forget(State& state, Group& group) {
  state.entries -= group.size();
  state.groups.erase(group);
}

void Correlator::remove_oldest(State& state, Group& group) {
  --state.entries;
  if (state.by_value) return group.latest.remove_oldest();
  if (const double number = group.entries.front().number; number != 0) group.sum.add(-number);
  group.entries.remove_front();
  if (group.entries.empty()) group.sum = {};
}

void Correlator::clear(State& state, Group& group) {
  state.entries -= group.size();
  group.entries.clear();
  group.latest.clear();
  group.sum = {};
  group.chain.clear();
  group.open = false;
}

bool Correlator::seen(const State& state, const Group& group, std::uint32_t node) const {
  const Node& n = state.correlation->expression[node];
  switch (n.kind) {
    case Node::Kind::kItem:
      return group.latest.contains(n.item);
    case Node::Kind::kNot:
      return !seen(state, group, n.children[0]);
    case Node::Kind::kAnd:
      return std::all_of(n.children.begin(), n.children.end(),
                         [&](std::uint32_t child) { return seen(state, group, child); });
    case Node::Kind::kOr:
      return std::any_of(n.children.begin(), n.children.end(),
                         [&](std::uint32_t child) { return seen(state, group, child); });
  }
  return false;
}

bool Correlator::satisfied(const State& state, const Group& group, double& value) const {
  const Correlation& c = *state.correlation;
  if (c.type == Type::kTemporalOrdered) {
    value = static_cast<double>(c.rules.size());
    return !group.chain.empty() && group.chain.back() != INT64_MIN;
  }
  const auto entries = static_cast<double>(group.entries.size());
  switch (c.type) {
    case Type::kEventCount:
      value = entries;
      break;
    case Type::kValueCount:
    case Type::kTemporal:
    case Type::kTemporalOrdered:  // above
      value = static_cast<double>(group.latest.size());
      break;
    case Type::kValueSum:
      value = group.sum.value();
      break;
    case Type::kValueAvg:
      value = entries > 0 ? group.sum.value() / entries : 0;
      break;
    case Type::kValuePercentile:
    case Type::kValueMedian: {
      std::vector<double> numbers;
      numbers.reserve(group.entries.size());
      for (const Entry& e : group.entries) numbers.push_back(e.number);
      value = percentile(std::move(numbers), c.type == Type::kValueMedian ? 50 : c.percentile);
      break;
    }
  }
  if (c.expression_root) return seen(state, group, *c.expression_root);
  return std::all_of(c.bounds.begin(), c.bounds.end(),
                     [&](const CorrelationBound& bound) { return bound_holds(bound, value); });
}

void Correlator::extend(const State& state, Group& group, const Entry& entry) {
  // chain[i]: when the latest run of the first i + 1 rules in order began; one event counts for one
  // place only.
  const std::vector<std::uint32_t>& places = state.positions[entry.rule];
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    if (*place == 0) {
      group.chain[0] = entry.time;
    } else if (const std::int64_t began = group.chain[*place - 1];
               began != INT64_MIN && entry.time - began <= state.correlation->timespan) {
      group.chain[*place] = began;
    }
  }
}

void Correlator::insert(State& state, Group& group, const Entry& entry) {
  const Correlation& c = *state.correlation;
  // Late events take their place; those older than the window are too late.
  const std::int64_t newest = group.size() == 0 ? entry.time
                              : state.by_value  ? group.latest.newest()
                                                : group.entries.back().time;
  if (entry.time < newest && newest - entry.time > c.timespan) return;
  if (state.by_value) {
    if (group.latest.add(entry.time, entry.value)) ++state.entries;
    return;
  }
  const bool last = entry.time >= newest;
  group.entries.insert(entry);
  ++state.entries;
  if (entry.number != 0) group.sum.add(entry.number);
  if (c.type != Type::kTemporalOrdered) return;
  if (last && !group.chain.empty()) return extend(state, group, entry);
  group.chain.assign(c.rules.size(), INT64_MIN);
  for (const Entry& e : group.entries) extend(state, group, e);
}

void Correlator::open_window(State& state, Group& group, std::int64_t time) {
  group.open = true;
  group.opened = time;
  state.closing.emplace(time + state.correlation->timespan, group.key);
  if (state.closing.size() <= 2 * limits_.groups) return;
  // Ends of groups that were forgotten; the first may be of one that is still there.
  ++dropped_;
  const std::string first = std::move(state.closing.begin()->second);
  state.closing.erase(state.closing.begin());
  Group* found = state.groups.find(first, Groups::hash(first));
  if (found != nullptr && found != &group) forget(state, *found);
}

void Correlator::add(State& state, std::string_view key, std::uint64_t hash,
                     std::span<const Entry> entries, std::int64_t time,
                     std::vector<CorrelationMatch>& out, std::size_t depth) {
  Group& group = group_of(state, key, hash);
  if (state.at_close && !group.open) open_window(state, group, time);
  for (const Entry& entry : entries) insert(state, group, entry);
  if (group.size() == 0) return;
  if (!state.at_close) {
    const std::int64_t oldest =
        (state.by_value ? group.latest.newest() : group.entries.back().time) -
        state.correlation->timespan;
    while (group.size() != 0 &&
           (state.by_value ? group.latest.oldest() : group.entries.front().time) < oldest)
      remove_oldest(state, group);
  }
  while (group.size() > state.most_entries) {
    ++dropped_;
    remove_oldest(state, group);
  }
  while (state.entries > limits_.entries && state.groups.size() > 1) {
    ++dropped_;
    forget(state, state.groups.oldest());
  }
  double value = 0;
  if (state.at_close || static_cast<double>(group.size()) < state.least ||
      !satisfied(state, group, value))
    return;
  clear(state, group);
  fire(state, group, time, value, out, depth);
}

void Correlator::close_until(State& state, std::int64_t time, std::vector<CorrelationMatch>& out,
                             std::size_t depth) {
  while (!state.closing.empty() && state.closing.begin()->first < time) {
    const auto [end, key] = *state.closing.begin();
    state.closing.erase(state.closing.begin());
    Group* found = state.groups.find(key, Groups::hash(key));
    if (found == nullptr) continue;
    Group& group = *found;
    if (!group.open || group.opened + state.correlation->timespan != end) continue;
    double value = 0;
    const bool good = satisfied(state, group, value);
    clear(state, group);
    if (good) fire(state, group, end, value, out, depth);
  }
}

}  // namespace rpcmarshal::sigma
