#include "capture/decap.h"

#include <gtest/gtest.h>

#include "capture/frames.h"

namespace rpcmarshal {
namespace {

using namespace test;
using Result = Decapsulator::Result;

const std::string kSegment = tcp(4000, 445, 7, 9, 0x18, "payload");

std::string parsed(Decapsulator& decap, const RawPacket& packet) {
  TransportPacket out;
  Result result = decap.parse(packet, out);
  if (result == Result::kNothing) return "";
  return std::string(result == Result::kTcp ? "tcp " : "udp ") + out.source.to_string() + " " +
         out.destination.to_string() + " " + std::string(as_text(out.payload));
}
std::string parsed(const std::string& frame, int link_type = 1) {
  Decapsulator decap;
  return parsed(decap, raw(frame, link_type));
}

const char kExpected[] = "tcp 10.0.0.1:4000 10.0.0.2:445 payload";

TEST(Decap, LinkTypes) {
  std::string ip = ipv4(1, 2, 6, kSegment);
  EXPECT_EQ(parsed(ethernet(0x0800, ip)), kExpected);
  EXPECT_EQ(parsed(ethernet(0x0800, ip) + std::string(10, '\0')), kExpected);  // padding
  EXPECT_EQ(parsed(ethernet(0x8100, be16(5) + be16(0x0800) + ip)), kExpected);
  EXPECT_EQ(parsed(ethernet(0x88a8, be16(5) + be16(0x8100) + be16(6) + be16(0x0800) + ip)),
            kExpected);
  EXPECT_EQ(parsed(ethernet(0x8847, be32(0x00010000) + be32(0x00020100) + ip)), kExpected);
  EXPECT_EQ(parsed(ethernet(0x8864, std::string("\x11\0\0\1\0\0\0\x21", 8) + ip)), kExpected);
  EXPECT_EQ(parsed(std::string(14, '\0') + be16(0x0800) + ip, 113), kExpected);
  EXPECT_EQ(parsed(be16(0x0800) + std::string(18, '\0') + ip, 276), kExpected);
  EXPECT_EQ(parsed(ip, 12), kExpected);
  EXPECT_EQ(parsed(ip, 228), kExpected);
  EXPECT_EQ(parsed(le32(2) + ip, 0), kExpected);
  EXPECT_EQ(parsed(be32(2) + ip, 108), kExpected);
  EXPECT_EQ(parsed(std::string("\xff\x03\x00\x21", 4) + ip, 9), kExpected);
  EXPECT_EQ(
      parsed(std::string(12, 2) + be16(100) + std::string("\xaa\xaa\x03\0\0\0\x08\0", 8) + ip),
      kExpected);
}

TEST(Decap, Tunnels) {
  std::string ip = ipv4(1, 2, 6, kSegment);
  EXPECT_EQ(parsed(ipv4(8, 9, 4, ip), 12), kExpected);
  EXPECT_EQ(parsed(ipv4(8, 9, 47, be16(0) + be16(0x0800) + ip), 12), kExpected);
  EXPECT_EQ(parsed(ipv4(8, 9, 47,
                        be16(0x3000) + be16(0x88be) + be32(1) + be32(2) + std::string(8, 'e') +
                            ethernet(0x0800, ip)),
                   12),
            kExpected);
  EXPECT_EQ(
      parsed(ipv4(8, 9, 17,
                  udp(1234, 4789, std::string("\x08\0\0\0\0\0\x01\0", 8) + ethernet(0x0800, ip))),
             12),
      kExpected);
}

TEST(Decap, Ipv6WithExtensionHeaders) {
  const char* expected = "tcp [fd00::1]:4000 [fd00::2]:445 payload";
  EXPECT_EQ(parsed(ethernet(0x86dd, ipv6(1, 2, 6, kSegment))), expected);
  std::string hop = std::string("\x3c\0\1\4\0\0\0\0", 8);  // then destination options
  std::string destination = std::string("\x06\1", 2) + std::string(14, '\0');
  EXPECT_EQ(parsed(ethernet(0x86dd, ipv6(1, 2, 0, hop + destination + kSegment))), expected);
}

TEST(Decap, Ipv4FragmentsInAnyOrder) {
  std::string whole = udp(5000, 135, std::string(40, 'a') + std::string(21, 'b'));
  std::string parts[3] = {
      ipv4(1, 2, 17, whole.substr(0, 24), 77, 0x2000),
      ipv4(1, 2, 17, whole.substr(24, 24), 77, 0x2000 | 3),
      ipv4(1, 2, 17, whole.substr(48), 77, 6),
  };
  int orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
  for (auto& order : orders) {
    Decapsulator decap;
    EXPECT_EQ(parsed(decap, raw(parts[order[0]], 12)), "");
    EXPECT_EQ(parsed(decap, raw(parts[order[1]], 12)), "");
    EXPECT_EQ(parsed(decap, raw(parts[order[2]], 12)),
              "udp 10.0.0.1:5000 10.0.0.2:135 " + whole.substr(8));
    EXPECT_EQ(decap.statistics().reassembled, 1u);
    EXPECT_EQ(decap.statistics().fragment_overlaps, 0u);
  }
}

TEST(Decap, OverlappingFragmentsKeepTheFirst) {
  std::string whole = udp(5000, 135, "0123456789abcdef");
  Decapsulator decap;
  parsed(decap, raw(ipv4(1, 2, 17, whole.substr(0, 16), 5, 0x2000), 12));
  parsed(decap, raw(ipv4(1, 2, 17, "EVILEVIL", 5, 0x2000 | 1), 12));
  EXPECT_EQ(parsed(decap, raw(ipv4(1, 2, 17, whole.substr(16), 5, 2), 12)),
            "udp 10.0.0.1:5000 10.0.0.2:135 0123456789abcdef");
  EXPECT_EQ(decap.statistics().fragment_overlaps, 1u);
}

TEST(Decap, Ipv6Fragments) {
  std::string whole = tcp(4000, 445, 1, 1, 16, "0123456789abcdef");
  auto part = [&](unsigned offset, bool more, std::string_view data) {
    return ipv6(
        1, 2, 44,
        std::string("\x06\0", 2) + be16(offset | (more ? 1 : 0)) + be32(99) + std::string(data));
  };
  Decapsulator decap;
  EXPECT_EQ(parsed(decap, raw(part(24, false, std::string_view(whole).substr(24)), 229)), "");
  EXPECT_EQ(parsed(decap, raw(part(0, true, std::string_view(whole).substr(0, 24)), 229)),
            "tcp [fd00::1]:4000 [fd00::2]:445 0123456789abcdef");
}

TEST(Decap, EndlessFragmentsAreBounded) {
  Decapsulator decap;
  std::string big(60000, 'x');
  for (unsigned id = 0; id < 3000; ++id)
    parsed(decap, raw(ipv4(1, 2, 17, std::string_view(big).substr(0, 59992), id, 0x2000), 12));
  EXPECT_GT(decap.statistics().fragments_dropped, 2000u);
}

TEST(Decap, ASnapLengthCutLeavesTheRealLength) {
  std::string frame = ethernet(0x0800, ipv4(1, 2, 6, kSegment));
  RawPacket packet = raw(frame);
  packet.data = packet.data.first(frame.size() - 3);
  Decapsulator decap;
  TransportPacket out;
  ASSERT_EQ(decap.parse(packet, out), Result::kTcp);
  EXPECT_EQ(as_text(out.payload), "payl");
  EXPECT_EQ(out.payload_length, 7u);
  EXPECT_EQ(decap.statistics().cut, 1u);
  // The same bytes without a cut contradict the IP length, and are refused as a receiver does.
  EXPECT_EQ(parsed(frame.substr(0, frame.size() - 3)), "");
}

TEST(Decap, SegmentationOffloadLeavesLengthZero) {
  std::string ip = ipv4(1, 2, 6, kSegment);
  ip[2] = ip[3] = 0;
  EXPECT_EQ(parsed(ip, 12), kExpected);
}

TEST(Decap, EveryTruncationIsSafe) {
  std::string frames[] = {
      ethernet(0x8100, be16(5) + be16(0x0800) + ipv4(1, 2, 6, kSegment)),
      ethernet(0x86dd, ipv6(1, 2, 0, std::string("\x06\0\1\4\0\0\0\0", 8) + kSegment)),
      ethernet(0x0800,
               ipv4(8, 9, 47, be16(0x2000) + be16(0x0800) + be32(1) + ipv4(1, 2, 6, kSegment)))};
  for (const std::string& frame : frames) {
    for (std::size_t size = 0; size < frame.size(); ++size) {
      std::string cut = frame.substr(0, size);  // its own allocation: the sanitizer sees overreads
      EXPECT_EQ(parsed(cut), "") << size;
    }
  }
}

TEST(Decap, NestingIsBounded) {
  std::string ip = ipv4(1, 2, 6, kSegment);
  for (int i = 0; i < 100; ++i) ip = ipv4(1, 2, 4, ip);
  EXPECT_EQ(parsed(ip, 12), "");
}

}  // namespace
}  // namespace rpcmarshal
