#include "base/guid.h"

#include <gtest/gtest.h>

namespace rpcmarshal {
namespace {

TEST(Guid, TextRoundTrip) {
  const auto guid = Guid::parse("367ABB81-9844-35f1-ad32-98f038001003");
  ASSERT_TRUE(guid);
  EXPECT_EQ(guid->to_string(), "367abb81-9844-35f1-ad32-98f038001003");
  EXPECT_EQ(Guid::parse("{367abb81-9844-35f1-ad32-98f038001003}"), guid);
}

TEST(Guid, RefusesWhatIsNone) {
  EXPECT_FALSE(Guid::parse(""));
  EXPECT_FALSE(Guid::parse("367abb81-9844-35f1-ad32-98f03800100"));
  EXPECT_FALSE(Guid::parse("367abb81x9844-35f1-ad32-98f038001003"));
  EXPECT_FALSE(Guid::parse("g67abb81-9844-35f1-ad32-98f038001003"));
}

TEST(Guid, FollowsTheByteOrderOfTheWire) {
  const unsigned char little[16] = {0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11,
                                    0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60};
  ByteReader reader(std::as_bytes(std::span(little)));
  EXPECT_EQ(Guid::read(reader), kNdr20Syntax);
  const unsigned char big[16] = {0x8a, 0x88, 0x5d, 0x04, 0x1c, 0xeb, 0x11, 0xc9,
                                 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60};
  ByteReader reader2(std::as_bytes(std::span(big)), ByteOrder::kBig);
  EXPECT_EQ(Guid::read(reader2), kNdr20Syntax);
}

}  // namespace
}  // namespace rpcmarshal
