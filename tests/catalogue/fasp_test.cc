// [MS-FASP]: the stubs are written by hand after the structures of section 2.2.
#include "catalogue/builder.h"

namespace rpcmarshal::catalogue::test {
namespace {

/// FW_ADDRESSES without entries but for `v4_subnets` subnets.
Stub& addresses(Stub& s, std::uint32_t keywords, std::uint32_t v4_subnets = 0) {
  return s.number(keywords).number(keywords).list(v4_subnets).list(0).list(0).list(0);
}

// A rule that opens TCP 4444 for a program dropped in Users\Public, by version 2.10.
TEST(Fasp, RuleIsAdded) {
  Stub s;
  s.handle();
  s.null().word(0x020A).pointer().pointer().null();      // pNext .. wszDescription
  s.number(0x7FFFFFFF).word(1).word(6);                  // profiles, in, TCP
  s.word(6).align(4).word(0).list(1).word(0).list(0);    // the union: local and remote ports
  addresses(addresses(s, 0), 0, 1).list(0).number(0);    // addresses, interfaces
  s.pointer().null().word(3).word(1);                    // program, service, allow, active
  s.null().null().null().list(0);                        // authorised, context, platforms
  s.number(0x00010000).word(1).null().number(0).null();  // status, origin, GPO, metadata
  s.text(u"{A1}").text(u"Core Networking");
  s.number(1).word(4444).word(4444);                  // port range
  s.number(1).number(0x0A000000).number(0xFF000000);  // 10.0.0.0/8
  s.text(u"C:\\Users\\Public\\x.exe");
  const Decoded d = decode("RemoteFW.RRPC_FWAddFirewallRule2_10", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(d.result.mismatches, 0u);
  const ndr::Value rule = d["pRule"];
  EXPECT_EQ(show(rule.find("wszRuleId")), "\"{A1}\"");
  EXPECT_EQ(show(rule.find("wszName")), "\"Core Networking\"");
  EXPECT_EQ(show(rule.find("wszDescription")), "null");
  EXPECT_EQ(show(rule.find("IpProtocolData")),
            "<6 Ports:{LocalPorts:{wPortKeywords:0,Ports:{dwNumEntries:1,"
            "pPorts:[{wBegin:4444,wEnd:4444}]}},RemotePorts:{wPortKeywords:0,"
            "Ports:{dwNumEntries:0,pPorts:null}}}>");
  EXPECT_EQ(show(rule.find("RemoteAddresses.V4SubNets")),
            "{dwNumEntries:1,pSubNets:[{dwAddress:167772160,dwSubNetMask:4278190080}]}");
  EXPECT_EQ(show(rule.find("wszLocalApplication")), "\"C:\\Users\\Public\\x.exe\"");
  EXPECT_EQ(rule.find("wszLocalApplication").display().semantic, "path");
  EXPECT_EQ(show(rule.find("Action")), "3");
}

// Two rules in a list, the second for ICMPv6; version 2.0 has no metadata.
TEST(Fasp, RulesAreListed) {
  Stub s;
  s.number(2).pointer();  // pdwNumRules, *ppRules
  const auto rule = [&](bool more, std::uint16_t protocol) {
    (more ? s.pointer() : s.null()).word(0x0200).pointer().null().null();
    s.number(1).word(2).word(protocol).word(protocol);
    if (protocol == 58) {
      s.list(1);
    } else if (protocol != 2) {
      s.word(0).list(0).word(0).list(0);
    }
    addresses(addresses(s, 1), 0).list(0).number(0).null().pointer().word(2).word(0);
    s.null().null().null().list(0).number(0x00020000).word(2).pointer().number(0);
  };
  // pNext comes first among the pointers of a rule, so the second rule is inside the first.
  rule(true, 2);
  rule(false, 58);
  s.text(u"second").number(1);
  s.byte(135).word(256);
  s.text(u"dnscache").text(u"Default Domain Policy");
  s.text(u"first").text(u"mpssvc").text(u"other");
  s.number(0);  // result
  const Decoded d = decode("RemoteFW.RRPC_FWEnumFirewallRules", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(d.result.mismatches, 0u);
  const ndr::Value first = d["ppRules"], second = first.find("pNext");
  EXPECT_EQ(show(first.find("wszRuleId")), "\"first\"");
  EXPECT_EQ(show(first.find("IpProtocolData")), "<2>");
  EXPECT_EQ(show(first.find("wszLocalService")), "\"mpssvc\"");
  EXPECT_EQ(show(second.find("wszRuleId")), "\"second\"");
  EXPECT_EQ(show(second.find("IpProtocolData")),
            "<58 V6TypeCodeList:{dwNumEntries:1,pEntries:[{bType:135,wCode:256}]}>");
  EXPECT_EQ(show(second.find("wszGPOName")), "\"Default Domain Policy\"");
}

// The newest rule keeps the order in which the versions added fields.
TEST(Fasp, NewestRuleHasTheFieldsOfAllVersions) {
  Stub s;
  s.handle();
  s.null().word(0x0221).pointer().null().null().number(1).word(1).word(17);
  s.word(17).align(4).word(2).list(0).word(0).list(0);
  addresses(addresses(s, 0), 0).list(0).number(0);
  s.null().null().word(3).word(1).null().null().null().list(0);
  s.number(0x00010000).word(1).null().number(1).pointer();  // with metadata
  s.null().null().pointer().number(0x40);                   // 2.20: owner, trust tuples
  s.list(2).null();                                         // 2.24: network names
  s.word(4);                                                // 2.25
  s.list(0);                                                // 2.26
  s.null().number(7);                                       // 2.27
  s.guid("11111111-2222-3333-4444-555555555555");
  s.list(1);     // 2.31
  s.pointer();   // 2.33
  s.text(u"r");  // rule id
  s.number(1);   // pMetaData: an array of one, aligned for its 64-bit number
  s.wide(0x1234).number(1);
  s.pointer();
  s.number(1).word(1);    // its states
  s.text(u"S-1-5-21-1");  // owner
  s.number(2).pointer().pointer().text(u"corp").text(u"home");
  s.number(1);
  s.guid("66666666-7777-8888-9999-aaaaaaaaaaaa");
  s.text(u"Contoso.App_1");
  const Decoded d = decode("RemoteFW.RRPC_FWSetFirewallRule2_33", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(d.result.mismatches, 0u);
  const ndr::Value rule = d["pRule"];
  EXPECT_EQ(show(rule.find("pMetaData")),
            "[{qwFilterContextID:4660,dwNumEntries:1,pEnforcementStates:[1]}]");
  EXPECT_EQ(show(rule.find("wszLocalUserOwner")), "\"S-1-5-21-1\"");
  EXPECT_EQ(show(rule.find("OnNetworkNames")), "{dwNumEntries:2,wszNames:[\"corp\",\"home\"]}");
  EXPECT_EQ(show(rule.find("compartmentId")), "7");
  EXPECT_EQ(show(rule.find("RemoteDynamicKeywordAddresses")),
            "{dwNumIds:1,ids:[66666666-7777-8888-9999-aaaaaaaaaaaa]}");
  EXPECT_EQ(show(rule.find("wszPackageFamilyName")), "\"Contoso.App_1\"");
}

// FW_PROFILE_CONFIG_ENABLE_FW = 0: the firewall of a profile is turned off.
TEST(Fasp, FirewallIsTurnedOff) {
  Stub s;
  s.handle().word(1).number(1).word(1).pointer().number(0).number(4);
  const Decoded d = decode("RemoteFW.RRPC_FWSetConfig", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["configID"]), "1");
  EXPECT_EQ(show(d["Profile"]), "1");
  EXPECT_EQ(show(d["pConfig"]), "<1 pdwVal:0>");
}

// A preshared key is a secret; certificates carry criteria since 2.20.
TEST(Fasp, AuthenticationSets) {
  Stub s;
  s.handle().null().word(0x0214).word(1).pointer().null().null().null().list(2);
  s.word(1).null().number(0x00010000).number(0);
  s.text(u"{set}").number(2);
  s.word(3).word(0).word(3).pointer();
  s.word(5).word(8).word(5).pointer().pointer();
  s.text(u"hunter2").text(u"CN=Contoso CA");
  s.word(0x0214).word(1).word(0).word(1).pointer().list(1).null();
  s.text(u"vpn.contoso.com").number(1).pointer();
  s.narrow("1.3.6.1");
  const Decoded d = decode("RemoteFW.RRPC_FWAddAuthenticationSet2_20", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pAuth.pSuites"]),
            "[{Method:3,wFlags:0,AuthSuite:<3 SHKey:{wszSHKey:\"hunter2\"}>},"
            "{Method:5,wFlags:8,AuthSuite:<5 Cert:{wszCAName:\"CN=Contoso CA\","
            "pCertCriteria:{wSchemaVersion:532,wFlags:1,CertCriteriaType:0,NameType:1,"
            "wszName:\"vpn.contoso.com\",dwNumEku:1,ppEku:[\"1.3.6.1\"],wszHash:null}}>}]");
  EXPECT_EQ(d["pAuth.pSuites.0.AuthSuite.SHKey.wszSHKey"].display().semantic, "secret");
}

// (program is svchost.exe and port is 445) or (filter is 77). A condition may hold a 64-bit number,
// so each is aligned to 8,
// and so is the value within.
TEST(Fasp, QueryIsAndsWithinOrs) {
  Stub s;
  s.handle().word(0x020A).list(2).number(0x00010000);
  s.number(2).list(2).list(1);
  s.number(2);
  s.align(8).word(4).word(1).align(8).word(5).word(5).pointer();
  s.align(8).word(6).word(1).align(8).word(2).word(2).word(445);
  s.text(u"svchost.exe");
  s.number(1);
  s.align(8).word(3).word(1).align(8).word(4).word(4).wide(77);
  s.word(0x40);  // wFlags
  const Decoded d = decode("RemoteFW.RRPC_FWQueryFirewallRules2_20", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pQuery.ORConditions"]),
            "[{dwNumEntries:2,AndedConditions:["
            "{matchKey:4,matchType:1,matchValue:{type:5,value:<5 UnicodeString:"
            "{wszString:\"svchost.exe\"}>}},"
            "{matchKey:6,matchType:1,matchValue:{type:2,value:<2 uInt16:445>}}]},"
            "{dwNumEntries:1,AndedConditions:["
            "{matchKey:3,matchType:1,matchValue:{type:4,value:<4 uInt64:77>}}]}]");
  EXPECT_EQ(show(d["wFlags"]), "64");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
