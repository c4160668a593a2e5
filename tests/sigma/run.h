// Runs rules of a test on JSON events of a test.
#pragma once

#include <string>
#include <vector>

#include "logs/json.h"
#include "sigma/engine.h"
#include "sigma/loader.h"
#include "sigma/parser.h"

namespace rpcmarshal::sigma {

/// Text with the bytes behind it that the JSON parser may read.
inline std::string padded(std::string_view text) {
  std::string out(text);
  out.reserve(out.size() + logs::JsonDocument::kPadding);
  return out;
}

class RuleRun {
 public:
  explicit RuleRun(std::string_view rules, const PlaceholderValues& values = {}) {
    RuleSet set;
    parse_rules(rules, "t.yml", set, diagnostics);
    resolve(set, values, diagnostics);
    engine = std::make_unique<Engine>(std::move(set), diagnostics);
    matcher = std::make_unique<Matcher>(*engine);
  }

  /// Titles of the rules that match, in order.
  std::vector<std::string> match(std::string_view json,
                                 const std::vector<LogSource>& sources = {}) {
    text = padded(json);
    if (!document.parse(text)) return {"invalid JSON: " + document.error()};
    document.fill(engine->fields(), event, true);
    std::vector<std::string> out;
    matches = matcher->match(engine->plan(sources), event);
    for (const std::uint32_t rule : matches)
      out.push_back(engine->program().rules[rule].rule->about.title);
    return out;
  }

  Diagnostics diagnostics;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Matcher> matcher;
  logs::JsonDocument document;
  EventFields event;
  std::string text;
  std::vector<std::uint32_t> matches;
};

/// A rule titled T with this detection.
inline std::string rule_with(std::string_view detection) {
  return "title: T\nlogsource: {product: p}\ndetection:\n" + std::string(detection);
}

}  // namespace rpcmarshal::sigma
