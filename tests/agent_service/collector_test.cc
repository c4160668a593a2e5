// The event pipe's collector and the JSON check, on bytes that a hook or anybody else may send.
#include "agent/service/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/service/json_fields.h"

namespace rpcmarshal::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Recorder : EventSink {
  void event(std::uint32_t pid, std::string_view json,
             const std::vector<std::string>& fields) override {
    events.push_back(std::to_string(pid) + " " + std::string(json));
    operation = fields.at(kFieldOperation);
    address = fields.at(kFieldClientAddress);
  }
  void note(std::uint32_t, std::string_view text) override { notes.emplace_back(text); }
  void hooked(const HookStatus& status) override {
    life.push_back("hooked " + std::to_string(status.pid));
  }
  void released(const HookStatus& status) override {
    life.push_back("released " + std::to_string(status.pid));
  }
  std::vector<std::string> events, notes, life;
  std::string operation, address;
};

HookStatus status_of(std::uint32_t pid, HookState state) {
  HookStatus status;
  status.pid = pid;
  status.state = state;
  return status;
}

TEST(CollectorTest, TakesEventsByteByByte) {
  Recorder sink;
  Collector collector(sink);
  const auto connection = collector.open(7, true);
  ASSERT_TRUE(connection);
  std::string bytes;
  append_message(bytes, MessageType::kHello, status_of(7, HookState::kHooked));
  append_message(bytes, MessageType::kEvent,
                 R"({"operation":"RCreateServiceW","client":{"address":"10.0.0.5"}})");
  append_message(bytes, MessageType::kNote, "policy\nrefused");
  for (const char& c : bytes)
    ASSERT_TRUE(collector.feed(*connection, as_bytes(std::string_view(&c, 1))));
  EXPECT_THAT(sink.events, ElementsAre(testing::StartsWith("7 {\"operation\"")));
  EXPECT_EQ(sink.operation, "RCreateServiceW");
  EXPECT_EQ(sink.address, "10.0.0.5");
  EXPECT_THAT(sink.notes, ElementsAre("policy refused"));
  EXPECT_THAT(sink.life, ElementsAre("hooked 7"));
  EXPECT_EQ(collector.hooks().size(), 1u);
  collector.close(*connection);
  EXPECT_THAT(sink.life, ElementsAre("hooked 7", "released 7"));
  EXPECT_THAT(collector.hooks(), IsEmpty());
}

TEST(CollectorTest, RefusesStrangersAndImpostors) {
  Recorder sink;
  Collector collector(sink);
  EXPECT_FALSE(collector.open(8, false));
  EXPECT_EQ(collector.counters().refused, 1u);
  const auto connection = collector.open(9, true);
  std::string bytes;
  append_message(bytes, MessageType::kStatus, status_of(10, HookState::kHooked));
  EXPECT_FALSE(collector.feed(*connection, as_bytes(bytes)));
  EXPECT_EQ(collector.counters().broken, 1u);
  EXPECT_THAT(sink.life, IsEmpty());
}

TEST(CollectorTest, AnEventThatIsNoLineOfJsonIsCountedAndDropped) {
  Recorder sink;
  Collector collector(sink);
  const auto connection = collector.open(7, true);
  std::string bytes;
  append_message(bytes, MessageType::kEvent, "{}\n{\"forged\":1}");
  append_message(bytes, MessageType::kEvent, "nonsense");
  append_message(bytes, static_cast<MessageType>(99), "");
  append_message(bytes, MessageType::kEvent, "{}");
  EXPECT_TRUE(collector.feed(*connection, as_bytes(bytes)));
  EXPECT_THAT(sink.events, ElementsAre("7 {}"));
  EXPECT_EQ(collector.counters().malformed, 3u);
}

TEST(CollectorTest, GarbageEndsTheConnection) {
  Recorder sink;
  Collector collector(sink);
  const auto connection = collector.open(7, true);
  EXPECT_FALSE(collector.feed(*connection, as_bytes("GET / HTTP/1.1\r\n\r\n")));
  EXPECT_FALSE(collector.feed(12345, as_bytes("x")));
}

TEST(JsonFieldsTest, FindsWhatIsAskedFor) {
  std::vector<std::string> values;
  EXPECT_TRUE(json_fields(
      R"( {"a":{"b":"x\"\\\n\u00e9\ud83d\ude00","c":[1,{"b":2}]},"b":12.5e3,"d":null,"e":true,"f":{}} )",
      {"a.b", "b", "a.c", "d", "e", "nothing"}, values));
  EXPECT_THAT(values, ElementsAre("x\"\\\n\u00e9\U0001F600", "12.5e3", "", "null", "true", ""));
}

TEST(JsonFieldsTest, RefusesWhatIsNotOneObject) {
  std::vector<std::string> values;
  for (const std::string_view bad : {"",
                                     "{",
                                     "}",
                                     "[]",
                                     "{}{}",
                                     "{\"a\":}",
                                     "{\"a\" 1}",
                                     "{\"a\":1,}",
                                     "{,}",
                                     "{\"a\":1 \"b\":2}",
                                     "{\"a\":\"x}",
                                     "{\"a\":\"x\\",
                                     "{\"a\":[1,2}",
                                     "{\"a\":[1,2]",
                                     "{'a':1}",
                                     "{\"a\":x}",
                                     "{\"a\":\"\n\"}",
                                     "{\"a\":\"\\\n\"}",
                                     R"({"b":"\x"})",
                                     R"({"b":"\u12"})",
                                     R"({"b":"\u12g4"})",
                                     "{\n}",
                                     "{}\n",
                                     "{\"a\":--}x"})
    EXPECT_FALSE(json_fields(bad, {"a"}, values)) << bad;
  std::string deep = "{\"a\":";
  for (int i = 0; i < 200; ++i) deep += '[';
  EXPECT_FALSE(json_fields(deep, {"a"}, values));
}

TEST(JsonFieldsTest, SurvivesEveryTruncation) {
  const std::string whole = R"({"a":{"b":"x\ud83d\ude00\u00e9"},"c":[{"d":[]},-1]})";
  std::vector<std::string> values;
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(json_fields(std::string_view(whole).substr(0, size), {"a.b"}, values));
  EXPECT_TRUE(json_fields(whole, {"a.b"}, values));
}

}  // namespace
}  // namespace rpcmarshal::agent
