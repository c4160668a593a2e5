// Who the user of a call is, through the whole sensor.
#include <gtest/gtest.h>

#include "security/builders.h"
#include "sensor/traffic.h"
#include "smb/messages.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

std::string kdc_reply(unsigned tag, const std::string& client, const std::string& cipher) {
  return der(tag,
             der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_int(static_cast<int>(tag & 31))) +
                           der(0xa3, der_string("LAB.TEST")) + der(0xa4, principal(1, {client})) +
                           der(0xa5, ticket("LAB.TEST", {"cifs", "fs1"}, cipher)) +
                           der(0xa6, sealed(18, -1, "enc"))));
}
const std::string kHandle = std::string(4, '\0') + std::string(16, 'h');
const std::string kTicket =
    spnego_init(kOidKerberos, gss_kerberos(ap_req("LAB.TEST", {"cifs", "fs1"})));

/// An SMB2 connection that sets up a session, opens svcctl and makes calls.
struct Smb {
  explicit Smb(Net& net, unsigned port = 50000) : tcp(net, 1, port, 2, 445) {}
  void set_up(const std::string& token, unsigned flags = 0) {
    tcp.c(test::framed(test::smb2({1, ++id, false, 0, 0, set ? 0x1122u : 0u},
                                  test::session_setup_request(token))));
    tcp.s(test::framed(test::smb2(
        {1, id, true}, test::session_setup_response(static_cast<std::uint16_t>(flags), ""))));
    set = true;
  }
  void open() {
    tcp.c(test::framed(test::smb2({3, ++id}, test::tree_connect_request("\\\\FS1\\IPC$"))));
    tcp.s(test::framed(test::smb2({3, id, true, 0, 7}, test::tree_connect_response(2))));
    tcp.c(test::framed(test::smb2({5, ++id, false, 0, 7}, test::create_request("svcctl"))));
    tcp.s(test::framed(test::smb2({5, id, true, 0, 7}, test::create_response(test::file_id(1)))));
    transceive(bind(1, {{0, kSvcctl, {kNdr20}}}), bind_ack(1, {{0, 0, kNdr20}}));
  }
  void transceive(const std::string& question, const std::string& answer) {
    tcp.c(test::framed(
        test::smb2({11, ++id, false, 0, 7}, test::transceive_request(test::file_id(1), question))));
    tcp.s(test::framed(
        test::smb2({11, id, true, 0, 7}, test::transceive_response(test::file_id(1), answer))));
  }
  void call() {
    ++calls;
    transceive(request(calls + 1, 0, 0, kHandle),
               response(calls + 1, 0, std::string(20, '\0') + integer(0, 4)));
  }
  Tcp tcp;
  std::uint64_t id = 0;
  unsigned calls = 0;
  bool set = false;
};

std::string ntlm(const std::string& user) {
  return spnego_response(-1,
                         ntlm_authenticate({utf16("LAB"), utf16(user), utf16("WS1")}, 0xe2888215));
}

TEST(SensorIdentity, KerberosClientFromUdp) {
  Net net;
  net.datagram(9, 88, 1, 45000, kdc_reply(0x6d, "alice", std::string(200, 'T')));
  Smb smb(net);
  smb.set_up(kTicket);
  smb.open();
  smb.call();
  smb.call();
  ASSERT_EQ(net.events.size(), 2u);
  for (const SeenEvent& e : net.events) {
    EXPECT_EQ(e.user, "alice");
    EXPECT_EQ(e.domain, "LAB.TEST");
    EXPECT_TRUE(e.has(R"("known_by":"kerberos reply")"));
    EXPECT_TRUE(e.has(R"("service":"cifs/fs1@LAB.TEST")"));
  }
}

TEST(SensorIdentity, KerberosClientFromTcpInPieces) {
  Net net;
  Tcp kdc(net, 1, 45000, 9, 88);
  kdc.step = 7;
  const std::string reply = kdc_reply(0x6b, "bob", std::string(200, 'T'));
  const std::string request = der(0x6a, der(0x30, std::string(100, '\0')));
  kdc.c(be(request.size(), 4) + request);
  kdc.s(be(reply.size(), 4) + reply);
  Smb smb(net);
  smb.set_up(kTicket);
  smb.open();
  smb.call();
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].user, "bob");
}

TEST(SensorIdentity, TicketNobodySawGivenOutHasNoName) {
  Net net;
  net.datagram(9, 88, 1, 45000, kdc_reply(0x6d, "alice", "another ticket"));
  Smb smb(net);
  smb.set_up(kTicket);
  smb.open();
  smb.call();
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].user, "");
  EXPECT_TRUE(net.events[0].has(R"("known_by":"kerberos ticket")"));
}

TEST(SensorIdentity, GuestAndAnonymousSessions) {
  for (const bool guest : {true, false}) {
    Net net;
    Smb smb(net);
    smb.set_up(ntlm("eve"), guest ? 1 : 2);
    smb.open();
    smb.call();
    ASSERT_EQ(net.events.size(), 1u);
    EXPECT_EQ(net.events[0].has(R"("guest":true)"), guest);
    EXPECT_EQ(net.events[0].has(R"("anonymous":true)"), !guest);
    EXPECT_EQ(net.events[0].user, "eve") << "the name claimed is said beside it";
  }
}

TEST(SensorIdentity, ReauthenticationChangesLaterCalls) {
  Net net;
  Smb smb(net);
  smb.set_up(ntlm("alice"));
  smb.open();
  smb.call();
  smb.set_up(ntlm("bob"));
  smb.call();
  ASSERT_EQ(net.events.size(), 2u);
  EXPECT_EQ(net.events[0].user, "alice");
  EXPECT_EQ(net.events[1].user, "bob");
}

/// SMB 3 multichannel: opened on one connection, used on another.
TEST(SensorIdentity, PipeOfABoundSessionHasItsNameAndUser) {
  Net net;
  Smb first(net), second(net, 50001);
  first.set_up(ntlm("alice"));
  first.open();
  std::string binding = test::session_setup_request(ntlm("alice"));
  binding[2] = 1;  // SMB2_SESSION_FLAG_BINDING
  second.id = 100;
  second.tcp.c(test::framed(test::smb2({1, 100}, binding)));
  second.tcp.s(test::framed(test::smb2({1, 100, true}, test::session_setup_response(0, ""))));
  second.call();
  first.call();
  first.tcp.close();
  second.call();
  ASSERT_EQ(net.events.size(), 3u);
  // Each carries the addresses of the connection that it came by.
  EXPECT_EQ(net.events[0].client.port, 50001);
  EXPECT_EQ(net.events[1].client.port, 50000);
  EXPECT_EQ(net.events[2].client.port, 50001);
  for (const SeenEvent& e : net.events) {
    EXPECT_EQ(e.pipe, "\\pipe\\svcctl");
    EXPECT_EQ(e.user, "alice");
    EXPECT_EQ(e.operation, "RCloseServiceHandle");
    EXPECT_EQ(e.inferred, "");
  }
  second.tcp.close();
  net.sensor.finish();
  EXPECT_EQ(net.events.size(), 3u);
}

TEST(SensorIdentity, RefusedBindingGivesNothingAway) {
  Net net;
  Smb first(net), second(net, 50001);
  first.set_up(ntlm("alice"));
  first.open();
  std::string binding = test::session_setup_request(ntlm("mallory"));
  binding[2] = 1;
  second.tcp.c(test::framed(test::smb2({1, 100}, binding)));
  second.tcp.s(test::framed(test::smb2({1, 100, true, 0xc0000022}, test::error_response())));
  second.id = 100;
  second.call();
  first.call();
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 2u);
  EXPECT_EQ(net.events[0].user, "");
  EXPECT_EQ(net.events[1].user, "alice");
}

TEST(SensorIdentity, NetlogonSecureChannel) {
  Net net;
  Tcp tcp(net, 1, 40000, 2, 49700);
  PduOptions o;
  o.auth_type = 68;
  o.auth_level = 6;
  o.token = le32(0) + le32(3) + std::string("LAB\0FS1\0", 8);
  tcp.c(bind(1, {{0, kSvcctl, {kNdr20}}}, o));
  o.token = le32(1) + le32(0) + std::string(4, '\0');
  tcp.s(bind_ack(1, {{0, 0, kNdr20}}, o));
  o.token = std::string(32, 's');
  tcp.c(request(2, 0, 0, std::string(32, 'x'), o));
  net.sensor.finish();
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].user, "FS1$");
  EXPECT_EQ(net.events[0].domain, "LAB");
  EXPECT_EQ(net.events[0].decode, DecodeStatus::kSealed);
}

}  // namespace
}  // namespace rpcmarshal
