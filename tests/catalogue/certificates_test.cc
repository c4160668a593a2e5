// [MS-WCCE] and [MS-CSRA]: calls on objects, so a stub begins with ORPCTHIS or ORPCTHAT.
#include "catalogue/stub.h"

namespace rpcmarshal::catalogue::test {
namespace {

Wire request() {
  Wire w;
  w.u16(5).u16(7).u32(0).u32(0).u32(1).u16(2).u16(3).u64(4).u32(0);
  return w;
}
Wire response() {
  Wire w;
  w.u32(0).u32(0);
  return w;
}

TEST(Certificates, RequestWithAttributes) {
  Wire w = request();
  w.u32(0x100).u32(0x20000).wstring(u"CA").align(4).u32(0).u32(0x20004);
  w.wstring(u"CertificateTemplate:User\nsan:upn=administrator@corp").align(4);
  w.u32(3).u32(0x20008).u32(3).u8(0x30).u8(0x01).u8(0x00);
  const Decoded d = decode("ICertRequestD.Request", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pwszAuthority"]), "\"CA\"");
  EXPECT_EQ(show(d["pwszAttributes"]), "\"CertificateTemplate:User\nsan:upn=administrator@corp\"");
  EXPECT_EQ(show(d["pctbRequest"]), "{cb:3,pb:x300100}");
}

TEST(Certificates, RequestIsAnswered) {
  Wire w = response();
  w.u32(17).u32(3).u32(0).u32(0).u32(2).u32(0x20000).u32(2).u8(0x30).u8(0x00).align(4);
  w.u32(14).u32(0x20004).u32(14).text16(u"Issued").u16(0).align(4).u32(0);
  const Decoded d = decode("ICertRequestD2.Request2", Half::kResponse, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pdwRequestId"]) + " " + show(d["pdwDisposition"]), "17 3");
  EXPECT_EQ(show(d["pctbEncodedCert"]), "{cb:2,pb:x3000}");
}

// Adding EDITF_ATTRIBUTESUBJECTALTNAME2 to EditFlags: a number in a VARIANT.
TEST(Certificates, ConfigurationEntry) {
  Wire w = request();
  w.u32(0x20000).wstring(u"CA").align(4).u32(0x20004);
  w.wstring(u"PolicyModules\\CertificateAuthority_MicrosoftDefault.Policy");
  w.wstring(u"EditFlags").align(4).u32(0x72657355).align(8);
  w.u32(3).u32(0).u16(3).u16(0).u16(0).u16(0).u32(3).u32(0x15014E);
  const Decoded d = decode("ICertAdminD2.SetConfigEntry", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pwszEntry"]), "\"EditFlags\"");
  EXPECT_NE(show(d["pVariant"]).find("1376590"), std::string::npos) << show(d["pVariant"]);
}

TEST(Certificates, RightsAndRows) {
  Wire w = request();
  w.u32(0x20000).wstring(u"CA").align(4).u32(4).u32(0x20004).u32(4).u32(0x80040001);
  const Decoded rights = decode("ICertAdminD2.SetCASecurity", Half::kRequest, w);
  EXPECT_TRUE(complete(rights));
  EXPECT_EQ(show(rights["pctbSD"]), "{cb:4,pb:x01000480}");

  Wire view = request();
  view.u32(0).u32(1).u32(1).u32(0x2).u32(1).u32(0).u32(0x20000).u32(4).u32(4).u32(20);
  view.u32(2).u32(2).u32(7).u32(8).u32(0).u32(10);
  const Decoded opened = decode("ICertAdminD.OpenView", Half::kRequest, view);
  EXPECT_TRUE(complete(opened));
  EXPECT_EQ(show(opened["acvr"]),
            "[{ColumnIndex:2,SeekOperator:1,SortOrder:0,pbValue:x14000000,cbValue:4}]");
  EXPECT_EQ(show(opened["acolOut"]), "[7,8]");
}

// A list of names, each ended by NUL, behind two pointers; sizes stand after it.
TEST(Certificates, FilesOfABackup) {
  Wire w = response();
  w.u32(0x20000).u32(6).text16(std::u16string_view(u"a\0bc\0", 6)).u32(6).u32(0);
  const Decoded d = decode("ICertAdminD.BackupGetBackupLogs", Half::kResponse, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pcwcLogFiles"]), "6");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
