// Interfaces that no protocol document gives: of COM, of WMI's logon, of Samba's metadata search.
#include "catalogue/builder.h"

namespace rpcmarshal::catalogue::test {
namespace {

// IUnknown's three slots come first, also where a table of names counts from the first own one.
TEST(Com, ObjectIsMade) {
  Stub s;
  s.orpcthis().guid("00020400-0000-0000-c000-000000000046");
  const Decoded d = decode("IClassFactory.RemoteCreateInstance", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["riid"]), "00020400-0000-0000-c000-000000000046");
  EXPECT_EQ(interfaces().find_by_name("IClassFactory")->find(3)->name, "RemoteCreateInstance");
}

TEST(Com, WmiClientSaysWhoItIs) {
  Stub s;
  s.orpcthis().pointer().text(u"WS1").pointer().text(u"ws1.corp.example").number(3660);
  s.wide(0x01D6806CA615E314).number(0);
  const Decoded d = decode("IWbemLoginClientIDEx.SetClientInfo", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["wszClientMachineFqdn"]), "\"ws1.corp.example\"");
  EXPECT_EQ(show(d["lClientProcId"]), "3660");
}

TEST(Mdssvc, ShareIsOpenedAndSearched) {
  Stub s;
  s.numbers({0x2F000045, 23, 0, 1025, 0, 3}).raw(std::string_view("/m", 3));
  s.numbers({1025, 0, 5}).raw(std::string_view("docs", 5));
  const Decoded opened = decode("mdssvc.mdssvc_open", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(opened)) << show(opened);
  EXPECT_EQ(show(opened["share_name"]), "\"docs\"");

  Stub c;
  c.handle().numbers({0, 0x2F000045, 23, 0, 0x6B000001, 4, 8}).pointer();
  c.numbers({8, 0, 4}).raw("4321").numbers({0, 65536, 1, 65536, 0, 0});
  const Decoded searched = decode("mdssvc.mdssvc_cmd", Half::kRequest, c.wire());
  EXPECT_TRUE(complete(searched)) << show(searched);
  EXPECT_EQ(show(searched["request_blob"]), "{length:4,size:8,spotlight_blob:x34333231}");
  EXPECT_EQ(show(searched["max_fragment_size2"]), "65536");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
