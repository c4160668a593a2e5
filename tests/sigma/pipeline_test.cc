#include "sigma/pipeline.h"

#include <gtest/gtest.h>

#include "sigma/run.h"

namespace rpcmarshal::sigma {
namespace {

/// Rules after a pipeline, on events.
class Piped {
 public:
  Piped(std::string_view rules, std::string_view pipeline) {
    std::vector<Pipeline> pipelines;
    good = parse_pipeline(pipeline, "p.yml", pipelines, diagnostics);
    if (!good) return;
    parse_rules(rules, "t.yml", set, diagnostics);
    resolve(set, {}, diagnostics, &pipelines);
    engine = std::make_unique<Engine>(std::move(set), diagnostics);
    matcher = std::make_unique<Matcher>(*engine);
  }
  bool matches(std::string_view json, const std::vector<LogSource>& sources = {}) {
    const std::string text = padded(json);
    EXPECT_TRUE(document.parse(text)) << document.error();
    document.fill(engine->fields(), event, true);
    return !matcher->match(engine->plan(sources), event).empty();
  }
  std::string errors() const {
    std::string out;
    for (const Diagnostic& d : diagnostics) out += d.to_string() + '\n';
    return out;
  }

  bool good = false;
  Diagnostics diagnostics;
  RuleSet set;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Matcher> matcher;
  logs::JsonDocument document;
  EventFields event;
};

constexpr char kRule[] = R"(
title: T
logsource: {product: windows, category: process_creation}
tags: [attack.t1059]
detection:
  s:
    Image|endswith: '\cmd.exe'
    User: SYSTEM
  f: {CommandLine|contains: ' /k '}
  condition: s and not f
)";

TEST(Pipeline, MapsFields) {
  Piped p(kRule, R"(
name: mine
priority: 10
transformations:
  - id: fields
    type: field_name_mapping
    mapping:
      Image: process.path
      CommandLine: [process.args, process.command_line]
    rule_conditions:
      - {type: logsource, category: process_creation}
)");
  ASSERT_TRUE(p.good) << p.errors();
  EXPECT_TRUE(p.matches(R"({"process":{"path":"C:\\x\\cmd.exe"},"User":"system"})"));
  EXPECT_FALSE(p.matches(R"({"Image":"C:\\x\\cmd.exe","User":"system"})"));
  EXPECT_FALSE(
      p.matches(R"({"process":{"path":"C:\\x\\cmd.exe","args":"cmd /k x"},"User":"system"})"));
  EXPECT_FALSE(p.matches(
      R"({"process":{"path":"C:\\x\\cmd.exe","command_line":"cmd /k x"},"User":"system"})"));
}

TEST(Pipeline, ConditionsChooseRulesFieldsAndValues) {
  const auto with = [](const std::string& conditions) {
    return "transformations:\n  - type: field_name_prefix\n    prefix: win.\n" + conditions;
  };
  const std::string plain = R"({"Image":"\\cmd.exe","User":"SYSTEM"})";
  const auto untouched = [&](const std::string& conditions) {
    Piped p(kRule, with(conditions));
    EXPECT_TRUE(p.good) << p.errors();
    return p.good && p.matches(plain);
  };
  EXPECT_FALSE(untouched(""));
  EXPECT_TRUE(untouched("    rule_conditions: [{type: logsource, product: linux}]\n"));
  EXPECT_FALSE(untouched(
      "    rule_conditions: [{type: logsource, product: linux}]\n    rule_cond_not: true\n"));
  EXPECT_FALSE(
      untouched("    rule_conditions: [{type: logsource, product: linux}, {type: tag, tag: "
                "attack.t1059}]\n    rule_cond_op: or\n"));
  EXPECT_TRUE(
      untouched("    rule_conditions: [{type: logsource, product: linux}, {type: tag, tag: "
                "attack.t1059}]\n"));
  EXPECT_TRUE(untouched("    rule_conditions: [{type: contains_field, field: Hashes}]\n"));
  EXPECT_FALSE(untouched(
      "    rule_conditions: [{type: contains_detection_item, field: User, value: SYSTEM}]\n"));
  EXPECT_TRUE(untouched("    rule_conditions: [{type: is_sigma_correlation_rule}]\n"));
  EXPECT_FALSE(
      untouched("    rule_conditions: [{type: rule_attribute, attribute: title, value: T}]\n"));
  EXPECT_TRUE(untouched("    field_name_conditions: [{type: include_fields, fields: [Hashes]}]\n"));
  EXPECT_FALSE(untouched(
      "    field_name_conditions: [{type: include_fields, fields: ['^Im'], mode: re}]\n"));
  EXPECT_FALSE(untouched("    field_name_conditions: [{type: exclude_fields, fields: [User]}]\n"));
  EXPECT_FALSE(untouched(
      "    detection_item_conditions: [{type: match_string, cond: any, pattern: '^SYS'}]\n"));
  EXPECT_TRUE(untouched("    detection_item_conditions: [{type: is_null, cond: any}]\n"));
  EXPECT_FALSE(
      untouched("    detection_item_conditions: [{type: contains_wildcard, cond: any}]\n"));
}

TEST(Pipeline, AddsConditionsAndChangesLogSources) {
  Piped p(kRule, R"(
transformations:
  - {type: add_condition, conditions: {EventID: [4688, 1]}}
  - {type: add_condition, conditions: {Channel: App*}, negated: true}
  - {type: add_condition, conditions: {index: '$product-logs'}, template: true}
  - {type: change_logsource, product: mine, service: proc}
)");
  ASSERT_TRUE(p.good) << p.errors();
  const std::string start = R"({"Image":"\\cmd.exe","User":"SYSTEM","index":"windows-logs")";
  EXPECT_TRUE(p.matches(start + R"(,"EventID":4688})"));
  EXPECT_FALSE(p.matches(start + R"(,"EventID":4624})"));
  EXPECT_FALSE(p.matches(start + R"(,"EventID":4688,"Channel":"Application"})"));
  EXPECT_FALSE(
      p.matches(R"({"Image":"\\cmd.exe","User":"SYSTEM","EventID":1,"index":"linux-logs"})"));
  LogSource mine, windows;
  mine.product = "mine";
  mine.service = "proc";
  windows.product = "windows";
  windows.category = "process_creation";
  EXPECT_TRUE(p.matches(start + R"(,"EventID":1})", {mine}));
  EXPECT_FALSE(p.matches(start + R"(,"EventID":1})", {windows}));
}

TEST(Pipeline, TakesItemsOut) {
  Piped p(kRule, R"(
transformations:
  - type: drop_detection_item
    field_name_conditions: [{type: include_fields, fields: [User, CommandLine]}]
)");
  ASSERT_TRUE(p.good) << p.errors();
  EXPECT_TRUE(p.matches(R"({"Image":"\\cmd.exe"})"));
  EXPECT_TRUE(p.matches(R"({"Image":"\\cmd.exe","CommandLine":"cmd /k x"})")) << "nor its not";
  EXPECT_FALSE(p.matches(R"({"Image":"\\x.exe"})"));

  Piped nothing(kRule, "transformations: [{type: drop_detection_item}]");
  EXPECT_EQ(nothing.engine->rule_count(), 0u);
  EXPECT_NE(nothing.errors().find("takes everything out"), std::string::npos);
}

TEST(Pipeline, ChangesValues) {
  Piped p(kRule, R"(
transformations:
  - {type: map_string, mapping: {SYSTEM: ['NT AUTHORITY\\SYSTEM', LOCAL*]}}
  - type: replace_string
    regex: '\.exe$'
    replacement: .elf
    skip_special: true
  - id: kbd
    type: set_value
    value: 5
    field_name_conditions: [{type: include_fields, fields: [CommandLine]}]
)");
  ASSERT_TRUE(p.good) << p.errors();
  EXPECT_TRUE(p.matches(R"({"Image":"\\cmd.elf","User":"nt authority\\system"})"));
  EXPECT_TRUE(p.matches(R"({"Image":"\\cmd.elf","User":"local service"})"));
  EXPECT_FALSE(p.matches(R"({"Image":"\\cmd.elf","User":"local service","CommandLine":5})"));
  EXPECT_FALSE(p.matches(R"({"Image":"\\cmd.exe","User":"local service"})"));

  Piped number("title: T\nlogsource: {product: p}\ndetection: {s: {a: '7'}, condition: s}",
               "transformations: [{type: convert_type, target_type: num}]");
  EXPECT_TRUE(number.matches(R"({"a":7.0})"));
}

std::string rule_of(std::string_view detection) {
  return "title: T\nlevel: low\nlogsource: {product: p}\nteam: blue\ndetection: {s: {" +
         std::string(detection) + "}, condition: s}\n";
}

TEST(Pipeline, SplitsHashesByTheirKind) {
  const char kHashes[] =
      "transformations: [{type: hashes_fields, valid_hash_algos: [MD5, SHA1], field_prefix: File}]";
  Piped p(rule_of("Hashes|contains: ['SHA1=5F1CBC3D99558307BC1250D084FA968521482025', "
                  "'MD5=987B65CD9B9F4E9A1AFD8F8B48CF64A7', 'IMPHASH=0']"),
          kHashes);
  ASSERT_TRUE(p.good) << p.errors();
  EXPECT_TRUE(p.matches(R"({"FileSHA1":"5f1cbc3d99558307bc1250d084fa968521482025"})"));
  EXPECT_TRUE(p.matches(R"({"FileMD5":"987B65CD9B9F4E9A1AFD8F8B48CF64A7"})"));
  EXPECT_FALSE(p.matches(R"({"Hashes":"MD5=987B65CD9B9F4E9A1AFD8F8B48CF64A7"})"));
  Piped alone(rule_of("Hash: 987B65CD9B9F4E9A1AFD8F8B48CF64A7"), kHashes);
  EXPECT_TRUE(alone.matches(R"({"FileMD5":"987B65CD9B9F4E9A1AFD8F8B48CF64A7"})"));
  Piped none(rule_of("Hashes: 'IMPHASH=0'"), kHashes);
  EXPECT_EQ(none.engine->rule_count(), 0u);
  EXPECT_NE(none.errors().find("no hash of a kind"), std::string::npos) << none.errors();
  Piped negated(rule_of("Hashes|neq: 'MD5=987B65CD9B9F4E9A1AFD8F8B48CF64A7'"), kHashes);
  EXPECT_FALSE(negated.matches(R"({"FileMD5":"987B65CD9B9F4E9A1AFD8F8B48CF64A7"})"));
  EXPECT_TRUE(negated.matches(R"({"FileMD5":"other"})"));
}

TEST(Pipeline, ExtractsFieldsFromValues) {
  Piped p(
      rule_of("reg: ['Dword:00001', 'Qword:7', other]"),
      "transformations: [{type: extract_fields, regex: '(?P<type>[A-Za-z]+):(?P<value>[0-9]+)', "
      "field_prefix: reg}]");
  ASSERT_TRUE(p.good) << p.errors();
  EXPECT_TRUE(p.matches(R"({"reg":{"type":"dword","value":"00001"}})"));
  EXPECT_TRUE(p.matches(R"({"reg":{"type":"qword","value":7}})"));
  EXPECT_FALSE(p.matches(R"({"reg":{"type":"qword","value":"00001"}})"));
  EXPECT_FALSE(p.matches(R"({"reg":"other"})"));
}

TEST(Pipeline, SaysWhatBecomesOfPlaceholders) {
  const std::string rule = rule_of("a|contains|expand: '%x%-%y%'");
  Piped wild(rule, "transformations: [{type: wildcard_placeholders}]");
  EXPECT_TRUE(wild.matches(R"({"a":"1-2"})")) << wild.errors();
  EXPECT_FALSE(wild.matches(R"({"a":"12"})"));
  const char kVars[] = "vars: {x: [one, two]}\ntransformations: ";
  Piped both(rule, kVars + std::string("[{type: value_placeholders, include: [x]}, "
                                       "{type: wildcard_placeholders}]"));
  EXPECT_TRUE(both.matches(R"({"a":"two-2"})")) << both.errors();
  EXPECT_FALSE(both.matches(R"({"a":"three-2"})"));
  Piped left(rule, kVars + std::string("[{type: value_placeholders, exclude: [y]}]"));
  EXPECT_EQ(left.engine->rule_count(), 0u);
  EXPECT_NE(left.errors().find("%y% has no values"), std::string::npos) << left.errors();
}

TEST(Pipeline, ReplacesLikePySigma) {
  // A backslash is one in expressions and in what is matched; a wildcard stays one.
  Piped p(rule_of(R"(a: 'C:\Windows\\*')"),
          R"(transformations: [{type: replace_string, regex: '^C:\\', replacement: 'D:\\'}])");
  ASSERT_TRUE(p.good) << p.errors();
  EXPECT_TRUE(p.matches(R"({"a":"D:\\Windows\\x"})"));
  EXPECT_FALSE(p.matches(R"({"a":"C:\\Windows\\x"})"));
  Piped named(
      rule_of("a: cmd.exe"),
      R"(transformations: [{type: replace_string, regex: '(?P<n>.+)\.exe', replacement: '*/\g<n>\*'}])");
  ASSERT_TRUE(named.good) << named.errors();
  EXPECT_TRUE(named.matches(R"({"a":"bin/cmd*"})"));
  EXPECT_FALSE(named.matches(R"({"a":"bin/cmdx"})"));
  Piped strings(
      rule_of("a: ['C:\\x', b]"),
      R"(transformations: [{type: set_value, value: found, detection_item_conditions: [{type: match_string, cond: any, pattern: '^C:\\'}]}])");
  EXPECT_TRUE(strings.matches(R"({"a":"found"})")) << strings.errors();
}

TEST(Pipeline, ConditionsAreJoinedByExpressions) {
  const char kExpression[] = R"(
transformations:
  - type: field_name_suffix
    suffix: _x
    rule_conditions:
      low: {type: rule_attribute, attribute: level, value: medium, op: lt}
      blue: {type: rule_attribute, attribute: team, value: blue}
      linux: {type: logsource, product: linux}
    rule_cond_expr: (low or linux) and not (linux or not blue)
    field_name_conditions:
      a: {type: include_fields, fields: [a, b]}
      b: {type: include_fields, fields: ['^.$'], mode: re}
    field_name_cond_expr: b and not a
)";
  Piped p(rule_of("a: 1, c: 2, dd: 3"), kExpression);
  ASSERT_TRUE(p.good) << p.errors();
  EXPECT_TRUE(p.matches(R"({"a":1,"c_x":2,"dd":3})"));
  EXPECT_FALSE(p.matches(R"({"a":1,"c":2,"dd":3})"));
}

TEST(Pipeline, GivesKeywordsAField) {
  const char kKeywords[] =
      "title: T\nlogsource: {product: p}\ndetection: {s: [one, 'tw?'], condition: s}\n";
  Piped p(kKeywords,
          "transformations: [{type: field_name_mapping, mapping: {null: message}}, "
          "{type: field_name_prefix, prefix: log.}]");
  ASSERT_TRUE(p.good) << p.errors();
  EXPECT_TRUE(p.matches(R"({"log":{"message":"is two of"}})"));
  EXPECT_FALSE(p.matches(R"({"log":{"other":"one"}})"));
  Piped kept(kKeywords, "transformations: [{type: field_name_suffix, suffix: _x}]");
  EXPECT_TRUE(kept.matches(R"({"any":"one"})")) << kept.errors();
}

TEST(Pipeline, ChangesLettersAndRefusesUnmappedFields) {
  Piped cased(rule_of("a: Cmd"), "transformations: [{type: regex, method: plain}]");
  EXPECT_TRUE(cased.matches(R"({"a":"Cmd"})")) << cased.errors();
  EXPECT_FALSE(cased.matches(R"({"a":"cmd"})"));
  Piped snake(rule_of("a|cased: LogonType*"),
              "transformations: [{type: case, method: snake_case}]");
  EXPECT_TRUE(snake.matches(R"({"a":"logon_type_2"})")) << snake.errors();
  const char kStrict[] =
      "transformations: [{type: field_name_mapping, mapping: {a: x}}, {type: "
      "strict_field_mapping_failure}]";
  EXPECT_EQ(Piped(rule_of("a: 1"), kStrict).engine->rule_count(), 1u);
  Piped strict(rule_of("a: 1, b: 2"), kStrict);
  EXPECT_EQ(strict.engine->rule_count(), 0u);
  EXPECT_NE(strict.errors().find("t.yml:5:23: error: the pipeline maps no field 'b'"),
            std::string::npos)
      << strict.errors();
}

TEST(Pipeline, DoublesNothingForEver) {
  const auto repeated = [](const std::string& step) {
    std::string out = "transformations:\n";
    for (int i = 0; i < 60; ++i) out += "  - " + step + "\n";
    return out;
  };
  for (const char* step : {"{type: field_name_mapping, mapping: {a: [a, a]}}",
                           "{type: map_string, mapping: {x: [x, x]}}",
                           "{type: replace_string, regex: x, replacement: xx}"}) {
    Piped p(rule_of("a: x"), repeated(step));
    ASSERT_TRUE(p.good) << p.errors();
    EXPECT_EQ(p.engine->rule_count(), 0u) << step;
    EXPECT_NE(p.errors().find("more than"), std::string::npos) << p.errors();
  }
}

TEST(Pipeline, RemembersAndRefuses) {
  Piped p(kRule, R"(
transformations:
  - {id: first, type: set_state, key: seen, val: yes it is}
  - type: nest
    items:
      - type: field_name_suffix
        suffix: _x
        rule_conditions:
          - {type: processing_state, key: seen, val: yes it is}
          - {type: processing_item_applied, processing_item_id: first}
  - type: rule_failure
    message: not for Linux
    rule_conditions: [{type: logsource, product: linux}]
)");
  ASSERT_TRUE(p.good) << p.errors();
  EXPECT_TRUE(p.matches(R"({"Image_x":"\\cmd.exe","User_x":"SYSTEM"})"));

  Piped refused(kRule,
                "transformations:\n  - {type: detection_item_failure, message: no such "
                "field, field_name_conditions: [{type: include_fields, fields: [User]}]}\n");
  EXPECT_EQ(refused.engine->rule_count(), 0u);
  EXPECT_NE(refused.errors().find("t.yml:8:5: error: no such field (p.yml:2)"), std::string::npos)
      << refused.errors();
}

TEST(Pipeline, RenamesFieldsOfCorrelations) {
  const std::string rules = std::string(kRule) + R"(---
title: many
correlation:
  type: value_count
  rules: [T]
  group-by: [User]
  timespan: 1m
  condition: {gte: 2, field: Image}
)";
  Piped p(rules, R"(
transformations:
  - type: field_name_mapping
    mapping: {User: user.name, Image: process.path}
    rule_conditions: [{type: logsource, category: process_creation}]
)");
  ASSERT_TRUE(p.good) << p.errors();
  ASSERT_EQ(p.engine->rules().correlations.size(), 1u);
  EXPECT_EQ(p.engine->rules().correlations[0].group_by[0], "user.name");
  EXPECT_EQ(p.engine->rules().correlations[0].fields[0], "process.path");
}

TEST(Pipeline, AppliesInOrderOfPriority) {
  std::vector<Pipeline> pipelines;
  Diagnostics diagnostics;
  EXPECT_TRUE(
      parse_pipeline("{name: b, priority: 20, transformations: []}", "b", pipelines, diagnostics));
  EXPECT_TRUE(
      parse_pipeline("{name: a, priority: 10, transformations: []}", "a", pipelines, diagnostics));
  ASSERT_EQ(pipelines.size(), 2u);
  EXPECT_EQ(pipelines[0].name, "a");
}

TEST(Pipeline, SaysWhereItIsWrong) {
  const auto error = [](std::string_view text) {
    std::vector<Pipeline> pipelines;
    Diagnostics diagnostics;
    EXPECT_FALSE(parse_pipeline(text, "p.yml", pipelines, diagnostics)) << text;
    return diagnostics.empty() ? std::string() : diagnostics[0].to_string();
  };
  EXPECT_EQ(
      error("transformations:\n  - type: field_name_maping\n")
          .find("p.yml:2:11: error: the transformation 'field_name_maping' is not known here"),
      0u);
  EXPECT_EQ(error("transformations:\n  - type: field_name_mapping\n    map: {}\n")
                .find("p.yml:3:5: error: "),
            0u);
  EXPECT_EQ(error("transformations:\n  - type: drop_detection_item\n    rule_conditions: [{type: "
                  "include_fields, fields: [a]}]\n")
                .find("p.yml:3:30: error: the condition 'include_fields' does not stand here"),
            0u);
  EXPECT_EQ(error("finalizers: [{type: concat}]\n").find("p.yml:1:1: error: 'finalizers' is about"),
            0u);
  EXPECT_NE(
      error("transformations: [{type: query_expression_placeholders}]")
          .find(
              "p.yml:1:26: error: 'query_expression_placeholders' cannot be used here: it writes"),
      std::string::npos);
  for (const char* unsafe : {"http_placeholders", "command_placeholders", "file_placeholders"})
    EXPECT_NE(error("transformations: [{type: " + std::string(unsafe) + "}]").find("--values"),
              std::string::npos);
  EXPECT_NE(error("transformations: [{type: drop_detection_item, rule_conditions: {a: {type: "
                  "is_sigma_rule}}, rule_cond_expr: a and b}]")
                .find("in the expression: "),
            std::string::npos);
  EXPECT_NE(error("transformations: [{type: drop_detection_item, rule_cond_expr: a}]")
                .find("needs 'rule_conditions'"),
            std::string::npos);
  EXPECT_NE(error("transformations: [{type: drop_detection_item, rule_conditions: [{type: "
                  "rule_attribute, attribute: level, value: low, op: like}]}]")
                .find("'op' is eq, "),
            std::string::npos);
  EXPECT_NE(error("transformations: [{type: extract_fields, regex: '(a)'}]").find("has a name"),
            std::string::npos);
  EXPECT_NE(error("transformations: [{type: case, method: title}]").find("one of 'lower'"),
            std::string::npos);
  EXPECT_NE(error("transformations: [{type: wildcard_placeholders, include: [a], exclude: [b]}]")
                .find("exclude each other"),
            std::string::npos);
  EXPECT_NE(error("transformations: [{type: replace_string, regex: '(', replacement: x}]")
                .find("regular expression"),
            std::string::npos);
  EXPECT_NE(error("transformations: [{type: replace_string, regex: 'a', replacement: '\\3'}]")
                .find("replacement"),
            std::string::npos);
  EXPECT_NE(error("transformations: [{type: add_condition, conditions: {a|nope: 1}}]").find("nope"),
            std::string::npos);
  EXPECT_NE(error("transformations: {").size(), 0u);
  EXPECT_NE(error("").size(), 0u);
  std::string deep = "transformations: [";
  for (int i = 0; i < 12; ++i) deep += "{type: nest, items: [";
  for (int i = 0; i < 12; ++i) deep += "]}";
  EXPECT_NE(error(deep + "]").find("nested too deeply"), std::string::npos);
}

}  // namespace
}  // namespace rpcmarshal::sigma
