// How values look in events: the built-in interfaces' own notation for them.
#include <gtest/gtest.h>

#include "sensor/traffic.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

SeenEvent call(const SyntaxId& interface, unsigned opnum, const std::string& in,
               const std::string& out, ByteOrder order = ByteOrder::kLittle) {
  PduOptions options;
  options.order = order;
  Net net;
  Tcp tcp(net, 4, 50000, 2, 49700);
  tcp.c(bind(1, {{0, interface, {kNdr20}}})).s(bind_ack(1, {{0, 0, kNdr20}}));
  tcp.c(request(2, 0, static_cast<std::uint16_t>(opnum), in, options))
      .s(response(2, 0, out, options));
  net.sensor.finish();
  return net.events.empty() ? SeenEvent{} : net.events.back();
}

TEST(Shown, InternetAddressesKeptAsIntegers) {
  const SyntaxId dhcp{*Guid::parse("6bffd098-a112-3610-9833-46c3f874532d"), 1, 0};
  const SyntaxId sessions{*Guid::parse("bde95fdf-eee0-45de-9e12-e5a61cd0d4fe"), 1, 0};
  for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    // R_DhcpGetSubnetInfo, of a subnet in the notation of the document.
    const SeenEvent subnet = call(dhcp, 2, integer(0, 4, order) + integer(0x0a000500, 4, order),
                                  integer(0, 4, order) + integer(0, 4, order), order);
    EXPECT_TRUE(subnet.has(R"("SubnetAddress":"10.0.5.0")")) << subnet.json;
  }
  // RpcGetRemoteAddress: network byte order.
  const SeenEvent remote =
      call(sessions, 4, integer(3, 4),
           integer(2, 2) + std::string(2, '\0') + integer(2, 2) + std::string(2, '\0') + "\x0a" +
               std::string("\0\0\x05", 3) + std::string(8, '\0') + integer(0, 4));
  EXPECT_TRUE(remote.has(R"("in_addr":"10.0.0.5")")) << remote.json;
}

}  // namespace
}  // namespace rpcmarshal
