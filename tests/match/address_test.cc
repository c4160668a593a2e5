#include "match/address.h"

#include <gtest/gtest.h>

#include <string>

#ifndef _WIN32
#include <arpa/inet.h>
#endif

namespace rpcmarshal::match {
namespace {

std::string hex(std::string_view text) {
  std::uint8_t bytes[16];
  std::size_t size = 0;
  if (!parse_address(text, bytes, size)) return "none";
  std::string out;
  for (std::size_t i = 0; i < size; ++i) {
    out += "0123456789abcdef"[bytes[i] >> 4];
    out += "0123456789abcdef"[bytes[i] & 15];
  }
  return out;
}

TEST(Address, ReadsBothFamilies) {
  EXPECT_EQ(hex("10.77.0.2"), "0a4d0002");
  EXPECT_EQ(hex("fe80::1"), "fe800000000000000000000000000001");
  EXPECT_EQ(hex("1:2:3:4:5:6:7:8"), "00010002000300040005000600070008");
  EXPECT_EQ(hex("1::"), "00010000000000000000000000000000");
  EXPECT_EQ(hex("::"), "00000000000000000000000000000000");
  EXPECT_EQ(hex("64:ff9b::192.0.2.33"), "0064ff9b0000000000000000c0000221");
  EXPECT_EQ(hex("::ffff:10.0.0.1"), "0a000001");  // the same host
}

TEST(Address, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "01.2.3.4",
                           "256.1.1.1",
                           "1.2.3.4 ",
                           ":",
                           ":::",
                           "1:2",
                           "1::2::3",
                           "1:2:3:4:5:6:7:8:9",
                           "12345::",
                           "1:2:3:4:5:6:7:",
                           "::1.2.3",
                           "g::",
                           "1.2.3.4:",
                           "::1.2.3.4:5",
                           "1:2:3:4:5:6:7::8",
                           "1:2:3:4:5:6:7:1.2.3.4"}) {
    EXPECT_EQ(hex(text), "none") << text;
  }
}

#ifndef _WIN32
// Everything short made of the characters that matter, against the C library.
TEST(Address, AgreesWithTheCLibrary) {
  constexpr std::string_view kCharacters = ":.10f";
  std::uint32_t seed = 1;
  int addresses = 0;
  for (int i = 0; i < 400'000; ++i) {
    std::string text;
    const unsigned size = 2 + (i % 14);
    for (unsigned c = 0; c < size; ++c) {
      seed = seed * 1664525 + 1013904223;
      text += kCharacters[(seed >> 24) % kCharacters.size()];
    }
    std::uint8_t ours[16], theirs[16];
    std::size_t count = 0;
    const bool v6 = text.find(':') != std::string::npos;
    const bool expected = inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), theirs) == 1;
    ASSERT_EQ(parse_address(text, ours, count), expected) << text;
    if (!expected) continue;
    ++addresses;
    const std::size_t skip = v6 && count == 4 ? 12 : 0;
    ASSERT_EQ(std::string(reinterpret_cast<char*>(ours), count),
              std::string(reinterpret_cast<char*>(theirs) + skip, count))
        << text;
  }
  EXPECT_GT(addresses, 100);
}
#endif

TEST(Address, Networks) {
  const std::uint8_t ten[] = {10, 0, 0, 0};
  EXPECT_TRUE(in_network("10.255.0.1", ten, 8));
  EXPECT_FALSE(in_network("11.0.0.1", ten, 8));
  EXPECT_TRUE(in_network("11.0.0.1", ten, 7));
  EXPECT_TRUE(in_network("8.8.8.8", ten, 0));
  EXPECT_FALSE(in_network("::1", ten, 0));
  EXPECT_FALSE(in_network("no address", ten, 0));
  EXPECT_FALSE(in_network("10.0.0.1", ten, 33));  // a prefix beyond the address never reads on
  const std::uint8_t local[16] = {0xFE, 0x80};
  EXPECT_TRUE(in_network("fe80::1%eth0", local, 10));
}

}  // namespace
}  // namespace rpcmarshal::match
