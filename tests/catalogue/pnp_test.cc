// The Plug and Play Manager (undocumented): what is known of it, as others publish it.
#include "catalogue/stub.h"

namespace rpcmarshal::catalogue::test {
namespace {

TEST(Pnp, DevicesAreListed) {
  Wire ask;
  ask.u32(0x20000).wstring(u"Netman").align(4).u32(64).u32(2);
  const Decoded request = decode("pnp.PNP_GetDeviceList", Half::kRequest, ask);
  EXPECT_TRUE(complete(request));
  EXPECT_EQ(show(request["pszFilter"]) + show(request["pulLength"]), "\"Netman\"64");

  Wire answer;
  answer.u32(6).u32(0).u32(6).text16(std::u16string_view(u"A\\1\0\0", 5)).u16(0).u32(6).u32(0);
  const Decoded response = decode("pnp.PNP_GetDeviceList", Half::kResponse, answer);
  EXPECT_TRUE(complete(response));
  EXPECT_EQ(show(response["pulLength"]), "6");
}

// An upper filter for a device.
TEST(Pnp, DevicePropertyIsSet) {
  Wire w;
  w.wstring(u"ROOT\\X\\0000").align(4).u32(18).u32(7).u32(8).text16(u"evil").u32(8).u32(0);
  const Decoded d = decode("pnp.PNP_SetDeviceRegProp", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pDeviceId"]), "\"ROOT\\X\\0000\"");
  EXPECT_EQ(show(d["ulProperty"]) + " " + show(d["ulDataType"]), "18 7");
}

TEST(Pnp, NamesOfVetoAndProfile) {
  Wire w;
  w.u32(2).wstring(u"D").align(4).u32(0).u32(5).u32(0x20000).u16(6).align(4).u32(0x20004);
  w.u32(8).u32(0).u32(3).text16(u"XY").u16(0).align(4).u32(8).u32(0);
  const Decoded d = decode("pnp.PNP_HwProfFlags", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pVetoType"]) + show(d["pszVetoName"]), "6\"XY\"");

  Wire profile;
  std::u16string name = u"Docked";
  name.resize(80);
  profile.u32(1).text16(name).u32(0).u32(0);
  const Decoded answer = decode("pnp.PNP_GetHwProfInfo", Half::kResponse, profile);
  EXPECT_TRUE(complete(answer));
  EXPECT_EQ(show(answer["pHWProfileInfo.HWPI_szFriendlyName"]), "\"Docked\"");
}

// What the worm called, before it overflowed the resource data.
TEST(Pnp, ResourceConflictQuery) {
  Wire w;
  w.wstring(u"HTREE\\ROOT\\0").align(4).u32(0xFFFF).u32(4).u8(1).u8(2).u8(3).u8(4).u32(4);
  w.u32(16).u32(0);
  const Decoded d = decode("pnp.PNP_QueryResConfList", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ResourceData"]), "x01020304");
  EXPECT_EQ(show(d["ResourceID"]), "65535");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
