// [MS-GKDI], [MS-RAA] and the remote control of mimikatz.
#include "catalogue/stub.h"

namespace rpcmarshal::catalogue::test {
namespace {

Wire& handle(Wire& w) {
  w.u32(0);
  for (int i = 1; i <= 16; ++i) w.u8(static_cast<std::uint8_t>(i));
  return w;
}

TEST(Gkdi, KeyIsFetched) {
  Wire w;
  w.u32(4).u32(4).u32(0x80040001).u32(0x20000);
  w.guid(*Guid::parse("2e1b932a-4e21-ced3-0b7b-8815aff8335d")).u32(0xFFFFFFFF).u32(1).u32(2);
  const Decoded d = decode("ISDKey.GetKey", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pRootKeyID"]), "2e1b932a-4e21-ced3-0b7b-8815aff8335d");
  EXPECT_EQ(show(d["L0KeyID"]) + show(d["L2KeyID"]), "-12");

  Wire answer;
  answer.u32(4).u32(0x20000).u32(4).u8(1).u8(0).u8(0).u8(0).u32(0);
  const Decoded key = decode("ISDKey.GetKey", Half::kResponse, answer);
  EXPECT_TRUE(complete(key));
  EXPECT_EQ(key["ppbOut"].display().semantic, "secret");
}

TEST(Raa, ContextOfAUser) {
  Wire w;
  w.u32(0).u32(2).u8(1).u8(2).u8(0).u8(0).u8(0).u8(0).u8(0).u8(5).u32(32).u32(544);
  w.u32(0).u32(0).u32(0);
  const Decoded d = decode("authzr.AuthzrInitializeContextFromSid", Half::kRequest, w);
  EXPECT_TRUE(complete(d)) << show(d);
}

// Groups: a structure that ends in an array, behind the pointer of an arm.
TEST(Raa, GroupsOfAUser) {
  Wire w;
  w.u32(0x20000).u16(2).u16(2).u32(0x20004).u32(1).u32(1).u32(0x20008).u32(7);
  w.u32(1).u8(1).u8(1).u8(0).u8(0).u8(0).u8(0).u8(0).u8(5).u32(18).u32(0);
  const Decoded d = decode("authzr.AuthzGetInformationFromContext", Half::kResponse, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ppContextInformation.ContextInfoUnion"]),
            "<2 pTokenGroups:{GroupCount:1,Groups:[{Sid:x010100000000000512000000,"
            "Attributes:7}]}>");
}

// A claim with a number and one with text; the union's arms have different alignments.
TEST(Raa, ClaimsAreChanged) {
  Wire w;
  handle(w).u16(13).align(4).u32(1).u32(1).u16(2).align(4).u32(0x20000);
  w.u16(1).u16(0).u32(2).u32(0x20004).u32(2);
  w.u32(4).u32(0x20008).u16(1).u16(0).u32(0).u32(1).u32(0x2000C);
  w.u32(4).u32(0x20010).u16(3).u16(0).u32(0).u32(1).u32(0x20014);
  w.u32(4).u32(0).u32(4).text16(u"age").u16(0);
  w.u32(1).align(8).u16(1).u16(1).align(8).u64(42);
  w.u32(4).u32(0).u32(4).text16(u"job").u16(0);
  w.u32(1).align(8).u16(3).u16(3).align(8).u32(3).u32(0x20018);
  w.u32(3).u32(0).u32(3).text16(u"it").u16(0);
  const Decoded d = decode("authzr.AuthzrModifyClaims", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pClaims.Attributes.0.Values.0.AttributeUnion"]), "<1 Int64:42>");
  EXPECT_EQ(show(d["pClaims.Attributes.1.Values.0.AttributeUnion.String.Value"]), "\"it\"");
}

TEST(MimiCom, CommandIsSent) {
  Wire w;
  w.u32(0x6801).u32(4).u32(0x20000).u32(4).raw("abcd");
  const Decoded bound = decode("MimiCom.MimiBind", Half::kRequest, w);
  EXPECT_TRUE(complete(bound));
  EXPECT_EQ(show(bound["clientPublicKey"]),
            "{sessionType:26625,cbPublicKey:4,pbPublicKey:x61626364}");

  Wire command;
  handle(command).u32(3).u32(0x20000).u32(3).raw("xyz");
  const Decoded d = decode("MimiCom.MimiCommand", Half::kRequest, command);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["encCommand"]), "x78797a");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
