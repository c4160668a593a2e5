// The mistakes known in published rules about RPC (Zeek's and the RPC Firewall's), each in a rule
// of our own wording: the linter finds every one.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "helpers.h"

namespace rpcmarshal::lint {
namespace {

using testing::IsEmpty;

std::string firewall(const std::string& uuid, const std::string& more,
                     const std::vector<std::string>& tags, const std::string& head = {}) {
  return rule_text(
      kFirewall, tags,
      "  selection:\n    EventLog: RPCFW\n    EventID: 3\n    InterfaceUuid: " + uuid + "\n" + more,
      head);
}
const std::string kOnly = "  condition: selection\n";
std::string without(const std::string& opnums) {
  return "  filter:\n    OpNum: [" + opnums + "]\n  condition: selection and not filter\n";
}

constexpr const char* kTasks = "86d35949-83c9-4044-b424-db363231fd0c";
constexpr const char* kRegistry = "338cd001-2244-31f1-aaaa-900038001003";

TEST(Published, BzarExecution) {
  std::string detection;
  const auto pair = [&](const std::string& name, const std::string& e, const std::string& o) {
    detection += "  " + name + ":\n    endpoint: " + e + "\n    operation: " + o + "\n";
  };
  pair("op1", "JobAdd", "atsvc");
  pair("op2", "ITaskSchedulerService", "SchRpcEnableTask");
  pair("op3", "svcctl", "CreateServiceA");
  pair("op4", "svcctl", "CreateServiceW");
  pair("op5", "svcctl", "StartServiceA");
  pair("op6", "svcctl", "StartServiceW");
  const auto findings = lint_it(rule_text(kZeek, {"execution", "t1053.002", "t1569.002"},
                                          detection + "  condition: 1 of op*\n"));
  EXPECT_TRUE(says(findings, "transposed-fields", {"NetrJobAdd"}));
  EXPECT_TRUE(says(findings, "unknown-operation", {"JobAdd", "NetrJobAdd"}));
  EXPECT_TRUE(says(findings, "missing-sibling",
                   {"CreateServiceWOW64A", "CreateServiceWOW64W", "CreateWowService"}));
  EXPECT_TRUE(says(findings, "attack-tag-missing", {"T1053.005"}));
  EXPECT_TRUE(says(findings, "missing-operation", {"ChangeServiceConfigW"}));
}

TEST(Published, BzarPersistence) {
  const auto findings = lint_it(
      rule_text(kZeek, {"persistence", "t1547.004"},
                "  a:\n    endpoint: spoolss\n    operation: RpcAddMonitor\n"
                "  b:\n    endpoint: ISecLogon\n    operation: SeclCreateProcessWithLogonW\n"
                "  condition: a or b\n"));
  EXPECT_TRUE(says(findings, "letter-case", {"ISeclogon"}));
  EXPECT_TRUE(says(findings, "attack-tag-missing", {"T1547.010"}));
  EXPECT_TRUE(says(findings, "attack-tag-wrong", {"T1547.004"}));
}

TEST(Published, CoercionByTheNamesOfOneInterface) {
  const auto findings = lint_it(rule_text(kZeek, {"credential-access", "t1187"},
                                          "  a:\n    operation|startswith: efs\n  condition: a\n"));
  EXPECT_TRUE(says(findings, "missing-interface", {"T1187", "eventlog::"}));
  EXPECT_TRUE(says(findings, "no-endpoint", {"unknown-N"}));
}

TEST(Published, PrintNightmareWithoutEndpoint) {
  const auto findings = lint_it(rule_text(
      kZeek, {"execution"}, "  a:\n    operation: RpcAddPrinterDriverEx\n  condition: a\n"));
  EXPECT_TRUE(says(findings, "no-endpoint", {"spoolss"}));
}

TEST(Published, SmbFiles) {
  EXPECT_TRUE(says(lint_it(rule_text(kSmbFiles, {},
                                     "  a:\n    path: '\\\\\\*\\IPC$'\n    name: atsvc\n"
                                     "  condition: a\n")),
                   "literal-wildcard"));
  const auto pipes =
      lint_it(rule_text(kSmbFiles, {},
                        "  a:\n    path: '\\\\\\\\\\*\\\\IPC$'\n  filter_a: [samr, lsarpc]\n"
                        "  condition: a and not 1 of filter_*\n",
                        "description: A pipe that is seen for the first time\n"));
  EXPECT_TRUE(says(pipes, "literal-wildcard"));
  EXPECT_TRUE(says(pipes, "keywords"));
  EXPECT_TRUE(says(pipes, "not-expressible"));
  EXPECT_TRUE(
      says(lint_it(rule_text(kSmbFiles, {}, "  a:\n    name: '\\ntds.dit'\n  condition: a\n")),
           "never-matches", {"name|contains"}));
  EXPECT_TRUE(says(lint_it(rule_text(kSmbFiles, {}, "  a:\n    name: spoolss\n  condition: a\n"),
                           "x/zeek_dce_rpc_pipe.yml"),
                   "file-name"));
  EXPECT_TRUE(says(lint_it(rule_text(kSmbFiles, {},
                                     "  a:\n    name|endswith: [.a, .b, .c, .d, .e]\n"
                                     "  condition: a\n")),
                   "broad"));
}

TEST(Published, TaskOperations) {
  const auto lateral =
      lint_it(firewall(kTasks, "    OpNum: [1, 3, 4, 10, 11, 12, 13, 14, 15]\n" + kOnly,
                       {"execution", "t1053", "t1053.002"}, "description: Remote tasks\n"));
  EXPECT_TRUE(says(lateral, "missing-operation", {"SchRpcEnableTask (19)"}));
  EXPECT_TRUE(says(lateral, "harmless-operation", {"SchRpcScheduledRuntimes (15)"}));
  EXPECT_TRUE(says(lateral, "attack-tag-wrong", {"T1053.002", "T1053.005"}));
  const auto recon =
      lint_it(firewall(kTasks, without("1, 3, 4, 10, 11, 12, 13, 14, 15"), {"discovery"}));
  EXPECT_TRUE(says(recon, "attack-tag-missing", {"SchRpcEnableTask", "calls it discovery"}));
}

TEST(Published, DcSync) {
  const auto findings = lint_it(firewall("e3514235-4b06-11d1-ab04-00c04fc2dcd2",
                                         without("0, 1, 12"), {"t1033", "discovery"}));
  EXPECT_TRUE(says(findings, "no-source", {"ClientAddress"}));
  EXPECT_TRUE(says(findings, "attack-tag-missing", {"T1003.006"}));
  EXPECT_TRUE(says(findings, "attack-tag-missing", {"T1207"}));
  EXPECT_TRUE(says(findings, "attack-tag-wrong", {"T1033"}));
}

TEST(Published, WholeInterfaces) {
  const std::string high = "level: high\n";
  const auto efs =
      lint_it(firewall("c681d488-d850-11d0-8c52-00c04fd90f7e", kOnly, {"lateral-movement"}));
  EXPECT_TRUE(says(efs, "attack-tag-missing", {"T1187"}));
  std::string text = firewall(
      "[82273fdc-e32a-18c3-3f78-827929dc23ea, "
      "f6beaff7-1e19-4fbb-9f8f-b89e2018337c]",
      kOnly, {"discovery"});
  text.replace(text.find("level: medium"), 13, "level: high");
  const auto logs = lint_it(text);
  EXPECT_TRUE(says(logs, "attack-tag-missing", {"ElfrClearELFW", "T1070.001"}));
  EXPECT_TRUE(says(logs, "attack-tag-missing", {"ElfrOpenBELW", "T1187"}));
  EXPECT_TRUE(says(logs, "any-operation", {"level high"}));
}

TEST(Published, RegistryRecon) {
  const auto findings =
      lint_it(firewall(kRegistry, without("6, 7, 8, 13, 18, 19, 21, 22, 23, 35"), {"discovery"}));
  EXPECT_TRUE(says(findings, "attack-tag-missing", {"BaseRegSaveKeyEx", "T1003.002", "discovery"}));
  EXPECT_TRUE(says(findings, "attack-tag-missing", {"BaseInitiateSystemShutdown", "T1529"}));
}

TEST(Published, ProseThatIsAboutSomethingElse) {
  const auto services =
      lint_it(firewall("367abb81-9844-35f1-ad32-98f038001003", kOnly, {"execution", "t1569.002"},
                       "description: Abuse over MS-EFSR\nreferences: [https://x/ms-srvs/1, "
                       "https://x/MS-SCMR.md]\n"));
  EXPECT_TRUE(says(services, "wrong-document", {"description", "MS-EFSR", "MS-SCMR"}));
  EXPECT_TRUE(says(services, "wrong-document", {"reference", "MS-SRVS", "MS-SCMR"}));
  const auto shares =
      lint_it(firewall("4b324fc8-1670-01d3-1278-5a47bf6ee188", kOnly, {"lateral-movement"},
                       "description: May abuse the encryption service over MS-SRVS\n"));
  EXPECT_TRUE(says(shares, "wrong-document", {"encryption service", "MS-SRVS"}));
  const auto at = lint_it(firewall("1ff70682-0a51-30e8-076d-740be8cee98b", without("0, 1"),
                                   {"discovery"}, "description: Jobs over AtScv\n"));
  EXPECT_TRUE(says(at, "spelling", {"AtScv", "atsvc"}));
}

TEST(Published, DefinitionsThatAuditSomethingElse) {
  const std::string text =
      "title: DCOM\ntags: [attack.t1047]\nlogsource:\n  product: rpc_firewall\n"
      "  definition: 'audit:true action:block uuid:367abb81-9844-35f1-ad32-98f038001003'\n"
      "detection:\n  a:\n    InterfaceUuid:\n      - 4d9f4ab8-7d1c-11cf-861e-0020af6e7c57\n"
      "      - 00000143-0000-0000-c000-000000000046\n  condition: a\nlevel: high\n";
  const auto findings = lint_it(text);
  EXPECT_TRUE(says(findings, "definition-blocks"));
  EXPECT_TRUE(says(findings, "wrong-definition", {"svcctl", "does not look at"}));
  EXPECT_TRUE(says(findings, "wrong-definition", {"does not audit", "4d9f4ab8"}));
  EXPECT_TRUE(says(findings, "attack-tag-wrong", {"T1047"}));
  EXPECT_TRUE(says(findings, "com-interface"));
  EXPECT_TRUE(says(findings, "any-operation"));
}

TEST(Published, SharpHound) {
  const auto account = lint_it(firewall("6bffd098-a112-3610-9833-46c3f87e345a",
                                        "    OpNum: 2\n" + kOnly, {"t1087", "discovery"}));
  EXPECT_TRUE(says(account, "attack-tag-wrong", {"T1087"}));
  EXPECT_TRUE(says(account, "attack-tag-missing", {"T1033"}));
  const auto sessions = lint_it(firewall("4b324fc8-1670-01d3-1278-5a47bf6ee188",
                                         "    OpNum: 12\n" + kOnly, {"t1033", "discovery"}));
  EXPECT_TRUE(says(sessions, "attack-tag-more", {"T1049"}));
}

// published.tsv names what is known to be wrong with each published rule about RPC.
TEST(Published, EveryKnownFaultIsFoundInTheRulesThemselves) {
  const std::filesystem::path rules = RPCM_SHARED_DIR "/corpus/sigma-rules";
  if (!std::filesystem::exists(rules)) GTEST_SKIP() << rules << " is not there";
  std::ifstream table(RPCM_SOURCE_DIR "/tests/lint/published.tsv");
  ASSERT_TRUE(table.good());
  int files = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t tab = line.find('\t');
    ASSERT_NE(tab, std::string::npos) << line;
    const std::string file = line.substr(0, tab);
    std::ifstream in(rules / file, std::ios::binary);
    ASSERT_TRUE(in.good()) << file;
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto findings = lint_it(text, file);
    std::istringstream checks(line.substr(tab + 1));
    for (std::string check; checks >> check;) {
      if (check == "-") {
        for (const Finding& finding : findings)
          EXPECT_EQ(finding.severity, Severity::kNote) << file << ": " << finding.message;
      } else {
        EXPECT_TRUE(says(findings, check.c_str())) << file << ": no " << check;
      }
    }
    ++files;
  }
  EXPECT_EQ(files, 29);
}

}  // namespace
}  // namespace rpcmarshal::lint
