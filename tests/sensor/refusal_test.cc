// What a server refuses: binds, presentation contexts, and requests on them; and calls that end
// without an answer.
#include <gtest/gtest.h>

#include "sensor/traffic.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

const std::string kHandle = std::string(4, '\0') + std::string(16, 'h');

TEST(Refusal, RefusedInterfaceIsAnEvent) {
  Net net;
  Tcp tcp(net, 1, 40000, 2, 49700);
  tcp.c(bind(1, {{0, kSvcctl, {kNdr20}}, {1, kWinreg, {kNdr20}}}));
  tcp.s(bind_ack(1, {{0, 0, kNdr20}, {2, 1, {}}}));
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].interface, "winreg");
  EXPECT_EQ(net.events[0].outcome, Outcome::kRejected);
  EXPECT_FALSE(net.events[0].opnum);
  EXPECT_TRUE(net.events[0].has(R"("kind":"bind")"));
  EXPECT_TRUE(net.events[0].has(R"("fault":{"status":1,"name":"abstract_syntax_not_supported"})"));
  // A request on it, which the server does not answer or answers with a fault.
  tcp.c(request(2, 1, 0, kHandle)).c(request(3, 1, 0, kHandle)).s(fault(3, 1, 0x1c010003));
  tcp.c(request(4, 0, 0, kHandle)).s(response(4, 0, std::string(20, '\0') + integer(0, 4)));
  tcp.close();
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 4u);
  EXPECT_EQ(net.events[1].outcome, Outcome::kRejected);
  EXPECT_TRUE(net.events[1].has(R"("name":"nca_s_unk_if")"));
  EXPECT_EQ(net.events[2].outcome, Outcome::kReturned);
  EXPECT_EQ(net.events[2].operation, "RCloseServiceHandle");
  EXPECT_EQ(net.events[3].outcome, Outcome::kRejected);
  EXPECT_TRUE(net.events[3].has(R"("name":"abstract_syntax_not_supported")"));
  EXPECT_EQ(net.sensor.statistics().refused_binds, 1u);
  EXPECT_EQ(net.sensor.statistics().calls, 3u);
}

TEST(Refusal, BindNakAndFaultedAlterContext) {
  Net net;
  Tcp tcp(net, 1, 40000, 2, 49700);
  tcp.c(bind(1, {{0, kSvcctl, {kNdr20}}})).s(bind_nak(1, 8));
  tcp.c(bind(2, {{0, kSvcctl, {kNdr20}}})).s(bind_ack(2, {{0, 0, kNdr20}}));
  tcp.c(bind(3, {{1, kWinreg, {kNdr20}}}, {}, true)).s(fault(3, 0, 5));
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 2u);
  EXPECT_TRUE(net.events[0].has(R"("name":"authentication_type_not_recognized")"));
  EXPECT_EQ(net.events[0].interface, "svcctl");
  EXPECT_TRUE(net.events[1].has(R"("name":"ERROR_ACCESS_DENIED")"));
  EXPECT_EQ(net.events[1].interface, "winreg");
}

TEST(Refusal, TransferSyntaxesRefusedInNegotiationAreNot) {
  const SyntaxId features{*Guid::parse("6cb71c2c-9812-4540-0300-000000000000"), 1, 0};
  Net net;
  Tcp tcp(net, 1, 40000, 2, 49700);
  tcp.c(bind(1, {{0, kSvcctl, {kNdr20}}, {1, kSvcctl, {kNdr64}}, {2, kSvcctl, {features}}}));
  tcp.s(bind_ack(1, {{2, 2, {}}, {0, 0, kNdr64}, {3, 3, {}}}));
  net.sensor.finish();
  EXPECT_TRUE(net.events.empty());
}

/// What Windows does: NDR20 and NDR64 accepted side by side, each on its own context.
TEST(Refusal, BothTransferSyntaxesInOneAssociation) {
  Net net;
  Tcp tcp(net, 1, 40000, 2, 49700);
  tcp.c(bind(1, {{0, kSvcctl, {kNdr20}}, {1, kSvcctl, {kNdr64}}}));
  tcp.s(bind_ack(1, {{0, 0, kNdr20}, {0, 0, kNdr64}}));
  for (unsigned context : {0u, 1u}) {
    tcp.c(request(2 + context, context, 0, kHandle));
    tcp.s(response(2 + context, context, std::string(20, '\0') + integer(0, 4)));
  }
  ASSERT_EQ(net.events.size(), 2u);
  EXPECT_TRUE(net.events[0].has(R"("syntax":{"name":"ndr"})"));
  EXPECT_TRUE(net.events[1].has(R"("syntax":{"name":"ndr64"})"));
  EXPECT_EQ(net.events[0].decode, DecodeStatus::kComplete);
  EXPECT_EQ(net.events[1].decode, DecodeStatus::kComplete);
}

TEST(Refusal, CancelOrphanShutdownAndSilence) {
  Net net;
  Tcp tcp(net, 1, 40000, 2, 49700);
  tcp.c(bind(1, {{0, kSvcctl, {kNdr20}}})).s(bind_ack(1, {{0, 0, kNdr20}}));
  tcp.c(request(2, 0, 0, kHandle)).c(pdu(18, 2, ""));  // co_cancel
  PduOptions first;
  first.flags = 1;
  tcp.c(request(3, 0, 0, kHandle, first)).c(pdu(19, 3, ""));  // orphaned before its last fragment
  tcp.c(request(4, 0, 0, kHandle));
  tcp.s(pdu(17, 0, ""));  // shutdown
  tcp.close();
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 3u);
  EXPECT_EQ(net.events[0].outcome, Outcome::kCancelled);
  EXPECT_EQ(net.events[1].outcome, Outcome::kCancelled);
  EXPECT_EQ(net.events[2].outcome, Outcome::kNoResponse);
}

TEST(Refusal, AnswerTimeout) {
  SensorOptions options;
  options.dce.answer_timeout = 10'000'000'000;
  Net net(options);
  Tcp tcp(net, 1, 40000, 2, 49700);
  tcp.c(bind(1, {{0, kSvcctl, {kNdr20}}})).s(bind_ack(1, {{0, 0, kNdr20}}));
  tcp.c(request(2, 0, 0, kHandle));
  Tcp other(net, 1, 40001, 2, 49700);  // traffic of others passes the time
  net.now += 11'000'000'000;
  other.c("GET / HTTP/1.1\r\n");
  ASSERT_EQ(net.events.size(), 1u) << "without waiting for more on this connection";
  EXPECT_EQ(net.events[0].outcome, Outcome::kNoResponse);
  tcp.s(response(2, 0, std::string(20, '\0') + integer(0, 4)));
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 2u);
  EXPECT_EQ(net.events[1].outcome, Outcome::kResponseOnly);
}

}  // namespace
}  // namespace rpcmarshal
