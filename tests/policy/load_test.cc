#include <gtest/gtest.h>

#include <string>

#include "policy/policy.h"

namespace rpcmarshal::policy {
namespace {

TEST(Load, RefusesWhatIsNoPolicy) {
  EXPECT_NE(Policy::load({}).error.find("no compiled policy"), std::string::npos);
  EXPECT_EQ(Policy::load({}).policy, nullptr);
  std::string block(format::kHeaderSize, '\0');
  EXPECT_NE(Policy::load(as_bytes(block)).error.find("no compiled policy"), std::string::npos);
  block.replace(0, sizeof format::kMagic, std::string(format::kMagic, sizeof format::kMagic));
  EXPECT_NE(Policy::load(as_bytes(block)).error.find("format 0"), std::string::npos);
  block[format::kAtVersion] = 1;
  EXPECT_NE(Policy::load(as_bytes(block)).error.find("cut off"), std::string::npos);
  block[format::kAtSize] = format::kHeaderSize;
  EXPECT_NE(Policy::load(as_bytes(block)).error.find("checksum"), std::string::npos);
}

}  // namespace
}  // namespace rpcmarshal::policy
