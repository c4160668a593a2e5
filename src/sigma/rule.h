// A Sigma rule as its author wrote it, after modifiers were applied: the model that the compiler,
// the linter and the scorer read. Also correlations and filters, which are rules about rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sigma/diagnostic.h"
#include "sigma/modifier.h"
#include "sigma/value.h"

namespace rpcmarshal::sigma {

/// What a rule is about. Empty: not said.
struct LogSource {
  std::string product, category, service;
  Location at;
  /// Whether a rule about `this` concerns everything a rule about `other` does (fewer attributes
  /// concern more).
  bool contains(const LogSource& other) const;
  std::string to_string() const;  ///< "windows/process_creation"
};

/// What all documents have.
struct Metadata {
  std::string file;
  Location at;
  std::string title, id, name, status, level, description, author, date;
  std::vector<std::string> tags, references, falsepositives;
  std::vector<Location> tag_places;
  /// Keys beside these with a single value, as written: taxonomy, modified, one's own.
  std::vector<std::pair<std::string, std::string>> others;
};

/// One `field|modifiers: values`, or a keyword list (no field: the whole event is searched).
struct Item {
  std::string field;
  bool keyword = false;
  std::vector<Modifier> modifiers;
  std::vector<Value> values;  ///< any of them; all of them with `all`
  bool all = false;
  bool negated = false;  ///< neq
  bool every = false;    ///< in policies only: each value of the field is one of `values`
  Location at, value_at;
};

/// The logic of a rule: and, or, not over items; lives in Detection::nodes.
struct Node {
  enum class Kind : std::uint8_t { kAnd, kOr, kNot, kItem } kind = Kind::kItem;
  std::vector<std::uint32_t> children;
  std::uint32_t item = 0;
};

struct Selection {
  std::string name;
  Location at;
  std::uint32_t node = 0;
  bool used = false;  ///< by a condition
};

struct Condition {
  std::string text;
  Location at;
  std::uint32_t node = 0;
};

struct Detection {
  std::vector<Item> items;
  std::vector<Node> nodes;
  std::vector<Selection> selections;
  std::vector<Condition> conditions;  ///< any of them

  std::uint32_t add(Node node) {
    nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(nodes.size() - 1);
  }
};

struct Rule {
  Metadata about;
  LogSource logsource;
  Detection detection;
  std::vector<std::string> fields;   ///< of interest to the analyst
  std::vector<std::string> filters;  ///< titles of the filters applied to it
};

enum class CorrelationType : std::uint8_t {
  kEventCount,
  kValueCount,
  kTemporal,
  kTemporalOrdered,
  kValueSum,
  kValueAvg,
  kValuePercentile,
  kValueMedian,
};

std::string_view correlation_type_name(CorrelationType type);  ///< "event_count"

/// "gte: 5"; several make a range.
struct CorrelationBound {
  enum class Op : std::uint8_t { kLt, kLte, kGt, kGte, kEq, kNeq } op = Op::kGte;
  double value = 0;
};

struct Correlation {
  Metadata about;
  CorrelationType type = CorrelationType::kEventCount;
  std::vector<std::string> rules;  ///< ids, names (or titles) of rules and correlations
  std::vector<Location> rule_places;
  std::vector<std::string> group_by;
  std::int64_t timespan = 0;  ///< nanoseconds
  std::vector<CorrelationBound> bounds;
  std::vector<std::string> fields;  ///< whose values are counted, summed, ...
  double percentile = 50;
  bool generate = false;  ///< the rules it refers to alert themselves, too
  /// Name in group-by -> (rule reference, field there).
  std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>> aliases;
  /// Extended condition of temporal types: and, or, not over `rules` (Node::item is the index).
  std::vector<Node> expression;
  std::optional<std::uint32_t> expression_root;
};

struct Filter {
  Metadata about;
  LogSource logsource;
  bool any_rule = false;
  std::vector<std::string> rules;  ///< ids, names or titles
  Detection detection;             ///< one condition
};

/// Everything of some rule files. Kept apart from what runs: a rule with errors is not in here.
struct RuleSet {
  std::vector<Rule> rules;
  std::vector<Correlation> correlations;
  std::vector<Filter> filters;
};

}  // namespace rpcmarshal::sigma
