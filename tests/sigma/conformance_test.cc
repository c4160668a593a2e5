// Each modifier and form of value and condition against events: what the specification (2.1.0)
// says, and what pySigma does where it says nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run.h"

namespace rpcmarshal::sigma {
namespace {

struct Case {
  const char* selection;  ///< body of the map "s: {...}", or of a list when it begins with '['
  const char* event;
  bool matches;
};

void check(std::span<const Case> cases) {
  for (const Case& c : cases) {
    const std::string body =
        c.selection[0] == '[' ? c.selection : "{" + std::string(c.selection) + "}";
    RuleRun run(rule_with("  s: " + body + "\n  condition: s\n"));
    for (const Diagnostic& d : run.diagnostics) {
      EXPECT_NE(d.severity, Diagnostic::Severity::kError) << c.selection << ": " << d.to_string();
    }
    EXPECT_EQ(run.match(c.event).size(), c.matches ? 1u : 0u) << c.selection << " on " << c.event;
  }
}

TEST(Conformance, TextIsComparedWithoutCase) {
  static constexpr Case kCases[] = {
      {"a: Foo", R"({"a":"fOO"})", true},
      {"a: Foo", R"({"a":"foobar"})", false},
      {"a: Foo", R"({"A":"foo"})", false},  // field names have case
      {"a: Foo", R"({})", false},
      {"a: ''", R"({"a":""})", true},
      {"a: ''", R"({"a":"x"})", false},
      {"a: ''", R"({"a":null})", false},
      {"a: ''", R"({})", false},
      {"a: \u00c4rger", R"({"a":"\u00e4RGER"})", true},
      {"a: ПРИВЕТ", R"({"a":"привет"})", true},
      {"a|cased: Foo", R"({"a":"Foo"})", true},
      {"a|cased: Foo", R"({"a":"foo"})", false},
      {"a|contains|cased: Foo", R"({"a":"xFoo"})", true},
      {"a|contains|cased: Foo", R"({"a":"xfoo Fo"})", false},
      {"a|cased: F*o", R"({"a":"Fxo"})", true},
      {"a|cased: F*o", R"({"a":"fxo"})", false},
  };
  check(kCases);
}

TEST(Conformance, Wildcards) {
  static constexpr Case kCases[] = {
      {"a: '*.exe'", R"({"a":"x.EXE"})", true},
      {"a: 'c:\\\\*'", R"({"a":"C:\\x"})", true},
      {"a: '*\\cmd.exe'", R"({"a":"C:\\Windows\\cmd.exe"})", true},
      {"a: 'a*c'", R"({"a":"abbbc"})", true},
      {"a: 'a*c'", R"({"a":"abbbcd"})", false},
      {"a: 'a?c'", R"({"a":"aBc"})", true},
      {"a: 'a?c'", R"({"a":"ac"})", false},
      {"a: '?'", R"({"a":"\u00e4"})", true},
      {"a: '*'", R"({"a":""})", true},
      {"a: '*'", R"({"a":5})", true},
      {"a: '*'", R"({"a":null})", false},
      {"a: '*'", R"({})", false},
      {"a: '\\*x'", R"({"a":"*x"})", true},
      {"a: '\\*x'", R"({"a":"ax"})", false},
      {"a: 'a*'", "{\"a\":\"a\\nb\"}", true},  // also across lines
      {"a: '*x?y*'", R"({"a":"1xzy2"})", true},
      {"a: '*x?y*'", R"({"a":"1xy2"})", false},
  };
  check(kCases);
}

TEST(Conformance, NumbersAndBooleans) {
  static constexpr Case kCases[] = {
      {"a: 4624", R"({"a":4624})", true},
      {"a: 4624", R"({"a":"4624"})", true},  // EVTX as XML has no numbers
      {"a: 4624", R"({"a":46240})", false},
      {"a: '4624'", R"({"a":4624})", true},
      {"a: '46*'", R"({"a":4624})", true},
      {"a: 0x10", R"({"a":16})", true},
      {"a: -1", R"({"a":-1})", true},
      {"a: 0.5", R"({"a":0.5})", true},
      {"a: 0.5", R"({"a":"0.50"})", true},
      {"a: 1", R"({"a":1.0})", true},
      {"a: true", R"({"a":true})", true},
      {"a: true", R"({"a":"True"})", true},
      {"a: 'true'", R"({"a":true})", true},
      {"a: false", R"({"a":true})", false},
      {"a: [1, 2]", R"({"a":2})", true},
      {"a: [1, 2]", R"({"a":3})", false},
  };
  check(kCases);
}

TEST(Conformance, NullAndExists) {
  static constexpr Case kCases[] = {
      {"a: null", R"({})", true},
      {"a: null", R"({"a":null})", true},
      {"a: null", R"({"a":""})", false},
      {"a: null", R"({"a":{"b":1}})", false},
      {"a: [null, x]", R"({"a":"x"})", true},
      {"a: [null, x]", R"({})", true},
      {"a: [null, x]", R"({"a":"y"})", false},
      {"a|exists: true", R"({"a":""})", true},
      {"a|exists: true", R"({"a":0})", true},
      {"a|exists: yes", R"({"a":{"b":1}})", true},
      {"a|exists: true", R"({"a":null})", false},
      {"a|exists: true", R"({})", false},
      {"a|exists: false", R"({})", true},
      {"a|exists: false", R"({"a":1})", false},
      {"a.b|exists: true", R"({"a":{"b":1}})", true},
  };
  check(kCases);
}

TEST(Conformance, ListsMapsAndSeveralValues) {
  static constexpr Case kCases[] = {
      {"a: x, b: y", R"({"a":"x","b":"y"})", true},
      {"a: x, b: y", R"({"a":"x"})", false},
      {"[{a: x}, {b: y}]", R"({"b":"y"})", true},
      {"[{a: x, c: z}, {b: y}]", R"({"a":"x"})", false},
      {"a: x", R"({"a":["w","x"]})", true},  // any value of the field
      {"a|contains|all: [x, y]", R"({"a":["x","y"]})", true},
      {"a|contains|all: [x, y]", R"({"a":"yx"})", true},
      {"a|contains|all: [x, y]", R"({"a":"yy"})", false},
      {"a.b: x", R"({"a":{"b":"x"}})", true},
      {"a.b: x", R"({"a.b":"x"})", true},
      {"a.b.c: x", R"({"a":{"b.c":"x"}})", true},
      {"a.b.c: x", R"({"a.b":{"c":"x"}})", true},
      {"a.b: x", R"({"a":[{"b":"w"},{"b":"x"}]})", true},
      {"a.b: x", R"({"a":"x"})", false},
      {"id.orig_h: 10.0.0.1", R"({"id.orig_h":"10.0.0.1"})", true},
      {"Image: x", R"({"Event":{"EventData":{"Image":"x"}}})", true},
      {"EventID: 1", R"({"Event":{"System":{"EventID":{"#text":1,"#attributes":{"Q":2}}}}})", true},
      {"Param: x", R"({"Event":{"UserData":{"Anything":{"Param":"x"}}}})", true},
      {"Image: x", R"({"winlog":{"event_data":{"Image":"x"}}})", true},
      {"Provider_Name: x", R"({"Event":{"System":{"Provider":{"#attributes":{"Name":"x"}}}}})",
       true},
      {"Image: x", R"({"Event":{"EventData":{"NewProcessName":"x"}}})", true},
  };
  check(kCases);
}

TEST(Conformance, Keywords) {
  static constexpr Case kCases[] = {
      {"[foo, bar]", R"({"a":"some FOO here"})", true},
      {"[foo, bar]", R"({"x":{"y":["bar"]}})", true},
      {"[foo]", R"({"foo":"x"})", false},  // names of fields are not searched
      {"'|all': [foo, bar]", R"({"a":"foo","b":"bar"})", true},
      {"'|all': [foo, bar]", R"({"a":"foo"})", false},
      {"['f?o*r']", R"({"a":"x foo bar x"})", true},
      {"[1102]", R"({"a":1102})", true},
      {"[1102]", R"({"a":"event 1102."})", true},
      {"[1102]", R"({"a":"211023"})", false},
      {"'|re': 'fo+ b'", R"({"a":"x fooo bar"})", true},
      {"'|contains': foo", R"({"a":"xfoox"})", true},
  };
  check(kCases);
}

TEST(Conformance, PlacesInText) {
  static constexpr Case kCases[] = {
      {"a|contains: b", R"({"a":"aBc"})", true},
      {"a|contains: 'b*d'", R"({"a":"abcde"})", true},
      {"a|contains: '*b*'", R"({"a":"abc"})", true},
      {"a|startswith: ab", R"({"a":"ABc"})", true},
      {"a|startswith: ab", R"({"a":"xab"})", false},
      {"a|endswith: bc", R"({"a":"aBC"})", true},
      {"a|endswith: bc", R"({"a":"bcx"})", false},
      {"a|endswith: bc", R"({"a":"bcbc"})", true},
      {"a|startswith: [x, ab]", R"({"a":"abc"})", true},
      {"a|contains: '\\x'", R"({"a":"\\X"})", true},
      {"a|endswith: '\\'", R"({"a":"c:\\"})", true},
  };
  check(kCases);
}

TEST(Conformance, Negation) {
  static constexpr Case kCases[] = {
      {"a|neq: x", R"({"a":"y"})", true},
      {"a|neq: x", R"({"a":"X"})", false},
      {"a|neq: x", R"({})", true},
      {"a|neq: [x, y]", R"({"a":"y"})", false},
      {"a|contains|neq: x", R"({"a":"axb"})", false},
      {"a|contains|all|neq: [x, y]", R"({"a":"x"})", true},
      {"a|contains|all|neq: [x, y]", R"({"a":"xy"})", false},
  };
  check(kCases);
}

TEST(Conformance, RegularExpressions) {
  static constexpr Case kCases[] = {
      {"a|re: 'b+'", R"({"a":"abbc"})", true},  // anywhere
      {"a|re: '^b+'", R"({"a":"abbc"})", false},
      {"a|re: 'B'", R"({"a":"b"})", false},  // with case
      {"a|re|i: 'B'", R"({"a":"b"})", true},
      {"a|re: '(?i)B'", R"({"a":"b"})", true},
      {"a|re|ignorecase: 'B'", R"({"a":"b"})", true},
      {"a|re: '^x$'", R"({"a":"w\nx\ny"})", false},
      {"a|re|m: '^x$'", R"({"a":"w\nx\ny"})", true},
      {"a|re: 'w.x'", R"({"a":"w\nx"})", false},
      {"a|re|s: 'w.x'", R"({"a":"w\nx"})", true},
      {"a|re|i|s: 'W.X'", R"({"a":"w\nx"})", true},
      {"a|re: '\\d{3}'", R"({"a":1234})", true},
      {"a|re: '\\\\x\\*'", R"({"a":"\\x*"})", true},
      {"a|re: 'cmd\\.exe|powershell'", R"({"a":"powershell"})", true},
      {"a|re: '.'", R"({"a":""})", false},
      {"a|re: '^$'", R"({"a":""})", true},
      {"a|re: '^$'", R"({})", false},
      {"a|re|startswith: 'b|c'", R"({"a":"cx"})", true},
      {"a|re|startswith: 'b|c'", R"({"a":"xc"})", false},
      {"a|re|endswith: 'b|c'", R"({"a":"xb"})", true},
      {"a|re|contains: 'b|c'", R"({"a":"xbx"})", true},
      {"a|re: ['x1', 'y2']", R"({"a":"y2"})", true},
      {"a|re: 'ab'", "{\"a\":\"\\u00e4ab\"}", true},
  };
  check(kCases);
}

TEST(Conformance, OneExpressionServesSeveralFieldsAndRules) {
  const auto rule = [](const char* title, const char* item) {
    return std::string("title: ") + title + "\nlogsource: {product: p}\ndetection:\n  s: {" + item +
           "}\n  condition: s\n";
  };
  RuleRun run(rule("A", "a|re: 'evil[0-9]'") + "---\n" + rule("B", "b|re: 'evil[0-9]'") + "---\n" +
              rule("I", "a|re|i: 'evil[0-9]'") + "---\n" + rule("Bad", "a|re: 'evil[0-9'") +
              "---\n" + rule("BadToo", "b|re: 'evil[0-9'"));
  EXPECT_EQ(run.diagnostics.size(), 2u) << "an error is each rule's own";
  using testing::ElementsAre;
  EXPECT_THAT(run.match(R"({"a":"evil1"})"), ElementsAre("A", "I"));
  EXPECT_THAT(run.match(R"({"b":"evil1"})"), ElementsAre("B"));
  EXPECT_THAT(run.match(R"({"a":"EVIL1","b":"evilx"})"), ElementsAre("I"));
  EXPECT_THAT(run.match(R"({"a":"evil1","b":"evil2"})"), ElementsAre("A", "B", "I"));
  const auto& predicates = run.engine->program().predicates;
  std::vector<const RE2*> compiled;
  for (PredicateId id = 0; id < predicates.size(); ++id) {
    if (predicates[id].regex != nullptr) compiled.push_back(predicates[id].regex.get());
  }
  ASSERT_EQ(compiled.size(), 3u);
  EXPECT_EQ(compiled[0], compiled[1]);
  EXPECT_NE(compiled[0], compiled[2]);
}

TEST(Conformance, RegularExpressionsThatCannotBeBoundedAreRefused) {
  struct Refused {
    const char* regex;
    const char* reason;
  };
  static constexpr Refused kCases[] = {
      {"a(?=b)", "look-around is not supported"},
      {"(?<!a)b", "look-around is not supported"},
      {R"((a)\1)", "back references are not supported"},
      {"a(", "cannot be used: missing )"},
      {"((a{1000}){1000}){1000}", "cannot be used"},
      {"[z-a]", "cannot be used"},
  };
  for (const Refused& c : kCases) {
    RuleRun run(rule_with("  s: {a|re: '" + std::string(c.regex) + "'}\n  condition: s\n") +
                "---\n" + rule_with("  s: {a: b}\n  condition: s\n"));
    ASSERT_EQ(run.diagnostics.size(), 1u) << c.regex;
    EXPECT_THAT(run.diagnostics[0].to_string(), ::testing::HasSubstr(c.reason));
    EXPECT_EQ(run.diagnostics[0].at.line, 4u);
    EXPECT_EQ(run.match(R"({"a":"b"})").size(), 1u) << "the other rule keeps running";
  }
}

TEST(Conformance, Networks) {
  static constexpr Case kCases[] = {
      {"a|cidr: 10.0.0.0/8", R"({"a":"10.1.2.3"})", true},
      {"a|cidr: 10.0.0.0/8", R"({"a":"11.1.2.3"})", false},
      {"a|cidr: 10.0.0.0/9", R"({"a":"10.128.0.1"})", false},
      {"a|cidr: 10.0.0.0/9", R"({"a":"10.127.255.255"})", true},
      {"a|cidr: 0.0.0.0/0", R"({"a":"1.2.3.4"})", true},
      {"a|cidr: 192.168.1.5", R"({"a":"192.168.1.5"})", true},
      {"a|cidr: 'fe80::/10'", R"({"a":"fe80::1%eth0"})", true},
      {"a|cidr: 'fe80::/10'", R"({"a":"fec0::1"})", false},
      {"a|cidr: '::1/128'", R"({"a":"::1"})", true},
      {"a|cidr: 10.0.0.0/8", R"({"a":"::ffff:10.1.2.3"})", true},
      {"a|cidr: 10.0.0.0/8", R"({"a":"10.1.2"})", false},
      {"a|cidr: 10.0.0.0/8", R"({"a":"10.1.2.3 "})", false},
      {"a|cidr: [10.0.0.0/8, '2001:db8::/32']", R"({"a":"2001:db8:1::5"})", true},
  };
  check(kCases);
}

TEST(Conformance, Comparisons) {
  static constexpr Case kCases[] = {
      {"a|gt: 5", R"({"a":6})", true},      {"a|gt: 5", R"({"a":5})", false},
      {"a|gte: 5", R"({"a":5})", true},     {"a|lt: 5", R"({"a":4.5})", true},
      {"a|lte: 5", R"({"a":"5"})", true},   {"a|lte: 5", R"({"a":"five"})", false},
      {"a|gt: 5", R"({})", false},          {"a|lt: 0.5", R"({"a":0.25})", true},
      {"a|gt: 5", R"({"a":"0x10"})", true}, {"a|gt: -2", R"({"a":-1})", true},
      {"a|gt: 5", R"({"a":true})", false},
  };
  check(kCases);
}

TEST(Conformance, PartsOfTimes) {
  static constexpr Case kCases[] = {
      {"t|minute: 24", R"({"t":"2026-04-17T05:24:53.088849Z"})", true},
      {"t|hour: 5", R"({"t":"2026-04-17 05:24:53"})", true},
      {"t|day: 17", R"({"t":"2026-04-17"})", true},
      {"t|week: 16", R"({"t":"2026-04-17"})", true},
      {"t|week: 53", R"({"t":"2027-01-01"})", true},  // ISO 8601: belongs to 2026
      {"t|week: 1", R"({"t":"2025-12-29"})", true},
      {"t|month: 4", R"({"t":"2026-04-17"})", true},
      {"t|year: 2026", R"({"t":"2026-04-17"})", true},
      {"t|year: 2025", R"({"t":"2026-04-17"})", false},
      {"t|hour|gte: 5", R"({"t":"2026-04-17T05:24:53Z"})", true},
      {"t|hour|lt: 5", R"({"t":"2026-04-17T05:24:53Z"})", false},
      {"t|hour: 19", R"({"t":1521919511.4})", true},
      {"t|hour: 19", R"({"t":1521919511400})", true},
      {"t|hour: 5", R"({"t":"not a time"})", false},
      {"t|day: 31", R"({"t":"2026-02-31"})", false},
  };
  check(kCases);
}

TEST(Conformance, FieldReferences) {
  static constexpr Case kCases[] = {
      {"a|fieldref: b", R"({"a":"X","b":"x"})", true},
      {"a|fieldref: b", R"({"a":"x","b":"y"})", false},
      {"a|fieldref: b", R"({"a":"x"})", false},
      {"a|fieldref: b", R"({"a":1,"b":"1"})", true},
      {"a|fieldref|startswith: b", R"({"a":"xy","b":"x"})", true},
      {"a|fieldref|endswith: b", R"({"a":"xy","b":"y"})", true},
      {"a|fieldref|contains: b", R"({"a":"xyz","b":"y"})", true},
      {"a|fieldref|contains: b", R"({"a":"xz","b":"y"})", false},
      {"a|fieldref: [b, c]", R"({"a":"1","b":"2","c":"1"})", true},
      {"a|fieldref|neq: b", R"({"a":"x","b":"y"})", true},
  };
  check(kCases);
}

TEST(Conformance, Encodings) {
  static constexpr Case kCases[] = {
      // Expected values: Python's base64 module.
      {"a|base64: foobar", R"({"a":"Zm9vYmFy"})", true},
      {"a|base64|contains: foobar", R"({"a":"--Zm9vYmFy--"})", true},
      {"a|base64offset|contains: foobar", R"({"a":"Zm9vYmFy"})", true},
      {"a|base64offset|contains: foobar", R"({"a":"eGZvb2Jhcng="})", true},      // xfoobarx
      {"a|base64offset|contains: foobar", R"({"a":"eHhmb29iYXJ4eA=="})", true},  // xxfoobarxx
      {"a|base64offset|contains: foobar", R"({"a":"Zm9vYmF6"})", false},
      {"a|wide|base64offset|contains: ping", R"({"a":"cABpAG4AZwA="})", true},
      {"a|utf16le|base64offset|contains: ping", R"({"a":"cABpAG4AZwA="})", true},
      {"a|wide|base64offset|contains: ping", R"({"a":"eABwAGkAbgBnAA=="})", true},
      {"a|utf16be|base64|contains: ping", R"({"a":"AHAAaQBuAGc="})", true},
      {"a|utf16|base64|contains: ping", R"({"a":"//5wAGkAbgBnAA=="})", true},
      {"a|wide: ping", "{\"a\":\"p\\u0000i\\u0000n\\u0000g\\u0000\"}", true},
      {"a|wide|base64: \u00e4", R"({"a":"5AA="})", true},
      {"a|contains|windash: ' -enc'", R"({"a":"x /enc y"})", true},
      {"a|contains|windash: ' -enc'", "{\"a\":\"x \u2013enc y\"}", true},
      {"a|contains|windash: ' /enc'", R"({"a":"x -ENC y"})", true},
      {"a|contains|windash: ' -enc'", R"({"a":"x +enc y"})", false},
      {"a|contains|windash: '-param-name'", R"({"a":"/param-name"})", true},
      {"a|contains|windash: '-param-name'", R"({"a":"/param/name"})", false},
      {"a|contains|all|windash: [' -a', ' -b']", R"({"a":"x /a -b"})", true},
      {"a|contains|all|windash: [' -a', ' -b']", R"({"a":"x /a -c"})", false},
  };
  check(kCases);
}

TEST(Conformance, PlaceholdersInTextAndExpressions) {
  const PlaceholderValues values = {{"v", {"one", "t*o"}}};
  RuleRun text(rule_with("  s: {a|expand: '%v%'}\n  condition: s\n"), values);
  EXPECT_EQ(text.match(R"({"a":"ONE"})").size(), 1u);
  EXPECT_EQ(text.match(R"({"a":"two"})").size(), 1u);
  EXPECT_EQ(text.match(R"({"a":"three"})").size(), 0u);
  RuleRun regex(rule_with("  s: {a|re|expand: '^%v%[0-9]$'}\n  condition: s\n"), values);
  EXPECT_EQ(regex.match(R"({"a":"one5"})").size(), 1u);
  EXPECT_EQ(regex.match(R"({"a":"one"})").size(), 0u);
  RuleRun without(rule_with("  s: {a: '%v%'}\n  condition: s\n"), values);
  EXPECT_EQ(without.match(R"({"a":"%v%"})").size(), 1u);
}

struct ConditionCase {
  const char* condition;
  const char* event;
  bool matches;
};

TEST(Conformance, Conditions) {
  static constexpr ConditionCase kCases[] = {
      {"a and b", R"({"a":1,"b":1})", true},
      {"a and b", R"({"a":1})", false},
      {"a or b", R"({"b":1})", true},
      {"not a", R"({})", true},
      {"not a", R"({"a":1})", false},
      {"a and not b", R"({"a":1})", true},
      {"a and not b", R"({"a":1,"b":1})", false},
      {"a or b and f_x", R"({"a":1})", true},
      {"(a or b) and f_x", R"({"a":1})", false},
      {"not (a or b)", R"({"f":1})", true},
      {"1 of f_*", R"({"g":1})", true},
      {"all of f_*", R"({"g":1})", false},
      {"all of f_*", R"({"g":1,"f":1})", true},
      {"a and not 1 of f_*", R"({"a":1,"g":1})", false},
      {"a and not all of f_*", R"({"a":1,"g":1})", true},
      {"all of them", R"({"a":1,"b":1,"f":1,"g":1})", true},
      {"1 of them", R"({"h":1})", false},  // _h does not count
      {"not not a", R"({"a":1})", true},
      {"[a, b]", R"({"b":1})", true},  // a list: any of them
      {"[a, b]", R"({"f":1})", false},
  };
  for (const ConditionCase& c : kCases) {
    RuleRun run(
        rule_with("  a: {a: 1}\n  b: {b: 1}\n  f_x: {f: 1}\n  f_y: {g: 1}\n  _h: {h: 1}\n"
                  "  condition: " +
                  std::string(c.condition) + "\n"));
    EXPECT_EQ(run.match(c.event).size(), c.matches ? 1u : 0u) << c.condition << " on " << c.event;
  }
}

TEST(Conformance, FiltersTakeEventsAway) {
  RuleRun run(rule_with("  s: {a: 1}\n  condition: s\n") +
              "---\ntitle: F\nlogsource: {product: p}\n"
              "filter: {rules: any, admin: {user|startswith: adm_}, condition: not admin}\n");
  EXPECT_EQ(run.match(R"({"a":1,"user":"bob"})").size(), 1u);
  EXPECT_EQ(run.match(R"({"a":1,"user":"adm_bob"})").size(), 0u);
}

TEST(Engine, RulesRunOnlyOnTheirLogSource) {
  RuleRun run(
      "title: A\nlogsource: {product: windows, category: process_creation}\n"
      "detection: {s: {a: 1}, condition: s}\n---\n"
      "title: B\nlogsource: {product: windows}\ndetection: {s: {a: 1}, condition: s}\n---\n"
      "title: C\nlogsource: {product: linux}\ndetection: {s: {a: 1}, condition: s}\n---\n"
      "title: D\nlogsource: {category: process_creation}\n"
      "detection: {s: {a: 1}, condition: s}\n");
  using ::testing::ElementsAre;
  const LogSource creation{"windows", "process_creation", "sysmon", {}};
  const LogSource system{"windows", "", "system", {}};
  EXPECT_THAT(run.match(R"({"a":1})", {creation}), ElementsAre("A", "B", "D"));
  EXPECT_THAT(run.match(R"({"a":1})", {system}), ElementsAre("B"));
  EXPECT_THAT(run.match(R"({"a":1})", {creation, {"linux", "", "", {}}}),
              ElementsAre("A", "B", "C", "D"));
  EXPECT_THAT(run.match(R"({"a":1})"), ElementsAre("A", "B", "C", "D"));
}

TEST(Engine, SaysWhichFieldsMatched) {
  RuleRun run(
      rule_with("  s: {Image|endswith: '\\cmd.exe', CommandLine|contains: ['/c', '/k'], n: 5}\n"
                "  f: {User: x}\n  condition: s and not f\n"));
  ASSERT_EQ(run.match(R"({"Image":"C:\\cmd.exe","CommandLine":"cmd /c x","n":5,"o":1})").size(),
            1u);
  std::string out;
  for (const MatchedField& m : run.matcher->explain(run.matches[0]))
    out += std::string(m.field) + "=" + m.value + ";";
  EXPECT_EQ(out, "Image=C:\\cmd.exe;n=5;CommandLine=cmd /c x;");
}

TEST(Engine, HugeEventsAreBounded) {
  RuleRun run(rule_with("  s: {a: x}\n  condition: s\n"));
  std::string json = "{\"a\":[";
  for (int i = 0; i < 100'000; ++i) json += "\"y\",";
  EXPECT_TRUE(run.match(json + "\"x\"]}").empty());
  EXPECT_FALSE(run.event.complete());
}

// What scanning found is kept from event to event (found_cache.h); values that look alike, several
// values of a field, and rules asked about other fields must not change each other's answers.
TEST(Repeated, EventsGiveTheSameAnswersAgain) {
  RuleRun run(rule_with("  a: {F: one}\n  condition: a") + "\n---\n" +
              rule_with("  a: {G: one}\n  condition: a") + "\n---\n" +
              rule_with("  a: {F: 1}\n  condition: a") + "\n---\n" +
              rule_with("  a: {F|contains: wonderful}\n  condition: a") + "\n---\n" +
              rule_with("  a: {F: '*'}\n  condition: a"));
  const auto matches = [&](std::string_view json) {
    run.match(json);
    return run.matches;
  };
  using Rules = std::vector<std::uint32_t>;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(matches(R"({"F": "one"})"), (Rules{0, 4}));
    EXPECT_EQ(matches(R"({"G": "ONE"})"), (Rules{1}));
    EXPECT_EQ(matches(R"({"F": 1})"), (Rules{2, 4}));
    EXPECT_EQ(matches(R"({"F": 1.0})"), (Rules{2, 4}));
    EXPECT_EQ(matches(R"({"F": true})"), (Rules{4}));
    EXPECT_EQ(matches(R"({"F": "1"})"), (Rules{2, 4}));
    EXPECT_EQ(matches(R"({"F": ["one", "a wonderful day"]})"), (Rules{0, 3, 4}));
    EXPECT_EQ(matches(R"({"F": ["a wonderful day", "one"]})"), (Rules{0, 3, 4}));
    EXPECT_EQ(matches(R"({"F": "a wonderful day"})"), (Rules{3, 4}));
    EXPECT_EQ(matches(R"({"F": ""})"), (Rules{4}));
    EXPECT_EQ(matches(R"({"F": null})"), Rules{});
  }
}

// Keywords are looked for in all values together, and must not be found across two.
TEST(Keywords, AreOfOneValue) {
  RuleRun run(rule_with("  k: [mimikatz, iex, 4625]\n  condition: k"));
  EXPECT_EQ(run.match(R"({"A": "run MimiKatz"})").size(), 1u);
  EXPECT_EQ(run.match(R"({"A": "mimi", "B": "katz"})").size(), 0u);
  EXPECT_EQ(run.match(R"({"A": ["i", "ex", "IEX"]})").size(), 1u);
  EXPECT_EQ(run.match(R"({"A": 4625, "B": "x"})").size(), 1u);
  EXPECT_EQ(run.match(R"({"A": 46, "B": 25})").size(), 0u);
  EXPECT_EQ(run.match(R"({"A": null, "B": {}})").size(), 0u);
  // A letter whose folded form is of another size, between others.
  EXPECT_EQ(run.match("{\"A\": \"\u212a\", \"B\": \"mimi\u212aatz\", \"C\": 1}").size(), 1u);
}

// The words without which an expression cannot match decide whether it is tried.
TEST(Regex, IsTriedWhereItsWordsAre) {
  RuleRun run(rule_with("  a: {F|re: '(?i)(set).*&&\\s?set.*(environment|invoke|input).*&&.*\"'}\n"
                        "  condition: a") +
              "\n---\n" +
              rule_with("  a: {F|re: '(Get-Item|gci).{1,64}-Path .{1,64}\\\\control'}\n"
                        "  condition: a") +
              "\n---\n" + rule_with("  a: {F|re: '\\w+`(\\w+|-|.)`[\\w+|\\s]'}\n  condition: a"));
  const auto matches = [&](std::string_view json) {
    run.match(json);
    return run.matches;
  };
  using Rules = std::vector<std::uint32_t>;
  EXPECT_EQ(matches(R"({"F": "set x&&SET y invoke&&z\""})"), (Rules{0}));
  EXPECT_EQ(matches(R"({"F": "set x&& set y Input&&z\""})"), (Rules{0}));
  EXPECT_EQ(matches(R"({"F": "set x& set y Input&&z\""})"), Rules{});
  EXPECT_EQ(matches(R"({"F": "gci a -Path HKLM\\control"})"), (Rules{1}));
  EXPECT_EQ(matches(R"({"F": "Get-Item a -Path HKLM\\control"})"), (Rules{1}));
  EXPECT_EQ(matches(R"({"F": "Get-Item a -Path HKLM\\Control"})"), Rules{});
  EXPECT_EQ(matches(R"({"F": "i`n`v"})"), (Rules{2}));
}

}  // namespace
}  // namespace rpcmarshal::sigma
