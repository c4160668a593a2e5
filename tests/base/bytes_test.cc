#include "base/bytes.h"

#include <gtest/gtest.h>

#include "base/unicode.h"

namespace rpcmarshal {
namespace {

TEST(ByteReader, StaysFailedAfterTheEnd) {
  ByteReader reader(as_bytes("\x01\x02\x03"));
  EXPECT_EQ(reader.u16(), 0x0201);
  EXPECT_EQ(reader.u16(), 0);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0);  // a byte remains, but the reader has failed
  EXPECT_TRUE(reader.take(1).empty());
}

TEST(ByteReader, BigEndian) {
  ByteReader reader(as_bytes(std::string_view("\x01\x02\x03\x04\x05\x06\x07\x08", 8)),
                    ByteOrder::kBig);
  EXPECT_EQ(reader.u64(), 0x0102030405060708u);
  EXPECT_TRUE(reader.at_end());
}

TEST(Unicode, SurrogatesPairOrStayAlone) {
  EXPECT_EQ(utf16_to_utf8(as_bytes(std::string_view("\x3d\xd8\x00\xde", 4))), "\xF0\x9F\x98\x80");
  const std::string lone = utf16_to_utf8(as_bytes(std::string_view("\x3d\xd8\x41\x00", 4)));
  EXPECT_EQ(lone,
            "\xED\xA0\xBD"
            "A");
  EXPECT_EQ(utf8_to_utf16("\xF0\x9F\x98\x80"
                          "A"),
            std::u16string(u"\U0001F600A"));
}

TEST(Unicode, Base64) {
  for (const auto& [in, out] :
       {std::pair{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}}) {
    std::string text;
    append_base64(text, as_bytes(in));
    EXPECT_EQ(text, out);
  }
}

}  // namespace
}  // namespace rpcmarshal
