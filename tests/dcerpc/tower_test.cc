// Protocol towers of the endpoint mapper.
#include "dcerpc/tower.h"

#include <gtest/gtest.h>

#include "dcerpc/pdu_builder.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

std::string floor(const std::string& left, const std::string& right) {
  return integer(left.size(), 2) + left + integer(right.size(), 2) + right;
}
std::string syntax(const SyntaxId& id) {
  return floor('\x0d' + guid_bytes(id.uuid) + integer(id.major, 2), integer(id.minor, 2));
}
std::string tower(const std::string& transport, const std::string& host) {
  return integer(5, 2) + syntax(kSvcctl) + syntax(kNdr20) + floor("\x0b", integer(0, 2)) +
         transport + host;
}

TEST(Tower, PortAndAddress) {
  const auto t =
      parse_tower(as_bytes(tower(floor("\x07", "\xc2\x24"), floor("\x09", "\x0a\1\2\3"))));
  ASSERT_TRUE(t);
  EXPECT_EQ(t->interface, kSvcctl);
  EXPECT_EQ(t->transfer, kNdr20);
  EXPECT_EQ(t->transport, Tower::Transport::kTcp);
  EXPECT_EQ(t->port, 0xc224);
  ASSERT_TRUE(t->address);
  EXPECT_EQ(t->address->to_string(), "10.1.2.3");
}

TEST(Tower, PipeHttpAndUdp) {
  auto t = parse_tower(as_bytes(tower(floor("\x0f", std::string("\\pipe\\lsass\0", 12)),
                                      floor("\x11", std::string(1, '\0')))));
  ASSERT_TRUE(t);
  EXPECT_EQ(t->transport, Tower::Transport::kPipe);
  EXPECT_EQ(t->pipe, "\\pipe\\lsass");
  EXPECT_FALSE(t->address);
  t = parse_tower(as_bytes(tower(floor("\x1f", "\x02\x51"), floor("\x09", std::string(4, '\0')))));
  ASSERT_TRUE(t);
  EXPECT_EQ(t->transport, Tower::Transport::kHttp);
  EXPECT_EQ(t->port, 593);
  EXPECT_FALSE(t->address) << "0.0.0.0 says nothing";
  t = parse_tower(as_bytes(tower(floor("\x08", "\x04\x01"), floor("\x09", std::string(4, '\0')))));
  ASSERT_TRUE(t);
  EXPECT_EQ(t->transport, Tower::Transport::kUdp);
}

TEST(Tower, CutOrWrongIsNone) {
  const std::string good = tower(floor("\x07", "\xc2\x24"), floor("\x09", "\x0a\1\2\3"));
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::string cut = good.substr(0, size);  // its own allocation, for the sanitizer
    EXPECT_FALSE(parse_tower(as_bytes(cut))) << size;
  }
  std::string many = good;
  many[0] = '\x7f';
  EXPECT_FALSE(parse_tower(as_bytes(many)));
  std::string other = good;
  other[4] = '\x0c';  // the first floor names no interface
  EXPECT_FALSE(parse_tower(as_bytes(other)));
}

}  // namespace
}  // namespace rpcmarshal
