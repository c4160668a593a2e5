#include "event/handles.h"

#include <gtest/gtest.h>

namespace rpcmarshal {
namespace {

ContextHandle handle(std::uint8_t n) {
  ContextHandle h{};
  h[19] = n;
  return h;
}

IpAddress address(std::uint8_t n) {
  IpAddress a;
  a.bytes[3] = n;
  return a;
}

TEST(HandleTable, RemembersPerClientAndServer) {
  HandleTable table;
  table.opened(address(1), address(2), handle(7), "service Updater");
  EXPECT_EQ(table.find(address(1), address(2), handle(7)), "service Updater");
  EXPECT_EQ(table.find(address(3), address(2), handle(7)), "");
  table.closed(address(1), address(2), handle(7));
  EXPECT_EQ(table.find(address(1), address(2), handle(7)), "");
}

TEST(HandleTable, ForgetsTheLongestUnusedAndStaysBounded) {
  HandleTable table(8);
  table.opened(address(1), address(2), handle(200), "kept in use");
  for (std::uint8_t i = 0; i < 100; ++i) {
    table.opened(address(1), address(2), handle(i), "x");
    EXPECT_EQ(table.find(address(1), address(2), handle(200)), "kept in use");
    EXPECT_LE(table.size(), 10u);
  }
  EXPECT_EQ(table.find(address(1), address(2), handle(0)), "");
}

}  // namespace
}  // namespace rpcmarshal
