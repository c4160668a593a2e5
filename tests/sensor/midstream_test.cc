// Captures that start in the middle of connections: what is inferred is right, and what cannot be
// known is not claimed.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "capture/capture_file.h"
#include "sensor/traffic.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;
namespace fs = std::filesystem;

const SyntaxId kEpm{*Guid::parse("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3, 0};

std::string wide(std::string_view text) {
  std::string out;
  for (char c : text) out += {c, '\0'};
  return out + std::string(2, '\0');
}
/// A conformant varying string with its NUL, padded to four bytes.
std::string ndr_string(std::string_view text) {
  const auto count = text.size() + 1;
  std::string out = integer(count, 4) + integer(0, 4) + integer(count, 4) + wide(text);
  return out + std::string((4 - out.size() % 4) % 4, '\0');
}
/// hex tower of `interface` over TCP at `port` of 0.0.0.0.
std::string tower(const SyntaxId& interface, unsigned port) {
  const auto floor = [](const std::string& left, const std::string& right) {
    return integer(left.size(), 2) + left + integer(right.size(), 2) + right;
  };
  const auto syntax = [](const SyntaxId& id) {
    return '\x0d' + guid_bytes(id.uuid) + integer(id.major, 2);
  };
  return integer(5, 2) + floor(syntax(interface), integer(interface.minor, 2)) +
         floor(syntax(kNdr20), integer(0, 2)) + floor("\x0b", integer(0, 2)) +
         floor("\x07", be(port, 2)) + floor("\x09", be(0, 4));
}
/// ept_map's answer with one tower.
std::string map_answer(const std::string& tower) {
  std::string out = std::string(20, '\0') + integer(1, 4) + integer(4, 4) + integer(0, 4) +
                    integer(1, 4) + integer(3, 4) + integer(tower.size(), 4) +
                    integer(tower.size(), 4) + tower;
  out += std::string((4 - out.size() % 4) % 4, '\0');
  return out + integer(0, 4);
}
void ask_mapper(Net& net, const SyntaxId& interface, unsigned port) {
  Tcp mapper(net, 1, 40000, 2, 135);
  const std::string question = tower(interface, 0);
  mapper.c(bind(1, {{0, kEpm, {kNdr20}}})).s(bind_ack(1, {{0, 0, kNdr20}}));
  mapper.c(request(2, 0, 3,
                   integer(0, 4) + integer(2, 4) + integer(question.size(), 4) +
                       integer(question.size(), 4) + question +
                       std::string((4 - question.size() % 4) % 4, '\0') + std::string(20, '\0') +
                       integer(4, 4)));
  mapper.s(response(2, 0, map_answer(tower(interface, port)))).close();
}

const std::string kHandle = std::string(4, '\0') + std::string(16, 'h');
/// ROpenSCManagerW and its answer.
const std::string kOpenManager = integer(0x20000, 4) + ndr_string("FS1") + integer(0x20004, 4) +
                                 ndr_string("ServicesActive") + integer(3, 4);
/// RCreateServiceW and its answer.
const std::string kCreate = kHandle + ndr_string("Updater") + integer(0x20000, 4) +
                            ndr_string("Windows Updater") + integer(0xf01ff, 4) + integer(16, 4) +
                            integer(3, 4) + integer(0, 4) + ndr_string("C:\\u.exe") +
                            integer(0, 4) + integer(0, 4) + integer(0, 4) + integer(0, 4) +
                            integer(0, 4) + integer(0, 4) + integer(0, 4);
const std::string kCreated = integer(0, 4) + kHandle + integer(0, 4);

TEST(MidStream, EndpointMapperTellsTheInterface) {
  Net net;
  ask_mapper(net, kSvcctl, 49700);
  Tcp other(net, 5, 51000, 2, 49700, false);
  other.c(request(7, 0, 15, kOpenManager)).s(response(7, 0, kHandle + integer(0, 4)));
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 2u);
  EXPECT_EQ(net.events[0].operation, "ept_map");
  EXPECT_EQ(net.events[1].operation, "ROpenSCManagerW");
  EXPECT_EQ(net.events[1].inferred, "endpoint mapper");
  EXPECT_TRUE(net.events[1].has(R"("bind_seen":false)"));
  EXPECT_EQ(net.events[1].decode, DecodeStatus::kComplete);
}

TEST(MidStream, EndpointMapperIsNotBelievedAgainstTheArguments) {
  Net net;
  ask_mapper(net, kWinreg, 49700);
  Tcp other(net, 5, 51000, 2, 49700, false);
  other.c(request(7, 0, 15, kOpenManager)).s(response(7, 0, kHandle + integer(0, 4)));
  // An operation that is neither in winreg nor readable as anything.
  other.c(request(8, 0, 900, "????")).s(response(8, 0, "????"));
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 3u);
  EXPECT_NE(net.events[1].interface, "winreg");
  EXPECT_EQ(net.events[2].interface, "");
}

TEST(MidStream, SealedCallsAtAMappedPort) {
  Net net;
  ask_mapper(net, kSvcctl, 49700);
  Tcp other(net, 5, 51000, 2, 49700, false);
  PduOptions sealed;
  sealed.auth_type = 10;
  sealed.auth_level = 6;
  sealed.token = std::string(16, 's');
  other.c(request(7, 0, 2, std::string(24, 'x'), sealed));   // might be the management interface
  other.c(request(8, 0, 12, std::string(64, 'x'), sealed));  // has no opnum 12
  other.c(request(9, 0, 2, std::string(24, 'x'), sealed));   // same context: decided now
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 4u);
  EXPECT_EQ(net.events[1].interface, "");
  EXPECT_EQ(net.events[2].interface, "svcctl");
  EXPECT_EQ(net.events[3].interface, "svcctl");
}

TEST(MidStream, ArgumentsAloneTellWhenTheySayEnough) {
  Net net;
  Tcp other(net, 5, 51000, 2, 49700, false);
  other.c(request(6, 0, 0, kHandle)).s(response(6, 0, std::string(20, '\0') + integer(0, 4)));
  other.c(request(7, 0, 12, kCreate)).s(response(7, 0, kCreated));
  other.c(request(8, 0, 0, kHandle)).s(response(8, 0, std::string(20, '\0') + integer(0, 4)));
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 3u);
  EXPECT_EQ(net.events[0].interface, "") << "a handle fits hundreds of operations";
  EXPECT_EQ(net.events[1].operation, "RCreateServiceW");
  EXPECT_EQ(net.events[1].inferred, "opnum and stub");
  EXPECT_EQ(net.events[2].operation, "RCloseServiceHandle") << "same context";
  EXPECT_EQ(net.sensor.statistics().inferred, 2u);
}

TEST(MidStream, OtherConnectionsToTheEndpointHelp) {
  Net net;
  Tcp first(net, 4, 50000, 2, 49700);
  first.c(bind(1, {{0, kSvcctl, {kNdr20}}})).s(bind_ack(1, {{0, 0, kNdr20}}, {}, "49700"));
  first.close();
  Tcp other(net, 5, 51000, 2, 49700, false);
  other.c(request(7, 0, 15, kOpenManager)).s(response(7, 0, kHandle + integer(0, 4)));
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].operation, "ROpenSCManagerW");
  EXPECT_TRUE(net.events[0].inferred == "endpoint and stub" ||
              net.events[0].inferred == "opnum and stub")
      << net.events[0].inferred;
}

TEST(MidStream, GuessesAreBoundedInTime) {
  Net net;
  for (unsigned i = 0; i < 3000; ++i) {
    Tcp other(net, 5, 1024 + i, 2, 49700, false);
    net.now -= 2'000'000;  // all within a second
    other.c(request(7, 0, 12, kHandle + ndr_string("x")))
        .s(response(7, 0, kHandle + integer(0, 4)));
  }
  EXPECT_GT(net.sensor.statistics().guesses_skipped, 1000u);
  EXPECT_EQ(net.events.size(), 3000u);
}

/// The same in NDR64, where counts and pointers have eight bytes.
std::string ndr64_string(std::string_view text) {
  const auto count = text.size() + 1;
  std::string out = integer(count, 8) + integer(0, 8) + integer(count, 8) + wide(text);
  return out + std::string((8 - out.size() % 8) % 8, '\0');
}
const std::string kOpenManager64 = integer(0x20000, 8) + ndr64_string("FS1") + integer(0x20004, 8) +
                                   ndr64_string("ServicesActive") + integer(3, 4);

TEST(MidStream, TransferSyntaxThatNobodyNamedIsTheOneThatFits) {
  for (const bool wide : {false, true}) {
    Net net;
    Tcp tcp(net, 4, 50000, 2, 49700);
    tcp.c(bind(1, {{0, kSvcctl, {kNdr20, kNdr64}}}));  // the answer is lost
    tcp.c(request(6, 0, 0, kHandle)).s(response(6, 0, std::string(20, '\0') + integer(0, 4)));
    tcp.c(request(7, 0, 15, wide ? kOpenManager64 : kOpenManager))
        .s(response(7, 0, kHandle + integer(0, 4)));
    net.sensor.finish();
    ASSERT_EQ(net.events.size(), 2u);
    EXPECT_TRUE(net.events[0].has(R"("syntax":{"name":"unknown"})")) << "reads alike in both";
    EXPECT_EQ(net.events[0].decode, DecodeStatus::kComplete);
    EXPECT_TRUE(net.events[1].has(R"("lpDatabaseName":"ServicesActive")")) << net.events[1].json;
    EXPECT_TRUE(net.events[1].has(wide ? R"("syntax":{"name":"ndr64","inferred":true})"
                                       : R"("syntax":{"name":"ndr","inferred":true})"))
        << net.events[1].json;
    EXPECT_EQ(net.events[1].decode, DecodeStatus::kComplete);
  }
}

TEST(MidStream, UndecidedContextTakesTheSyntaxOfALaterCall) {
  Net net;
  ask_mapper(net, kSvcctl, 49700);
  Tcp other(net, 5, 51000, 2, 49700, false);
  other
      .c(request(6, 0, 16, kHandle + std::string(4, 'x')))  // fits in both
      .s(response(6, 0, kHandle + integer(0, 4)));
  other.c(request(7, 0, 15, kOpenManager64)).s(response(7, 0, kHandle + integer(0, 4)));
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 3u);
  EXPECT_EQ(net.events[2].operation, "ROpenSCManagerW");
  EXPECT_TRUE(net.events[2].has(R"("lpDatabaseName":"ServicesActive")")) << net.events[2].json;
}

TEST(MidStream, NeverCompleteWithBytesLeftOverInAnUnknownSyntax) {
  Net net;
  Tcp tcp(net, 4, 50000, 2, 49700);
  tcp.c(bind(1, {{0, kSvcctl, {kNdr20, kNdr64}}}));
  tcp.c(request(7, 0, 0, kHandle + std::string(16, 'x')))
      .s(response(7, 0, std::string(20, '\0') + integer(0, 4)));
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].decode, DecodeStatus::kPartial) << net.events[0].json;
}

/// Every recorded capture, cut at many places: an inferred interface is the one that the whole
/// capture shows.
TEST(MidStream, InferredInterfacesOfCutCapturesAreTrue) {
  unsigned inferred = 0, unknown = 0, wrong = 0;
  std::map<std::string, unsigned> how;
  for (const auto& entry : fs::directory_iterator(fs::path(RPCM_SOURCE_DIR) / "tests/captures")) {
    const std::string name = entry.path().filename().string();
    if (name.find(".pcap") == std::string::npos || name.find("loss") != std::string::npos) continue;
    struct Truth {
      std::string interface;
      Timestamp time = 0;
    };
    using Key = std::tuple<Timestamp, Endpoint, std::uint32_t>;
    std::map<Key, std::string> truth;
    const auto read = [&](Timestamp from, const EventHandler& handler) {
      Sensor sensor(builtin_catalogue().catalogue, {}, handler);
      auto opened = CaptureFile::open(entry.path().string());
      RawPacket packet;
      while (opened.file->next(packet)) {
        if (packet.time >= from) sensor.packet(packet);
      }
      sensor.finish();
    };
    const auto uuid = [](const Event& e) {
      return e.interface_id ? e.interface_id->uuid.to_string() : std::string();
    };
    std::vector<Timestamp> cuts;
    read(0, [&](const Event& e) {
      if (e.is_bind || !e.bind_seen) return;
      truth[{e.time, e.client, e.call_id}] = uuid(e);
      if (cuts.empty() || truth.size() % 7 == 0) cuts.push_back(e.time);
    });
    for (std::size_t i = 0; i < cuts.size(); i += 1 + cuts.size() / 8) {
      read(cuts[i], [&](const Event& e) {
        if (e.is_bind || e.bind_seen) return;
        const auto known = truth.find({e.time, e.client, e.call_id});
        if (known == truth.end()) return;
        if (!e.interface_id) {
          ++unknown;
        } else if (uuid(e) == known->second) {
          ++inferred;
          ++how[std::string(e.inferred)];
        } else {
          ++wrong;
          ADD_FAILURE() << name << ": " << uuid(e) << " by " << e.inferred << ", is "
                        << known->second << " opnum " << (e.opnum ? *e.opnum : 0);
        }
      });
    }
  }
  for (const auto& [what, count] : how) std::printf("inferred by %s: %u\n", what.c_str(), count);
  std::printf("unknown: %u\n", unknown);
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(inferred, 200u);
}

}  // namespace
}  // namespace rpcmarshal
