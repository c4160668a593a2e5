#include "lint/linter.h"

#include <re2/re2.h>

#include <algorithm>

#include "lint/checker.h"
#include "sigma/document.h"
#include "sigma/parser.h"

namespace rpcmarshal::lint {
namespace {

using sigma::Yaml;

Yaml* find(Yaml& map, std::string_view key) {
  for (auto& [name, value] : map.map) {
    if (name.text == key) return &value;
  }
  return nullptr;
}

/// "selection | count(field) by other > 4": Sigma 1. The part before the bar is a rule of today, so
/// that the rest of the rule can be examined; what is behind it becomes a proposal.
struct Aggregation {
  std::string function, counted, group, op, limit;
  Location at;
  std::string timeframe;
};

std::optional<Aggregation> take_aggregation(Yaml& document) {
  Yaml* detection = find(document, "detection");
  Yaml* condition = detection != nullptr ? find(*detection, "condition") : nullptr;
  if (condition == nullptr || condition->kind != Yaml::Kind::kString) return std::nullopt;
  const std::size_t bar = condition->text.find('|');
  if (bar == std::string::npos) return std::nullopt;
  static const RE2 kForm(
      R"(\s*(count|sum|min|max|avg|near)\s*\(\s*([^)]*?)\s*\)\s*(?:by\s+(\S+))?\s*(>=|<=|>|<|=|==)\s*(\d+)\s*)");
  Aggregation out;
  const std::string text = condition->text.substr(bar + 1);
  if (!RE2::FullMatch(text, kForm, &out.function, &out.counted, &out.group, &out.op, &out.limit))
    return std::nullopt;
  out.at = condition->at;
  out.at.column += static_cast<std::uint32_t>(bar);
  out.timeframe = detection->string("timeframe");
  condition->text.resize(bar);
  while (condition->text.ends_with(' ')) condition->text.pop_back();
  std::erase_if(detection->map, [](const auto& one) { return one.first.text == "timeframe"; });
  return out;
}

std::string as_correlation(const Aggregation& a) {
  const bool values = !a.counted.empty();
  std::string op = a.op == ">"    ? "gt"
                   : a.op == ">=" ? "gte"
                   : a.op == "<"  ? "lt"
                   : a.op == "<=" ? "lte"
                                  : "eq";
  std::string type = a.function == "count" ? (values ? "value_count" : "event_count")
                     : a.function == "sum" ? "value_sum"
                     : a.function == "avg" ? "value_avg"
                                           : "";
  if (type.empty()) return "write a correlation (Sigma 2): " + a.function + " has no equal there";
  std::string out = "write a correlation (Sigma 2): {type: " + type + ", rules: [this rule's name]";
  if (!a.group.empty()) out += ", group-by: [" + a.group + "]";
  out += ", timespan: " + (a.timeframe.empty() ? "5m" : a.timeframe) + ", condition: {" + op +
         ": " + a.limit + (values ? ", field: " + a.counted : "") + "}}";
  return out;
}

void examine(const sigma::Rule& rule, const Yaml& document, const Operations& operations,
             std::vector<Finding>& findings, const Aggregation* aggregation) {
  Checker c{rule, document, operations, findings, view_of(rule.logsource)};
  c.matched = matched_operations(rule.detection, c.view, operations);
  if (aggregation != nullptr) {
    c.add("old-aggregation", Severity::kError, aggregation->at,
          "conditions that count with '|' are no Sigma 2; engines refuse the rule",
          as_correlation(*aggregation));
    for (const std::string& field : {aggregation->counted, aggregation->group}) {
      if (!field.empty()) check_field_name(c, field, aggregation->at);
    }
  }
  check_names(c);
  check_logic(c);
  check_fields(c);
  check_coverage(c);
  check_tags(c);
  check_prose(c);
}

/// "# lint: allow CHECK: why", a line of its own anywhere in the file: its findings are left out.
struct Allowance {
  std::string check, why;
  sigma::Location at;
  bool used = false;
};

std::vector<Allowance> find_allowances(std::string_view text) {
  constexpr std::string_view kStart = "# lint: allow ";
  std::vector<Allowance> out;
  std::uint32_t line = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
    const std::size_t first = one.find_first_not_of(' ');
    if (first == std::string_view::npos || !one.substr(first).starts_with(kStart)) continue;
    one.remove_prefix(first + kStart.size());
    const std::size_t colon = one.find(':');
    Allowance& a = out.emplace_back();
    a.check = one.substr(0, colon);
    a.at = {line, static_cast<std::uint32_t>(first + 1)};
    if (colon != std::string_view::npos) {
      const std::size_t why = one.find_first_not_of(" \r", colon + 1);
      if (why != std::string_view::npos) a.why = one.substr(why);
    }
  }
  return out;
}

void apply_allowances(std::string_view text, const std::string& file,
                      std::vector<Finding>& findings) {
  std::vector<Allowance> allowances = find_allowances(text);
  std::erase_if(findings, [&](const Finding& finding) {
    for (Allowance& a : allowances) {
      // What the parser says cannot be allowed: the rule does not run.
      if (a.check != finding.check || a.why.empty() || finding.check == "syntax") continue;
      return a.used = true;
    }
    return false;
  });
  for (const Allowance& a : allowances) {
    if (a.used) continue;
    findings.push_back({"useless-allowance",
                        Severity::kWarning,
                        file,
                        a.at,
                        {},
                        a.why.empty()
                            ? "an allowance needs its reason: '# lint: allow " + a.check + ": why'"
                            : "there is no finding of '" + a.check + "' to allow",
                        a.why.empty() ? "write the reason" : "take the line out",
                        {}});
  }
}

}  // namespace

std::vector<Finding> lint_text(std::string_view text, const std::string& file,
                               const Operations& operations) {
  std::vector<Finding> findings;
  sigma::Diagnostics diagnostics;
  std::vector<Yaml> documents = sigma::parse_yaml(text, file, diagnostics);
  Yaml global;
  for (Yaml& document : documents) {
    if (!document.is_map()) {
      diagnostics.push_back({sigma::Diagnostic::Severity::kError,
                             file,
                             document.at,
                             "a rule is a mapping of keys to values",
                             {}});
      continue;
    }
    const std::string action = document.string("action");
    if (document.find("correlation") != nullptr || document.find("filter") != nullptr) {
      sigma::Reporter report(file, document.string("title"), diagnostics);
      if (document.find("correlation") != nullptr) {
        sigma::parse_correlation(document, file, report);
      } else {
        sigma::parse_filter(document, file, report);
      }
      continue;
    }
    std::erase_if(document.map, [](const auto& one) { return one.first.text == "action"; });
    if (action == "global") {
      global = std::move(document);
      continue;
    }
    if (action == "reset") global = Yaml{};
    if (!action.empty() && action != "repeat") continue;
    if (global.is_map()) sigma::merge_yaml(document, global);
    if (action == "repeat") global = document;
    const std::optional<Aggregation> aggregation = take_aggregation(document);
    sigma::Reporter report(file, document.string("title"), diagnostics);
    const sigma::Rule rule = sigma::parse_rule(document, file, report);
    if (!report.failed())
      examine(rule, document, operations, findings, aggregation ? &*aggregation : nullptr);
  }
  for (const sigma::Diagnostic& d : diagnostics) {
    const bool error = d.severity == sigma::Diagnostic::Severity::kError;
    findings.push_back({error ? "syntax" : "portability",
                        error ? Severity::kError : Severity::kWarning,
                        file,
                        d.at,
                        d.rule,
                        d.message,
                        {},
                        {}});
  }
  apply_allowances(text, file, findings);
  std::ranges::stable_sort(findings, [](const Finding& a, const Finding& b) {
    return a.at.line != b.at.line ? a.at.line < b.at.line : a.at.column < b.at.column;
  });
  return findings;
}

}  // namespace rpcmarshal::lint
