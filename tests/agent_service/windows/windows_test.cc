// The agent on Windows: run under Wine by ctest in the mingw build. What needs the hook DLL skips
// without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/common/protocol.h"
#include "agent/service/status_board.h"
#include "agent/service/windows/control.h"
#include "agent/service/windows/event_log.h"
#include "agent/service/windows/pipe_server.h"
#include "agent/service/windows/processes.h"
#include "agent/service/windows/service_control.h"
#include "log_events.h"
#include "run_program.h"

namespace rpcmarshal::agent {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

fs::path fresh_folder(const char* name) {
  const fs::path folder = fs::temp_directory_path() / "rpcmarshal-test" / name;
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  fs::create_directories(folder);
  return folder;
}

// Until `condition` holds.
template <typename Condition>
bool eventually(Condition&& condition, DWORD milliseconds = 20000) {
  const ULONGLONG end = GetTickCount64() + milliseconds;
  while (!condition()) {
    if (GetTickCount64() > end) return false;
    Sleep(50);
  }
  return true;
}

// -- list --------------------------------------------------------------------------------------

TEST(ListWindowsTest, ServicesExeServesSvcctl) {
  const Ran ran = run_agent({"list", "services.exe", "--json"});
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("367abb81-9844-35f1-ad32-98f038001003"));
  EXPECT_THAT(ran.out, HasSubstr(R"({"opnum":12,"name":"RCreateServiceW"})"));
  EXPECT_THAT(ran.out,
              HasSubstr(R"({"sequence":"ncacn_np","endpoint":"\\pipe\\svcctl","how":"pipe"})"));
  EXPECT_THAT(ran.out,
              HasSubstr(R"("cannot_be_protected":"a failure in services.exe stops Windows)"));
}

TEST(ListWindowsTest, RpcssServesTheEndpointMapper) {
  SC_HANDLE manager = OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT);
  SC_HANDLE service = OpenServiceW(manager, L"RpcSs", SERVICE_START);
  if (service) StartServiceW(service, 0, nullptr);
  CloseServiceHandle(service);
  CloseServiceHandle(manager);
  Ran ran;
  if (!eventually([&] { return (ran = run_agent({"list", "rpcss.exe"})).code == 0; }, 5000))
    GTEST_SKIP() << "rpcss.exe does not run here (Windows has it in svchost.exe)";
  EXPECT_THAT(ran.out, HasSubstr("epmapper  e1af8308-5d1f-11c9-91a4-08002b14a0fa v3.0"));
  EXPECT_THAT(ran.out, HasSubstr("(RpcSs)"));
}

TEST(ListWindowsTest, AnUnknownInterfaceHasItsOperationsCounted) {
  Program server(built("agent_test_server.exe"), {"serve", "marshal-list", "60"});
  ASSERT_TRUE(server.wait_for("serving 0"));
  const Ran ran = run_agent({"list", std::to_string(server.pid())});
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("agent_test_server.exe  pid " + std::to_string(server.pid())));
  EXPECT_THAT(ran.out, HasSubstr("(unknown)  6b2d9a70-5c1e-4f3b-9d64-0a7f3e51c2d8 v1.3  3 "
                                 "operations, inline stubs, NDR, agent_test_server.exe"));
  EXPECT_THAT(ran.out, Not(HasSubstr("cannot be protected")));
}

TEST(ListWindowsTest, AnUnknownInterpretedInterfaceHasSignatures) {
  if (!fs::exists(built("agent_signature_server.exe"))) GTEST_SKIP() << "widl was not there";
  Program server(built("agent_signature_server.exe"), {"60"});
  ASSERT_TRUE(server.wait_for("serving 0"));
  const Ran ran = run_agent({"list", std::to_string(server.pid()), "--operations"});
  EXPECT_THAT(ran.out, HasSubstr("3 operations, interpreted stubs, NDR"));
  EXPECT_THAT(ran.out, HasSubstr("0  -  (in unique wstring, in long, out context_handle) -> long"));
  EXPECT_THAT(ran.out,
              HasSubstr("1  -  (in context_handle, in struct(24), in long, in array) -> void"));
  EXPECT_THAT(ran.out, HasSubstr("2  -  (in context_handle, in out ref long, out unique string, in "
                                 "short, in double) -> long"));
}

TEST(ListWindowsTest, SaysWhatTheSystemCannotTell) {
  const Ran ran = run_agent({"list", "services.exe"});
  // Wine 8 has no RpcMgmtEpEltInqBegin; on Windows there is nothing to say.
  if (ran.out.find("not available here: endpoint mapper") == std::string::npos)
    GTEST_SKIP() << "the endpoint mapper answers here";
  EXPECT_EQ(ran.code, 0);
}

TEST(ListWindowsTest, AMissingProcessIsAnError) {
  EXPECT_EQ(run_agent({"list", "no-such-program.exe"}).code, 1);
  EXPECT_EQ(run_agent({"list", "4294967295"}).code, 1);
}

// -- refusing ----------------------------------------------------------------------------------

TEST(ProtectWindowsTest, RefusesServicesExeAndSaysWhatInstead) {
  const Ran ran = run_agent({"protect", "services.exe"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("rpcmarshal policy export --netsh"));
}

TEST(ProtectWindowsTest, RefusesADllThatIsNotOurs) {
  // The program alone, with something else beside it under the hook's name.
  const fs::path folder = fresh_folder("foreign");
  fs::copy_file(built("rpcmarshal-agent.exe"), folder / "rpcmarshal-agent.exe");
  Program server(built("agent_test_server.exe"), {"serve", "marshal-foreign", "60"});
  ASSERT_TRUE(server.wait_for("serving 0"));
  const auto try_it = [&] {
    return Program((folder / "rpcmarshal-agent.exe").string(),
                   {"protect", std::to_string(server.pid())})
        .finish();
  };
  Ran ran = try_it();
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("cannot read"));
  std::ofstream(folder / kHookFile, std::ios::binary) << "MZ, but no more than that";
  ran = try_it();
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("is not a DLL for x64"));
  // A DLL for x64, of another version than ours.
  fs::remove(folder / kHookFile);
  fs::copy_file("C:\\windows\\system32\\version.dll", folder / kHookFile);
  ran = try_it();
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("this program of "));
}

TEST(ProtectWindowsTest, WrongUseSaysSo) {
  EXPECT_EQ(run_agent({"protect"}).code, 2);
  EXPECT_EQ(run_agent({"nonsense"}).code, 2);
  EXPECT_EQ(run_agent({"list", "--nonsense"}).code, 2);
  EXPECT_EQ(run_agent({"--help"}).code, 0);
}

// -- who may do what -----------------------------------------------------------------------------

TEST(SecurityWindowsTest, SectionMutexAndPipeCarryTheirAccessLists) {
  {
    const Control control = Control::create();
    EXPECT_EQ(read_dacl(control.handle(), kSectionMapping),
              expected_dacl(kSectionSddl, kSectionMapping));
    const std::string text = utf8(read_dacl(control.handle(), kSectionMapping));
    EXPECT_THAT(text, Not(HasSubstr(";;;WD)")));  // everybody
    EXPECT_THAT(text, HasSubstr(";;;AU)"));
    const Handle mutex(OpenMutexW(READ_CONTROL, FALSE, kControlMutex));
    ASSERT_TRUE(mutex);
    EXPECT_EQ(read_dacl(mutex.get(), kMutexMapping),
              expected_dacl(kAdministratorsSddl, kMutexMapping));
  }
  struct Nothing : EventSink {
    void event(std::uint32_t, std::string_view, const std::vector<std::string>&) override {}
    void note(std::uint32_t, std::string_view) override {}
    void hooked(const HookStatus&) override {}
    void released(const HookStatus&) override {}
  } nothing;
  Collector collector(nothing);
  std::mutex mutex;
  const PipeServer pipe(collector, mutex, [](std::uint32_t) { return false; });
  EXPECT_EQ(pipe.dacl(), expected_dacl(kPipeSddl, kFileMapping));
  // Write data, but neither read nor make another instance.
  EXPECT_THAT(utf8(pipe.dacl()), AnyOf(HasSubstr("(A;;0x120182;;;AU)"), HasSubstr(";;;AU)")));
  // A second agent finds the name taken.
  try {
    PipeServer(collector, mutex, [](std::uint32_t) { return false; });
    GTEST_SKIP() << "this system (Wine 8) does not know FILE_FLAG_FIRST_PIPE_INSTANCE";
  } catch (const SystemError& error) {
    EXPECT_THAT(error.what(), HasSubstr("another agent runs"));
  }
}

TEST(SecurityWindowsTest, ASectionSomebodyElseMadeIsRefused) {
  SecurityAttributes everybody(L"D:(A;;GA;;;WD)");
  const Handle squatter(CreateFileMappingW(INVALID_HANDLE_VALUE, everybody.get(), PAGE_READWRITE, 0,
                                           sizeof(ControlBlock), kSectionName));
  ASSERT_TRUE(squatter);
  ASSERT_NE(GetLastError(), static_cast<DWORD>(ERROR_ALREADY_EXISTS));
  EXPECT_THROW(Control::create(), SystemError);
}

// -- the pipe ------------------------------------------------------------------------------------

struct Recorder : EventSink {
  void event(std::uint32_t pid, std::string_view json, const std::vector<std::string>&) override {
    events.push_back(std::to_string(pid) + " " + std::string(json));
  }
  void note(std::uint32_t, std::string_view) override {}
  void hooked(const HookStatus&) override {}
  void released(const HookStatus&) override {}
  std::vector<std::string> events;
};

TEST(PipeWindowsTest, TakesTargetsAndRefusesOthers) {
  Recorder recorder;
  Collector collector(recorder);
  std::mutex mutex;
  std::atomic<bool> target = true;
  PipeServer pipe(collector, mutex, [&](std::uint32_t) { return target.load(); });
  const auto connect = [] {
    return Handle(CreateFileW(kPipeName, FILE_WRITE_DATA | SYNCHRONIZE, 0, nullptr, OPEN_EXISTING,
                              SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, nullptr));
  };
  const auto send = [](const Handle& to, const std::string& bytes) {
    DWORD done = 0;
    return WriteFile(to.get(), bytes.data(), static_cast<DWORD>(bytes.size()), &done, nullptr) &&
           done == bytes.size();
  };
  std::vector<Handle> clients;
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(eventually([&] {
      Handle client = connect();
      if (!client) return false;
      clients.push_back(std::move(client));
      return true;
    }));
  }
  // More than one buffer's worth, so that a message comes in pieces.
  std::string message;
  append_message(message, MessageType::kEvent, "{\"x\":\"" + std::string(200000, 'y') + "\"}");
  for (const Handle& client : clients) EXPECT_TRUE(send(client, message));
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return recorder.events.size() == 8;
  }));
  {
    const std::lock_guard lock(mutex);
    EXPECT_THAT(recorder.events[0], testing::StartsWith(std::to_string(GetCurrentProcessId())));
    EXPECT_EQ(collector.counters().connections, 8u);
  }
  clients.clear();
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return collector.counters().connections == 0;
  }));
  target = false;
  Handle stranger;
  ASSERT_TRUE(eventually([&] {
    stranger = connect();
    return static_cast<bool>(stranger);
  }));
  EXPECT_TRUE(eventually([&] { return !send(stranger, message); }));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(recorder.events.size(), 8u);
  EXPECT_GE(collector.counters().refused, 1u);
}

// -- event log -----------------------------------------------------------------------------------

// What EventWrite would be given.
struct Written {
  EVENT_DESCRIPTOR descriptor;
  std::vector<std::wstring> values;
  std::vector<ULONG> sizes;
};
std::vector<Written> written;
ULONG WINAPI fake_write(REGHANDLE, PCEVENT_DESCRIPTOR descriptor, ULONG count,
                        PEVENT_DATA_DESCRIPTOR data) {
  Written one{*descriptor, {}, {}};
  for (ULONG i = 0; i < count; ++i) {
    one.values.emplace_back(reinterpret_cast<const wchar_t*>(data[i].Ptr));
    one.sizes.push_back(data[i].Size);
  }
  written.push_back(std::move(one));
  return ERROR_SUCCESS;
}

TEST(EventLogWindowsTest, GivesEachValueAsTextWithItsEnd) {
  written.clear();
  EventLog log(fake_write);
  log.write(kLogPolicy, {"C:\\p\xC3\xB6licy", "7", std::string_view("1\0002", 3)});
  log.write(kLogPolicy, {"two", "values"});  // a name would stand at another's value
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(log.written(), 1u);
  EXPECT_EQ(log.failed(), 1u);
  const Written& one = written[0];
  EXPECT_EQ(one.descriptor.Id, 6);
  EXPECT_EQ(one.descriptor.Channel, 16);
  EXPECT_EQ(one.descriptor.Level, 4);
  EXPECT_EQ(one.descriptor.Keyword, 0x8000000000000000u);
  EXPECT_THAT(one.values, ElementsAre(L"C:\\p\u00f6licy", L"7", L"1?2"));
  EXPECT_THAT(one.sizes, ElementsAre(20u, 4u, 8u));
  log.write(kLogStopped, {});
  EXPECT_EQ(written.at(1).values.size(), 0u);
}

TEST(EventLogWindowsTest, FieldsAreThoseTheDocumentationNames) {
  const std::string page = read_file(RPCM_SOURCE_DIR "/docs/windows.md");
  for (const LogEvent& event : {kLogProtected, kLogReleased, kLogCall, kLogPolicy, kLogStarted}) {
    std::string names;
    for (const char* name : event.fields)
      names += (names.empty() ? "" : ", ") + std::string("`") + name + '`';
    EXPECT_NE(page.find(names), std::string::npos) << event.id << ": " << names;
  }
}

// What install writes and Windows looks for lies in the program.
TEST(EventLogWindowsTest, TheProgramHasTheManifestAndItsTexts) {
  const HMODULE program = LoadLibraryExW(wide(built("rpcmarshal-agent.exe")).c_str(), nullptr,
                                         LOAD_LIBRARY_AS_DATAFILE);
  ASSERT_NE(program, nullptr);
  const auto resource = [&](const wchar_t* name, const wchar_t* type) -> std::string {
    const HRSRC found = FindResourceW(program, name, type);
    if (!found) return "";
    const void* data = LockResource(LoadResource(program, found));
    return std::string(static_cast<const char*>(data), SizeofResource(program, found));
  };
  EXPECT_EQ(resource(MAKEINTRESOURCEW(1), L"WEVT_TEMPLATE").substr(0, 4), "CRIM");
  const std::string manifest = resource(L"EVENTS", MAKEINTRESOURCEW(10));
  EXPECT_NE(manifest.find("resourceFileName=\"@PROGRAM@\""), std::string::npos);
  wchar_t text[2048];
  const DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_IGNORE_INSERTS,
                                      program, kLogBlocked.id, 0, text, 2048, nullptr);
  EXPECT_EQ(utf8(std::wstring(text, length)).substr(0, 35),
            "RPC call blocked: %2.%1\r\nOperation:");
  EXPECT_GT(
      FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE, program, 0x90000001, 0, text, 2048, nullptr), 0u);
  FreeLibrary(program);
}

// -- policy --------------------------------------------------------------------------------------

const std::string kPolicy = RPCM_SOURCE_DIR "/tests/agent_service/data/refuse_third.bin";

TEST(PolicyWindowsTest, ShowsTheRulesOfACompiledPolicy) {
  const Ran ran = run_agent({"policy", "show", kPolicy});
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("policy Agent test; otherwise allow"));
  EXPECT_THAT(ran.out, HasSubstr("block  no-fail"));
}

TEST(PolicyWindowsTest, EveryDamageIsRefused) {
  Control control = Control::create();
  std::string bytes = read_file(kPolicy);
  ASSERT_GT(bytes.size(), 100u);
  bytes[bytes.size() / 2] ^= 1;
  const fs::path folder = fresh_folder("damaged");
  std::ofstream(folder / "bad.bin", std::ios::binary) << bytes;
  const Ran ran = run_agent({"policy", "reload", (folder / "bad.bin").string()});
  EXPECT_EQ(ran.code, 1) << ran.out;
  EXPECT_EQ(control.block().policy_size, 0u);
}

TEST(PolicyWindowsTest, AFileThatIsNoPolicyIsPutNowhere) {
  Control control = Control::create();
  const fs::path folder = fresh_folder("policy");
  std::ofstream(folder / "bad.bin", std::ios::binary) << "this is no policy";
  const std::uint32_t before = control.block().policy_revision;
  const Ran ran = run_agent({"policy", "reload", (folder / "bad.bin").string()});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("rpcmarshal policy compile"));
  EXPECT_EQ(control.block().policy_revision, before);
}

// -- the service, with the hook ----------------------------------------------------------------

class ServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(built(kHookFile))) GTEST_SKIP() << built(kHookFile) << " was not built";
    run_agent({"uninstall"});
  }
  void TearDown() override {
    if (fs::exists(built(kHookFile))) run_agent({"uninstall"});
  }

  // Installs and starts it with this configuration.
  void start(const std::string& config) {
    const fs::path file = folder_ / "agent.conf";
    std::ofstream(file, std::ios::binary) << config;
    const Ran ran = run_agent({"install", "--anywhere", "--config", file.string()});
    ASSERT_EQ(ran.code, 0) << ran.out;
    SC_HANDLE manager = OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT);
    SC_HANDLE service = OpenServiceW(manager, kServiceName, SERVICE_START | SERVICE_QUERY_STATUS);
    ASSERT_TRUE(service);
    const bool started = StartServiceW(service, 0, nullptr);
    EXPECT_TRUE(started) << error_text(GetLastError());
    CloseServiceHandle(service);
    CloseServiceHandle(manager);
    EXPECT_TRUE(eventually([] {
      return run_agent({"status", "--json"}).out.find(R"("running":true)") != std::string::npos;
    }));
  }
  std::string config(const std::string& more = "") const {
    return "[protect]\nprocess = agent_test_server.exe\npoll = 200ms\n[hook]\nlocal_calls = on\n"
           "[events]\nfile = " +
           (folder_ / "events.jsonl").string() + "\n" + more;
  }
  std::string events() const { return read_file(folder_ / "events.jsonl"); }

  const fs::path folder_ = fresh_folder("service");
};

TEST_F(ServiceTest, ProtectsAProcessThatStartsLaterAndWritesItsEvents) {
  start(config());
  Program server(built("agent_test_server.exe"), {"serve", "marshal-later", "120"});
  ASSERT_TRUE(server.wait_for("serving 0"));
  const std::string pid = std::to_string(server.pid());
  ASSERT_TRUE(eventually([&] {
    const std::string status = run_agent({"status", "--json"}).out;
    return status.find("\"pid\":" + pid +
                       ",\"name\":\"agent_test_server.exe\",\"state\":\"hooked\"") !=
           std::string::npos;
  })) << run_agent({"status"}).out;
  EXPECT_THAT(run_agent({"list", pid}).out, HasSubstr("3 operations, 3 hooked"));

  Program caller(built("agent_test_server.exe"), {"call", "marshal-later", "0", "5"});
  EXPECT_THAT(caller.finish().out, HasSubstr("returned 24"));
  EXPECT_TRUE(eventually([&] {
    const std::string text = events();
    return std::count(text.begin(), text.end(), '\n') >= 5;
  })) << run_agent({"status"}).out;
  EXPECT_THAT(events(), HasSubstr("6b2d9a70-5c1e-4f3b-9d64-0a7f3e51c2d8"));
  EXPECT_THAT(events(), HasSubstr(R"("sensor":"host")"));

  // Out, and in again.
  Ran ran = run_agent({"unprotect", pid});
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(run_agent({"list", pid}).out, HasSubstr("3 operations, inline stubs"));
  ran = run_agent({"protect", pid});
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("is protected: 3 operations of 1 interfaces"));

  // Stopping the service lets go of it; the server lives on.
  ran = run_agent({"uninstall"});
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(run_agent({"list", pid}).out, HasSubstr("3 operations, inline stubs"));
  EXPECT_TRUE(server.running());
  Program again(built("agent_test_server.exe"), {"call", "marshal-later", "2", "1"});
  EXPECT_THAT(again.finish().out, HasSubstr("returned 5"));
}

TEST_F(ServiceTest, ReloadedPoliciesDecideCalls) {
  start(config());
  Program server(built("agent_test_server.exe"), {"serve", "marshal-policy", "120"});
  ASSERT_TRUE(server.wait_for("serving 0"));
  const auto status_has = [](const std::string& text) {
    return eventually([&] {
      return run_agent({"status", "--json"}).out.find(text) != std::string::npos;
    });
  };
  ASSERT_TRUE(status_has(R"("state":"hooked")"));
  const auto call = [](const char* opnum) {
    return Program(built("agent_test_server.exe"), {"call", "marshal-policy", opnum, "1"})
        .finish()
        .out;
  };
  EXPECT_THAT(call("2"), HasSubstr("returned 5"));

  Ran ran = run_agent({"policy", "reload", kPolicy});
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("with 1 rules is in force as revision 1"));
  ASSERT_TRUE(status_has(R"("policy_revision":1,)")) << run_agent({"status"}).out;
  EXPECT_THAT(call("2"), HasSubstr("status 5"));
  EXPECT_THAT(call("0"), HasSubstr("returned 24"));
  EXPECT_TRUE(eventually([&] {
    return events().find(R"("decision":"block")") != std::string::npos;
  })) << events();
  EXPECT_THAT(events(), HasSubstr(R"("rule":"no-fail")"));

  ran = run_agent({"policy", "clear"});
  EXPECT_EQ(ran.code, 0) << ran.out;
  ASSERT_TRUE(status_has(R"("policy_revision":0,)")) << run_agent({"status"}).out;
  EXPECT_THAT(call("2"), HasSubstr("returned 5"));
}

TEST_F(ServiceTest, RotatesWhileItRuns) {
  start(config("rotate_size = 1KB\nkeep = 3\n"));
  Program server(built("agent_test_server.exe"), {"serve", "marshal-rotate", "120"});
  ASSERT_TRUE(server.wait_for("serving 0"));
  ASSERT_TRUE(eventually([] {
    return run_agent({"status", "--json"}).out.find(R"("state":"hooked")") != std::string::npos;
  }));
  for (int i = 0; i < 6; ++i)
    Program(built("agent_test_server.exe"), {"call", "marshal-rotate", "1", "4"}).finish();
  EXPECT_TRUE(eventually([&] {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()) >= 4;
  }));
  std::size_t finished = 0;
  for (const auto& entry : fs::directory_iterator(folder_))
    finished += entry.path().filename().string().starts_with("events-2");
  EXPECT_LE(finished, 3u);
}

TEST_F(ServiceTest, ABrokenConfigurationDoesNotInstall) {
  const fs::path file = folder_ / "agent.conf";
  std::ofstream(file) << "[protect]\nproces = x.exe\n";
  const Ran ran = run_agent({"install", "--anywhere", "--config", file.string()});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, HasSubstr("agent.conf:2:1: error: there is no key 'proces'"));
}

}  // namespace
}  // namespace rpcmarshal::agent
