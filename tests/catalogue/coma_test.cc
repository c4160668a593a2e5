// [MS-COMA]: the stubs are written by hand after section 3 and the appendix.
#include "catalogue/builder.h"

namespace rpcmarshal::catalogue::test {
namespace {

constexpr std::string_view kCatalog = "6e38d3c8-c2a7-11d1-8dec-00c04fc2e0c7";
constexpr std::string_view kTable = "6e38d3c4-c2a7-11d1-8dec-00c04fc2e0c7";

TEST(Coma, TableIsWritten) {
  Stub s;
  s.orpcthis().guid(kCatalog).guid(kTable).number(0);
  s.pointer().number(8).raw("querycel").number(8);  // pQueryCellArray
  s.null().number(0).number(1);                     // pQueryComparison, eQueryFormat
  s.number(4).raw("fixd").number(4);                // references: no pointer of their own
  s.number(10).raw16(u"x.dll").number(10);
  s.numbers({0, 0, 0, 0, 0, 0});  // three empty arrays and their counts
  const Decoded d = decode("ICatalogTableWrite.WriteTable", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pTableIdentifier"]), std::string(kTable));
  EXPECT_EQ(show(d["pQueryCellArray"]), "x717565727963656c");
  EXPECT_EQ(show(d["pQueryComparison"]), "null");
  EXPECT_EQ(show(d["pTableDataVariable"]), "x78002e0064006c006c00");
}

TEST(Coma, ApplicationIsImported) {
  Stub s;
  s.orpcthis().null().text(u"\\\\10.0.0.9\\s\\evil.msi");
  s.pointer().text(u"CORP\\svc").pointer().text(u"hunter2").null().number(3);
  s.guid("00000000-0000-0000-0000-000000000000").number(0);
  const Decoded d = decode("IImport.ImportFromFile", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["pwszInstallerPackage"]), "\"\\\\10.0.0.9\\s\\evil.msi\"");
  EXPECT_EQ(show(d["pwszUser"]), "\"CORP\\svc\"");
  EXPECT_EQ(d["pwszPassword"].display().semantic, "secret");
}

// Arrays of strings that the server allocates: a pointer to an array of pointers.
TEST(Coma, ModuleIsRegistered) {
  Stub s;
  s.orpcthis().guid(kTable).number(1).pointer().text(u"C:\\x.dll");
  s.number(1).number(0).null().number(0);
  const Decoded request = decode("IRegister.RegisterModule", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(request));
  EXPECT_EQ(show(request["ppModules"]), "[\"C:\\x.dll\"]");

  Stub r;
  r.orpcthat().pointer().number(1).number(9);                   // ppModuleFlags
  r.number(2);                                                  // pcResults
  r.pointer().number(2).guid(kTable).guid(kCatalog);            // ppResultCLSIDs
  r.pointer().number(2).pointers(2).text(u"A.B").text(u"C.D");  // ppResultNames
  r.pointer().number(2).numbers({1, 2});                        // ppResultFlags
  r.pointer().number(2).numbers({0, 0x80070005});               // ppResultHRs
  r.number(0);
  const Decoded answer = decode("IRegister.RegisterModule", Half::kResponse, r.wire());
  EXPECT_TRUE(complete(answer));
  EXPECT_EQ(show(answer["ppModuleFlags"]), "[9]");
  EXPECT_EQ(show(answer["ppResultNames"]), "[\"A.B\",\"C.D\"]");
  EXPECT_EQ(show(answer["ppResultHRs"]), "[0,-2147024891]");
}

TEST(Coma, ApplicationBecomesAService) {
  Stub s;
  s.orpcthis().guid(kTable).bstr(u"evilsvc").number(2).number(1);
  s.bstr(u"").bstr(u".\\admin").bstr(u"hunter2").word(0xFFFF);
  const Decoded d = decode("IAlternateLaunch.CreateConfiguration", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["bstrConfigurationName"]), "\"evilsvc\"");
  EXPECT_EQ(d["bstrConfigurationName"].display().semantic, "service");
  EXPECT_EQ(show(d["bstrRunAs"]), "\".\\admin\"");
  EXPECT_EQ(d["bstrPassword"].display().semantic, "secret");
}

TEST(Coma, TableIsDescribed) {
  Stub s;
  s.orpcthat().guid(kTable);
  s.null().number(0);                                          // ppReserved1
  s.null().number(0);                                          // ppAuxiliaryGuid
  s.pointer().number(2).numbers({0x48, 16, 7, 0x82, 255, 0});  // ppPropertyMeta
  s.number(2);
  s.guid("0e3d6631-b46b-11d1-9d2d-006008b0e5ca").null();  // piid, pItf
  s.null().number(0).number(0);
  const Decoded d = decode("ICatalogTableInfo.GetClientTableInfo", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ppPropertyMeta"]),
            "[{dataType:72,cbSize:16,flags:7},{dataType:130,cbSize:255,flags:0}]");
  EXPECT_EQ(show(d["piid"]), "0e3d6631-b46b-11d1-9d2d-006008b0e5ca");
}

TEST(Coma, PasswordIsHandedOut) {
  Stub s;
  s.orpcthat().pointer().number(4).raw("\x01\x02\x03\x04").number(4).number(0);
  const Decoded d =
      decode("IReplicationUtil.QueryConglomerationPassword", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ppvPassword"]), "x01020304");
  EXPECT_EQ(d["ppvPassword"].display().semantic, "secret");
}

TEST(Coma, ProcessesAreListed) {
  Stub s;
  s.orpcthat().number(1).pointer().number(1).guid(kTable).guid(kCatalog).guid(kTable);
  s.numbers({4242, 0, 1}).number(0);
  const Decoded d = decode("IContainerControl2.GetRunningContainers", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ppContainers.0.dwProcessID"]), "4242");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
