// Correlations at run time: how often, how many different, how much, or in which order other rules
// matched within a span of event time, per group.
//
// Windows slide: each match is counted for `timespan`. A condition that more matches can only make
// true (gte, gt) is looked at with every match; when it holds, the correlation fires and its window
// starts anew, so that one burst is one match. A condition that more matches could make false (lt,
// lte, eq, neq, `not`) cannot be judged before the time is over: there the window opens with the
// first match and is judged when it closes.
//
// State is bounded: groups and entries have limits, beyond which the groups that were idle longest
// are forgotten (and counted: dropped()). It outlives its rules: take_over() (handover.cc) goes on
// with what an older set of rules had counted.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigma/engine.h"
#include "sigma/field_texts.h"
#include "sigma/groups.h"
#include "sigma/rule.h"

namespace rpcmarshal::sigma {

struct CorrelationMatch {
  const Correlation* correlation = nullptr;
  std::int64_t time = 0;  ///< of the match that completed it, or of the window's end
  /// Fields and values; the names live as long as the correlation.
  std::vector<std::pair<std::string_view, std::string>> group;
  double value = 0;      ///< what was compared: the count, sum, ...
  bool reported = true;  ///< false: only another correlation needs it
};

struct CorrelationLimits {
  std::size_t groups = 65536;           ///< per correlation
  std::size_t entries = 2'000'000;      ///< per correlation, of all groups
  std::size_t group_entries = 100'000;  ///< of one group; then the oldest are forgotten
};

class Correlator {
 public:
  /// Interns the fields it needs: before the Matcher is made.
  Correlator(Engine& engine, Diagnostics& diagnostics, CorrelationLimits limits = {});

  bool empty() const { return states_.empty(); }
  /// Whether a rule (index into program().rules) only feeds correlations, and alerts not itself.
  bool silent(std::uint32_t rule) const { return silent_[rule]; }

  /// Whether windows may end without a further match: then advance() is worth calling.
  bool timed() const { return timed_; }
  bool fed_by(std::uint32_t rule) const { return !of_rule_[rule].empty(); }
  /// Fields whose values event() may ask for when `rule` matches; appended, perhaps twice.
  void fields_of(std::uint32_t rule, std::vector<FieldId>& out) const;

  /// The rules that matched an event, in event order as far as possible. `values` has the event's
  /// values of fields_of() these rules. `time` in nanoseconds; 0: that of the event before.
  void event(const std::vector<std::uint32_t>& rules, std::int64_t time, const FieldTexts& values,
             std::vector<CorrelationMatch>& out);
  /// Time goes on without matches.
  void advance(std::int64_t time, std::vector<CorrelationMatch>& out) { event({}, time, {}, out); }
  /// No more events: windows that are open are judged.
  void finish(std::vector<CorrelationMatch>& out);

  /// Groups and entries that were forgotten because there were too many.
  std::uint64_t dropped() const { return dropped_; }

  /// How what an older Correlator would be told is told to this one: by its number of a rule or a
  /// field, ours; kNone: nothing here counts it.
  struct Handover {
    static constexpr std::uint32_t kNone = 0xFFFFFFFF;
    std::vector<std::uint32_t> rules;
    std::vector<FieldId> fields;
    std::size_t kept = 0;  ///< correlations whose state goes on
  };
  /// Takes the state of all correlations that are the same here, and of which all rules are the
  /// same (fingerprint.h). Before the first event; `old` counts from nothing afterwards.
  Handover take_over(Correlator& old);

 private:
  using Entry = Entries::Entry;
  /// What is needed of one rule (or correlation) that feeds a correlation.
  struct Feed {
    std::uint32_t correlation = 0;
    std::uint32_t position = 0;  ///< index into Correlation::rules, the first that means it
    std::uint32_t key = 0;       ///< index into keys_: the fields it is grouped by
    std::vector<FieldId> value_ids;
    std::vector<std::string> group_fields;  ///< names of the fields it is grouped by
  };
  struct State {
    const Correlation* correlation = nullptr;
    bool at_close = false;
    bool silent = false;
    bool by_value = false;  ///< counts what is different: Group::latest
    std::size_t most_entries = 0;
    double least = 0;  ///< with fewer entries the condition does not hold
    /// By Feed::position: everywhere in Correlation::rules where the same is meant.
    std::vector<std::vector<std::uint32_t>> positions;
    Groups groups;
    std::size_t entries = 0;
    std::multimap<std::int64_t, std::string> closing;  // end of window -> group key
  };
  /// The group an event falls into by some fields: the same for all that are grouped by them.
  struct Key {
    enum class Kind : std::uint8_t {
      kNone,    ///< it lacks one of the fields
      kOne,     ///< this one
      kSeveral  ///< it has several values of a field
    } kind = Kind::kNone;
    std::uint64_t event = 0;  ///< Scratch::event for which this was made
    std::uint64_t hash = 0;
    std::string text;
  };
  /// For feed(), of which each level of correlations has its own.
  struct Scratch {
    std::uint64_t event = 0;  // another one for each event, or group that is one
    std::vector<Key> keys;    // by Feed::key
    std::vector<Entry> entries;
    std::vector<std::string_view> values;  // of a field that is counted
    FieldTexts fields;
    // Of events that fall into several groups.
    std::vector<std::string_view> texts;                       // of all fields of the group
    std::vector<std::pair<std::size_t, std::size_t>> options;  // of each: from, to
    std::vector<std::size_t> chosen;
    std::string key;
  };

  std::uint32_t key_number(const std::vector<FieldId>& fields);
  const Key& key_of(std::uint32_t number, const FieldTexts& values, Scratch& scratch) const {
    Key& key = scratch.keys[number];
    if (key.event != scratch.event) {
      key.event = scratch.event;
      make_key(keys_[number], values, key);
    }
    return key;
  }
  static void make_key(const std::vector<FieldId>& fields, const FieldTexts& values, Key& key);
  /// Puts an entry in its place among the others of its group.
  void insert(State& state, Group& group, const Entry& entry);
  /// temporal_ordered: the chain goes on with an entry that is behind all others.
  void extend(const State& state, Group& group, const Entry& entry);
  void feed(const Feed& feed, std::int64_t time, const FieldTexts& values,
            std::vector<CorrelationMatch>& out, std::size_t depth);
  /// What an event adds to each of its groups, by the values that are counted.
  static void make_entries(const State& state, const Feed& feed, std::int64_t time,
                           const FieldTexts& values, Scratch& scratch);
  /// For an event of which each of these fields may have several values: all combinations.
  void feed_several(const Feed& feed, std::int64_t time, const FieldTexts& values,
                    std::span<const Entry> entries, std::vector<CorrelationMatch>& out,
                    std::size_t depth);
  /// Adds to a group.
  void add(State& state, std::string_view key, std::uint64_t hash, std::span<const Entry> entries,
           std::int64_t time, std::vector<CorrelationMatch>& out, std::size_t depth);
  void open_window(State& state, Group& group, std::int64_t time);
  void close_until(State& state, std::int64_t time, std::vector<CorrelationMatch>& out,
                   std::size_t depth);
  void fire(State& state, Group& group, std::int64_t time, double value,
            std::vector<CorrelationMatch>& out, std::size_t depth);
  Group& group_of(State& state, std::string_view key, std::uint64_t hash);
  void forget(State& state, Group& group);
  void remove_oldest(State& state, Group& group);
  void clear(State& state, Group& group);
  /// Whether the group's window satisfies the condition; `value` is what was compared.
  bool satisfied(const State& state, const Group& group, double& value) const;
  bool seen(const State& state, const Group& group, std::uint32_t node) const;

  /// Correlations of correlations: the loader allows no circles, so this many levels are in no
  /// file.
  static constexpr std::size_t kMaxDepth = 16;

  const Engine* engine_;
  CorrelationLimits limits_;
  std::vector<State> states_;
  std::vector<std::vector<FieldId>> keys_;         // by Feed::key
  std::vector<std::vector<Feed>> of_rule_;         // rule -> feeds
  std::vector<std::vector<Feed>> of_correlation_;  // state -> feeds of others
  std::vector<bool> silent_;
  std::vector<Scratch> scratch_;  // by depth
  bool timed_ = false;
  std::int64_t now_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace rpcmarshal::sigma
