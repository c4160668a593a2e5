#include "live/summary.h"

#include <nlohmann/json.hpp>

#include "live/coverage.h"
#include "run.h"
#include "sensor/statistics.h"

namespace rpcmarshal {
namespace {

using test::capture_path;
using test::run;

nlohmann::json summary_of(const std::string& capture) {
  Summary summary;
  SensorOptions options;
  options.losses = [&](const ConnectionLosses& losses) { summary.add(losses); };
  const auto statistics = run(
      capture_path(capture), [&](const Event& e) { summary.count(e); }, options);
  std::string text;
  summary.append_json(text, statistics);
  return nlohmann::json::parse(text);
}

TEST(Summary, AWholeCaptureHasNoLosses) {
  const auto json = summary_of("demo.pcap");
  EXPECT_EQ(json["connections_not_whole"], 0);
  EXPECT_EQ(json["connections"].size(), 0u);
  EXPECT_EQ(json["tcp"]["gaps"], 0);
  EXPECT_GT(json["calls"]["all"], 10);
  EXPECT_EQ(json["calls"]["all"], json["rpc"]["calls"]);
}

TEST(Summary, GapsAreToldPerConnectionAndInAll) {
  const auto json = summary_of("demo_loss.pcap");
  ASSERT_EQ(json["connections"].size(), 2u);
  std::uint64_t gaps = 0, missing = 0;
  for (const auto& c : json["connections"]) {
    gaps += c["gaps"].get<std::uint64_t>();
    missing += c["missing_bytes"].get<std::uint64_t>();
    EXPECT_GT(c["gaps"], 0);
  }
  EXPECT_EQ(json["tcp"]["gaps"], gaps);
  EXPECT_EQ(json["tcp"]["missing_bytes"], missing);
  EXPECT_EQ(json["connections"][0]["responder"], "10.77.0.4:445");
  EXPECT_EQ(json["connections"][0]["carries"], "smb");
  EXPECT_EQ(json["connections"][1]["carries"], "rpc");
}

// A TCP segment from 10.0.0.1:1024+port to 10.0.0.2:135, or back.
std::string frame(bool back, std::uint32_t sequence, std::string_view payload,
                  std::uint16_t client_port = 40000) {
  const auto be16 = [](std::size_t v) {
    return std::string{static_cast<char>(v >> 8), static_cast<char>(v)};
  };
  std::string f(12, '\0');
  f += "\x08";
  f += '\0';
  f += "\x45";
  f += '\0';
  f += be16(40 + payload.size());
  f += std::string(4, '\0') + "\x40\x06" + std::string(2, '\0');
  const std::string a("\x0a\0\0\x01", 4), b("\x0a\0\0\x02", 4);
  f += back ? b + a : a + b;
  f += back ? be16(135) + be16(client_port) : be16(client_port) + be16(135);
  f += be16(sequence >> 16) + be16(sequence & 0xffff) + std::string(4, '\0');
  f += "\x50\x18" + std::string(6, '\0');
  return f + std::string(payload);
}

// A bind to the endpoint mapper, from [C706] 12.6.4.3.
std::string bind_pdu() {
  std::string p("\x05\0\x0b\x03\x10\0\0\0\x48\0\0\0\x01\0\0\0\xb8\x10\xb8\x10\0\0\0\0\x01\0\0\0",
                28);
  p += std::string(
      "\0\0\x01\0\x08\x83\xaf\xe1\x1f\x5d\xc9\x11\x91\xa4\x08\0\x2b\x14\xa0\xfa\x03\0\0\0", 24);
  p += std::string("\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\0\x2b\x10\x48\x60\x02\0\0\0", 20);
  return p;
}

TEST(Summary, ConflictingRetransmissionsAreToldPerConnection) {
  Summary summary;
  SensorOptions options;
  options.losses = [&](const ConnectionLosses& losses) { summary.add(losses); };
  Sensor sensor(test::builtin_catalogue(), options, [](const Event&) {});
  const auto send = [&](const std::string& f) {
    sensor.packet({.time = 1'000'000'000,
                   .data = as_bytes(f),
                   .original_length = static_cast<std::uint32_t>(f.size())});
  };
  const std::string bind = bind_pdu();
  std::string other = bind;
  other[50] ^= 0x55;  // another interface: what an evasion would send
  send(frame(false, 1000, bind));
  send(frame(false, 1000, other));
  send(frame(false, 1000, bind));  // an honest retransmission is no conflict
  sensor.finish();
  std::string text;
  summary.append_json(text, sensor.statistics());
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["tcp"]["conflicts"], 1);
  EXPECT_EQ(json["tcp"]["retransmissions"], 2);
  ASSERT_EQ(json["connections"].size(), 1u);
  EXPECT_EQ(json["connections"][0]["conflicts"], 1);
  EXPECT_EQ(json["connections"][0]["initiator"], "10.0.0.1:40000");
}

TEST(Summary, ManyDamagedConnectionsAreCountedButNotAllKept) {
  Summary one, all;
  ConnectionLosses losses;
  losses.gaps = 1;
  for (int i = 0; i < 700; ++i) one.add(losses);
  all.merge(one);
  all.merge(one);
  std::string text;
  all.append_json(text, {});
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["connections_not_whole"], 1400);
  EXPECT_EQ(json["connections"].size(), Summary::kMaxConnections);
}

TEST(Statistics, SumsEveryCounter) {
  SensorStatistics a;
  std::uint64_t next = 1;
  for_each_counter(a, [&](auto, auto, std::uint64_t& value, auto) { value = next++; });
  SensorStatistics b = a;
  b += a;
  std::uint64_t expected = 1;
  for_each_counter(b, [&](auto, const char* name, std::uint64_t value, auto) {
    EXPECT_EQ(value, 2 * expected++) << name;
  });
  EXPECT_GT(expected, 60u);
}

TEST(Coverage, CountsPerOperation) {
  Coverage coverage;
  for (const char* name : {"svcctl_smb2.pcap", "svcctl_tcp_privacy.pcap"})
    run(capture_path(name), [&](const Event& e) { coverage.count(e); });
  std::string text;
  coverage.append_json(text, false);
  const auto json = nlohmann::json::parse(text);
  ASSERT_EQ(json["interfaces"].size(), json["totals"]["interfaces"]);
  std::uint64_t calls = 0, operations = 0;
  const nlohmann::json* svcctl = nullptr;
  for (const auto& interface : json["interfaces"]) {
    if (interface.value("name", "") == "svcctl") svcctl = &interface;
    for (const auto& operation : interface["operations"]) {
      ++operations;
      calls += operation["calls"].get<std::uint64_t>();
      EXPECT_EQ(operation["calls"], operation["complete"].get<std::uint64_t>() +
                                        operation["partial"].get<std::uint64_t>() +
                                        operation["sealed"].get<std::uint64_t>() +
                                        operation["unknown"].get<std::uint64_t>());
    }
  }
  EXPECT_EQ(json["totals"]["calls"], calls);
  EXPECT_EQ(json["totals"]["operations"], operations);
  ASSERT_TRUE(svcctl);
  EXPECT_GT((*svcctl)["complete"], 0);
  EXPECT_GT((*svcctl)["sealed"], 0) << "the second capture is sealed";
  EXPECT_EQ((*svcctl)["document"], "MS-SCMR");
}

TEST(Coverage, SaysWhyAnOperationWasReadPartly) {
  Coverage coverage;
  run(capture_path("fault.pcap"), [&](const Event& e) { coverage.count(e); });
  std::string all, some;
  coverage.append_json(all, false);
  coverage.append_json(some, true);
  EXPECT_NE(some.find("\"first_reason\":\"request at "), std::string::npos) << some;
  const auto json = nlohmann::json::parse(some);  // outlives the loop over a part of it
  for (const auto& interface : json["interfaces"]) {
    for (const auto& operation : interface["operations"])
      EXPECT_LT(operation["complete"], operation["calls"]);
  }
  EXPECT_LT(some.size(), all.size());
}

}  // namespace
}  // namespace rpcmarshal
