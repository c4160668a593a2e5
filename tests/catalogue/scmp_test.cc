// [MS-SCMP]: the stubs are written by hand after section 2.2.
#include "catalogue/builder.h"

namespace rpcmarshal::catalogue::test {
namespace {

constexpr std::string_view kProvider = "b5946137-7b9f-4925-af80-51abd60b20d5";
constexpr std::string_view kSnapshot = "3808876b-c176-4e48-b7ae-04046e6cc752";

// 0 bytes: shadow copies are deleted by taking their space.
TEST(Scmp, SpaceIsTakenAway) {
  Stub s;
  s.orpcthis().pointer().text(u"C:\\").pointer().text(u"C:\\").wide(0);
  const Decoded d = decode("IVssDifferentialSoftwareSnapshotMgmt.ChangeDiffAreaMaximumSize",
                           Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pwszVolumeName"]), "\"C:\\\"");
  EXPECT_EQ(show(d["llMaximumDiffSpace"]), "0");
}

// What follows QueryDiffAreasForSnapshot's slot inherits the opnums before it.
TEST(Scmp, LaterVersionsCountOn) {
  Stub s;
  s.orpcthis().pointer().text(u"C:\\").pointer().text(u"C:\\").wide(0x14000000).number(1);
  const Decoded d = decode("IVssDifferentialSoftwareSnapshotMgmt2.ChangeDiffAreaMaximumSizeEx",
                           Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["bVolatile"]), "1");
  const Interface* third = interfaces().find_by_name("IVssDifferentialSoftwareSnapshotMgmt3");
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(third->find(9)->name, "ChangeDiffAreaMaximumSizeEx");
  EXPECT_EQ(third->find(16)->name, "DeleteUnusedDiffAreas");
}

// A snapshot and a provider in one list: the arm is aligned, not the union.
TEST(Scmp, SnapshotsAreListed) {
  Stub s;
  s.orpcthat().number(4).number(0).number(2);  // size_is, offset, length
  s.align(8).number(3).number(3);              // Type, the union's tag
  s.align(8).guid(kSnapshot).guid(kSnapshot).number(1);
  s.pointers(4).null().null().guid(kProvider).number(0x0000000D);
  s.wide(0x01D9000000000000).number(12);
  s.align(8).number(4).number(4);
  s.align(4).guid(kProvider).pointer().number(1).pointer().guid(kSnapshot).guid(kProvider);
  s.text(u"\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy1").text(u"\\\\?\\Volume{1}\\");
  s.text(u"dc1.corp.example").text(u"dc1.corp.example");
  s.text(u"Microsoft Software Shadow Copy provider 1.0").text(u"1.0.0.7");
  s.number(2).number(0);
  const Decoded d = decode("IVssEnumObject.Next", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["rgelt.0.Obj.Snap.m_pwszSnapshotDeviceObject"]),
            "\"\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy1\"");
  EXPECT_EQ(show(d["rgelt.0.Obj.Snap.m_tsCreationTimestamp"]), "t133137663984140288");
  EXPECT_EQ(show(d["rgelt.0.Obj.Snap.m_eStatus"]), "12");
  EXPECT_EQ(show(d["rgelt.1.Obj.Prov.m_pwszProviderVersion"]), "\"1.0.0.7\"");
  EXPECT_EQ(show(d["pceltFetched"]), "2");
}

TEST(Scmp, SpaceIsListed) {
  Stub s;
  s.orpcthat().number(1).number(0).number(1);
  s.align(8).number(3).number(3).align(8).pointers(2);
  s.wide(0xFFFFFFFFFFFFFFFF).wide(512).wide(256).text(u"C:\\").text(u"D:\\").number(1).number(0);
  const Decoded d = decode("IVssEnumMgmtObject.Next", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["rgelt.0.Obj"]),
            "<3 DiffArea:{m_pwszVolumeName:\"C:\\\",m_pwszDiffAreaVolumeName:\"D:\\\","
            "m_llMaximumDiffSpace:-1,m_llAllocatedDiffSpace:512,m_llUsedDiffSpace:256}>");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
