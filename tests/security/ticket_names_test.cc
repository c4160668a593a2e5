// Clients of Kerberos tickets, learned from KDC replies.
#include "security/ticket_names.h"

#include <gtest/gtest.h>

#include "security/builders.h"
#include "security/identity.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

std::string tgs_reply(const std::string& client, const std::string& cipher) {
  return der(0x6d,
             der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_int(13)) +
                           der(0xa3, der_string("LAB.TEST")) + der(0xa4, principal(1, {client})) +
                           der(0xa5, ticket("LAB.TEST", {"cifs", "fs1"}, cipher)) +
                           der(0xa6, sealed(18, -1, "enc"))));
}

TEST(TicketNames, ReplyTellsTheClientOfTheTicketPresented) {
  TicketNames names;
  std::uint64_t shown = 0;
  const std::string reply = tgs_reply("alice", std::string(200, 'T'));
  EXPECT_TRUE(names.learn(as_bytes(reply), shown));
  auto exchange = make_auth_exchange(AuthService::kSpnego);
  const std::string token =
      spnego_init(kOidKerberos, gss_kerberos(ap_req("LAB.TEST", {"cifs", "fs1"})));
  exchange->token(true, as_bytes(token));
  TicketNames::Client client;
  ASSERT_NE(exchange->identity().ticket, 0u);
  ASSERT_TRUE(names.find(exchange->identity().ticket, client));
  EXPECT_EQ(client.name, "alice");
  EXPECT_EQ(client.realm, "LAB.TEST");
  EXPECT_FALSE(names.find(1234, client));
}

TEST(TicketNames, FirstReplyCounts) {
  TicketNames names;
  std::uint64_t shown = 0;
  const std::string real = tgs_reply("alice", "cipher"), forged = tgs_reply("mallory", "cipher");
  names.learn(as_bytes(real), shown);
  names.learn(as_bytes(forged), shown);
  TicketNames::Client client;
  ASSERT_TRUE(names.find(ticket_digest(as_bytes(std::string_view("cipher"))), client));
  EXPECT_EQ(client.name, "alice");
}

TEST(TicketNames, HiddenNameIsThatOfTheTicketShown) {
  TicketNames names;
  std::uint64_t shown = 0;
  const std::string first = tgs_reply("alice", std::string(200, 'T'));
  names.learn(as_bytes(first), shown);
  const std::string request = der(
      0x6c,
      der(0x30,
          der(0xa1, der_int(5)) + der(0xa2, der_int(12)) +
              der(0xa3,
                  der(0x30, der(0x30, der(0xa1, der_int(1)) +
                                          der(0xa2, der(0x04, ap_req("LAB.TEST", {"krbtgt"})))))) +
              der(0xa4, der(0x30, der(0xa2, der_string("LAB.TEST"))))));
  const std::string hidden = tgs_reply("WELLKNOWN/ANONYMOUS", "second");
  TicketNames::Client client;
  EXPECT_FALSE(names.learn(as_bytes(hidden), shown)) << "no request seen";
  names.learn(as_bytes(request), shown);
  ASSERT_TRUE(names.learn(as_bytes(hidden), shown));
  ASSERT_TRUE(names.find(ticket_digest(as_bytes(std::string_view("second"))), client));
  EXPECT_EQ(client.name, "alice");
  EXPECT_TRUE(client.by_request);
}

TEST(TicketNames, BoundedAndDeafToOtherMessages) {
  TicketNames names;
  std::uint64_t shown = 0;
  for (int i = 0; i < 70000; ++i) {
    const std::string reply = tgs_reply("u" + std::to_string(i), "c" + std::to_string(i));
    ASSERT_TRUE(names.learn(as_bytes(reply), shown));
  }
  EXPECT_LE(names.size(), 65536u);
  const std::string request = ap_req("LAB.TEST", {"cifs", "fs1"});
  const std::string nameless = tgs_reply("", "other");
  EXPECT_FALSE(names.learn(as_bytes(request), shown));
  EXPECT_FALSE(names.learn(as_bytes(nameless), shown));
  EXPECT_FALSE(names.learn({}, shown));
}

}  // namespace
}  // namespace rpcmarshal
