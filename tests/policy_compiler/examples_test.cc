// The policies of policies/ on recorded calls, and on calls as only the host sees them: which rule
// decides what.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "catalogue.h"
#include "policy/compiler/check.h"
#include "run.h"

namespace rpcmarshal::policy {
namespace {

using namespace std::string_view_literals;

const std::string kRoot = RPCM_SOURCE_DIR;

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// "rule=calls ..." of the rules that decided calls of a recorded capture; what was allowed by
/// default is left out. "?" behind the rule: it could not be decided.
std::string decisions(const std::string& policy, const std::string& capture) {
  PolicyRun run(text_of(kRoot + "/policies/" + policy));
  EXPECT_NE(run.policy, nullptr) << run.errors();
  if (!run.policy) return {};
  std::ifstream in(kRoot + "/tests/baselines/" + capture + ".jsonl");
  EXPECT_TRUE(in.is_open()) << capture;
  std::map<std::string, int> count;
  for (std::string line; std::getline(in, line);) {
    if (line.find("\"kind\":\"bind\"") != std::string::npos) continue;
    const Decision d = run.decide(line);
    if (d.rule == Decision::kNoRule) continue;
    ++count[std::string(run.policy->rule(d.rule).id) + (d.unknown ? "?" : "")];
  }
  std::string out;
  for (const auto& [rule, n] : count)
    out += (out.empty() ? "" : " ") + rule + "=" + std::to_string(n);
  return out;
}

/// A recorded event of that operation, with one piece of text replaced.
std::string recorded(const std::string& capture, std::string_view operation, std::string_view from,
                     std::string_view to) {
  std::ifstream in(kRoot + "/tests/baselines/" + capture + ".jsonl");
  for (std::string line; std::getline(in, line);) {
    if (line.find("\"operation\":\"" + std::string(operation) + "\"") == std::string::npos)
      continue;
    const std::size_t at = line.find(from);
    if (at == std::string::npos) continue;
    return line.replace(at, from.size(), to);
  }
  ADD_FAILURE() << operation << " with " << from << " is not in " << capture;
  return "{}";
}

/// As it stands between the quotes of JSON; NUL as its escape.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == 0 ? "\\u0000" : std::string(1, c);
  }
  return out;
}

TEST(Examples, AreWithoutFindings) {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(kRoot + "/policies")) {
    if (file.path().extension() != ".yml") continue;
    ++files;
    PolicyModel model;
    sigma::Diagnostics diagnostics;
    ASSERT_TRUE(parse_policy(text_of(file.path()), file.path(), model, diagnostics));
    check_policy(model, operations(), 1'800'000'000, diagnostics);
    EXPECT_FALSE(compile_policy(model, diagnostics).empty());
    for (const sigma::Diagnostic& d : diagnostics) ADD_FAILURE() << d.to_string();
  }
  EXPECT_EQ(files, 7);
}

TEST(Examples, ForcedAuthentication) {
  EXPECT_EQ(decisions("forced_authentication.yml", "efsr_smb2.pcap"), "other-hosts=8");
  EXPECT_EQ(decisions("forced_authentication.yml", "demo.pcap"), "other-hosts=1");
  EXPECT_EQ(decisions("forced_authentication.yml", "svcctl_smb2.pcap"), "");
  PolicyRun run(text_of(kRoot + "/policies/forced_authentication.yml"));
  const auto to = [&](std::string_view host) {
    return recorded("demo.pcap", "EfsRpcOpenFileRaw", R"("FileName":"\\\\10.77.0.66\\)",
                    "\"FileName\":\"" + std::string(host));
  };
  EXPECT_EQ(run.say(to(R"(\\\\FS1\\)")), "allow by efs-listed-hosts");
  EXPECT_EQ(run.say(to(R"(\\\\10.77.0.66\\)")), "block by other-hosts");
  // Own files are named by drive; what is neither that nor a listed host is not let through.
  const auto file = [&](std::string_view path) {
    return run.say(
        R"({"sensor":"host","interface":{"name":"efsrpc"},"operation":"EfsRpcOpenFileRaw","request":{"FileName":")" +
        escaped(path) + R"("},"decode":{"request":{"status":"complete"}}})");
  };
  EXPECT_EQ(file(R"(C:\Data\x.txt)"), "allow by default");
  EXPECT_EQ(file(R"(\Device\NewRedirector\evil\x)"), "block by efs-other-paths");
  EXPECT_EQ(file(R"(\\.\pipe\x)"), "block by efs-other-paths");
  for (const char* path : {R"(\\fs1.\x)", R"(\\fs1@8080\x)", R"(//fs1/x)", R"(\\?\UNC\fs1\x)"})
    EXPECT_EQ(file(path), "block by efs-other-paths") << path;
  // A listed host further back does not help.
  EXPECT_EQ(run.say(to(R"(\\\\10.77.0.66\\\\\\fs1\\)")), "block by other-hosts");
}

TEST(Examples, Wmi) {
  EXPECT_EQ(decisions("wmi.yml", "wmi_process.pcap"),
            "wmi-other-methods=1 wmi-read=1 wmi-start-program=1");
  EXPECT_EQ(decisions("wmi.yml", "wmi_subscription.pcap"), "wmi-subscription=4");
  EXPECT_EQ(decisions("wmi.yml", "wmi_types.pcap"), "wmi-other-queries=2");
  EXPECT_EQ(decisions("wmi.yml", "wmi_privacy.pcap"),
            "wmi-other-methods=2 wmi-other-queries=1");  // sealed
}

TEST(Examples, Services) {
  EXPECT_EQ(decisions("services.yml", "svcctl_smb2.pcap"), "service-other-program=2");
  EXPECT_EQ(decisions("services.yml", "svcctl_tcp_privacy.pcap"),
            "service-listed-program?=2");  // sealed
  PolicyRun run(text_of(kRoot + "/policies/services.yml"));
  const auto program = [&](std::string_view path) {
    return recorded(
        "demo.pcap", "RCreateServiceW",
        R"("lpBinaryPathName":"C:\\Windows\\System32\\cmd.exe /Q /c whoami /all > \\\\127.0.0.1\\ADMIN$\\Temp\\o.txt 2>&1")",
        "\"lpBinaryPathName\":\"" + std::string(path) + "\"");
  };
  EXPECT_EQ(run.say(program(R"(C:\\Windows\\System32\\cmd.exe /c x)")),
            "block by service-other-program");
  EXPECT_EQ(run.decide(program("x")).fault_status, 5u);
  EXPECT_EQ(run.say(program(R"(c:\\program files\\Contoso\\agent.exe)")),
            "allow by service-listed-program");
  EXPECT_EQ(run.say(program(R"(C:\\Program Files\\..\\Windows\\Temp\\x.exe)")),
            "block by service-other-program");
  EXPECT_EQ(run.say(program(R"(C:\\Program Files\\x.exe \\\\10.0.0.1\\c$)")),
            "block by service-other-program");
}

// Other writings of a path are not on the list, whatever they lead to.
TEST(Examples, ServiceProgramsInOtherWritings) {
  PolicyRun run(text_of(kRoot + "/policies/services.yml"));
  const auto program = [&](std::string_view path) {
    return run.say(
        R"({"sensor":"host","interface":{"name":"svcctl"},"operation":"RCreateServiceW","request":{"lpBinaryPathName":")" +
        escaped(path) + R"("},"decode":{"request":{"status":"complete"}}})");
  };
  for (const char* path :
       {R"(C:/Program Files/x.exe)", R"(C:/Program Files\..\..\x.exe)",
        R"(\\?\C:\Program Files\x.exe)", R"(\??\C:\Program Files\x.exe)", R"(%ProgramFiles%\x.exe)",
        R"(%SystemRoot%\Temp\x.exe)", R"(C:\PROGRA~1\x.exe)", R"(\\evil\share\x.exe)",
        R"(\\evil@SSL\share\x.exe)", R"(//evil/share/x.exe)", R"(C:\Program Files .\x.exe)",
        R"("C:/Program Files/x.exe")", R"(x.exe)", ""}) {
    EXPECT_EQ(program(path), "block by service-other-program") << path;
  }
  EXPECT_EQ(program(R"("C:\Program Files\x.exe" -s)"), "allow by service-listed-program");
  EXPECT_EQ(program(R"(C:\PROGRAM FILES\x.exe)"), "allow by service-listed-program");
  // What stands behind a NUL is read by some servers, and not by others.
  EXPECT_EQ(program("C:\\Program Files\\x.exe\0cmd.exe"sv),
            "audit by service-listed-program (unknown request.lpBinaryPathName)");
  const auto failure = [&](std::string_view command) {
    return run.say(
        R"({"sensor":"host","interface":{"name":"svcctl"},"operation":"RChangeServiceConfig2W","request":{"Info":{"dwInfoLevel":2,"info":{"case":2,"psfa":{"lpCommand":)" +
        std::string(command) + R"(}}}},"decode":{"request":{"status":"complete"}}})");
  };
  EXPECT_EQ(failure(R"("cmd.exe /c x")"), "block by service-failure-command");
  EXPECT_EQ(failure("null"), "allow by default");
  EXPECT_EQ(failure(R"("")"), "allow by default");
}

TEST(Examples, Registry) {
  EXPECT_EQ(decisions("registry.yml", "demo.pcap"), "registry-hives=1 registry-other-writes=1");
  EXPECT_EQ(decisions("registry.yml", "winreg_smb2.pcap"),
            "registry-hives=1 registry-other-writes=5");
  PolicyRun run(text_of(kRoot + "/policies/registry.yml"));
  const auto key = [&](std::string_view name) {
    return recorded(
        "demo.pcap", "BaseRegSetValue",
        R"("name":"HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run"},"lpValueName")",
        "\"" + std::string(name) + "},\"lpValueName\"");
  };
  EXPECT_EQ(run.say(key(R"(name":"HKLM\\Software\\Contoso\\Agent")")),
            "allow by registry-own-keys");
  EXPECT_EQ(run.say(key(R"(name":"HKLM\\Software\\Contoso2")")), "block by registry-other-writes");
  // The key as its parent makes it, as reg.exe does.
  const auto create = [&](std::string_view below, std::string_view options) {
    return run.say(recorded(
        "winreg_smb2.pcap", "BaseRegCreateKey",
        R"(SOFTWARE\\Updater\\State","lpClass":null,"dwOptions":"REG_OPTION_VOLATILE")",
        std::string(below) + R"(","lpClass":null,"dwOptions":")" + std::string(options) + "\""));
  };
  EXPECT_EQ(create(R"(software\\contoso\\agent)", "REG_OPTION_NON_VOLATILE"),
            "allow by registry-create-own-keys");
  EXPECT_EQ(create(R"(SOFTWARE\\Contoso2)", "REG_OPTION_NON_VOLATILE"),
            "block by registry-other-writes");
  EXPECT_EQ(create(R"(SOFTWARE\\Contoso\\link)", "REG_OPTION_VOLATILE|REG_OPTION_CREATE_LINK"),
            "block by registry-links");
  // Nobody saw the key opened.
  EXPECT_EQ(run.say(key(R"(handle2":"x")")),
            "audit by registry-own-keys (unknown request.hKey.name)");
}

TEST(Examples, Replication) {
  PolicyRun run(text_of(kRoot + "/policies/replication.yml"));
  const auto by = [&](std::string_view address) {
    return run.say(
        R"({"sensor":"host","interface":{"name":"drsuapi"},"operation":"IDL_DRSGetNCChanges","client":{"address":")" +
        std::string(address) + "\"}}");
  };
  EXPECT_EQ(by("10.77.0.10"), "allow by replication-controllers");
  EXPECT_EQ(by("10.77.0.2"), "block by replication-others");
  EXPECT_EQ(
      run.say(
          R"({"sensor":"host","interface":{"name":"drsuapi"},"operation":"IDL_DRSBind","client":{"address":"10.77.0.2"}})"),
      "allow by default");
}

TEST(Examples, Tasks) {
  EXPECT_EQ(decisions("tasks.yml", "task_smb2.pcap"), "task-shell=1");
  EXPECT_EQ(decisions("tasks.yml", "at_smb1.pcap"), "task-other-command=1");
  PolicyRun run(text_of(kRoot + "/policies/tasks.yml"));
  const auto task = [&](std::string_view xml, std::string_view details) {
    return run.say(
        R"({"operation":"SchRpcRegisterTask","request":{"xml":")" + std::string(xml) +
        R"("},"decode":{"request":{"status":"complete"}},"details":{"task":[{"argument":"xml",)" +
        std::string(details) + "}]}}");
  };
  constexpr const char* kGood =
      R"("command_lines":["C:\\Program Files\\Contoso\\sync.exe"],"actions":[{"type":"exec","command":"C:\\Program Files\\Contoso\\sync.exe"}])";
  EXPECT_EQ(task("<Exec></Exec>", kGood), "allow by task-listed-command");
  // Another beside it, and what is no program.
  EXPECT_EQ(
      task(
          "",
          R"("actions":[{"type":"exec","command":"C:\\Program Files\\Contoso\\sync.exe"},{"type":"exec","command":"C:\\x.exe"}])"),
      "block by task-other-command");
  EXPECT_EQ(
      task(
          "",
          R"("actions":[{"type":"exec","command":"C:\\Program Files\\Contoso\\sync.exe"},{"type":"com_handler","class_id":"{1}"}])"),
      "block by task-other-command");
  EXPECT_EQ(
      task(
          "",
          R"("actions":[{"type":"exec","command":"C:\\Program Files\\Contoso\\a.exe"},{"type":"exec","command":"C:\\Program Files\\Contoso\\b.exe"}])"),
      "allow by task-listed-command");
  EXPECT_EQ(
      task("",
           R"("command_lines":["C:\\x.exe"],"actions":[{"type":"exec","command":"C:\\x.exe"}])"),
      "block by task-other-command");
  EXPECT_EQ(task("", R"("command_lines":["cmd.exe /c x"])"), "block by task-shell");
  // XML that nobody could read.
  EXPECT_EQ(
      run.decide(
             R"({"operation":"SchRpcRegisterTask","request":{"xml":"<"},"decode":{"request":{"status":"complete"}}})")
          .verdict,
      Action::kAudit);
}

TEST(Examples, Callers) {
  constexpr std::string_view kSomebody =
      R"("user":{"name":"eve","domain":"CONTOSO","sid":"S-1-5-21-1-2-3-9","groups":["S-1-5-11"]})";
  PolicyRun run(text_of(kRoot + "/policies/callers.yml"));
  ASSERT_NE(run.policy, nullptr) << run.errors();
  EXPECT_TRUE(run.policy->local_calls());
  // The server knows who calls, and from where, unless the test says otherwise.
  const auto call = [&](std::string_view members) {
    std::string out = "{\"sensor\":\"host\"," + std::string(members);
    if (members.find("\"client\"") == members.npos) out += R"(,"client":{"address":"10.0.0.9"})";
    if (members.find("\"user\"") == members.npos) out += "," + std::string(kSomebody);
    return run.say(out + "}");
  };
  EXPECT_EQ(
      call(
          R"("transport":{"protocol":"ncalrpc"},"interface":{"name":"svcctl"},"client":{"process":"C:\\x.exe"})"),
      "audit by by-local-program");
  EXPECT_EQ(
      call(
          R"("transport":{"protocol":"ncalrpc"},"interface":{"name":"svcctl"},"client":{"process":"C:\\Program Files\\Contoso\\x.exe"})"),
      "allow by by-local");
  EXPECT_EQ(
      call(
          R"("interface":{"name":"svcctl"},"client":{"address":"10.0.0.1"},"user":{"groups":["S-1-1-0","S-1-5-21-1111111111-2222222222-3333333333-1105"]})"),
      "allow by by-group");
  EXPECT_EQ(
      call(
          R"("interface":{"name":"winreg"},"user":{"domain":"contoso","name":"SVC-backup","groups":["S-1-5-11"]})"),
      "allow by by-user");
  EXPECT_EQ(call(R"("interface":{"name":"svcctl"},"client":{"address":"10.77.2.9"})"),
            "block by by-network");
  EXPECT_EQ(call(R"("interface":{"name":"svcctl"},"client":{"address":"10.77.1.9"})"),
            "allow by default");
  EXPECT_EQ(call(R"("interface":{"name":"svcctl"},"client":{"address":"fd00:77:1::5"})"),
            "allow by default");
  EXPECT_EQ(
      call(
          R"("interface":{"name":"ITaskSchedulerService"},"transport":{"protocol":"ncacn_np","pipe":"\\pipe\\atsvc"})"),
      "block by by-protocol");
  EXPECT_EQ(call(R"("transport":{"protocol":"ncacn_np","pipe":"\\PIPE\\eventlog"})"),
            "block by by-pipe");
  EXPECT_EQ(
      call(
          R"("interface":{"name":"winreg"},"transport":{"protocol":"ncacn_ip_tcp"},"user":{"level":"integrity","name":"eve","domain":"X","groups":["S-1-5-11"]})"),
      "block by by-level");
  EXPECT_EQ(
      call(
          R"("interface":{"name":"winreg"},"transport":{"protocol":"ncacn_ip_tcp"},"user":{"level":"privacy","name":"eve","domain":"X","groups":["S-1-5-11"]})"),
      "allow by default");
  // Over a pipe the runtime does not tell where a call is from: that is no reason to block it.
  EXPECT_EQ(
      call(
          R"("interface":{"name":"svcctl"},"transport":{"protocol":"ncacn_np","pipe":"\\pipe\\svcctl"},"client":{})"),
      "audit by by-network (unknown client.address)");
}

}  // namespace
}  // namespace rpcmarshal::policy
