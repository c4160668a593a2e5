#include "agent/service/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace rpcmarshal::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> messages(std::string_view text) {
  std::vector<std::string> all;
  for (const auto& d : parse_config(text, "agent.conf").diagnostics) all.push_back(d.to_string());
  return all;
}

TEST(ConfigTest, ReadsEveryKey) {
  const auto parsed = parse_config(
      "\xEF\xBB\xBF# agent\r\n"
      "[protect]\r\n"
      "process = spoolsv.exe\r\n"
      "Process=dns.exe\r\n"
      "service = Schedule\r\n"
      "poll = 500 ms\r\n"
      "[hook]\r\n"
      "local_calls = ON\r\n"
      "on_failure = closed\r\n"
      "release_alone = yes\r\n"
      "stale = 2min\r\n"
      "queue = 1MB\r\n"
      "max_stub = 64 KB\r\n"
      "[ Events ]\r\n"
      "file = \"C:\\ProgramData\\RPC Marshal\\events.jsonl\"\r\n"
      "rotate_size = 0\r\n"
      "rotate_every = 1h\r\n"
      "keep = 7\r\n"
      "event_log = all\r\n"
      "[policy]\r\n"
      "; compiled on the management station\r\n"
      "file = D:\\policy.bin\r\n",
      "agent.conf");
  EXPECT_THAT(parsed.diagnostics, IsEmpty());
  const Config& c = parsed.config;
  EXPECT_THAT(c.processes, ElementsAre("spoolsv.exe", "dns.exe"));
  EXPECT_THAT(c.services, ElementsAre("Schedule"));
  EXPECT_EQ(c.poll_milliseconds, 500u);
  EXPECT_TRUE(c.local_calls && c.fail_closed && c.release_alone);
  EXPECT_EQ(c.stale_seconds, 120u);
  EXPECT_EQ(c.queue_bytes, 1u << 20);
  EXPECT_EQ(c.max_stub, 64u << 10);
  EXPECT_EQ(c.file, "C:\\ProgramData\\RPC Marshal\\events.jsonl");
  EXPECT_EQ(c.rotate_bytes, 0u);
  EXPECT_EQ(c.rotate_seconds, 3600u);
  EXPECT_EQ(c.keep, 7u);
  EXPECT_EQ(c.event_log, LogChoice::kAll);
  EXPECT_EQ(c.policy, "D:\\policy.bin");
}

TEST(ConfigTest, TheExampleIsAccepted) {
  const auto parsed = parse_config(example_config(), "example");
  for (const auto& d : parsed.diagnostics) ADD_FAILURE() << d.to_string();
  EXPECT_THAT(parsed.config.processes, ElementsAre("spoolsv.exe"));
  EXPECT_EQ(parsed.config.policy, "");
}

// agent.example.conf is what the package holds; `rpcmarshal-agent config example` writes it anew.
TEST(ConfigTest, ThePackagesExampleIsTheProgramsOwn) {
  std::ifstream in(RPCM_SOURCE_DIR "/src/agent/service/agent.example.conf", std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), example_config());
}

TEST(ConfigTest, ErrorsSayWhereAndWhatToDo) {
  EXPECT_THAT(messages("[protect]\n  proces = a.exe\n"),
              ElementsAre(HasSubstr("agent.conf:2:3: error: there is no key 'proces' in [protect]; "
                                    "use one of process, service, poll")));
  EXPECT_THAT(messages("[protcet]\nprocess = a.exe\n"),
              ElementsAre(HasSubstr("agent.conf:1:2: error: there is no section [protcet]")));
  EXPECT_THAT(messages("process = a.exe\n"),
              ElementsAre(HasSubstr("agent.conf:1:1: error: a key before any section")));
  EXPECT_THAT(messages("[protect]\nprocess =   C:\\x\\a.exe\n"),
              ElementsAre(HasSubstr("agent.conf:2:13: error: 'C:\\x\\a.exe' is not the name")));
  EXPECT_THAT(messages("[protect]\nprocess = SvcHost.exe\n"),
              ElementsAre(HasSubstr("name the service instead")));
  EXPECT_THAT(messages("[protect]\nprocess = spoolsv\n"),
              ElementsAre(HasSubstr("does not end with .exe")));
  EXPECT_THAT(messages("[protect]\nprocess\n"),
              ElementsAre(HasSubstr("2:1: error: this is neither")));
  EXPECT_THAT(messages("[protect\n"), ElementsAre(HasSubstr("1:9: error: the section's name is")));
  EXPECT_THAT(messages("[hook]\nlocal_calls = maybe\n"),
              ElementsAre(HasSubstr("2:15: error: 'maybe' is neither on nor off")));
  EXPECT_THAT(messages("[events]\nevent_log = on\n"), ElementsAre(HasSubstr("none of off, dec")));
  EXPECT_THAT(messages("[hook]\non_failure = block\n"), ElementsAre(HasSubstr("neither open nor")));
  EXPECT_THAT(messages("[protect]\npoll = 5\n"), ElementsAre(HasSubstr("'5' lacks a unit")));
  EXPECT_THAT(messages("[protect]\npoll = 5 weeks\n"),
              ElementsAre(HasSubstr("'weeks' is no unit")));
  EXPECT_THAT(messages("[protect]\npoll = 5ms\n"), ElementsAre(HasSubstr("out of bounds")));
  EXPECT_THAT(messages("[events]\nrotate_size = 99999999999999999999GB\n"),
              ElementsAre(HasSubstr("is no number")));
  EXPECT_THAT(messages("[events]\nrotate_size = 18446744073709551615GB\n"),
              ElementsAre(HasSubstr("out of bounds")));
  EXPECT_THAT(messages("[events]\nfile = events.jsonl\n"), ElementsAre(HasSubstr("whole path")));
  EXPECT_THAT(messages("[events]\nkeep = -1\n"), ElementsAre(HasSubstr("is no number from 0")));
  EXPECT_THAT(messages("[events]\nkeep =\n"), ElementsAre(HasSubstr("2:7: error: 'keep' has no")));
  EXPECT_THAT(messages("[events]\nkeep = 1\nkeep = 2\n"),
              ElementsAre(HasSubstr("3:1: error: 'keep' stands in line 2 already")));
  EXPECT_THAT(messages("[protect]\nprocess = a\x01.exe\n"),
              ElementsAre(HasSubstr("2:12: error: a control character")));
  EXPECT_THAT(messages("\xFF\xFE[\0p\0"), ElementsAre(HasSubstr("UTF-16")));
}

TEST(ConfigTest, AnEmptyFileWarns) {
  const auto parsed = parse_config("", "agent.conf");
  EXPECT_TRUE(parsed.ok());
  EXPECT_THAT(parsed.diagnostics, SizeIs(2));
}

TEST(ConfigTest, HugeAndEndlessInputIsBounded) {
  EXPECT_THAT(messages(std::string(2u << 20, '\n')), SizeIs(1));
  std::string many = "[protect]\n";
  for (int i = 0; i < 1000; ++i) many += "nonsense\n";
  EXPECT_LE(messages(many).size(), 50u);
  std::string names = "[protect]\n";
  for (int i = 0; i < 300; ++i) names += "process = p" + std::to_string(i) + ".exe\n";
  EXPECT_LE(parse_config(names, "x").config.processes.size(), 256u);
}

TEST(ConfigTest, AMissingFileSaysSo) {
  const auto parsed = load_config("/nowhere/agent.conf");
  EXPECT_FALSE(parsed.ok());
  EXPECT_THAT(parsed.diagnostics[0].to_string(), HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace rpcmarshal::agent
