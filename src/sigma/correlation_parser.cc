// Correlation documents: rules about how often, how many different, or in which order other rules
// match.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "sigma/condition.h"
#include "sigma/document.h"
#include "sigma/parser.h"

namespace rpcmarshal::sigma {
namespace {

using Type = CorrelationType;
using Op = CorrelationBound::Op;

constexpr std::pair<std::string_view, Type> kTypes[] = {
    {"event_count", Type::kEventCount},
    {"value_count", Type::kValueCount},
    {"temporal", Type::kTemporal},
    {"temporal_ordered", Type::kTemporalOrdered},
    {"value_sum", Type::kValueSum},
    {"value_avg", Type::kValueAvg},
    {"value_percentile", Type::kValuePercentile},
    {"value_median", Type::kValueMedian},
};

std::optional<Type> find_type(std::string_view name) {
  for (const auto& [text, type] : kTypes) {
    if (text == name) return type;
  }
  return std::nullopt;
}

std::optional<Op> find_op(std::string_view name) {
  static constexpr std::pair<std::string_view, Op> kOps[] = {
      {"lt", Op::kLt},   {"lte", Op::kLte}, {"gt", Op::kGt},
      {"gte", Op::kGte}, {"eq", Op::kEq},   {"neq", Op::kNeq},
  };
  for (const auto& [text, op] : kOps) {
    if (text == name) return op;
  }
  return std::nullopt;
}

std::optional<double> number(const Yaml& yaml) {
  if (yaml.kind == Yaml::Kind::kInteger) return static_cast<double>(yaml.integer);
  if (yaml.kind == Yaml::Kind::kReal) return yaml.real;
  if (yaml.kind != Yaml::Kind::kString) return std::nullopt;
  double out = 0;
  const char* end = yaml.text.data() + yaml.text.size();
  const auto r = std::from_chars(yaml.text.data(), end, out);
  if (r.ec != std::errc() || r.ptr != end || !std::isfinite(out)) return std::nullopt;
  return out;
}

void parse_bounds(const Yaml& yaml, Correlation& out, Reporter& report) {
  for (const auto& [key, value] : yaml.map) {
    if (const auto op = find_op(key.text); op) {
      const auto bound = number(value);
      if (!bound) {
        report.error(value.at, "'" + value.text + "' is no number");
      } else {
        out.bounds.push_back({*op, *bound});
      }
    } else if (key.text == "field") {
      out.fields = parse_texts(&value, report);
    } else if (key.text == "percentile") {
      const auto percentile = number(value);
      if (!percentile || *percentile < 0 || *percentile > 100) {
        report.error(value.at, "a percentile is a number from 0 to 100");
      } else {
        out.percentile = *percentile;
      }
    } else {
      report.error(key.at,
                   "a correlation condition has lt, lte, gt, gte, eq, neq, field and "
                   "percentile, not '" +
                       key.text + "'");
    }
  }
  if (out.bounds.empty())
    report.error(yaml.at, "the condition compares with nothing: add 'gte: N'");
}

void parse_expression(const Yaml& yaml, bool rules_given, Correlation& out, Reporter& report) {
  std::vector<bool> used(out.rules.size(), false);
  ConditionNames names;
  names.find = [&](std::string_view name) -> std::optional<std::uint32_t> {
    std::size_t i = 0;
    while (i < out.rules.size() && out.rules[i] != name) ++i;
    if (i == out.rules.size()) {
      if (rules_given) return std::nullopt;
      out.rules.emplace_back(name);
      out.rule_places.push_back(yaml.at);
      used.push_back(false);
    }
    used[i] = true;
    out.expression.push_back({Node::Kind::kItem, {}, static_cast<std::uint32_t>(i)});
    return static_cast<std::uint32_t>(out.expression.size() - 1);
  };
  names.match = [](std::string_view) { return std::vector<std::uint32_t>(); };
  const ConditionResult result = parse_condition(yaml.text, names, out.expression);
  if (!result.error.empty()) {
    report.error({yaml.at.line, yaml.at.column + static_cast<std::uint32_t>(result.at)},
                 "in the condition: " + result.error);
    return;
  }
  out.expression_root = result.node;
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (!used[i])
      report.error(yaml.at, "the rule '" + out.rules[i] + "' does not stand in the condition");
  }
}

void parse_aliases(const Yaml& yaml, Correlation& out, Reporter& report) {
  if (!yaml.is_map()) {
    report.error(yaml.at, "aliases map a name to rules and their fields");
    return;
  }
  for (const auto& [alias, mapping] : yaml.map) {
    if (!mapping.is_map()) {
      report.error(mapping.at, "an alias maps rules to their fields");
      continue;
    }
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& [rule, field] : mapping.map) fields.emplace_back(rule.text, field.text);
    out.aliases.emplace_back(alias.text, std::move(fields));
  }
}

}  // namespace

std::string_view correlation_type_name(CorrelationType type) {
  for (const auto& [text, t] : kTypes) {
    if (t == type) return text;
  }
  return {};
}

Correlation parse_correlation(const Yaml& document, const std::string& file, Reporter& report) {
  Correlation out;
  out.about = parse_metadata(document, file, report);
  const Yaml& yaml = *document.find("correlation");
  if (!yaml.is_map()) {
    report.error(yaml.at, "a 'correlation' holds type, rules, timespan and condition");
    return out;
  }
  const std::string type = yaml.string("type");
  if (const auto found = find_type(type); found) {
    out.type = *found;
  } else {
    const Yaml* at = yaml.find("type");
    report.error(at != nullptr ? at->at : yaml.at,
                 type.empty() ? "a correlation needs a 'type'"
                              : "unknown correlation type '" + type +
                                    "': event_count, value_count, temporal, temporal_ordered, "
                                    "value_sum, value_avg, value_percentile, value_median");
  }
  const bool temporal = out.type == Type::kTemporal || out.type == Type::kTemporalOrdered;
  const Yaml* condition = yaml.find("condition");
  const bool expression = condition != nullptr && condition->is_scalar() && !condition->is_null();

  out.rules = parse_texts(yaml.find("rules"), report, &out.rule_places);
  if (out.rules.empty() && !(temporal && expression))
    report.error(yaml.at, "a correlation needs 'rules': the names or ids it is about");

  const Yaml* timespan = yaml.find("timespan");
  if (timespan == nullptr) timespan = yaml.find("timeframe");
  if (timespan == nullptr) {
    report.error(yaml.at, "a correlation needs a 'timespan'");
  } else if ((out.timespan = parse_timespan(timespan->text)) == 0) {
    report.error(timespan->at,
                 "'" + timespan->text + "' is no time span: a number and s, m, h, d, w, M or y");
  }
  out.group_by = parse_texts(yaml.find("group-by"), report);
  if (const Yaml* generate = yaml.find("generate"); generate != nullptr) {
    if (generate->kind != Yaml::Kind::kBool) {
      report.error(generate->at, "'generate' is true or false");
    } else {
      out.generate = generate->boolean;
    }
  }
  if (const Yaml* aliases = yaml.find("aliases"); aliases != nullptr && !aliases->is_null())
    parse_aliases(*aliases, out, report);

  if (condition != nullptr && condition->is_map()) {
    parse_bounds(*condition, out, report);
  } else if (expression) {
    if (temporal) {
      parse_expression(*condition, !out.rules.empty(), out, report);
    } else {
      report.error(condition->at, "only temporal correlations have a condition in words");
    }
  } else if (temporal) {
    out.bounds.push_back({Op::kGte, static_cast<double>(out.rules.size())});
  } else {
    report.error(yaml.at, "this correlation needs a 'condition' such as 'gte: 5'");
  }
  const bool wants_field = !temporal && out.type != Type::kEventCount;
  if (wants_field && out.fields.empty() && condition != nullptr)
    report.error(condition->at, "this type of correlation needs a 'field' in its condition");
  if (out.fields.size() > 1 && out.type != Type::kValueCount)
    report.error(condition->at, "only value_count takes several fields");
  return out;
}

}  // namespace rpcmarshal::sigma
