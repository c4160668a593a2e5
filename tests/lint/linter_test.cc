// Each check finds its mistake at its place, and leaves right rules alone.
#include <fstream>
#include <sstream>

#include "helpers.h"
#include "lint/known_fields.h"

namespace rpcmarshal::lint {
namespace {

using testing::IsEmpty;

std::string zeek(const std::string& detection, const std::vector<std::string>& tags = {}) {
  return rule_text(kZeek, tags, detection);
}

TEST(Lint, LeavesARightRuleAlone) {
  const auto findings = lint_it(
      zeek("  selection:\n    endpoint: eventlog\n    operation: [ElfrClearELFW, ElfrClearELFA]\n"
           "  other:\n    endpoint: IEventService\n    operation: EvtRpcClearLog\n"
           "  condition: selection or other\n",
           {"defense-evasion", "t1070.001"}));
  EXPECT_EQ(findings_text(findings), "");
}

TEST(Lint, TransposedFieldsAreFoundAndFixed) {
  const std::string text =
      zeek("  a:\n    endpoint: 'JobAdd'\n    operation: 'atsvc'\n  condition: a\n",
           {"execution", "t1053.002"});
  const auto findings = lint_it(text);
  EXPECT_TRUE(says(findings, "transposed-fields", {"JobAdd", "atsvc", "NetrJobAdd"}));
  EXPECT_TRUE(says(findings, "unknown-operation", {"JobAdd", "NetrJobAdd"}));
  const Finding f = of(findings, "transposed-fields").at(0);
  EXPECT_EQ(f.severity, Severity::kError);
  EXPECT_EQ(f.at.line, 8u);
  EXPECT_EQ(f.at.column, 15u);
  std::size_t applied = 0;
  const std::string fixed = apply_edits(text, "r.yml", findings, applied);
  EXPECT_EQ(fixed,
            zeek("  a:\n    endpoint: 'atsvc'\n    operation: 'NetrJobAdd'\n  condition: a\n",
                 {"execution", "t1053.002"}));
  EXPECT_THAT(of(lint_it(fixed), "transposed-fields"), IsEmpty());
  EXPECT_THAT(of(lint_it(fixed), "attack-tag-wrong"), IsEmpty());
}

TEST(Lint, NamesThatDoNotExist) {
  EXPECT_TRUE(says(lint_it(zeek("  a:\n    endpoint: svcclt\n  condition: a\n")),
                   "unknown-endpoint", {"svcclt", "did you mean 'svcctl'"}));
  EXPECT_TRUE(says(
      lint_it(zeek("  a:\n    endpoint: svcctl\n    operation: CreateServcieW\n  condition: a\n")),
      "unknown-operation", {"did you mean 'CreateServiceW'"}));
  EXPECT_TRUE(says(
      lint_it(zeek("  a:\n    endpoint: svcctl\n    operation: RCreateServiceW\n  condition: a\n")),
      "unknown-operation", {"the log calls", "CreateServiceW"}));
  EXPECT_TRUE(
      says(lint_it(
               zeek("  a:\n    endpoint: svcctl\n    operation|startswith: Zap\n  condition: a\n")),
           "unknown-operation", {"Zap*"}) ||
      says(lint_it(
               zeek("  a:\n    endpoint: svcctl\n    operation|startswith: Zap\n  condition: a\n")),
           "unknown-operation", {"Zap"}));
  const auto firewall = [](const std::string& items) {
    return lint_it(rule_text(kFirewall, {}, "  a:\n" + items + "  condition: a\n"));
  };
  EXPECT_TRUE(says(firewall("    InterfaceUuid: 367abb81-9844-35f1-ad32-98f038001004\n"),
                   "unknown-uuid", {"did you mean '367abb81-9844-35f1-ad32-98f038001003'"}));
  EXPECT_TRUE(says(firewall("    InterfaceUuid: 367abb81\n"), "unknown-uuid", {"no UUID"}));
  EXPECT_TRUE(says(firewall("    InterfaceUuid: 367abb81-9844-35f1-ad32-98f038001003\n"
                            "    OpNum: 400\n"),
                   "unknown-opnum", {"400", "svcctl"}));
  EXPECT_TRUE(says(firewall("    InterfaceUuid: 367abb81-9844-35f1-ad32-98f038001003\n"
                            "    OpNum: '0x0c'\n"),
                   "unknown-opnum", {"decimal"}));
}

TEST(Lint, ASecondUuidOfAnInterfaceIsKnown) {
  const auto findings = lint_it(
      rule_text(kFirewall, {"t1187"},
                "  a:\n    InterfaceUuid: df1941c5-fe89-4e79-bf10-463657acf44d\n    OpNum: 0\n"
                "  condition: a\n"));
  EXPECT_THAT(of(findings, "unknown-uuid"), IsEmpty());
  EXPECT_THAT(of(findings, "never-matches"), IsEmpty());
  EXPECT_THAT(of(findings, "attack-tag-wrong"), IsEmpty());
}

TEST(Lint, AnOperationOfAnotherEndpoint) {
  EXPECT_TRUE(says(
      lint_it(zeek("  a:\n    endpoint: samr\n    operation: CreateServiceW\n  condition: a\n")),
      "wrong-endpoint", {"svcctl", "samr"}));
}

TEST(Lint, AWrongOpnumForTheName) {
  EXPECT_TRUE(says(lint_it(rule_text(kOwn, {},
                                     "  a:\n    interface.name: svcctl\n"
                                     "    operation: RCreateServiceW\n    opnum: 13\n"
                                     "  condition: a\n")),
                   "never-matches", {"'a'"}));
  EXPECT_THAT(of(lint_it(rule_text(kOwn, {},
                                   "  a:\n    interface.name: svcctl\n"
                                   "    operation: RCreateServiceW\n    opnum: 12\n"
                                   "  condition: a\n")),
                 "never-matches"),
              IsEmpty());
}

TEST(Lint, LettersInAnotherCase) {
  const auto findings =
      lint_it(zeek("  a:\n    endpoint: ISecLogon\n    operation: SeclCreateProcessWithLogonW\n"
                   "  condition: a\n"));
  EXPECT_TRUE(says(findings, "letter-case", {"ISeclogon"}));
  EXPECT_EQ(of(findings, "letter-case").at(0).severity, Severity::kNote);
}

TEST(Lint, SiblingsThatAreMissing) {
  const auto findings =
      lint_it(zeek("  a:\n    endpoint: svcctl\n    operation: [CreateServiceA, CreateServiceW]\n"
                   "  condition: a\n",
                   {"t1569.002"}));
  EXPECT_TRUE(says(findings, "missing-sibling",
                   {"CreateServiceWOW64A", "CreateServiceWOW64W", "CreateWowService"}));
  EXPECT_TRUE(says(findings, "missing-operation", {"T1569.002", "ChangeServiceConfigW"}));
  EXPECT_TRUE(says(lint_it(zeek("  a:\n    endpoint: svcctl\n    operation: StartServiceW\n"
                                "  condition: a\n")),
                   "missing-sibling", {"StartServiceA"}));
  // A wildcard that has them all.
  EXPECT_THAT(
      of(lint_it(zeek("  a:\n    endpoint: svcctl\n    operation:\n      - 'CreateService*'\n"
                      "      - 'CreateWowService*'\n  condition: a\n")),
         "missing-sibling"),
      IsEmpty());
}

TEST(Lint, EscapedWildcards) {
  const auto smb = [](const std::string& path) {
    return lint_it(rule_text(kSmbFiles, {}, "  a:\n    path: '" + path + "'\n  condition: a\n"));
  };
  EXPECT_TRUE(says(smb(R"(\\\*\IPC$)"), "literal-wildcard", {R"(\*\IPC$)", R"('\\*\IPC$')"}));
  EXPECT_TRUE(says(smb(R"(\\\\\*\\IPC$)"), "literal-wildcard", {R"('\\\\*\\IPC$')"}));
  EXPECT_THAT(of(smb(R"(\\*\IPC$)"), "literal-wildcard"), IsEmpty());
}

TEST(Lint, TheStarThatWindowsWritesIsLeftAlone) {
  const auto windows = [](const std::string& field, const std::string& path) {
    return of(lint_it(rule_text("product: windows, service: security", {},
                                "  a:\n    " + field + ": '" + path + "'\n  condition: a\n")),
              "literal-wildcard");
  };
  EXPECT_THAT(windows("ShareName", R"(\\\\\*\\IPC$)"), IsEmpty());
  EXPECT_THAT(windows("ShareName", R"(\\\*\IPC$)"), testing::Not(IsEmpty()))
      << "one backslash too few";
  EXPECT_THAT(windows("Image", R"(\\\\\*\\a.exe)"), testing::Not(IsEmpty()));
}

TEST(Lint, AnInterfaceWithoutItsOperationsIsLoudOnlyWhenMostAreOrdinary) {
  const auto whole = [](const std::string& uuid) {
    std::string text =
        rule_text(kFirewall, {"t1187"}, "  a:\n    InterfaceUuid: " + uuid + "\n  condition: a\n");
    text.replace(text.rfind("medium"), 6, "high");
    return of(lint_it(text), "any-operation");
  };
  const auto services = whole("367abb81-9844-35f1-ad32-98f038001003");
  ASSERT_FALSE(services.empty());
  EXPECT_EQ(services[0].severity, Severity::kWarning);
  const auto files = whole("c681d488-d850-11d0-8c52-00c04fd90f7e");
  ASSERT_FALSE(files.empty());
  EXPECT_EQ(files[0].severity, Severity::kNote);
}

TEST(Lint, SelectionsThatNeverOrAlwaysMatch) {
  EXPECT_TRUE(says(lint_it(zeek("  a:\n    endpoint: svcctl\n  b:\n    endpoint: samr\n"
                                "  condition: a and b\n")),
                   "never-matches", {"condition"}));
  EXPECT_TRUE(
      says(lint_it(zeek("  a:\n    operation: '*'\n  condition: a\n")), "always-matches", {"'a'"}));
  EXPECT_TRUE(says(
      lint_it(rule_text(kSmbFiles, {}, "  a:\n    name: ['\\lsass', '\\sam']\n  condition: a\n")),
      "never-matches", {"name|contains"}));
  EXPECT_THAT(of(lint_it(zeek("  a:\n    endpoint: unknown-12345678-1234-1234-1234-123456789abc\n"
                              "    operation: unknown-3\n  condition: a\n")),
                 "never-matches"),
              IsEmpty());
}

TEST(Lint, SelectionsThatNobodyUses) {
  const auto findings = lint_it(
      zeek("  a:\n    endpoint: svcctl\n  _b:\n    endpoint: samr\n  condition: all of them\n"));
  EXPECT_TRUE(says(findings, "unused-selection", {"'_b'", "'_'"}));
  EXPECT_EQ(of(findings, "unused-selection").size(), 1u);
}

TEST(Lint, TagsAgainstOperations) {
  const std::string text = zeek(
      "  a:\n    endpoint: ITaskSchedulerService\n    operation: SchRpcRegisterTask\n"
      "  condition: a\n",
      {"execution", "t1053.002"});
  const auto findings = lint_it(text);
  EXPECT_TRUE(says(findings, "attack-tag-missing", {"T1053.005"}));
  EXPECT_TRUE(says(findings, "attack-tag-wrong", {"T1053.002", "did you mean T1053.005"}));
  std::size_t applied = 0;
  const std::string fixed = apply_edits(text, "r.yml", findings, applied);
  EXPECT_EQ(applied, 1u);
  EXPECT_NE(fixed.find("  - attack.t1053.002\n  - attack.t1053.005\n"), std::string::npos) << fixed;
  EXPECT_THAT(of(lint_it(fixed), "attack-tag-missing"), IsEmpty());
  // A parent's tag is enough.
  EXPECT_THAT(of(lint_it(zeek("  a:\n    endpoint: ITaskSchedulerService\n"
                              "    operation: SchRpcRegisterTask\n  condition: a\n",
                              {"t1053"})),
                 "attack-tag-missing"),
              IsEmpty());
}

TEST(Lint, ArgumentsDecideWhatACallIsFor) {
  const auto rule = [](const std::string& more) {
    return of(lint_it(rule_text(kOwn, {"persistence", "t1547.005"},
                                "  a:\n    interface.name: winreg\n"
                                "    operation: BaseRegSetValue\n" +
                                    more + "  condition: a\n")),
              "attack-tag-missing");
  };
  const auto plain = rule(""), argued = rule("    request.lpValueName: Security Packages\n");
  ASSERT_EQ(plain.size(), 1u);
  ASSERT_EQ(argued.size(), 1u);
  EXPECT_EQ(plain[0].severity, Severity::kWarning);
  EXPECT_EQ(argued[0].severity, Severity::kNote);
}

TEST(Lint, FieldsThatTheLogDoesNotHave) {
  EXPECT_TRUE(says(lint_it(zeek("  a:\n    src_ip: 10.0.0.1\n  condition: a\n")), "unknown-field",
                   {"src_ip", "id.orig_h"}));
  EXPECT_TRUE(says(lint_it(zeek("  a:\n    endpoit: svcctl\n  condition: a\n")), "unknown-field",
                   {"did you mean 'endpoint'"}));
  const auto own = [](const std::string& field) {
    return lint_it(rule_text(kOwn, {},
                             "  a:\n    interface.name: svcctl\n    operation: RCreateServiceW\n"
                             "    " +
                                 field + ": x\n  condition: a\n"));
  };
  EXPECT_TRUE(says(own("request.lpServicName"), "unknown-field", {"lpServiceName"}));
  EXPECT_THAT(of(own("request.lpServiceName"), "unknown-field"), IsEmpty());
  EXPECT_TRUE(says(own("client.adress"), "unknown-field", {"client.address"}));
}

TEST(Lint, FieldsOfOurEventsAreThoseOfTheSchema) {
  std::ifstream file(RPCM_SOURCE_DIR "/docs/event.schema.json");
  std::ostringstream text;
  text << file.rdbuf();
  const std::string schema = text.str();
  ASSERT_FALSE(schema.empty());
  for (const std::string_view field : known_fields(View::kOwn)) {
    std::string_view rest = field;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('.'), rest.size());
      const std::string key = '"' + std::string(rest.substr(0, end)) + "\":";
      EXPECT_NE(schema.find(key), std::string::npos) << field;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
}

TEST(Lint, WhatZeekDoesNotLog) {
  EXPECT_TRUE(says(
      lint_it(
          zeek("  a:\n    endpoint: wkssvc\n    operation: NetrWkstaGetInfo\n  condition: a\n")),
      "zeek-ignores", {"NetrWkstaGetInfo", "ignored_operations"}));
}

TEST(Lint, FindingsStandWhereTheOperationIsNamed) {
  const auto findings = lint_it(rule_text(kZeek, {"t1569.002"},
                                          "  a: {endpoint: svcctl, operation: CreateServiceA}\n"
                                          "  b:\n    endpoint: winreg\n    operation:\n"
                                          "      - BaseRegSetValue\n      - BaseRegOpenKey\n"
                                          "  condition: a or b\n"));
  const auto ignored = of(findings, "zeek-ignores"), missing = of(findings, "missing-sibling");
  ASSERT_EQ(ignored.size(), 1u);
  EXPECT_EQ(ignored[0].at.line, 11u);
  ASSERT_FALSE(missing.empty());
  EXPECT_EQ(missing[0].at.line, 6u);
}

TEST(Lint, CountingConditionsBecomeCorrelations) {
  const auto findings = lint_it(
      zeek("  a:\n    endpoint: samr\n    operation: SamrLookupNamesInDomain\n  timeframe: 30s\n"
           "  condition: a | count(operation) by src_ip > 4\n"));
  EXPECT_TRUE(says(findings, "old-aggregation",
                   {"value_count", "group-by: [src_ip]", "timespan: 30s", "gt: 4"}));
  EXPECT_TRUE(says(findings, "unknown-field", {"src_ip", "id.orig_h"}));
}

TEST(Lint, SyntaxErrorsAreFindings) {
  EXPECT_TRUE(says(lint_it(zeek("  a:\n    operation|contain: x\n  condition: a\n")), "syntax",
                   {"contain"}));
  EXPECT_TRUE(says(lint_it("title: [\n"), "syntax"));
  EXPECT_THAT(lint_it(""), IsEmpty());
}

TEST(Lint, RulesAboutOtherThingsAreLeftAlone) {
  EXPECT_EQ(
      findings_text(lint_it(rule_text("product: windows, category: process_creation", {"t1059"},
                                      "  a:\n    Image|endswith: '\\cmd.exe'\n  condition: a\n"))),
      "");
}

TEST(Lint, DocumentsOfOneFileAndGlobalParts) {
  const std::string text =
      "action: global\ntitle: Two\nlogsource: {product: zeek, service: dce_rpc}\n---\n"
      "detection:\n  a:\n    endpoint: svcclt\n  condition: a\n---\n"
      "detection:\n  a:\n    endpoint: smar\n  condition: a\n";
  const auto findings = of(lint_it(text), "unknown-endpoint");
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].at.line, 7u);
  EXPECT_EQ(findings[1].at.line, 12u);
}

TEST(Finding, OutputsAreWellFormed) {
  const std::vector<Finding> findings = {
      {"c", Severity::kError, "a b.yml", {3, 4}, "r", "say \"x\"\n\xFF", "do", {}}};
  EXPECT_EQ(findings_text(findings), "a b.yml:3:4: error: say \"x\"\n\xFF [c]\n    fix: do\n");
  EXPECT_EQ(findings_json(findings),
            "{\"file\":\"a b.yml\",\"line\":3,\"column\":4,\"severity\":\"error\",\"check\":\"c\","
            "\"rule\":\"r\",\"message\":\"say \\\"x\\\"\\n\xEF\xBF\xBD\",\"fix\":\"do\","
            "\"fixable\":false}\n");
  const std::string sarif = findings_sarif(findings, "1");
  EXPECT_NE(sarif.find("\"ruleId\":\"c\",\"level\":\"error\""), std::string::npos);
  EXPECT_NE(sarif.find("\"uri\":\"a%20b.yml\""), std::string::npos);
  EXPECT_NE(sarif.find("\"startLine\":3,\"startColumn\":4"), std::string::npos);
}

TEST(Finding, EditsThatDoNotFitAreLeftOut) {
  std::size_t applied = 0;
  const std::vector<Finding> findings = {
      {"c", Severity::kError, "f", {1, 1}, "", "", "", {{{1, 4}, "old", "new"}}},
      {"c", Severity::kError, "f", {1, 1}, "", "", "", {{{9, 1}, "old", "new"}}},
      {"c", Severity::kError, "g", {1, 1}, "", "", "", {{{1, 4}, "old", "bad"}}},
      {"c", Severity::kError, "f", {1, 1}, "", "", "", {{{1, 4}, "xyz", "bad"}}},
      {"c", Severity::kError, "f", {1, 1}, "", "", "", {{{1, 5}, "ld", "overlap"}}}};
  EXPECT_EQ(apply_edits("a: 'old'", "f", findings, applied), "a: 'new'");
  EXPECT_EQ(applied, 1u);
}

TEST(Operations, EditDistance) {
  EXPECT_EQ(edit_distance("atsvc", "AtScv", 3), 1u);
  EXPECT_EQ(edit_distance("abc", "abc", 3), 0u);
  EXPECT_EQ(edit_distance("abc", "xyzuvw", 2), 3u);
}

TEST(Allowance, LeavesOutWhatIsOnPurposeAndSaysWhenItIsOfNoUse) {
  const std::string rule = rule_text(kZeek, {"t1053.002"},
                                     "  s: {endpoint: atsvc, operation: NetrJobAdd}\n"
                                     "  unused: {endpoint: svcctl}\n  condition: s\n");
  EXPECT_TRUE(says(lint_it(rule), "unused-selection"));
  const auto allowed = lint_it("# lint: allow unused-selection: for later\n" + rule);
  EXPECT_TRUE(of(allowed, "unused-selection").empty());
  EXPECT_TRUE(of(allowed, "useless-allowance").empty());
  const auto without = lint_it("# lint: allow unused-selection\n" + rule);
  EXPECT_TRUE(says(without, "unused-selection")) << "no reason given";
  EXPECT_TRUE(says(without, "useless-allowance", {"reason"}));
  EXPECT_TRUE(
      says(lint_it("# lint: allow keywords: none\n" + rule), "useless-allowance", {"no finding"}));
  EXPECT_TRUE(says(lint_it("# lint: allow syntax: no\ntitle: [\n"), "syntax"));
}

TEST(Firewall, BlockedCallsAreToldFromAllowedOnes) {
  const std::string selection =
      "  s: {EventID: 3, InterfaceUuid: 1ff70682-0a51-30e8-076d-740be8cee98b, OpNum: 0";
  EXPECT_TRUE(says(lint_it(rule_text(kFirewall, {"t1053.002"}, selection + "}\n  condition: s\n")),
                   "allowed-or-blocked", {"Keywords"}));
  EXPECT_FALSE(says(lint_it(rule_text(kFirewall, {"t1053.002"},
                                      selection + ", Keywords: Audit Success}\n  condition: s\n")),
                    "allowed-or-blocked"));
}

}  // namespace
}  // namespace rpcmarshal::lint
