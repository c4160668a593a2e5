#include "sigma/correlation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "logs/known_fields.h"
#include "run.h"

namespace rpcmarshal::sigma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kBase = R"(
title: a
logsource: {product: p}
detection: {s: {e: a}, condition: s}
---
title: b
logsource: {product: p}
detection: {s: {e: b}, condition: s}
---
title: c
logsource: {product: p}
detection: {s: {e: c}, condition: s}
---
)";

class Correlated {
 public:
  explicit Correlated(const std::string& rules, CorrelationLimits limits = {}) {
    RuleSet set;
    parse_rules(std::string(kBase) + rules, "t.yml", set, diagnostics);
    resolve(set, {}, diagnostics);
    engine = std::make_unique<Engine>(std::move(set), diagnostics);
    correlator = std::make_unique<Correlator>(*engine, diagnostics, limits);
    matcher = std::make_unique<Matcher>(*engine);
  }

  /// One event at `seconds`; what fires, as "title@seconds group=value (count)".
  std::vector<std::string> event(std::int64_t seconds, std::string_view json) {
    text = padded(json);
    EXPECT_TRUE(document.parse(text)) << json;
    document.fill(engine->fields(), fields, false);
    const auto& matches = matcher->match(engine->plan({}), fields);
    std::vector<CorrelationMatch> out;
    std::vector<FieldId> needed;
    for (const std::uint32_t rule : matches) correlator->fields_of(rule, needed);
    FieldTexts values;
    values.take(fields, needed);
    correlator->event(matches, seconds * 1'000'000'000, values, out);
    return names(out);
  }
  std::vector<std::string> finish() {
    std::vector<CorrelationMatch> out;
    correlator->finish(out);
    return names(out);
  }
  static std::vector<std::string> names(const std::vector<CorrelationMatch>& matches) {
    std::vector<std::string> out;
    for (const CorrelationMatch& m : matches) {
      std::string one = m.correlation->about.title + "@" + std::to_string(m.time / 1'000'000'000);
      for (const auto& [name, value] : m.group) one += " " + std::string(name) + "=" + value;
      char number[32];
      std::snprintf(number, sizeof number, " (%g)", m.value);
      out.push_back(one + number);
    }
    return out;
  }

  Diagnostics diagnostics;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Correlator> correlator;
  std::unique_ptr<Matcher> matcher;
  logs::JsonDocument document;
  EventFields fields;
  std::string text;
};

std::string correlation(std::string_view body) {
  return "title: C\ncorrelation: {" + std::string(body) + "}\n";
}

TEST(Correlation, CountsEventsPerGroupWithinTheTime) {
  Correlated c(
      correlation("type: event_count, rules: [a], group-by: [h], timespan: 10s, "
                  "condition: {gte: 3}"));
  EXPECT_THAT(c.diagnostics, IsEmpty());
  EXPECT_THAT(c.event(1, R"({"e":"a","h":"x"})"), IsEmpty());
  EXPECT_THAT(c.event(2, R"({"e":"a","h":"y"})"), IsEmpty());
  EXPECT_THAT(c.event(3, R"({"e":"a","h":"x"})"), IsEmpty());
  EXPECT_THAT(c.event(4, R"({"e":"b","h":"x"})"), IsEmpty());  // another rule
  EXPECT_THAT(c.event(5, R"({"e":"a"})"), IsEmpty());          // in no group
  EXPECT_THAT(c.event(11, R"({"e":"a","h":"x"})"), ElementsAre("C@11 h=x (3)"));
  // The window starts anew, and slides.
  EXPECT_THAT(c.event(12, R"({"e":"a","h":"x"})"), IsEmpty());
  EXPECT_THAT(c.event(13, R"({"e":"a","h":"x"})"), IsEmpty());
  EXPECT_THAT(c.event(23, R"({"e":"a","h":"x"})"), IsEmpty());  // 12 is too old
  EXPECT_THAT(c.event(23, R"({"e":"a","h":"x"})"), ElementsAre("C@23 h=x (3)"));
}

TEST(Correlation, OldMatchesSlideOut) {
  Correlated c(correlation("type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}"));
  for (const int t : {0, 6, 12, 18, 24})
    EXPECT_THAT(c.event(t + 1, R"({"e":"a"})"), IsEmpty()) << t;
  EXPECT_THAT(c.event(26, R"({"e":"a"})"), ElementsAre("C@26 (3)"));
}

TEST(Correlation, LateEventsTakeTheirPlace) {
  Correlated c(correlation("type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}"));
  c.event(100, R"({"e":"a"})");
  EXPECT_THAT(c.event(50, R"({"e":"a"})"), IsEmpty());  // too late to count
  EXPECT_THAT(c.event(95, R"({"e":"a"})"), IsEmpty());
  EXPECT_THAT(c.event(96, R"({"e":"a"})"), ElementsAre("C@96 (3)"));
}

TEST(Correlation, CountsDifferentValues) {
  Correlated c(
      correlation("type: value_count, rules: [a, b], group-by: h, timespan: 1m, "
                  "condition: {gte: 3, field: u}"));
  for (const char* user : {"1", "2", "1", "2", "1"}) {
    EXPECT_THAT(c.event(1, std::string(R"({"e":"a","h":"x","u":")") + user + "\"}"), IsEmpty());
  }
  EXPECT_THAT(c.event(2, R"({"e":"b","h":"x"})"), IsEmpty());
  EXPECT_THAT(c.event(2, R"({"e":"b","h":"x","u":"3"})"), ElementsAre("C@2 h=x (3)"));
}

TEST(Correlation, SumsAveragesAndPercentiles) {
  struct Case {
    const char* type;
    const char* condition;
    const char* fires;
  };
  static constexpr Case kCases[] = {
      {"value_sum", "gte: 60, field: n", "C@5 (60)"},
      {"value_avg", "gt: 14, field: n", "C@5 (15)"},
      {"value_percentile", "percentile: 100, gte: 50, field: n", "C@5 (50)"},
  };
  for (const Case& t : kCases) {
    Correlated c(correlation("type: " + std::string(t.type) +
                             ", rules: [a], timespan: 1m, condition: {" + t.condition + "}"));
    int at = 1;
    std::vector<std::string> fired;
    for (const char* number : {"1", "\"4\"", "5", "\"none\"", "50"}) {
      const auto now = c.event(at++, std::string(R"({"e":"a","n":)") + number + "}");
      fired.insert(fired.end(), now.begin(), now.end());
    }
    EXPECT_THAT(fired, ElementsAre(t.fires)) << t.type;
  }
}

TEST(Correlation, MedianAndQuartile) {
  Correlated median(
      correlation("type: value_median, rules: [a], timespan: 1m, condition: {gte: 4.5, field: n}"));
  Correlated quartile(
      correlation("type: value_percentile, rules: [a], timespan: 1m, "
                  "condition: {percentile: 75, gte: 16.25, field: n}"));
  std::vector<std::string> out, q;
  for (const char* number : {"1", "4", "5", "50"}) {
    const std::string event = std::string(R"({"e":"a","n":)") + number + "}";
    for (const auto& s : median.event(1, event)) out.push_back(s);
    for (const auto& s : quartile.event(1, event)) q.push_back(s);
  }
  EXPECT_THAT(out, ElementsAre("C@1 (4.5)"));
  EXPECT_THAT(q, ElementsAre("C@1 (16.25)"));
}

TEST(Correlation, RulesTogether) {
  Correlated c(correlation("type: temporal, rules: [a, b, c], group-by: [h], timespan: 10s"));
  EXPECT_THAT(c.event(1, R"({"e":"c","h":"x"})"), IsEmpty());
  EXPECT_THAT(c.event(2, R"({"e":"a","h":"x"})"), IsEmpty());
  EXPECT_THAT(c.event(3, R"({"e":"b","h":"y"})"), IsEmpty());
  EXPECT_THAT(c.event(4, R"({"e":"a","h":"x"})"), IsEmpty());
  EXPECT_THAT(c.event(11, R"({"e":"b","h":"x"})"), ElementsAre("C@11 h=x (3)"));
}

TEST(Correlation, RulesInOrder) {
  Correlated c(correlation("type: temporal_ordered, rules: [a, b, c], timespan: 10s"));
  for (const char* e : {"c", "b", "a", "c", "b"})
    EXPECT_THAT(c.event(1, std::string(R"({"e":")") + e + "\"}"), IsEmpty()) << e;
  EXPECT_THAT(c.event(11, R"({"e":"c"})"), ElementsAre("C@11 (3)"));
  c.event(20, R"({"e":"a"})");
  c.event(21, R"({"e":"b"})");
  c.event(29, R"({"e":"a"})");
  EXPECT_THAT(c.event(31, R"({"e":"c"})"), IsEmpty());  // the run from 20 is too old
  c.event(32, R"({"e":"b"})");
  EXPECT_THAT(c.event(33, R"({"e":"c"})"), ElementsAre("C@33 (3)"));
}

TEST(Correlation, RulesInOrderOfTheirTimesNotOfTheirArrival) {
  Correlated c(correlation("type: temporal_ordered, rules: [a, b, c], timespan: 10s"));
  c.event(1, R"({"e":"a"})");
  c.event(6, R"({"e":"b"})");
  EXPECT_THAT(c.event(3, R"({"e":"c"})"), IsEmpty()) << "before b";
  EXPECT_THAT(c.event(7, R"({"e":"c"})"), ElementsAre("C@7 (3)"));
  c.event(21, R"({"e":"b"})");
  c.event(23, R"({"e":"c"})");
  EXPECT_THAT(c.event(20, R"({"e":"a"})"), ElementsAre("C@20 (3)")) << "the first is told last";
  // A late beginning does not hide a better one.
  c.event(30, R"({"e":"a"})");
  c.event(31, R"({"e":"b"})");
  c.event(25, R"({"e":"a"})");
  c.event(36, R"({"e":"b"})");
  EXPECT_THAT(c.event(39, R"({"e":"c"})"), ElementsAre("C@39 (3)"));
}

TEST(Correlation, ARuleNamedTwiceIsOneRule) {
  const std::string twice =
      "title: d\nname: dd\nlogsource: {product: p}\n"
      "detection: {s: {e: d}, condition: s}\n---\n";
  Correlated count(twice + correlation("type: event_count, rules: [d, dd], timespan: 10s, "
                                       "condition: {gte: 2}"));
  EXPECT_THAT(count.event(1, R"({"e":"d"})"), IsEmpty());
  EXPECT_THAT(count.event(2, R"({"e":"d"})"), ElementsAre("C@2 (2)"));
  Correlated order(twice + correlation("type: temporal_ordered, rules: [d, a, dd], timespan: 10s"));
  EXPECT_THAT(order.event(1, R"({"e":"d"})"), IsEmpty());
  EXPECT_THAT(order.event(2, R"({"e":"a"})"), IsEmpty());
  EXPECT_THAT(order.event(3, R"({"e":"d"})"), ElementsAre("C@3 (3)"));
  Correlated pair(correlation("type: temporal_ordered, rules: [a, a], timespan: 10s"));
  EXPECT_THAT(pair.event(1, R"({"e":"a"})"), IsEmpty());
  EXPECT_THAT(pair.event(2, R"({"e":"a"})"), ElementsAre("C@2 (2)"));
}

TEST(Correlation, SumsStayTrueBesideLargeNumbers) {
  Correlated c(correlation(
      "type: value_sum, rules: [a], timespan: 10s, condition: {gte: 5, lt: 7, field: n}"));
  c.event(1, R"({"e":"a","n":"1e300"})");
  c.event(10, R"({"e":"a","n":3})");
  EXPECT_THAT(c.finish(), IsEmpty());
  Correlated slide(
      correlation("type: value_sum, rules: [a], timespan: 10s, condition: {gt: 1e20, field: n}"));
  slide.event(1, R"({"e":"a","n":"-1e300"})");
  slide.event(8, R"({"e":"a","n":"6e19"})");
  EXPECT_THAT(slide.event(12, R"({"e":"a","n":"6e19"})"), ElementsAre("C@12 (1.2e+20)"));
}

TEST(Correlation, WhatHasNoNumberOpensNoWindow) {
  Correlated c(
      correlation("type: value_avg, rules: [a], timespan: 5s, condition: {lt: 3, field: n}"));
  c.event(1, R"({"e":"a","n":"none"})");
  c.event(2, R"({"e":"a"})");
  EXPECT_THAT(c.finish(), IsEmpty());
}

TEST(Correlation, GoesOnWithNewRulesWhenItIsTheSame) {
  const std::string counted = "type: event_count, rules: [a], group-by: [h], timespan: 10s, ";
  const std::string chained =
      correlation(counted + "condition: {gte: 2}") +
      "---\ntitle: D\ncorrelation: "
      "{type: event_count, rules: [C], timespan: 60s, condition: {gte: 2}}\n";
  const std::string other =
      "title: other\nlogsource: {product: p}\n"
      "detection: {s: {x: y}, condition: s}\n---\n";
  const auto before = [](Correlated& c) {
    c.event(1, R"({"e":"a","h":"x"})");
    c.event(2, R"({"e":"a","h":"x"})");
    c.event(3, R"({"e":"a","h":"x"})");
  };
  {
    // Other rules around it, and another title and level: it goes on, and so does what counts it.
    Correlated old(chained);
    before(old);
    std::string text = chained;
    text.insert(0, "level: high\n");
    Correlated next(other + text);
    EXPECT_EQ(next.correlator->take_over(*old.correlator).kept, 2u);
    EXPECT_THAT(next.event(4, R"({"e":"a","h":"x"})"), ElementsAre("C@4 h=x (2)", "D@4 (2)"));
    EXPECT_THAT(old.event(5, R"({"e":"a","h":"x"})"), IsEmpty()) << "it was taken away";
  }
  {
    Correlated old(chained);
    before(old);
    Correlated next(correlation(counted + "condition: {gte: 3}"));
    EXPECT_EQ(next.correlator->take_over(*old.correlator).kept, 0u);
    EXPECT_THAT(next.event(4, R"({"e":"a","h":"x"})"), IsEmpty());
  }
  {
    // The same correlation of a rule that finds something else.
    Correlated old(other + correlation("type: event_count, rules: [other], timespan: 10s, "
                                       "condition: {gte: 2}"));
    old.event(1, R"({"x":"y"})");
    std::string changed = other;
    changed.replace(changed.find("x: y"), 4, "x: z");
    Correlated next(changed + correlation("type: event_count, rules: [other], timespan: 10s, "
                                          "condition: {gte: 2}"));
    EXPECT_EQ(next.correlator->take_over(*old.correlator).kept, 0u);
    EXPECT_THAT(next.event(2, R"({"x":"z"})"), IsEmpty());
  }
  {
    // Windows that are judged at their end keep it.
    const std::string few =
        correlation("type: event_count, rules: [a], timespan: 10s, condition: {lt: 3}");
    Correlated old(few), next(few);
    old.event(1, R"({"e":"a"})");
    EXPECT_EQ(next.correlator->take_over(*old.correlator).kept, 1u);
    EXPECT_THAT(next.event(12, R"({"e":"b"})"), ElementsAre("C@11 (1)"));
  }
}

TEST(Correlation, WhatMoreMatchesCouldUndoIsJudgedAtTheEnd) {
  Correlated few(correlation("type: event_count, rules: [a], timespan: 10s, condition: {lt: 3}"));
  EXPECT_THAT(few.event(1, R"({"e":"a"})"), IsEmpty());
  EXPECT_THAT(few.event(2, R"({"e":"a"})"), IsEmpty());
  EXPECT_THAT(few.event(12, R"({"e":"x"})"), ElementsAre("C@11 (2)"));
  for (const int t : {20, 21, 22}) few.event(t, R"({"e":"a"})");
  EXPECT_THAT(few.event(40, R"({"e":"x"})"), IsEmpty());
  few.event(41, R"({"e":"a"})");
  EXPECT_THAT(few.finish(), ElementsAre("C@51 (1)"));

  Correlated range(
      correlation("type: event_count, rules: [a], timespan: 10s, "
                  "condition: {gte: 2, lte: 3}"));
  for (const int t : {1, 2, 3, 4}) EXPECT_THAT(range.event(t, R"({"e":"a"})"), IsEmpty());
  EXPECT_THAT(range.event(20, R"({"e":"a"})"), IsEmpty());
  range.event(21, R"({"e":"a"})");
  EXPECT_THAT(range.finish(), ElementsAre("C@30 (2)"));
}

TEST(Correlation, ConditionsInWords) {
  Correlated either(correlation("type: temporal, timespan: 10s, condition: a and (b or c)"));
  EXPECT_THAT(either.diagnostics, IsEmpty());
  either.event(1, R"({"e":"c"})");
  EXPECT_THAT(either.event(2, R"({"e":"a"})"), ElementsAre("C@2 (2)"));
  Correlated without(correlation("type: temporal, timespan: 10s, condition: a and not b"));
  without.event(1, R"({"e":"a"})");
  EXPECT_THAT(without.event(5, R"({"e":"b"})"), IsEmpty());
  EXPECT_THAT(without.event(20, R"({"e":"a"})"), IsEmpty());
  EXPECT_THAT(without.finish(), ElementsAre("C@30 (1)"));
  Correlated ordered(correlation("type: temporal_ordered, timespan: 1m, condition: a and not b"));
  ASSERT_EQ(ordered.diagnostics.size(), 1u);
  EXPECT_THAT(ordered.diagnostics[0].to_string(), HasSubstr("by 'and' only"));
}

TEST(Correlation, AliasesNameTheGroupsFieldPerRule) {
  Correlated c(
      correlation("type: temporal, rules: [a, b], group-by: [host], timespan: 10s, "
                  "aliases: {host: {a: src, b: dst}}"));
  c.event(1, R"({"e":"a","src":"x","dst":"y"})");
  EXPECT_THAT(c.event(2, R"({"e":"b","src":"x","dst":"z"})"), IsEmpty());
  EXPECT_THAT(c.event(3, R"({"e":"b","dst":"x"})"), ElementsAre("C@3 host=x (2)"));
}

TEST(Correlation, OfCorrelations) {
  Correlated c(
      "title: Burst\nname: burst\ncorrelation: {type: event_count, rules: [a], "
      "group-by: [h, u], timespan: 10s, condition: {gte: 2}}\n---\n" +
      correlation("type: value_count, rules: [burst], group-by: [h], timespan: 1m, "
                  "condition: {gte: 2, field: u}"));
  EXPECT_THAT(c.diagnostics, IsEmpty());
  for (const char* user : {"1", "2"}) {
    c.event(1, std::string(R"({"e":"a","h":"x","u":")") + user + "\"}");
  }
  EXPECT_THAT(c.event(2, R"({"e":"a","h":"x","u":"1"})"), ElementsAre("Burst@2 h=x u=1 (2)"));
  EXPECT_THAT(c.event(3, R"({"e":"a","h":"x","u":"2"})"),
              ElementsAre("Burst@3 h=x u=2 (2)", "C@3 h=x (2)"));
}

TEST(Correlation, RulesOnlyAlertThemselvesWhenAsked) {
  Correlated silent(
      correlation("type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}"));
  EXPECT_TRUE(silent.correlator->silent(0));
  EXPECT_FALSE(silent.correlator->silent(1));
  Correlated loud(
      correlation("type: event_count, rules: [a], timespan: 1m, generate: true, "
                  "condition: {gte: 2}"));
  EXPECT_FALSE(loud.correlator->silent(0));
}

TEST(Correlation, StateIsBounded) {
  CorrelationLimits limits;
  limits.groups = 100;
  limits.group_entries = 50;
  limits.entries = 200;
  Correlated c(correlation("type: event_count, rules: [a], group-by: [h], timespan: 1h, "
                           "condition: {gte: 60}") +
                   "---\n" +
                   correlation("type: event_count, rules: [b], group-by: [h], timespan: 1h, "
                               "condition: {lt: 1}"),
               limits);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_THAT(c.event(1, R"({"e":"a","h":)" + std::to_string(i) + "}"), IsEmpty());
    c.event(1, R"({"e":"b","h":)" + std::to_string(i) + "}");
  }
  EXPECT_GE(c.correlator->dropped(), 900u);
  for (int i = 0; i < 100; ++i) EXPECT_THAT(c.event(1, R"({"e":"a","h":"x"})"), IsEmpty());
}

}  // namespace
}  // namespace rpcmarshal::sigma
