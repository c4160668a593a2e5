// DNS records inside the calls that manage a DNS server.
#include "blobs/dns_record.h"

#include "blobs/helpers.h"

namespace rpcmarshal::blobs {
namespace {

using test::from_hex;
using test::shown;

std::string record(std::uint16_t type, std::string_view hex) {
  const std::string octets = from_hex(hex);
  const auto item = parse_dns_record(type, as_bytes(std::string_view(octets)));
  return item ? summarise_dns_record(*item) : "nothing";
}

TEST(DnsRecord, AddressesAndNames) {
  EXPECT_EQ(record(1, "0a000009"), "A 10.0.0.9");
  EXPECT_EQ(record(28, "20010db8000000000000000000000001"), "AAAA 2001:db8::1");
  EXPECT_EQ(record(28, "00000000000000000000000000000000"), "AAAA ::");
  EXPECT_EQ(record(28, "fe800001000200030004000500060007"), "AAAA fe80:1:2:3:4:5:6:7");
  EXPECT_EQ(record(5, "0461622e63"), "CNAME ab.c");
  EXPECT_EQ(record(15, "0a00046d782e61"), "MX 10 mx.a");
  EXPECT_EQ(record(33, "0000640085010464633130"), "SRV 0 100 389 dc10");
  EXPECT_EQ(record(16, "02686902796f"), "TXT \"hi\" \"yo\"");
  EXPECT_EQ(record(0xFF01, "00000000020000008403000001000000c0a80001"), "WINS 192.168.0.1");
}

TEST(DnsRecord, StartOfAuthority) {
  EXPECT_EQ(record(6,
                   "01000000"
                   "84030000"
                   "58020000"
                   "80510100"
                   "100e0000"
                   "036e732e"
                   "0361632e"),
            "SOA ns. ac. 1 900 600 86400 3600");
}

// Bytes that are no text, and types whose data is not shown.
TEST(DnsRecord, OtherData) {
  EXPECT_EQ(record(2, "0361ff5c"), "NS a\\255\\");
  EXPECT_EQ(record(48, "00010203"), "DNSKEY");
  EXPECT_EQ(record(4711, ""), "TYPE4711");
}

TEST(DnsRecord, DamagedDataIsNothing) {
  EXPECT_EQ(record(1, "0a0000"), "nothing");
  EXPECT_EQ(record(28, "2001"), "nothing");
  EXPECT_EQ(record(12, "0561"), "nothing");
  EXPECT_EQ(record(16, "026869ff"), "nothing");
  EXPECT_EQ(record(0xFF01, "000000000200000084030000ffffffff"), "nothing");
}

// Two nodes: the first with two records, the second damaged half way.
constexpr std::string_view kNodes =
    "14000200"
    "00000000"
    "01000000"
    "0477706164"
    "000000"
    "04000100"
    "00000000"
    "01000000"
    "b4000000"
    "00000000"
    "00000000"
    "0a000009"
    "05000500"
    "00000000"
    "01000000"
    "b4000000"
    "00000000"
    "00000000"
    "0461622e63"
    "000000"
    "10000100"
    "00000000"
    "00000000"
    "036463"
    "31";

TEST(DnsRecord, NodesOfAZone) {
  const std::string octets = from_hex(kNodes);
  const auto nodes = parse_dns_nodes(as_bytes(std::string_view(octets)));
  ASSERT_TRUE(nodes);
  EXPECT_EQ(shown(*nodes),
            "{nodes=[{name=wpad children=1 records=[{type=A data=10.0.0.9 ttl=180}, "
            "{type=CNAME data=ab.c ttl=180}]}, {name=dc1 children=0}]}");
  EXPECT_EQ(summarise_dns_nodes(*nodes), "2 names, 2 records, first wpad A 10.0.0.9");
}

TEST(DnsRecord, EveryTruncationIsHarmless) {
  const std::string octets = from_hex(kNodes);
  for (std::size_t n = 0; n < octets.size(); ++n) {
    const std::string cut = octets.substr(0, n);
    const auto nodes = parse_dns_nodes(as_bytes(std::string_view(cut)));
    if (nodes) {
      EXPECT_LE(nodes->find("nodes")->items.size(), 2u);
    }
    for (const std::uint16_t type : {1, 6, 15, 16, 28, 33, 0xFF01, 0xFF02})
      parse_dns_record(type, as_bytes(std::string_view(cut)));
  }
}

// A node that says it is shorter than its own name, or empty, ends the list instead of looping.
TEST(DnsRecord, LengthsThatLie) {
  const std::string octets = from_hex(
      "00000000"
      "00000000"
      "00000000"
      "0477706164");
  EXPECT_FALSE(parse_dns_nodes(as_bytes(std::string_view(octets))));
}

}  // namespace
}  // namespace rpcmarshal::blobs
