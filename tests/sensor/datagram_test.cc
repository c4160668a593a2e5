// Connectionless RPC (ncadg_ip_udp) through the whole sensor.
#include <gtest/gtest.h>

#include "sensor/traffic.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

/// A v4 PDU ([C706] 12.5.2.1) of svcctl's RCloseServiceHandle: type, sequence number, flags1.
std::string v4(unsigned type, std::uint32_t sequence, const std::string& body, unsigned flags = 0,
               unsigned fragment = 0, unsigned opnum = 0) {
  std::string out = {4, static_cast<char>(type), static_cast<char>(flags), 0, 0x10, 0, 0, 0};
  out += std::string(16, '\0') + guid_bytes(kSvcctl.uuid) + guid_bytes(Guid{9, 9, 9, {}});
  out += integer(0x5000, 4) + integer(kSvcctl.major, 4) + integer(sequence, 4);
  out += integer(opnum, 2) + integer(0xffff, 2) + integer(0xffff, 2) + integer(body.size(), 2);
  return out + integer(fragment, 2) + std::string(2, '\0') + body;
}
const std::string kHandle = std::string(4, '\0') + std::string(16, 'h');
const std::string kClosed = std::string(20, '\0') + integer(0, 4);

TEST(SensorDatagram, CallIsAnEventWithArguments) {
  Net net;
  net.datagram(1, 4000, 2, 1025, v4(0, 1, kHandle));
  net.datagram(2, 1025, 1, 4000, v4(4, 1, ""));       // working
  net.datagram(1, 4000, 2, 1025, v4(1, 1, ""));       // ping
  net.datagram(2, 1025, 1, 4000, v4(2, 1, kClosed));  // response
  net.datagram(1, 4000, 2, 1025, v4(7, 1, ""));       // ack
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 1u);
  const SeenEvent& e = net.events[0];
  EXPECT_EQ(e.operation, "RCloseServiceHandle");
  EXPECT_EQ(e.decode, DecodeStatus::kComplete);
  EXPECT_TRUE(e.has(R"("protocol":"ncadg_ip_udp")"));
  EXPECT_EQ(e.client.to_string(), "10.0.0.1:4000");
  EXPECT_EQ(e.server.to_string(), "10.0.0.2:1025");
  EXPECT_EQ(net.sensor.statistics().dce_datagrams, 5u);
  EXPECT_EQ(net.sensor.statistics().calls, 1u);
}

TEST(SensorDatagram, IpAndRpcFragmentsAreJoined) {
  Net net;
  std::string first = Net::udp(4000, 1025, v4(0, 1, kHandle.substr(0, 12), 4, 0));
  net.frame(Net::ip(1, 2, 17, first.substr(48), 77, 48 / 8));  // the end comes first
  net.frame(Net::ip(1, 2, 17, first.substr(0, 48), 77, 0x2000));
  net.datagram(1, 4000, 2, 1025, v4(0, 1, kHandle.substr(12), 4 | 2, 1));
  net.datagram(2, 1025, 1, 4000, v4(2, 1, kClosed));
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].decode, DecodeStatus::kComplete);
  EXPECT_EQ(net.sensor.statistics().decap.reassembled, 1u);
}

TEST(SensorDatagram, MaybeUnansweredAndRefused) {
  Net net;
  net.datagram(1, 4000, 2, 1025, v4(0, 1, kHandle, 0x10));
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].outcome, Outcome::kMaybe);
  net.datagram(1, 4000, 2, 1025, v4(0, 2, kHandle));
  net.datagram(2, 1025, 1, 4000, v4(6, 2, integer(0x1c010003, 4)));  // reject: unknown interface
  net.datagram(1, 4000, 2, 1025, v4(0, 3, kHandle));
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 3u);
  EXPECT_EQ(net.events[1].outcome, Outcome::kRejected);
  EXPECT_EQ(net.events[2].outcome, Outcome::kNoResponse);
}

TEST(SensorDatagram, OtherDatagramsMakeNothing) {
  Net net;
  net.datagram(1, 4000, 2, 53, std::string(200, '\4'));
  net.datagram(1, 4000, 2, 53, "");
  net.sensor.finish();
  EXPECT_TRUE(net.events.empty());
  EXPECT_EQ(net.sensor.statistics().dce_datagrams, 0u);
}

TEST(SensorDatagram, ActivitiesAreBounded) {
  SensorOptions options;
  options.datagrams.max_outstanding = 100;
  Net net(options);
  for (unsigned i = 0; i < 1000; ++i) {
    std::string pdu = v4(0, 1, kHandle);
    pdu.replace(40, 4, integer(i + 1, 4));  // another activity each
    net.datagram(1, 4000, 2, 1025, pdu);
  }
  EXPECT_EQ(net.events.size(), 900u);
  EXPECT_EQ(net.sensor.statistics().dce.limits, 900u);
  net.sensor.finish();
  EXPECT_EQ(net.events.size(), 1000u);
}

}  // namespace
}  // namespace rpcmarshal
