// [MS-DNSP]. The stubs marked Samba's were made by its encoder.
#include "catalogue/stub.h"

namespace rpcmarshal::catalogue::test {
namespace {

// dnscmd dc1 /config /serverlevelplugindll \\10.0.0.9\s\x.dll (stub: Samba's).
TEST(Dnsp, ServerLevelPluginDll) {
  const Decoded d = decode("DnsServer.R_DnssrvOperation2", Half::kRequest, hex(R"(
      0000070000000000 00000200 040000000000000004000000 6400630031000000 00000000 00000000
      04000200 150000000000000015000000 5365727665724c6576656c506c7567696e446c6c00 000000
      0300000003000000 08000200 130000000000000013000000
      5c005c00310030002e0030002e0030002e0039005c0073005c0078002e0064006c006c000000)"));
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pwszServerName"]), "\"dc1\"");
  EXPECT_EQ(show(d["pszZone"]), "null");
  EXPECT_EQ(show(d["pszOperation"]), "\"ServerLevelPluginDll\"");
  EXPECT_EQ(show(d["pData"]), "<3 WideString:\"\\\\10.0.0.9\\s\\x.dll\">");
}

// A record "wpad A 10.0.0.9" is added (stub: Samba's).
TEST(Dnsp, RecordIsAdded) {
  const Decoded d = decode("DnsServer.R_DnssrvUpdateRecord2", Half::kRequest, hex(R"(
      0000070000000000 00000200 040000000000000004000000 6400630031000000
      04000200 0d000000000000000d000000 636f72702e6578616d706c6500 000000
      050000000000000005000000 7770616400 000000
      08000200 04000000 0400 0100 00000000 01000000 b4000000 00000000 00000000 0a000009
      00000000)"));
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pszNodeName"]), "\"wpad\"");
  EXPECT_EQ(show(d["pAddRecord"]),
            "{wDataLength:4,wType:1,dwFlags:0,dwSerial:1,dwTtlSeconds:180,dwTimeStamp:0,"
            "dwReserved:0,Buffer:x0a000009}");
  EXPECT_EQ(show(d["pDeleteRecord"]), "null");
}

// A list of pointers to zones inside the union (stub: Samba's).
TEST(Dnsp, ZonesAreListed) {
  const Decoded d = decode("DnsServer.R_DnssrvComplexOperation2", Half::kResponse, hex(R"(
      1b0000001b000000 00000200 02000000 01000000 00000000 02000000 0400020008000200
      01000000 00000000 0c000200 90000000 01320000 16000000 10000200
      0d000000000000000d000000 63006f00720070002e006500780061006d0070006c0065000000 0000
      0f000000000000000f000000 442e636f72702e6578616d706c6500 00
      01000000 00000000 14000200 08000000 00320000 16000000 18000200
      020000000000000002000000 2e000000
      0f000000000000000f000000 442e636f72702e6578616d706c6500 00 00000000)"));
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pdwTypeOut"]), "27");
  EXPECT_EQ(show(d["ppDataOut"]),
            "<27 ZoneList:{dwRpcStructureVersion:1,dwReserved0:0,dwZoneCount:2,ZoneArray:["
            "{dwRpcStructureVersion:1,dwReserved0:0,pszZoneName:\"corp.example\",Flags:144,"
            "ZoneType:1,Version:50,dwDpFlags:22,pszDpFqdn:\"D.corp.example\"},"
            "{dwRpcStructureVersion:1,dwReserved0:0,pszZoneName:\".\",Flags:8,ZoneType:0,"
            "Version:50,dwDpFlags:22,pszDpFqdn:\"D.corp.example\"}]}>");
}

// The largest structure: every pointer comes after all of its numbers (stub: Samba's).
TEST(Dnsp, ZoneInformation) {
  const Decoded d = decode("DnsServer.R_DnssrvQuery2", Half::kResponse, hex(R"(
      2400000024000000 00000200 0200000000000000 04000200 01000000 00000000 02000000
      000000000000000000000000 00000000 00000000 08000200 0000000000000000 0000000000000000
      0000000000000000 00000000000000000000000000000000 00000000 0000000000000000 00000000
      00000000 00000000 0c000200 0000000000000000 0000000000000000 00000000 00000000 05000000
      0d000000000000000d000000 636f72702e6578616d706c6500 000000
      01000000 01000000 01000000 00000000 0200 0000 00000000 00000000 00000000 00000000
      02000035 0a000001 000000000000000000000000 000000000000000000000000
      0000000000000000000000000000000000000000000000000000000000000000
      100000000000000010000000
      440043003d0063006f00720070002e006500780061006d0070006c0065000000 00000000)"));
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ppData.ZoneInfo.pszZoneName"]), "\"corp.example\"");
  EXPECT_EQ(show(d["ppData.ZoneInfo.fAllowUpdate"]), "2");
  EXPECT_EQ(show(d["ppData.ZoneInfo.pwszZoneDn"]), "\"DC=corp.example\"");
  EXPECT_EQ(show(d["ppData.ZoneInfo.dwLastXfrResult"]), "5");
  EXPECT_EQ(show(d["ppData.ZoneInfo.aipMasters.AddrCount"]), "1");
  EXPECT_EQ(show(d["ppData.ZoneInfo.aipMasters.Family"]), "2");
}

// Counts of strings and a policy with its criteria: arrays of pointers to structures.
TEST(Dnsp, PolicyWithCriteria) {
  Wire w;
  w.u32(0).u32(0).u32(0).u32(0).u32(0).u32(0).u32(0).u32(0);  // version .. pszOperation
  w.u32(58).u32(58).u32(0x20000);
  w.u32(1);                                              // criteria
  w.u32(0x20004).u16(1).u16(0).u16(0).u16(1).u32(1);     // name, enumerations, enabled
  w.align(4).u32(1).u32(0x20008).u32(0x2000C).align(8);  // order, zone, content
  w.u64(0x11).u32(1).u32(0x20010).align(8);              // flags, criteria
  w.wstring(u"p").align(4).u32(2).u32(0).u32(2).raw(std::string_view("z\0", 2));
  w.align(4).u32(1).u32(1).u32(0x20014).u32(0x20018).u32(7).wstring(u"s");
  w.align(4).u16(4).align(4).u32(0x2001C).wstring(u"*.a");
  const Decoded d = decode("DnsServer.R_DnssrvOperation4", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pData"]),
            "<58 pPolicy:{pwszPolicyName:\"p\",level:1,appliesOn:0,action:0,condition:1,"
            "isEnabled:1,dwProcessingOrder:1,pszZoneName:\"z\",pContentList:{dwContentCount:1,"
            "pContent:[{pwszScopeName:\"s\",dwWeight:7}]},flags:17,dwCriteriaCount:1,"
            "pCriteriaList:[{type:4,pCriteria:\"*.a\"}]}>");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
