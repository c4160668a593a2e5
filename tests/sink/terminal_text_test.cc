#include "sink/terminal_text.h"

#include <gtest/gtest.h>

namespace rpcmarshal {
namespace {

TEST(Quoted, ValueCannotSeemToEndEarly) {
  EXPECT_EQ(rpcmarshal::quoted("a\", b=\"c"), "\"a\\\", b=\\\"c\"");
  EXPECT_EQ(rpcmarshal::quoted(std::string("C:\\x\n\x1b[2J\0", 10)), "\"C:\\x\\n\\x1b[2J\"");
}

TEST(Quoted, LongTextIsCutAndItsSizeSaid) {
  const std::string text = rpcmarshal::quoted(std::string(1000, '"'));
  EXPECT_TRUE(text.ends_with("\\\"\"… (1000 bytes)")) << text;
}

}  // namespace
}  // namespace rpcmarshal
