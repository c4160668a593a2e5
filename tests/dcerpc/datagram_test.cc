// Connectionless DCE/RPC v4.
#include <gtest/gtest.h>

#include "dcerpc/datagrams.h"
#include "dcerpc/pdu_builder.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

struct Dgram {
  unsigned type = 0;
  std::uint32_t sequence = 0;
  std::string body;
  unsigned flags = 0;
  unsigned fragment = 0;
  unsigned activity = 1;
  ByteOrder order = ByteOrder::kLittle;
  unsigned auth = 0;
  std::string verifier;
};
std::string build(const Dgram& d) {
  std::string out = {4, static_cast<char>(d.type), static_cast<char>(d.flags), 0};
  out += d.order == ByteOrder::kLittle ? '\x10' : '\0';
  out += std::string(3, '\0');
  out += std::string(16, '\0');
  out += guid_bytes(kWinreg.uuid, d.order) + guid_bytes(Guid{d.activity, 0, 0, {}}, d.order);
  out += integer(0x5000, 4, d.order) + integer(1, 4, d.order) + integer(d.sequence, 4, d.order);
  out += integer(15, 2, d.order) + integer(0xffff, 2) + integer(0xffff, 2) +
         integer(d.body.size(), 2, d.order);
  out += integer(d.fragment, 2, d.order);
  out += static_cast<char>(d.auth);
  out += '\0';
  return out + d.body + d.verifier;
}

class Datagram : public ::testing::Test {
 protected:
  Endpoint client{{{10, 0, 0, 1}, false}, 1024}, server{{{10, 0, 0, 2}, false}, 135};
  DceStatistics statistics;
  DceLimits limits;
  std::vector<SeenCall> calls;
  std::vector<Endpoint> clients, servers;
  Timestamp time = 0;
  std::atomic<std::uint64_t> numbers{1};
  std::unique_ptr<DceDatagrams> parser;

  bool c(const Dgram& d) { return give(client, server, d); }
  bool s(const Dgram& d) { return give(server, client, d); }
  bool give(const Endpoint& from, const Endpoint& to, const Dgram& d) {
    if (!parser) {
      parser = make_dce_datagrams(
          limits,
          [this](const Endpoint& who, const Endpoint& whom, const Call& call) {
            calls.emplace_back(call);
            clients.push_back(who);
            servers.push_back(whom);
          },
          statistics, numbers);
    }
    std::string bytes = build(d);
    std::vector<char> copy(bytes.begin(), bytes.end());
    return parser->on_datagram(from, to, ++time,
                               as_bytes(std::string_view(copy.data(), copy.size())));
  }
};

TEST_F(Datagram, RequestAndResponse) {
  for (ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    calls.clear();
    Dgram request{0, 7, "in"}, answer{2, 7, "out"};
    request.order = answer.order = order;
    request.activity = answer.activity = order == ByteOrder::kBig ? 2 : 1;
    EXPECT_TRUE(c(request));
    EXPECT_TRUE(s(answer));
    ASSERT_EQ(calls.size(), 1u);
    EXPECT_TRUE(calls[0].connectionless);
    EXPECT_EQ(calls[0].interface, kWinreg);
    EXPECT_EQ(calls[0].opnum, 15);
    EXPECT_EQ(calls[0].call_id, 7u);
    EXPECT_EQ(calls[0].request_stub, "in");
    EXPECT_EQ(calls[0].response_stub, "out");
    EXPECT_EQ(calls[0].outcome, Outcome::kReturned);
    EXPECT_EQ(clients.back(), client);
  }
}

TEST_F(Datagram, RetransmissionsMakeOneCall) {
  c({0, 7, "in"});
  c({0, 7, "in"});
  s({4, 7, ""});
  c({1, 7, ""});
  s({2, 7, "out"});
  c({0, 7, "in"});
  s({2, 7, "out"});
  c({7, 7, ""});
  parser->on_end();
  EXPECT_EQ(calls.size(), 1u);
}

TEST_F(Datagram, FragmentsInAnyOrder) {
  c({0, 7, "CC", 4 | 2, 2});
  c({0, 7, "AA", 4, 0});
  c({0, 7, "AA", 4, 0});
  EXPECT_TRUE(calls.empty());
  c({0, 7, "BB", 4, 1});
  s({2, 7, "bb", 4 | 2, 1});
  s({2, 7, "aa", 4, 0});
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].request_stub, "AABBCC");
  EXPECT_TRUE(calls[0].request.complete);
  EXPECT_EQ(calls[0].response_stub, "aabb");
}

TEST_F(Datagram, FaultRejectMaybeAndNothing) {
  c({0, 1, "x"});
  s({3, 1, integer(5, 4)});
  c({0, 2, "x"});
  s({6, 2, integer(0x1c010003, 4)});
  c({0, 3, "x", 0x10});
  c({0, 4, "x"});
  c({0, 5, "x"});
  parser->on_end();
  ASSERT_EQ(calls.size(), 5u);
  EXPECT_EQ(calls[0].outcome, Outcome::kDenied);
  EXPECT_EQ(calls[1].outcome, Outcome::kRejected);
  EXPECT_EQ(calls[1].fault_status, 0x1c010003u);
  EXPECT_EQ(calls[2].outcome, Outcome::kMaybe);
  EXPECT_EQ(calls[3].outcome, Outcome::kNoResponse);  // the activity went on to its next call
  EXPECT_EQ(calls[4].outcome, Outcome::kNoResponse);
}

TEST_F(Datagram, ResponseOnlyNamesTheClientByItsDestination) {
  s({2, 9, "out"});
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].outcome, Outcome::kResponseOnly);
  EXPECT_EQ(clients[0], client);
}

TEST_F(Datagram, FirstAnswerToABroadcastNamesTheServer) {
  constexpr unsigned kBroadcast = 0x40;
  server.address = {{10, 0, 0, 255}, false};
  c({0, 1, "who", kBroadcast});
  EXPECT_TRUE(calls.empty());
  server.address = {{10, 0, 0, 7}, false};
  s({2, 1, "me"});
  server.address = {{10, 0, 0, 8}, false};
  s({2, 1, "me too"});
  parser->on_end();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].outcome, Outcome::kReturned);
  EXPECT_EQ(calls[0].response_stub, "me");
  EXPECT_EQ(servers[0].address, (IpAddress{{10, 0, 0, 7}, false}));
}

TEST_F(Datagram, SealedByItsVerifier) {
  Dgram request{0, 7, "cipher"};
  request.auth = 10;
  request.verifier = std::string("\x06\0", 2) + std::string(16, 's');
  c(request);
  parser->on_end();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_TRUE(calls[0].request.sealed);
  EXPECT_EQ(calls[0].auth_service, AuthService::kNtlm);
  EXPECT_EQ(calls[0].auth_level, AuthLevel::kPrivacy);
}

TEST_F(Datagram, ActivitiesAndBytesAreBounded) {
  limits.max_outstanding = 50;
  limits.max_connection_bytes = 100000;
  for (unsigned i = 1; i <= 5000; ++i) {
    Dgram request{0, 1, std::string(5000, 'x'), 4, 0};
    request.activity = i;
    c(request);
    ASSERT_LT(parser->memory(), 200000u);
  }
  parser->on_end();
  EXPECT_EQ(calls.size(), 5000u);
  EXPECT_EQ(parser->memory(), 0u);
}

TEST_F(Datagram, EndlessAndScatteredFragmentsAreBounded) {
  limits.max_stub = 1000;
  for (unsigned i = 0; i < 60000; ++i) c({0, 1, std::string(100, 'x'), 4, i});
  for (unsigned i = 1; i < 60000; i += 2) c({0, 2, std::string(100, 'x'), 4, i});
  EXPECT_LT(parser->memory(), 20000u);
  parser->on_end();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_FALSE(calls[0].request.complete || calls[1].request.complete);
}

TEST_F(Datagram, OthersAreNotTaken) {
  std::string good = build({0, 7, "in"});
  EXPECT_TRUE(looks_like_dce_datagram(as_bytes(good)));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(looks_like_dce_datagram(as_bytes(good.substr(0, size)))) << size;
  }
  EXPECT_FALSE(looks_like_dce_datagram(as_bytes(good + std::string(20, 'x'))));
  for (std::size_t at : {0u, 1u, 3u, 4u, 5u, 6u}) {
    std::string bad = good;
    bad[at] = '\x7f';
    EXPECT_FALSE(looks_like_dce_datagram(as_bytes(bad))) << at;
  }
}

}  // namespace
}  // namespace rpcmarshal
