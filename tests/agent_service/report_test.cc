// Which process gets which endpoint, what may be entered, and what list and status print.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/service/endpoints.h"
#include "agent/service/list_report.h"
#include "agent/service/status_board.h"
#include "builtin/builtin.h"
#include "fake_memory.h"

namespace rpcmarshal::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

const Catalogue& catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded.catalogue;
}

FoundInterface svcctl() {
  FoundInterface found;
  found.id = kSvcctl;
  found.operations = 57;
  found.module = "services.exe";
  found.endpoints = {"ncacn_np:[\\pipe\\svcctl]"};
  return found;
}

ProcessFacts services() {
  ProcessFacts process;
  process.pid = 56;
  process.name = "services.exe";
  process.path = "C:\\Windows\\System32\\services.exe";
  process.machine = Machine::kX64;
  return process;
}

TEST(EndpointsTest, SocketsPipesAndAnswersMeetTheirProcess) {
  EndpointFacts facts;
  facts.listeners = {{56, 49670}, {99, 135}};
  facts.pipes = {{56, "\\PIPE\\svcctl"}};
  facts.answers = {{"ncacn_ip_tcp", "49670", {kSvcctl}},
                   {"ncacn_ip_tcp", "135", {{Guid{1}, 1, 0}}}};
  const auto report = make_report(services(), {svcctl()}, facts, {}, catalogue());
  ASSERT_THAT(report.endpoints, SizeIs(2));  // the pipe is named once
  EXPECT_EQ(report.endpoints[0].endpoint, "49670");
  EXPECT_EQ(report.endpoints[1].how, "pipe");
  ASSERT_THAT(report.interfaces, SizeIs(1));
  EXPECT_EQ(report.interfaces[0].presence, Presence::kRegistered);
  ASSERT_TRUE(report.interfaces[0].known);
  EXPECT_EQ(report.interfaces[0].known->name, "svcctl");
}

TEST(EndpointsTest, AnotherProcesssPipeIsNotClaimed) {
  EndpointFacts facts;
  facts.pipes = {{11, "\\pipe\\svcctl"}};
  const auto report = make_report(services(), {svcctl()}, facts, {}, catalogue());
  EXPECT_THAT(report.endpoints, SizeIs(0));
  EXPECT_EQ(report.interfaces[0].presence, Presence::kCompiledIn);
}

TEST(EndpointsTest, TheMappersLocalEndpointsGoToTheOnlyProcessThatFits) {
  EndpointFacts facts;
  facts.elements = {{kSvcctl, "ncalrpc", "LRPC-1", "Service Control"}};
  auto report = make_report(services(), {svcctl()}, facts, {}, catalogue());
  EXPECT_EQ(report.interfaces[0].presence, Presence::kMapped);
  EXPECT_EQ(report.interfaces[0].annotation, "Service Control");
  report = make_report(services(), {svcctl()}, facts, {kSvcctl}, catalogue());
  EXPECT_EQ(report.interfaces[0].presence, Presence::kCompiledIn);
}

TEST(EndpointsTest, AnInterfaceOnlyTheServerNamesIsListed) {
  EndpointFacts facts;
  facts.listeners = {{56, 49670}};
  facts.answers = {{"ncacn_ip_tcp", "49670", {kSvcctl}}};
  const auto report = make_report(services(), {}, facts, {}, catalogue());
  ASSERT_THAT(report.interfaces, SizeIs(1));
  EXPECT_FALSE(report.interfaces[0].in_module);
}

TEST(EndpointsTest, PipesWorthAskingAreNamedOnce) {
  FoundInterface again = svcctl();
  again.endpoints = {"ncacn_np:[\\PIPE\\SVCCTL]", "ncacn_ip_tcp:[135]", "nonsense"};
  EXPECT_THAT(pipes_to_ask({svcctl(), again}, {}), ElementsAre("\\pipe\\svcctl"));
}

TEST(ListTest, TextShowsNamesAndHidesNothingDangerous) {
  auto process = services();
  process.name = "ser\x1b[31mvices.exe";
  auto report = make_report(process, {svcctl()}, {}, {}, catalogue());
  std::string text;
  append_text(text, report, true);
  EXPECT_THAT(text, HasSubstr("svcctl  367abb81-9844-35f1-ad32-98f038001003 v2.0  57 operations"));
  EXPECT_THAT(text, HasSubstr("        12  RCreateServiceW\n"));
  EXPECT_THAT(text, HasSubstr("ncacn_np [\\pipe\\svcctl]  compiled in"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(ListTest, JsonHasOperations) {
  std::string json;
  append_json(json, make_report(services(), {svcctl()}, {}, {}, catalogue()));
  EXPECT_THAT(json, HasSubstr(R"("pid":56,"name":"services.exe")"));
  EXPECT_THAT(json, HasSubstr(R"({"opnum":12,"name":"RCreateServiceW"})"));
  EXPECT_THAT(json, HasSubstr(R"("presence":"compiled_in")"));
}

TEST(RefusalTest, SaysWhyAndWhatInstead) {
  auto process = services();
  EXPECT_THAT(why_not_enter(process, 1, false).value_or(""),
              HasSubstr("rpcmarshal policy export --netsh"));
  EXPECT_FALSE(why_not_enter(process, 1, true));  // prudence only
  process.protection = Protection::kWinTcbLight;
  EXPECT_THAT(why_not_enter(process, 1, true).value_or(""), HasSubstr("WinTcb-Light"));
  process = services();
  process.name = "LSASS.EXE";
  EXPECT_TRUE(why_not_enter(process, 1, false));
  process.name = "spoolsv.exe";
  EXPECT_FALSE(why_not_enter(process, 1, false));
  EXPECT_TRUE(why_not_enter(process, 56, false));
  process.critical = true;
  EXPECT_TRUE(why_not_enter(process, 1, false));
  process.critical = false;
  process.machine = Machine::kX86;
  EXPECT_THAT(why_not_enter(process, 1, true).value_or(""), HasSubstr("32-bit"));
  process.machine = Machine::kArm64;
  EXPECT_TRUE(why_not_enter(process, 1, true));
  process.machine = Machine::kX64;
  process.pid = 4;
  EXPECT_TRUE(why_not_enter(process, 1, true));
}

TEST(StatusTest, BoardIsReadAsWritten) {
  auto board = std::make_unique<StatusBoard>();
  make_board(*board);
  AgentStatus agent;
  agent.pid = 100;
  agent.events = 12;
  agent.heartbeat = 1000;
  HookStatus hook;
  hook.pid = 7;
  hook.state = HookState::kHooked;
  hook.calls = 99;
  hook.dropped = 3;
  write_board(*board, agent, {hook});
  const auto view = read_board(board.get(), sizeof *board);
  ASSERT_TRUE(view);
  StatusInput input;
  input.board = &*view;
  input.has_control = true;
  input.policy_size = 10;
  input.policy_revision = 4;
  input.targets = {{7, 0, 1}, {8, 0, 1}};
  input.names = {{7, "spoolsv.exe"}};
  input.now = 1000;
  const std::string text = status_text(input);
  EXPECT_THAT(text, HasSubstr("agent: pid 100, running"));
  EXPECT_THAT(text, HasSubstr("pid 7  spoolsv.exe  hooked"));
  EXPECT_THAT(text, HasSubstr("99 calls"));
  EXPECT_THAT(text, HasSubstr("3 dropped"));
  EXPECT_THAT(text, HasSubstr("its policy is revision 0"));
  EXPECT_THAT(text, HasSubstr("pid 8  no word from the hook"));
  input.policy_size = 0;
  EXPECT_THAT(status_text(input), Not(HasSubstr("its policy")));
  EXPECT_THAT(status_json(input), HasSubstr(R"("state":"hooked")"));
  input.now = 1000 + 600'000'000;
  EXPECT_THAT(status_text(input), HasSubstr("no sign of life for 60 s"));
  EXPECT_THAT(status_json(input), HasSubstr(R"("running":false)"));
}

TEST(StatusTest, AForeignOrDyingBoardIsNone) {
  auto board = std::make_unique<StatusBoard>();
  make_board(*board);
  EXPECT_FALSE(read_board(nullptr, 0));
  EXPECT_FALSE(read_board(board.get(), sizeof *board - 1));
  board->agent.hook_count = 0xFFFFFFFF;
  EXPECT_THAT(read_board(board.get(), sizeof *board)->hooks, SizeIs(kMaxTargets));
  board->sequence = 1;
  EXPECT_FALSE(read_board(board.get(), sizeof *board));
  board->sequence = 2;
  board->version = 2;
  EXPECT_FALSE(read_board(board.get(), sizeof *board));
}

}  // namespace
}  // namespace rpcmarshal::agent
