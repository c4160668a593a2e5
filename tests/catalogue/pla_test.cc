// [MS-PLA]: the stubs are written by hand; strings and arrays are those of [MS-OAUT].
#include "catalogue/builder.h"

namespace rpcmarshal::catalogue::test {
namespace {

TEST(Pla, TaskIsSet) {
  Stub s;
  s.orpcthis().bstr(u"\\evil");
  const Decoded d = decode("IDataCollectorSet.put_Task", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["task"]), "\"\\evil\"");
  EXPECT_EQ(d["task"].display().semantic, "task");
}

TEST(Pla, CredentialsAreSet) {
  Stub s;
  s.orpcthis().bstr(u"CORP\\svc").bstr(u"hunter2");
  const Decoded d = decode("IDataCollectorSet.SetCredentials", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["user"]), "\"CORP\\svc\"");
  EXPECT_EQ(d["password"].display().semantic, "secret");
}

TEST(Pla, SetIsSaved) {
  Stub s;
  s.orpcthis().bstr(u"Service\\x").null().word(3);
  const Decoded request = decode("IDataCollectorSet.Commit", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(request)) << show(request);
  EXPECT_EQ(show(request["name"]), "\"Service\\x\"");
  EXPECT_EQ(show(request["mode"]), "3");

  Stub r;
  r.orpcthat().null().number(0);
  const Decoded answer = decode("IDataCollectorSet.Commit", Half::kResponse, r.wire());
  EXPECT_TRUE(complete(answer)) << show(answer);
}

// An array of strings: a pointer to a SAFEARRAY, whose elements are behind another.
TEST(Pla, FilesAreChosen) {
  Stub s;
  s.orpcthis().pointer().number(1);                      // the array's bounds are hoisted
  s.word(1).word(0x0180).number(8).number(0).number(8);  // cDims, features, size, locks, SF_BSTR
  s.number(2).pointer();                                 // Size, aBstr
  s.number(2).number(0);                                 // cElements, lLbound
  s.number(2).pointers(2).blob(u"C:\\Windows\\NTDS\\ntds.dit").blob(u"C:\\x");
  const Decoded d = decode("IConfigurationDataCollector.put_Files", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_NE(show(d["files"]).find("ntds.dit"), std::string::npos) << show(d);
}

TEST(Pla, StartIsScheduled) {
  Stub s;
  s.orpcthis().pointer().align(8).number(3).number(0);
  s.word(7).word(0).word(0).word(0).number(7).wide(0x40E6000000000000);  // VT_DATE
  const Decoded d = decode("ISchedule.put_StartDate", Half::kRequest, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
}

TEST(Pla, PropertiesAreRead) {
  Stub s;
  s.orpcthat().word(1).number(0);
  const Decoded status = decode("IDataCollectorSet.get_Status", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(status)) << show(status);
  EXPECT_EQ(show(status["status"]), "1");

  Stub t;
  t.orpcthat().bstr(u"C:\\PerfLogs").number(0);
  const Decoded path = decode("IDataCollector.get_OutputLocation", Half::kResponse, t.wire());
  EXPECT_TRUE(complete(path)) << show(path);
  EXPECT_EQ(show(path["path"]), "\"C:\\PerfLogs\"");
}

// Collectors of one kind inherit what all have in common.
TEST(Pla, OpnumsAreInherited) {
  const Interface* trace = interfaces().find_by_name("ITraceDataCollector");
  ASSERT_NE(trace, nullptr);
  EXPECT_EQ(trace->find(6)->name, "Invoke");
  EXPECT_EQ(trace->find(30)->name, "SetXml");
  EXPECT_EQ(trace->find(71)->name, "get_TraceDataProviders");
  EXPECT_EQ(trace->procedures.size(), 72u);
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
