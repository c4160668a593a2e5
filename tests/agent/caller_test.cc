#include "agent/hook/caller.h"

#include <gtest/gtest.h>

namespace rpcmarshal::agent {
namespace {

TEST(Binding, OfEveryForm) {
  const auto tcp = parse_binding(u"ncacn_ip_tcp:10.0.0.5[49667]");
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->protocol, "ncacn_ip_tcp");
  EXPECT_EQ(tcp->address, "10.0.0.5");
  EXPECT_EQ(tcp->endpoint, "49667");
  const auto pipe = parse_binding(u"ncacn_np:VM[\\\\pipe\\\\svcctl,Security=Impersonation]");
  ASSERT_TRUE(pipe);
  EXPECT_EQ(pipe->endpoint, "\\pipe\\svcctl");
  const auto object =
      parse_binding(u"12345678-1234-abcd-ef00-0123456789ab@ncalrpc:HOST[lrpc-00ab]");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->protocol, "ncalrpc");
  EXPECT_EQ(object->endpoint, "lrpc-00ab");
  const auto bare = parse_binding(u"ncacn_ip_tcp:127.0.0.1");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->address, "127.0.0.1");
  EXPECT_EQ(bare->endpoint, "");
  EXPECT_FALSE(parse_binding(u""));
  EXPECT_FALSE(parse_binding(u"nonsense"));
  EXPECT_TRUE(parse_binding(u"x:["));
}

TEST(Address, OfEveryForm) {
  const auto text = [](std::string_view address) {
    const auto parsed = parse_address(address);
    return parsed ? parsed->to_string() : "-";
  };
  for (const char* good :
       {"10.0.0.5", "255.255.255.255", "::1", "::", "fe80::1", "2001:db8::5:6", "1:2:3:4:5:6:7:8"})
    EXPECT_EQ(text(good), good);
  EXPECT_EQ(text("fe80::1%12"), "fe80::1");
  for (const char* bad : {"", "10.0.0", "10.0.0.256", "10.0.0.5.6", "FS1", "1:2:3", "1::2::3", ":",
                          "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "10.0.0.5 "})
    EXPECT_EQ(text(bad), "-") << bad;
}

TEST(Protocol, ByName) {
  EXPECT_EQ(protocol_of("ncalrpc"), EventTransport::Protocol::kLocal);
  EXPECT_EQ(protocol_of("NCACN_NP"), EventTransport::Protocol::kNamedPipe);
  EXPECT_FALSE(protocol_of("ncacn_spx"));
}

TEST(Users, AreBelievedForAMinute) {
  UserCache cache;
  auto user = std::make_shared<Identity>();
  cache.put("a", user, 1000);
  EXPECT_EQ(cache.find("a", 1000 + UserCache::kBelieved - 1), user);
  EXPECT_EQ(cache.find("a", 1000 + UserCache::kBelieved), nullptr);
  EXPECT_EQ(cache.find("b", 1000), nullptr);
  for (int i = 0; i < 100000; ++i) cache.put(std::to_string(i), user, 1000);
  EXPECT_LE(cache.size(), UserCache::kCapacity);
}

}  // namespace
}  // namespace rpcmarshal::agent
