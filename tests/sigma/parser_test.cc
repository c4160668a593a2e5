#include "sigma/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sigma/condition.h"
#include "sigma/loader.h"

namespace rpcmarshal::sigma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Parsed {
  RuleSet set;
  Diagnostics diagnostics;
};

Parsed parse(std::string_view text, const PlaceholderValues& values = {}) {
  Parsed out;
  parse_rules(text, "t.yml", out.set, out.diagnostics);
  resolve(out.set, values, out.diagnostics);
  return out;
}

/// A rule with this detection.
std::string rule(std::string_view detection) {
  return "title: T\nlogsource: {product: p}\ndetection:\n" + std::string(detection);
}

std::string only_message(const Parsed& p) {
  if (p.diagnostics.size() != 1) return std::to_string(p.diagnostics.size()) + " messages";
  return p.diagnostics[0].to_string();
}

TEST(Parser, ReadsARule) {
  const Parsed p = parse(R"(
title: Service created
id: 8e35c907-231e-46e5-bf0f-9e724ce93279
name: service_created
status: test
level: high
tags: [attack.execution, attack.t1569.002]
logsource: {product: windows, service: system}
detection:
    selection:
        EventID: 7045
        ServiceName|endswith: [a, 'b']
    filter_main: {Provider_Name: null}
    condition: selection and not 1 of filter_*
)");
  EXPECT_THAT(p.diagnostics, IsEmpty());
  ASSERT_EQ(p.set.rules.size(), 1u);
  const Rule& r = p.set.rules[0];
  EXPECT_EQ(r.about.title, "Service created");
  EXPECT_EQ(r.about.name, "service_created");
  EXPECT_THAT(r.about.tags, ElementsAre("attack.execution", "attack.t1569.002"));
  EXPECT_EQ(r.logsource.to_string(), "windows/system");
  ASSERT_EQ(r.detection.items.size(), 3u);
  EXPECT_EQ(r.detection.items[0].values[0].integer, 7045);
  EXPECT_EQ(r.detection.items[1].at.line, 12u);
  EXPECT_EQ(r.detection.items[1].at.column, 9u);
  EXPECT_EQ(r.detection.items[1].values.size(), 2u);
  EXPECT_EQ(r.detection.items[1].values[0].pattern.to_string(), "*a");
  EXPECT_EQ(r.detection.items[2].values[0].kind, Value::Kind::kNull);
  ASSERT_EQ(r.detection.selections.size(), 2u);
  EXPECT_TRUE(r.detection.selections[1].used);
}

TEST(Parser, ABrokenDocumentCostsOnlyItself) {
  const std::string good = rule("  s: {a: 1}\n  condition: s\n");
  const Parsed p = parse(good + "---\ntitle: [broken\n---\n" + good + "--- \n- 1\n");
  EXPECT_EQ(p.set.rules.size(), 2u);
  ASSERT_EQ(p.diagnostics.size(), 2u);
  EXPECT_THAT(p.diagnostics[0].to_string(), HasSubstr("t.yml:8:"));
  EXPECT_THAT(p.diagnostics[0].to_string(), HasSubstr("not valid YAML"));
  EXPECT_THAT(p.diagnostics[1].to_string(), HasSubstr("t.yml:15:1: error: a rule is a mapping"));
}

TEST(Parser, BrokenYamlIsExplained) {
  const auto said = [](const std::string& text) {
    const Parsed p = parse(text);
    return p.diagnostics.empty() ? std::string() : p.diagnostics[0].to_string();
  };
  EXPECT_THAT(said("title: \"open\nlogsource: {product: x}\n"),
              HasSubstr("t.yml:1:8: error: this quotation mark is not closed"));
  EXPECT_THAT(said("title: \"a\"\nstatus: 'open\n"), HasSubstr("t.yml:2:9: error: this quot"));
  EXPECT_THAT(said("title: a\nx: [1, 2\ny: 1\n"), HasSubstr("has no ']'"));
  EXPECT_THAT(said("title: a\nx: {a: 1\ny: 1\n"), HasSubstr("has no '}'"));
  EXPECT_THAT(said("title: a\nlogsource:\n\tproduct: x\n"), HasSubstr("a tab?"));
  EXPECT_THAT(said("x: " + std::string(5000, '[') + std::string(5000, ']') + "\n"),
              HasSubstr("nested too deeply"));
  EXPECT_EQ(
      parse(rule("  s: {a: 'it''s', b: \"it's\", c: '\"'}\n  condition: s\n")).diagnostics.size(),
      0u)
      << "quotation marks in texts";
}

TEST(Parser, SaysWhereAndWhat) {
  struct Case {
    const char* detection;
    const char* message;
  };
  static constexpr Case kCases[] = {
      {"  s: {a|contain: x}\n  condition: s\n",
       "t.yml:4:7: error: unknown modifier 'contain'; did you mean 'contains'?"},
      {"  s: {a: x}\n  condition: s and t\n",
       "t.yml:5:20: error: in the condition: there is no selection 't'"},
      {"  s: {a: x}\n  condition: s | count() > 5\n", "write a correlation"},
      {"  s: {a: x}\n  condition: (s\n", "this '(' is not closed"},
      {"  s: {a: x}\n  condition: s s\n", "expected 'and', 'or' or the end before 's'"},
      {"  s: {a: x}\n  condition: s AND s\n", "lower case: 'and'"},
      {"  s: {a: x}\n  condition: 2 of s*\n", "only '1 of', 'any of' and 'all of'"},
      {"  s: {a: x}\n  condition: 1 of t*\n", "no selection matches 't*'"},
      {"  s: {a: x}\n  condition: s*\n", "needs '1 of' or 'all of'"},
      {"  s: {a: x}\n  condition: s and\n", "ends where a selection is expected"},
      {"  s: {a: x}\n  condition: ''\n", "the condition is empty"},
      {"  s: {a: x}\n", "there is no 'condition'"},
      {"  condition: s\n", "there is no selection"},
      {"  s: {}\n  condition: s\n", "this selection is empty"},
      {"  s: {a: {b: c}}\n  condition: s\n", "a mapping stands here where a value"},
      {"  s: {a: x, a: y}\n  condition: s\n", "t.yml:4:13: error: the key 'a' stands here twice"},
      {"  s: {a|cidr: 10.0.0.1/8}\n  condition: s\n", "address bits behind its prefix"},
      {"  s: {a|cidr: nonsense}\n  condition: s\n", "is no network"},
      {"  s: {a|cidr: 10.0.0.0/33}\n  condition: s\n", "is no prefix length"},
      {"  s: {a|contains|re: x}\n  condition: s\n", "'re' must be the first modifier"},
      {"  s: {a|i: x}\n  condition: s\n", "is a flag of 're'"},
      {"  s: {a|gt: x}\n  condition: s\n", "'gt' needs a number"},
      {"  s: {a|hour: x}\n  condition: s\n", "'hour' needs a whole number"},
      {"  s: {a|contains: null}\n  condition: s\n", "'contains' needs text"},
      {"  s: {a|exists: x}\n  condition: s\n", "needs true or false"},
      {"  s: {a|base64: 'x*'}\n  condition: s\n", "cannot be base64 encoded"},
      {"  s: {a|fieldref: 'x*'}\n  condition: s\n", "name has no wildcards"},
      {"  s: {a|windash: ' -a -b -c -d'}\n  condition: s\n", "at most three dashes"},
      {"  s: [null]\n  condition: s\n", "this needs a field"},
      {"  s: {a|expand: '%x%'}\n  condition: s\n", "%x% has no values"},
  };
  for (const Case& c : kCases) {
    const Parsed p = parse(rule(c.detection));
    EXPECT_THAT(p.set.rules, IsEmpty()) << c.detection;
    ASSERT_FALSE(p.diagnostics.empty()) << c.detection;
    EXPECT_THAT(p.diagnostics[0].to_string(), HasSubstr(c.message)) << c.detection;
  }
}

TEST(Parser, NeedsTitleAndLogsource) {
  EXPECT_THAT(
      only_message(parse("logsource: {product: p}\ndetection: {s: {a: 1}, condition: s}\n")),
      HasSubstr("needs a 'title'"));
  EXPECT_THAT(only_message(parse("title: T\ndetection: {s: {a: 1}, condition: s}\n")),
              HasSubstr("needs a 'logsource'"));
  EXPECT_THAT(only_message(parse("title: T\nlogsource: {definition: x}\n"
                                 "detection: {s: {a: 1}, condition: s}\n")),
              HasSubstr("neither product, category nor service"));
}

TEST(Parser, ScalarsAreTypedAsYaml11) {
  Diagnostics d;
  const auto docs = parse_yaml(
      "[1, -5, '1', 0x10, 007, 1.5, yes, Off, ~, null, 12ab, 1.2.3.4, 99999999999999999999, -, +]",
      "f", d);
  ASSERT_EQ(docs.size(), 1u);
  using K = Yaml::Kind;
  const std::vector<K> expected = {K::kInteger, K::kInteger, K::kString, K::kInteger, K::kString,
                                   K::kReal,    K::kBool,    K::kBool,   K::kNull,    K::kNull,
                                   K::kString,  K::kString,  K::kString, K::kString,  K::kString};
  ASSERT_EQ(docs[0].list.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(docs[0].list[i].kind, expected[i]) << docs[0].list[i].text;
  EXPECT_EQ(docs[0].list[3].integer, 16);
  EXPECT_TRUE(docs[0].list[6].boolean);
}

TEST(Parser, HostileYamlIsBounded) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'k'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) bomb += std::string("*") + static_cast<char>(c - 1) + ",";
    bomb += "]\n";
  }
  EXPECT_THAT(only_message(parse(bomb)), HasSubstr("too many values"));
  EXPECT_THAT(only_message(parse(std::string(100'000, '['))), HasSubstr("error"));
  EXPECT_THAT(only_message(parse("a: " + std::string(100, '[') + std::string(100, ']'))),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(
      only_message(parse(rule("  s: {a: x}\n  condition: " + std::string(1000, '(') + "s\n"))),
      HasSubstr("nested too deeply"));
}

std::string nodes_text(const Detection& d, std::uint32_t node) {
  const Node& n = d.nodes[node];
  if (n.kind == Node::Kind::kItem) return d.items[n.item].field;
  std::string out = n.kind == Node::Kind::kAnd  ? "(and"
                    : n.kind == Node::Kind::kOr ? "(or"
                                                : "(not";
  for (const std::uint32_t child : n.children) out += " " + nodes_text(d, child);
  return out + ")";
}

TEST(Condition, PrecedenceAndQuantifiers) {
  struct Case {
    const char* condition;
    const char* tree;
  };
  static constexpr Case kCases[] = {
      {"a", "a"},
      {"a and b", "(and a b)"},
      {"a or b and c", "(or a (and b c))"},
      {"not a and b", "(and (not a) b)"},
      {"not (a and b)", "(not (and a b))"},
      {"a and not b or c", "(or (and a (not b)) c)"},
      {"(a or b) and c", "(and (or a b) c)"},
      {"not not a", "a"},
      {"1 of them", "(or a b c f_1 f_2)"},
      {"all of them", "(and a b c f_1 f_2)"},
      {"any of f_*", "(or f_1 f_2)"},
      {"a and not 1 of f_*", "(and a (not (or f_1 f_2)))"},
      {"all of *_2", "f_2"},
      {"1 of f*1", "f_1"},
      {"1 of _*", "_h"},
      {"not 1 of f_* and a", "(and (not (or f_1 f_2)) a)"},
      {"1 of a", "a"},
  };
  for (const Case& c : kCases) {
    const Parsed p = parse(rule(
        "  a: {a: 1}\n  b: {b: 1}\n  c: {c: 1}\n  f_1: {f_1: 1}\n  f_2: {f_2: 1}\n  _h: {_h: 1}\n"
        "  condition: " +
        std::string(c.condition) + "\n"));
    ASSERT_EQ(p.set.rules.size(), 1u) << c.condition;
    const Detection& d = p.set.rules[0].detection;
    EXPECT_EQ(nodes_text(d, d.conditions[0].node), c.tree) << c.condition;
  }
}

TEST(Condition, NamesThatBeginLikeOperators) {
  const Parsed p =
      parse(rule("  notepad: {a: 1}\n  order: {b: 1}\n  condition: notepad and order\n"));
  EXPECT_EQ(p.set.rules.size(), 1u);
}

TEST(Parser, SelectionsOfListsAndMaps) {
  const Parsed p = parse(
      rule("  maps:\n  - {a: 1, b: 2}\n  - {c: 3}\n  words: [x, y]\n  every:\n    '|all': [x, y]\n"
           "  condition: maps and words and every\n"));
  ASSERT_EQ(p.set.rules.size(), 1u);
  const Detection& d = p.set.rules[0].detection;
  EXPECT_EQ(nodes_text(d, d.selections[0].node), "(or (and a b) c)");
  EXPECT_TRUE(d.items[3].keyword);
  EXPECT_FALSE(d.items[3].all);
  EXPECT_TRUE(d.items[4].keyword);
  EXPECT_TRUE(d.items[4].all);
}

TEST(Parser, CollectionsMergeTheGlobalDocument) {
  const Parsed p = parse(R"(
action: global
title: Both
logsource: {product: windows}
detection:
    selection: {EventID: 1}
---
logsource: {service: a}
detection: {condition: selection}
---
action: repeat
logsource: {service: b}
---
action: reset
---
title: Alone
logsource: {product: linux}
detection: {s: {x: 1}, condition: s}
)");
  EXPECT_THAT(p.diagnostics, IsEmpty());
  ASSERT_EQ(p.set.rules.size(), 3u);
  EXPECT_EQ(p.set.rules[0].logsource.to_string(), "windows/a");
  EXPECT_EQ(p.set.rules[1].logsource.to_string(), "windows/b");
  EXPECT_EQ(p.set.rules[1].about.title, "Both");
  EXPECT_EQ(p.set.rules[2].logsource.to_string(), "linux");
  EXPECT_EQ(p.set.rules[2].detection.selections.size(), 1u);
}

TEST(Parser, PlaceholdersTakeTheValuesOfTheirFile) {
  const Parsed p = parse(rule("  s: {a|contains|expand: 'x%v%y%w%'}\n  condition: s\n"),
                         {{"v", {"1", "2*"}}, {"w", {"3"}}});
  ASSERT_EQ(p.set.rules.size(), 1u);
  const Value& v = p.set.rules[0].detection.items[0].values[0];
  ASSERT_EQ(v.alternatives.size(), 2u);
  EXPECT_EQ(v.alternatives[0].pattern.to_string(), "*x1y3*");
  EXPECT_EQ(v.alternatives[1].pattern.to_string(), "*x2*y3*");
}

TEST(Filter, IsAndedToTheRulesItNames) {
  const std::string rules = R"(
title: One
name: one
logsource: {product: windows, category: process_creation}
detection: {s: {a: 1}, condition: s}
---
title: Two
name: two
logsource: {product: linux}
detection: {s: {b: 1}, condition: s}
---
)";
  const auto filtered = [&](const char* which) {
    const Parsed p = parse(rules +
                           "title: F\nlogsource: {product: windows}\n"
                           "filter: {rules: " +
                           which + ", x: {f: 1}, condition: not x}\n");
    std::string out;
    for (const Rule& r : p.set.rules)
      out += nodes_text(r.detection, r.detection.conditions[0].node) + " ";
    return out;
  };
  EXPECT_EQ(filtered("any"), "(and a (not f)) b ");
  EXPECT_EQ(filtered("[one]"), "(and a (not f)) b ");
  EXPECT_EQ(filtered("[two]"), "a b ");  // another logsource
}

TEST(Filter, WarnsWhenItKeepsInsteadOfRemoving) {
  const Parsed p = parse(
      "title: F\nlogsource: {product: windows}\n"
      "filter: {rules: any, x: {f: 1}, condition: x}\n");
  EXPECT_THAT(only_message(p), HasSubstr("warning: this filter keeps only what it selects"));
}

TEST(Correlation, Reads) {
  const Parsed p = parse(R"(
title: Base
name: base
logsource: {product: p}
detection: {s: {a: 1}, condition: s}
---
title: Many
correlation:
    type: value_count
    rules: base
    group-by: [host, user]
    timespan: 5m
    aliases: {user: {base: SubjectUser}}
    condition: {gte: 10, lt: 100, field: target}
)");
  EXPECT_THAT(p.diagnostics, IsEmpty());
  ASSERT_EQ(p.set.correlations.size(), 1u);
  const Correlation& c = p.set.correlations[0];
  EXPECT_EQ(c.type, CorrelationType::kValueCount);
  EXPECT_EQ(c.timespan, 300'000'000'000);
  EXPECT_THAT(c.group_by, ElementsAre("host", "user"));
  EXPECT_EQ(c.bounds.size(), 2u);
  EXPECT_THAT(c.fields, ElementsAre("target"));
  EXPECT_EQ(c.aliases[0].second[0].second, "SubjectUser");
}

TEST(Correlation, SaysWhatIsWrong) {
  struct Case {
    const char* body;
    const char* message;
  };
  static constexpr Case kCases[] = {
      {"type: often, rules: [b], timespan: 1m, condition: {gte: 1}", "unknown correlation type"},
      {"rules: [b], timespan: 1m, condition: {gte: 1}", "needs a 'type'"},
      {"type: event_count, timespan: 1m, condition: {gte: 1}", "needs 'rules'"},
      {"type: event_count, rules: [b], condition: {gte: 1}", "needs a 'timespan'"},
      {"type: event_count, rules: [b], timespan: 5x, condition: {gte: 1}", "is no time span"},
      {"type: event_count, rules: [b], timespan: 0s, condition: {gte: 1}", "is no time span"},
      {"type: event_count, rules: [b], timespan: 999999999y, condition: {gte: 1}", "no time span"},
      {"type: event_count, rules: [b], timespan: 1m", "needs a 'condition'"},
      {"type: event_count, rules: [b], timespan: 1m, condition: {gte: x}", "is no number"},
      {"type: event_count, rules: [b], timespan: 1m, condition: {more: 1}", "not 'more'"},
      {"type: event_count, rules: [b], timespan: 1m, condition: b", "only temporal"},
      {"type: value_sum, rules: [b], timespan: 1m, condition: {gte: 1}", "needs a 'field'"},
      {"type: event_count, rules: [nobody], timespan: 1m, condition: {gte: 1}",
       "no rule with the id, name or title 'nobody'"},
      {"type: event_count, rules: [C], timespan: 1m, condition: {gte: 1}", "in a circle"},
      {"type: temporal, rules: [b], timespan: 1m, condition: b and x", "no selection 'x'"},
  };
  for (const Case& c : kCases) {
    const Parsed p = parse(
        "title: b\nlogsource: {product: p}\n"
        "detection: {s: {a: 1}, condition: s}\n---\n"
        "title: C\ncorrelation: {" +
        std::string(c.body) + "}\n");
    EXPECT_THAT(p.set.correlations, IsEmpty()) << c.body;
    EXPECT_EQ(p.set.rules.size(), 1u);
    ASSERT_FALSE(p.diagnostics.empty()) << c.body;
    EXPECT_THAT(p.diagnostics[0].to_string(), HasSubstr(c.message)) << c.body;
  }
}

TEST(Correlation, LongerCirclesAreFound) {
  std::string text;
  for (int i = 0; i < 5; ++i) {
    text += "title: c" + std::to_string(i) + "\ncorrelation: {type: event_count, rules: [c" +
            std::to_string((i + 1) % 5) + "], timespan: 1m, condition: {gte: 1}}\n---\n";
  }
  const Parsed p = parse(text);
  EXPECT_THAT(p.set.correlations, IsEmpty());
  EXPECT_EQ(p.diagnostics.size(), 5u);
}

TEST(Timespan, Units) {
  EXPECT_EQ(parse_timespan("30s"), 30'000'000'000);
  EXPECT_EQ(parse_timespan("2h"), 7200'000'000'000);
  EXPECT_EQ(parse_timespan("1d"), 86400'000'000'000);
  EXPECT_EQ(parse_timespan("1M"), 2629746'000'000'000);
  for (const char* bad : {"", "s", "5", "-5s", "5 s", "1.5h", "99999999999999999999s"})
    EXPECT_EQ(parse_timespan(bad), 0) << bad;
}

}  // namespace
}  // namespace rpcmarshal::sigma
