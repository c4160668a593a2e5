// RPC over HTTP: version 2's channels, and version 1's greeting.
#include <gtest/gtest.h>

#include "security/builders.h"
#include "sensor/traffic.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

const std::string kHandle = std::string(4, '\0') + std::string(16, 'h');
const std::string kClosed = std::string(20, '\0') + integer(0, 4);

/// An RTS PDU ([MS-RPCH] 2.2.3.6.1) of commands already encoded.
std::string rts(unsigned flags, const std::vector<std::string>& commands) {
  std::string body = integer(flags, 2) + integer(commands.size(), 2);
  for (const std::string& command : commands) body += command;
  return pdu(20, 0, body);
}
std::string cookie(char c) { return integer(3, 4) + std::string(16, c); }
/// CONN/A1 and CONN/B1 ([MS-RPCH] 2.2.4.2, 2.2.4.5).
std::string conn_a1(char connection) {
  return rts(0, {integer(6, 4) + integer(1, 4), cookie(connection), cookie('o'),
                 integer(0, 4) + integer(65536, 4)});
}
std::string conn_b1(char connection) {
  return rts(0, {integer(6, 4) + integer(1, 4), cookie(connection), cookie('i'),
                 integer(4, 4) + integer(0x40000000, 4), integer(5, 4) + integer(300000, 4),
                 integer(12, 4) + std::string(16, 'g')});
}
std::string head(const std::string& method, std::size_t length, const std::string& more = {}) {
  return method + " /rpc/rpcproxy.dll?exch1:6001 HTTP/1.1\r\nHost: proxy\r\n" + more +
         "Content-Length: " + std::to_string(length) + "\r\n\r\n";
}
std::string base64(const std::string& bytes) {
  const std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    unsigned value = 0;
    for (std::size_t i = 0; i < 3; ++i)
      value = value << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i)
      out += at + i > bytes.size() ? '=' : digits[value >> (18 - 6 * i) & 63];
  }
  return out;
}
const std::string kEndless = "HTTP/1.1 200 Success\r\nContent-Length: 1073741824\r\n\r\n";

struct Channels {
  explicit Channels(Net& net, char name = 'v', unsigned port = 50000, std::size_t step = 1400)
      : in(net, 1, port, 2, 80), out(net, 1, port + 1, 2, 80) {
    in.step = out.step = step;
    out.c(head("RPC_OUT_DATA", conn_a1(name).size()) + conn_a1(name));
    in.c(head("RPC_IN_DATA", 1u << 30) + conn_b1(name));
    out.s(kEndless + rts(0, {integer(2, 4) + integer(120000, 4)}));
  }
  void call(std::uint32_t id) {
    in.c(request(id, 0, 0, kHandle));
    out.s(response(id, 0, kClosed));
  }
  void start() {
    in.c(bind(1, {{0, kSvcctl, {kNdr20}}}));
    out.s(bind_ack(1, {{0, 0, kNdr20}}));
  }
  Tcp in, out;
};

TEST(RpcOverHttp, TwoChannelsAreOneConnection) {
  for (const std::size_t step : {1400u, 1u, 17u}) {
    Net net;
    Channels http(net, 'v', 50000, step);
    http.start();
    http.call(2);
    // What belongs to the channels only, in between.
    http.in.c(rts(2, {integer(13, 4) + integer(2, 4), integer(1, 4) + std::string(24, 'f')}));
    http.call(3);
    http.in.close();
    http.out.close();
    net.sensor.finish();
    ASSERT_EQ(net.events.size(), 2u) << step;
    const SeenEvent& e = net.events[1];
    EXPECT_EQ(e.operation, "RCloseServiceHandle");
    EXPECT_EQ(e.decode, DecodeStatus::kComplete);
    EXPECT_TRUE(e.has(R"("protocol":"ncacn_http","target":"exch1:6001")"));
    EXPECT_TRUE(e.has(R"("host":"exch1")"));
    EXPECT_EQ(e.client.address.to_string(), "10.0.0.1");
    EXPECT_EQ(e.server.to_string(), "10.0.0.2:80");
    EXPECT_EQ(net.sensor.statistics().http.channels, 2u);
    EXPECT_EQ(net.sensor.statistics().http.connections, 1u);
    EXPECT_EQ(net.sensor.statistics().http.malformed, 0u);
  }
}

/// `bytes` as one chunk ([RFC 9112] 7.1).
std::string chunk(const std::string& bytes, const std::string& extension = {}) {
  char size[20];
  std::snprintf(size, sizeof size, "%zX", bytes.size());
  return size + extension + "\r\n" + bytes + "\r\n";
}
std::string chunked_head(const std::string& method) {
  return method + " /rpc/rpcproxy.dll?exch1:6001 HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n";
}

TEST(RpcOverHttp, ChunkedBodies) {
  for (const std::size_t step : {1400u, 1u, 17u}) {
    Net net;
    Tcp in(net, 1, 50000, 2, 80), out(net, 1, 50001, 2, 80);
    in.step = out.step = step;
    in.c(chunked_head("RPC_IN_DATA") + chunk(rts(0x10, {})) + "0\r\nTried: yes\r\n\r\n");
    in.s("HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("sorry") +
         "0\r\n\r\n");
    out.c(chunked_head("RPC_OUT_DATA") + chunk(conn_a1('v')) + "0\r\n\r\n");
    in.c(chunked_head("RPC_IN_DATA") + chunk(conn_b1('v'), ";name=value"));
    out.s("HTTP/1.1 200 Success\r\nTransfer-Encoding: chunked\r\n\r\n");
    in.c(chunk(bind(1, {{0, kSvcctl, {kNdr20}}})));
    out.s(chunk(bind_ack(1, {{0, 0, kNdr20}})));
    const std::string asked = request(2, 0, 0, kHandle), answered = response(2, 0, kClosed);
    // A PDU may be in several chunks.
    in.c(chunk(asked.substr(0, 5)) + chunk(asked.substr(5)));
    out.s(chunk(answered.substr(0, 30)) + chunk(answered.substr(30)));
    ASSERT_EQ(net.events.size(), 1u) << step;
    EXPECT_EQ(net.events[0].operation, "RCloseServiceHandle");
    EXPECT_EQ(net.events[0].decode, DecodeStatus::kComplete);
    EXPECT_EQ(net.sensor.statistics().http.malformed, 0u);
  }
}

TEST(RpcOverHttp, ConnectionsAreToldApartByTheirCookie) {
  Net net;
  Channels first(net, 'v', 50000), second(net, 'w', 50010);
  first.start();
  second.start();
  first.in.c(request(2, 0, 0, kHandle));
  second.in.c(request(2, 0, 0, kHandle));
  second.out.s(response(2, 0, kClosed));
  ASSERT_EQ(net.events.size(), 1u);
  first.out.s(fault(2, 0, 5));
  ASSERT_EQ(net.events.size(), 2u);
  EXPECT_EQ(net.events[0].outcome, Outcome::kReturned);
  EXPECT_EQ(net.events[1].outcome, Outcome::kDenied);
  EXPECT_NE(net.events[0].connection, net.events[1].connection);
}

TEST(RpcOverHttp, ChannelIsReplaced) {
  Net net;
  Channels http(net);
  http.start();
  http.call(2);
  Tcp next(net, 1, 50020, 2, 80);
  next.c(head("RPC_IN_DATA", 1u << 30) +
         rts(4, {integer(6, 4) + integer(1, 4), cookie('v'), cookie('i'), cookie('j')}));
  http.in.close();
  next.c(request(3, 0, 0, kHandle));
  http.out.s(response(3, 0, kClosed));
  ASSERT_EQ(net.events.size(), 2u);
  EXPECT_EQ(net.events[0].connection, net.events[1].connection);
  EXPECT_EQ(net.sensor.statistics().http.connections, 1u);
}

TEST(RpcOverHttp, UserOfTheProxyAfterARefusal) {
  Net net;
  Tcp out(net, 1, 50001, 2, 80);
  out.c(head("RPC_OUT_DATA", 0, "Authorization: NTLM " + base64(ntlm_negotiate()) + "\r\n"));
  out.s("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM " +
        base64(ntlm_challenge(0xe2898215, "PROXY", "proxy.lab.test")) +
        "\r\nContent-Length: 5\r\n\r\nsorry");
  out.c(
      head("RPC_OUT_DATA", conn_a1('v').size(),
           "Authorization: NTLM " +
               base64(ntlm_authenticate({utf16("LAB"), utf16("dave"), utf16("WS4")}, 0xe2888215)) +
               "\r\n") +
      conn_a1('v'));
  out.s(kEndless);
  Tcp in(net, 1, 50002, 2, 80);
  in.c(head("RPC_IN_DATA", 20) + rts(0x10, {}));  // an echo to try the way
  in.s("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + rts(0x10, {}));
  in.c(head("RPC_IN_DATA", 1u << 30) + conn_b1('v'));
  in.c(bind(1, {{0, kSvcctl, {kNdr20}}}));
  out.s(bind_ack(1, {{0, 0, kNdr20}}));
  in.c(request(2, 0, 0, kHandle));
  out.s(response(2, 0, kClosed));
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].user, "dave");
  EXPECT_EQ(net.events[0].decode, DecodeStatus::kComplete);
}

TEST(RpcOverHttp, BrokenChannelsAreCountedAndStopNobody) {
  Net net;
  for (const std::string& bad :
       {head("RPC_IN_DATA", 1u << 30) + std::string(500, '\xff'),
        "RPC_IN_DATA " + std::string(60000, 'x'),
        std::string("RPC_OUT_DATA /rpc HTTP/1.1\r\nContent-Length: many\r\n\r\n"),
        std::string("RPC_OUT_DATA /rpc HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
        chunked_head("RPC_OUT_DATA") + "ffffffffffffffffffff\r\n",
        chunked_head("RPC_OUT_DATA") + "-1\r\n", chunked_head("RPC_OUT_DATA") + "x\r\n",
        chunked_head("RPC_OUT_DATA") + "0;" + std::string(9000, 'x'),
        chunked_head("RPC_OUT_DATA") + "1\r\nab\r\n",
        head("RPC_IN_DATA", 1u << 30) + rts(0, {integer(77, 4)}) + "GET / HTTP/1.1\r\n\r\n"}) {
    static unsigned port = 51000;
    Tcp tcp(net, 1, ++port, 2, 80);
    tcp.c(bad);
  }
  EXPECT_GE(net.sensor.statistics().http.malformed, 10u);
  Channels http(net, 'z', 52000);
  http.start();
  http.call(2);
  ASSERT_EQ(net.events.size(), 1u);
  EXPECT_EQ(net.events[0].decode, DecodeStatus::kComplete);
}

TEST(RpcOverHttp, GreetingOfVersionOne) {
  for (const std::size_t step : {1400u, 1u}) {
    Net net;
    Tcp tcp(net, 1, 40000, 2, 593);
    tcp.step = step;
    tcp.s("ncacn_http/1.0");
    tcp.c(bind(1, {{0, kSvcctl, {kNdr20}}})).s(bind_ack(1, {{0, 0, kNdr20}}, {}, "593"));
    tcp.c(request(2, 0, 0, kHandle)).s(response(2, 0, kClosed));
    ASSERT_EQ(net.events.size(), 1u);
    EXPECT_EQ(net.events[0].decode, DecodeStatus::kComplete);
    EXPECT_TRUE(net.events[0].has(R"("protocol":"ncacn_http")"));
  }
}

}  // namespace
}  // namespace rpcmarshal
