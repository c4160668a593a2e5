// [MS-VDS]: the stubs are written by hand after section 2.2.
#include "catalogue/builder.h"

namespace rpcmarshal::catalogue::test {
namespace {

constexpr std::string_view kDisk = "11111111-2222-3333-4444-555555555555";
constexpr std::string_view kVolume = "66666666-7777-8888-9999-aaaaaaaaaaaa";

TEST(Vds, DiskIsCleaned) {
  Stub s;
  s.orpcthis().numbers({1, 0, 1});
  const Decoded d = decode("IVdsAdvancedDisk.Clean", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["bFullClean"]), "1");
}

TEST(Vds, VolumeIsFormatted) {
  Stub s;
  s.orpcthis().pointer().text(u"NTFS").word(0x300).number(4096).null().numbers({1, 1, 0});
  const Decoded d = decode("IVdsVolumeMF2.FormatEx", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pwszFileSystemTypeName"]), "\"NTFS\"");
  EXPECT_EQ(show(d["ulDesiredUnitAllocationSize"]), "4096");
  EXPECT_EQ(show(d["pwszLabel"]), "null");
}

// Enumerations take 16 bits; the arm of the disk's signature is aligned, its tag is not.
TEST(Vds, DiskIsDescribed) {
  Stub s;
  s.orpcthat().align(8).guid(kDisk).word(1).word(0).word(1).number(7).number(12).wide(1 << 30);
  s.numbers({512, 63, 255, 0x180}).word(11).word(2).word(2).guid(kVolume);
  s.null().pointer().pointer().null().null();
  s.text(u"\\\\?\\PhysicalDrive0").text(u"ATA disk").number(0);
  const Decoded d = decode("IVdsDisk.GetProperties", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["pDiskProperties.status"]), "1");
  EXPECT_EQ(show(d["pDiskProperties.ullSize"]), "1073741824");
  EXPECT_EQ(show(d["pDiskProperties.BusType"]), "11");
  EXPECT_EQ(show(d["pDiskProperties.signature"]), "<2 DiskGuid:" + std::string(kVolume) + ">");
  EXPECT_EQ(show(d["pDiskProperties.pwszName"]), "\"\\\\?\\PhysicalDrive0\"");
}

// Every kind of notification has its own arm; the largest number among them is 64-bit.
TEST(Vds, ChangesAreNotified) {
  Stub s;
  s.orpcthis().number(3).number(3);
  s.align(8).word(60).word(60).align(8).number(12).guid(kDisk).wide(1048576);
  s.align(8).word(61).word(61).align(4).number(0xCA).word(u'E').guid(kVolume);
  s.align(8).word(200).word(200).align(4).number(0x12D).word(1);
  const Decoded d = decode("IVdsAdviseSink.OnNotify", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["pNotificationArray"]),
            "[{objectType:60,value:<60 Partition:{ulEvent:12,diskId:" + std::string(kDisk) +
                ",ullOffset:1048576}>},{objectType:61,value:<61 Letter:{ulEvent:202,wcLetter:" +
                show(d["pNotificationArray.1.value.Letter.wcLetter"]) +
                ",volumeId:" + std::string(kVolume) +
                "}>},{objectType:200,value:<200 Service:{ulEvent:301,action:1}>}]");
}

TEST(Vds, PartitionIsCreated) {
  Stub s;
  s.orpcthis().wide(1048576).wide(1 << 20);
  s.align(8).word(2).word(2).align(8).guid(kDisk).guid(kVolume).wide(1);
  s.raw16(std::u16string_view(u"data\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24));
  const Decoded d = decode("IVdsAdvancedDisk.CreatePartition", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["para.value.GptPartInfo.partitionType"]), std::string(kDisk));
  EXPECT_EQ(show(d["para.value.GptPartInfo.attributes"]), "1");
}

TEST(Vds, OperationEnds) {
  Stub s;
  s.orpcthat().number(0).align(8).word(3).word(3).wide(4096).number(0);
  const Decoded shrunk = decode("IVdsAsync.Wait", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(shrunk)) << show(shrunk);
  EXPECT_EQ(show(shrunk["pAsyncOut.value"]), "<3 sv:{ullReclaimedBytes:4096}>");

  Stub c;
  c.orpcthat().number(0x80042405).align(8).word(11).word(11).number(0);
  const Decoded cleaned = decode("IVdsAsync.Wait", Half::kResponse, c.wire());
  EXPECT_TRUE(complete(cleaned)) << show(cleaned);
  EXPECT_EQ(show(cleaned["pAsyncOut"]), "{type:11,value:<11>}");
}

TEST(Vds, AccessPathsAreListed) {
  Stub s;
  s.orpcthat().pointer().number(2).pointers(2).text(u"C:\\").text(u"D:\\mnt\\").number(2).number(0);
  const Decoded d = decode("IVdsVolumeMF.QueryAccessPaths", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["pwszPathArray"]), "[\"C:\\\",\"D:\\mnt\\\"]");
}

// A path whose array is declared with room for 260 characters.
TEST(Vds, AccessPathIsAdded) {
  Stub s;
  s.orpcthis().number(260).number(0).number(4).raw16(std::u16string_view(u"E:\\", 4));
  const Decoded d = decode("IVdsVolumeMF.AddAccessPath", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(d.result.mismatches, 0u);
  EXPECT_EQ(show(d["pwszPath"]), "\"E:\\\"");
}

TEST(Vds, VirtualDiskIsCreatedAndOpened) {
  Stub s;
  s.orpcthis().number(2).guid("ec984aec-a0f9-47e9-901f-71415a66345b");
  s.text(u"C:\\ProgramData\\a.vhd").null().word(0).numbers({0, 0});
  s.align(8).guid(kDisk).wide(1 << 24).numbers({0, 512}).null().null();
  s.null();  // ppAsync
  const Decoded created = decode("IVdsVdProvider.CreateVDisk", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(created)) << show(created);
  EXPECT_EQ(show(created["pPath"]), "\"C:\\ProgramData\\a.vhd\"");
  EXPECT_EQ(show(created["pCreateDiskParameters.MaximumSize"]), "16777216");

  Stub o;
  o.orpcthis().number(0x003F0000).word(1).number(1);
  const Decoded opened = decode("IVdsVDisk.Open", Half::kRequest, o.wire());
  EXPECT_TRUE(complete(opened)) << show(opened);
  EXPECT_EQ(show(opened["AccessMask"]), "4128768");
  EXPECT_EQ(show(opened["ReadWriteDepth"]), "1");
}

TEST(Vds, SharedSecret) {
  Stub s;
  s.orpcthis().pointer().pointer().number(6).number(6).raw("secret").guid(kDisk);
  const Decoded d = decode("IVdsServiceIscsi.SetInitiatorSharedSecret", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(d["pInitiatorSharedSecret.pSharedSecret"].display().semantic, "secret");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
