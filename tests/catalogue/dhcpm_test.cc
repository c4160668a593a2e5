// [MS-DHCPM]: stubs by hand after the structures of section 2.2.1.2.
#include "catalogue/stub.h"

namespace rpcmarshal::catalogue::test {
namespace {

// Clients of 10.1.0.0 shall ask 10.0.0.9 for names.
TEST(Dhcpm, OptionValueForAScope) {
  Wire w;
  w.u32(0x20000).wstring(u"10.0.0.1").align(4);
  w.u32(0).u32(6).u32(0).u32(0);  // flags, option 6, class, vendor
  w.u16(2).u16(2).align(4);       // scope: a subnet; discriminants are 16 bits
  w.u32(0x0A010000);              //
  w.u32(1).u32(0x20004).u32(1);   // one element
  w.u16(4).u16(4).align(4).u32(0x0A000009);
  const Decoded d = decode("dhcpsrv2.R_DhcpSetOptionValueV5", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["OptionId"]), "6");
  EXPECT_EQ(show(d["ScopeInfo"]), "{ScopeType:2,ScopeInfo:<2 SubnetScopeInfo:167837696>}");
  EXPECT_EQ(show(d["OptionValue"]),
            "{NumElements:1,Elements:[{OptionType:4,Element:<4 IpAddressOption:167772169>}]}");
}

// The scope "all of the server" carries nothing; text options are pointers behind the array.
TEST(Dhcpm, TextOptionForTheServer) {
  Wire w;
  w.u32(0).u32(252);
  w.u16(1).u16(1).align(4);
  w.u32(1).u32(0x20004).u32(1).u16(5).u16(5).align(4).u32(0x20008);
  w.wstring(u"http://x/wpad.dat");
  const Decoded d = decode("dhcpsrv.R_DhcpSetOptionValue", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ScopeInfo"]), "{ScopeType:1,ScopeInfo:<1>}");
  EXPECT_EQ(show(d["OptionValue"]),
            "{NumElements:1,Elements:[{OptionType:5,Element:<5 StringDataOption:"
            "\"http://x/wpad.dat\">}]}");
}

// A range for BOOTP clients only has type 7 and travels under the discriminant of all ranges.
TEST(Dhcpm, RangesShareAnArm) {
  Wire w;
  w.u32(0x20000).u32(2).u32(0x20004).u32(2);
  w.u16(7).u16(0).align(4).u32(0x20008);
  w.u16(2).u16(2).align(4).u32(0x2000C);
  w.u32(0x0A010001).u32(0x0A0100FE).u32(0).u32(5);
  w.u32(0x0A010005).u32(0x20010).u8(1).align(4).u32(2).u32(0x20014).u32(2).u8(0xAB).u8(0xCD);
  w.align(4).u32(2).u32(2).u32(0);
  Wire whole;
  whole.u32(0);  // resume handle
  for (const std::byte b : w.bytes()) whole.u8(std::to_integer<std::uint8_t>(b));
  const Decoded d = decode("dhcpsrv2.R_DhcpEnumSubnetElementsV5", Half::kResponse, whole);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["EnumElementInfo.Elements"]),
            "[{ElementType:7,Element:<0 IpRange:{StartAddress:167837697,EndAddress:167837950,"
            "BootpAllocated:0,MaxBootpAllowed:5}>},"
            "{ElementType:2,Element:<2 ReservedIp:{ReservedIpAddress:167837701,"
            "ReservedForClient:{DataLength:2,Data:xabcd},bAllowedClientTypes:1}>}]");
  EXPECT_EQ(show(d["ElementsRead"]), "2");
}

// The account that registers names. A pointer to a pointer to text names a multicast scope.
TEST(Dhcpm, CredentialsAndNamesOfScopes) {
  Wire w;
  w.u32(0).u32(0x20000).wstring(u"svc").align(4).u32(0x20004).wstring(u"CORP").align(4);
  w.u32(0x20008).wstring(u"pw1");
  const Decoded d = decode("dhcpsrv2.R_DhcpSetDnsRegCredentials", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["Uname"]) + show(d["Domain"]), "\"svc\"\"CORP\"");
  EXPECT_EQ(d["Passwd"].display().semantic, "secret");

  Wire m;
  m.u32(0).u32(0x20000).wstring(u"video").align(4).u16(1);
  const Decoded deleted = decode("dhcpsrv2.R_DhcpDeleteMScope", Half::kRequest, m);
  EXPECT_TRUE(complete(deleted));
  EXPECT_EQ(show(deleted["MScopeName"]), "\"video\"");
  EXPECT_EQ(show(deleted["ForceFlag"]), "1");
}

// Leases are an array of pointers; times are 64-bit counts in halves.
TEST(Dhcpm, LeasesOfASubnet) {
  Wire w;
  w.u32(0x0A010007).u32(0x20000).u32(1).u32(0x20004).u32(1).u32(0x20008);
  w.u32(0x0A010007).u32(0xFFFFFF00).u32(6).u32(0x2000C).u32(0x20010).u32(0);
  w.u32(0xD53E8000).u32(0x019DB1DE).u32(0x0A000001).u32(0).u32(0).u8(1).u8(1);
  w.align(4).u32(6).raw(std::string_view("\x00\x0c\x29\x01\x02\x03", 6)).align(4);
  w.wstring(u"ws7.corp").align(4).u32(1).u32(1).u32(0);
  const Decoded d = decode("dhcpsrv2.R_DhcpEnumSubnetClientsV5", Half::kResponse, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ClientInfo.Clients.0.ClientName"]), "\"ws7.corp\"");
  EXPECT_EQ(show(d["ClientInfo.Clients.0.ClientHardwareAddress.Data"]), "x000c29010203");
  EXPECT_EQ(show(d["ClientInfo.Clients.0.ClientLeaseExpires"]), "t116444736000000000");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
