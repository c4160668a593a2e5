// Scores by Summiting the Pyramid's model; the execution analytic comes out as its authors scored
// it.
#include "lint/score.h"

#include "helpers.h"
#include "lint/layer.h"

namespace rpcmarshal::lint {
namespace {

RuleScore score(const std::string& text) {
  sigma::RuleSet rules;
  sigma::Diagnostics diagnostics;
  sigma::parse_rules(text, "r.yml", rules, diagnostics);
  EXPECT_EQ(rules.rules.size(), 1u) << (diagnostics.empty() ? "" : diagnostics[0].to_string());
  return rules.rules.empty() ? RuleScore{} : score_rule(rules.rules[0], all_operations());
}

std::string pair(const std::string& name, const std::string& e, const std::string& o) {
  return "  " + name + ":\n    endpoint: " + e + "\n    operation: " + o + "\n";
}

TEST(Score, OriginalExecutionAnalytic) {
  const RuleScore s = score(rule_text(
      kZeek, {"t1047", "t1053.002", "t1569.002"},
      pair("at", "JobAdd", "atsvc") + pair("enable", "ITaskSchedulerService", "SchRpcEnableTask") +
          pair("register", "ITaskSchedulerService", "SchRpcRegisterTask") +
          pair("run", "ITaskSchedulerService", "SchRpcRun") +
          pair("wmi", "IWbemServices", "ExecMethod") +
          pair("wmi_async", "IWbemServices", "ExecMethodAsync") +
          pair("create", "svcctl", "[CreateServiceA, CreateServiceW]") +
          pair("start", "svcctl", "[StartServiceA, StartServiceW]") + "  condition: 1 of them\n"));
  EXPECT_EQ(s.final_score.to_string(), "4H");
  ASSERT_EQ(s.selections.size(), 8u);
  for (const SelectionScore& selection : s.selections)
    EXPECT_EQ(selection.score.to_string(), "4H") << selection.name;
  EXPECT_FALSE(s.selections[0].can_match);  // the transposed one
  for (std::size_t i = 1; i < s.selections.size(); ++i) EXPECT_TRUE(s.selections[i].can_match);
}

TEST(Score, ImprovedExecutionAnalytic) {
  const RuleScore s = score(rule_text(
      kZeek, {"t1047", "t1053.002", "t1053.005", "t1569.002"},
      pair("at", "atsvc", "NetrJobAdd") +
          pair("tasks", "ITaskSchedulerService",
               "[SchRpcRegisterTask, SchRpcEnableTask, SchRpcRun]") +
          pair("wmi", "IWbemServices", "[ExecMethod, ExecMethodAsync]") +
          pair("services", "svcctl", "['CreateWowService*', 'CreateService*', 'StartService*']") +
          "  condition: 1 of them\n"));
  EXPECT_EQ(s.final_score.to_string(), "4H");
  ASSERT_EQ(s.selections.size(), 4u);
  const std::vector<std::string> techniques = {"T1053.002", "T1053.005", "T1047", "T1569.002"};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(s.selections[i].score.to_string(), "4H");
    EXPECT_TRUE(s.selections[i].can_match);
    EXPECT_THAT(s.selections[i].techniques, testing::Contains(techniques[i]));
  }
}

TEST(Score, DcSyncIsTheTechnique) {
  EXPECT_EQ(score(rule_text(kZeek, {},
                            pair("a", "drsuapi", "[DRSReplicaSync, DRSGetNCChanges]") +
                                "  condition: a\n"))
                .final_score.to_string(),
            "5H");
}

TEST(Score, AndTakesTheWeakerOrTheStronger) {
  const std::string strong = pair("a", "winreg", "BaseRegSaveKey");
  EXPECT_EQ(score(rule_text(kZeek, {},
                            strong + "  b:\n    id.orig_h: 10.0.0.1\n"
                                     "  condition: a and b\n"))
                .final_score.to_string(),
            "1H");
  EXPECT_EQ(score(rule_text(kZeek, {},
                            strong + "  b:\n    id.orig_h: 10.0.0.1\n"
                                     "  condition: a or b\n"))
                .final_score.to_string(),
            "4H");
}

TEST(Score, FiltersAreScoredApart) {
  const RuleScore s =
      score(rule_text(kZeek, {},
                      pair("a", "winreg", "BaseRegSaveKey") + "  filter:\n    id.orig_h: 10.0.0.1\n"
                                                              "  condition: a and not filter\n"));
  EXPECT_EQ(s.analytic.to_string(), "4H");
  EXPECT_EQ(s.filter.to_string(), "1H");
  EXPECT_EQ(s.final_score.to_string(), "1H");
  EXPECT_TRUE(s.selections[1].filter);
  EXPECT_NE(s.limited_by.find("id.orig_h"), std::string::npos);
  EXPECT_NE(s.raise.find("filter"), std::string::npos);
}

TEST(Score, ArgumentsAreThePayload) {
  const auto own = [](const std::string& item) {
    return score(rule_text(kOwn, {},
                           "  a:\n    interface.name: svcctl\n"
                           "    operation: RCreateServiceW\n    " +
                               item + "\n  condition: a\n"));
  };
  EXPECT_EQ(own("request.lpServiceName: PSEXESVC").final_score.to_string(), "2P");
  // That an argument is there at all, and what the system names, the attacker cannot choose.
  EXPECT_EQ(own("unc_hosts: '?*'").final_score.to_string(), "4P");
  EXPECT_EQ(own("unc_hosts: 10.0.0.1").final_score.to_string(), "1P");
  EXPECT_EQ(own("request.lpBinaryPathName: '?*'").final_score.to_string(), "4P");
  EXPECT_EQ(own("client.host: '?*'").final_score.to_string(), "1H");
  EXPECT_EQ(own("handles.name: 'HKLM\\SAM'").final_score.to_string(), "4P");
  EXPECT_EQ(own("handles.name: service WinDefend").final_score.to_string(), "3P");
  EXPECT_EQ(own("request.dwControl: SERVICE_CONTROL_STOP").final_score.to_string(), "4P");
  EXPECT_EQ(own("request.InfoStruct.ShareInfo2.shi2_path: 'C:\\x'").final_score.to_string(), "2P")
      << "'sha' is no hash";
  EXPECT_EQ(own("request.lpBinaryPathName|contains: cmd.exe").final_score.to_string(), "3P");
  EXPECT_EQ(own("request.dwServiceType: 16").final_score.to_string(), "4P");
  EXPECT_EQ(own("client.address: 10.0.0.1").limited_by, "a: client.address: 10.0.0.1");
}

TEST(Score, HostSources) {
  EXPECT_EQ(score(rule_text(kFirewall, {},
                            "  a:\n    EventID: 3\n"
                            "    InterfaceUuid: 338cd001-2244-31f1-aaaa-900038001003\n"
                            "    OpNum: 20\n  condition: a\n"))
                .final_score.to_string(),
            "4U");
  EXPECT_EQ(score(rule_text("product: windows, category: process_creation", {},
                            "  a:\n    Image|endswith: '\\evil.exe'\n  condition: a\n"))
                .final_score.to_string(),
            "1K");
  // Not the linter's, but of the wire.
  EXPECT_EQ(score(rule_text("product: zeek, service: smb_mapping", {},
                            "  a:\n    path|endswith: '\\ADMIN$'\n  condition: a\n"))
                .final_score.to_string(),
            "3H");
}

TEST(Score, Outputs) {
  const RuleScore s = score(
      rule_text(kZeek, {}, pair("a<b", "winreg", "BaseRegSaveKey") + "  condition: 1 of a*\n"));
  EXPECT_NE(scores_text({s}).find("4H  A test"), std::string::npos);
  EXPECT_NE(scores_json({s}).find("\"score\":\"4H\""), std::string::npos);
  const std::string svg = scores_svg({s});
  EXPECT_TRUE(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
  EXPECT_NE(svg.find("a&lt;b; endpoint: winreg"), std::string::npos);
  EXPECT_EQ(svg.find("a<b"), std::string::npos);
  EXPECT_NE(svg.find("Header (H)"), std::string::npos);
  EXPECT_NE(svg.find(">2  Core to Adversary-Brought Tool or Outside Boundary<"), std::string::npos);
}

TEST(Layer, CountsRulesPerTechnique) {
  sigma::RuleSet rules;
  sigma::Diagnostics diagnostics;
  for (const char* technique : {"t1053.005", "t1053.005", "t1187"}) {
    std::string text =
        rule_text(kZeek, {technique, "execution"}, pair("a", "winreg", "x") + "  condition: a\n");
    text.replace(7, 6, technique + std::to_string(rules.rules.size()));
    sigma::parse_rules(text, "r.yml", rules, diagnostics);
  }
  ASSERT_EQ(rules.rules.size(), 3u);
  const std::string layer = navigator_layer(rules);
  EXPECT_NE(layer.find("{\"techniqueID\":\"T1053.005\",\"score\":2"), std::string::npos) << layer;
  EXPECT_NE(layer.find("{\"techniqueID\":\"T1187\",\"score\":1"), std::string::npos);
  EXPECT_NE(layer.find("\"layer\":\"4.5\""), std::string::npos);
}

}  // namespace
}  // namespace rpcmarshal::lint
