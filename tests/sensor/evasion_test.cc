// What somebody sends who wants the sensor to lose calls: it does not, or says so, and calls of
// others come out all the same.
#include <gtest/gtest.h>

#include <set>

#include "sensor/traffic.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

const std::string kHandle = std::string(4, '\0') + std::string(16, 'h');
const std::string kClosed = std::string(20, '\0') + integer(0, 4);

std::string in_fragments(const std::string& whole_pdu, std::size_t size) {
  const std::string header = whole_pdu.substr(0, 24), stub = whole_pdu.substr(24);
  std::string out;
  for (std::size_t at = 0; at < stub.size(); at += size) {
    const std::string piece = stub.substr(at, size);
    std::string pdu = header + piece;
    pdu[3] = static_cast<char>((at == 0 ? 1 : 0) | (at + size >= stub.size() ? 2 : 0));
    pdu.replace(8, 2, integer(pdu.size(), 2));
    out += pdu;
  }
  return out;
}

struct Evasion : ::testing::Test {
  Net net;
  Tcp& bound(Tcp& tcp) {
    tcp.c(bind(1, {{0, kSvcctl, {kNdr20}}})).s(bind_ack(1, {{0, 0, kNdr20}}));
    return tcp;
  }
  /// A well-behaved neighbour's call; true when its event came.
  bool neighbour_is_seen() {
    const std::size_t before = net.events.size();
    Tcp other(net, 200, 33000 + static_cast<unsigned>(++neighbours_), 201, 49999);
    bound(other);
    other.c(request(2, 0, 0, kHandle)).s(response(2, 0, kClosed)).close();
    return net.events.size() == before + 1 && net.events.back().decode == DecodeStatus::kComplete &&
           net.events.back().operation == "RCloseServiceHandle";
  }
  std::size_t neighbours_ = 0;
};

TEST_F(Evasion, HundredsOfCallsOutstandingAndInterleaved) {
  constexpr unsigned kCalls = 700;
  Tcp tcp(net, 1, 40000, 2, 49700);
  bound(tcp);
  const auto flags = [](unsigned f) {
    PduOptions o;
    o.flags = f;
    return o;
  };
  // Every request in two fragments, all first fragments before any second one.
  for (unsigned i = 0; i < kCalls; ++i) tcp.c(request(i + 2, 0, 0, kHandle.substr(0, 8), flags(1)));
  for (unsigned i = 0; i < kCalls; ++i) tcp.c(request(i + 2, 0, 0, kHandle.substr(8), flags(2)));
  // Answered from the last to the first, in fragments too.
  for (unsigned i = kCalls; i-- > 0;) tcp.s(response(i + 2, 0, kClosed.substr(0, 4), flags(1)));
  for (unsigned i = 0; i < kCalls; ++i) tcp.s(response(i + 2, 0, kClosed.substr(4), flags(2)));
  ASSERT_EQ(net.events.size(), kCalls);
  for (const SeenEvent& e : net.events) {
    ASSERT_EQ(e.outcome, Outcome::kReturned);
    ASSERT_EQ(e.decode, DecodeStatus::kComplete);
  }
  EXPECT_EQ(net.sensor.statistics().dce.limits, 0u);
}

TEST_F(Evasion, OneByteSegmentsAndOneByteFragments) {
  Tcp tcp(net, 1, 40000, 2, 49700);
  tcp.step = 1;
  bound(tcp);
  tcp.c(in_fragments(request(2, 0, 0, kHandle), 1));
  tcp.s(in_fragments(response(2, 0, kClosed), 1));
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].decode, DecodeStatus::kComplete);
  EXPECT_EQ(net.events[0].operation, "RCloseServiceHandle");
}

TEST_F(Evasion, OverlappingSegmentsKeepTheFirstAndAreTold) {
  Tcp tcp(net, 1, 40000, 2, 49700);
  bound(tcp);
  const std::string real = request(2, 0, 0, kHandle), other = request(2, 0, 1, kHandle);
  const std::uint32_t start = tcp.next[0];
  tcp.raw(0, Tcp::kAck, real.substr(0, 30));
  tcp.at(0, start + 10, Tcp::kAck, other.substr(10, 20));  // another opnum, cut elsewhere
  tcp.raw(0, Tcp::kAck, real.substr(30));
  tcp.s(response(2, 0, kClosed));
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].opnum, 0);
  EXPECT_EQ(net.sensor.statistics().tcp.conflicts, 1u);
}

TEST_F(Evasion, ForgedResetsSynsAndStrayBytes) {
  Tcp tcp(net, 1, 40000, 2, 49700);
  bound(tcp);
  tcp.at(0, tcp.next[0] + 100'000'000, Tcp::kRst, "");  // out of the window
  tcp.at(0, 77, Tcp::kSyn, "");                         // a new start nobody answers
  tcp.at(0, tcp.next[0] + 900'000'000, Tcp::kAck, "nonsense");
  tcp.at(1, tcp.next[1] - 500, Tcp::kFin | Tcp::kAck, "");  // an old FIN
  tcp.c(request(2, 0, 0, kHandle)).s(response(2, 0, kClosed));
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].decode, DecodeStatus::kComplete);
  EXPECT_GE(net.sensor.statistics().tcp.out_of_window, 1u);
}

TEST_F(Evasion, WrongLengthsCostOnlyThemselves) {
  Tcp tcp(net, 1, 40000, 2, 49700);
  bound(tcp);
  for (const unsigned length : {0u, 1u, 15u, 16u, 23u, 65535u}) {
    std::string bad = request(9, 0, 0, kHandle);
    bad.replace(8, 2, integer(length, 2));
    tcp.c(bad);
    EXPECT_TRUE(neighbour_is_seen()) << length;
  }
  std::string auth = request(10, 0, 0, kHandle);
  auth.replace(10, 2, integer(0xfff0, 2));  // a verifier longer than the PDU
  tcp.c(auth).c(std::string(70000, '\0'));
  tcp.c(request(11, 0, 0, kHandle)).s(response(11, 0, kClosed));
  tcp.close();
  net.sensor.finish();
  unsigned ours = 0;
  for (const SeenEvent& e : net.events)
    ours += e.client.port == 40000 && e.outcome == Outcome::kReturned;
  EXPECT_EQ(ours, 1u) << "the call after the wrong ones";
  EXPECT_GT(net.sensor.statistics().dce.malformed, 0u);
}

TEST_F(Evasion, EndlessFragmentsCostOneCall) {
  SensorOptions options;
  options.dce.max_stub = 100'000;
  options.dce.max_fragments = 500;
  Net small(options);
  Tcp tcp(small, 1, 40000, 2, 49700);
  bound(tcp);
  PduOptions middle;
  middle.flags = 1;
  tcp.c(request(5, 0, 0, std::string(1000, 'x'), middle));
  middle.flags = 0;
  for (unsigned i = 0; i < 5000; ++i) tcp.c(request(5, 0, 0, std::string(1000, 'x'), middle));
  EXPECT_LT(small.sensor.statistics().memory, 2u << 20);
  tcp.c(request(6, 0, 0, kHandle)).s(response(6, 0, kClosed));
  tcp.close();
  small.sensor.finish();
  ASSERT_EQ(small.events.size(), 2u);
  EXPECT_EQ(small.events[0].decode, DecodeStatus::kComplete);
  EXPECT_EQ(small.events[1].decode, DecodeStatus::kTruncated);
  EXPECT_GT(small.sensor.statistics().dce.limits, 0u);
}

TEST_F(Evasion, PduThatContradictsItselfStopsNobody) {
  // Every byte of every kind of PDU set to extremes, each on a connection of its own.
  const std::string kinds[] = {bind(1, {{0, kSvcctl, {kNdr20}}}),
                               bind_ack(1, {{0, 0, kNdr20}}),
                               request(2, 0, 0, kHandle),
                               response(2, 0, kClosed),
                               fault(2, 0, 5),
                               bind_nak(1, 1)};
  unsigned port = 1024;
  for (const std::string& kind : kinds) {
    for (std::size_t at = 0; at < kind.size(); at += 3) {
      for (const char value : {'\0', '\x7f', '\xff'}) {
        std::string bad = kind;
        bad[at] = value;
        Tcp tcp(net, 3, ++port, 2, 49700);
        tcp.c(bad).s(bad).c(bad);
      }
    }
    EXPECT_TRUE(neighbour_is_seen());
  }
  EXPECT_TRUE(neighbour_is_seen());
  net.sensor.finish();
}

}  // namespace
}  // namespace rpcmarshal
