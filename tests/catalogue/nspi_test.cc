// [MS-NSPI]: stubs by hand after the structures of section 2.3.
#include "catalogue/stub.h"

namespace rpcmarshal::catalogue::test {
namespace {

Wire& handle(Wire& w) {
  w.u32(0);
  for (int i = 1; i <= 16; ++i) w.u8(static_cast<std::uint8_t>(i));
  return w;
}
Wire& stat(Wire& w) {
  return w.u32(0).u32(0).u32(2).u32(0).u32(0).u32(9).u32(1252).u32(0x409).u32(0x409);
}

// The array of tags has room for one more than there are: its size and its length differ.
TEST(Nspi, RowsAreAskedFor) {
  Wire w;
  stat(handle(w).u32(1)).u32(2).u32(0x20000).u32(2).u32(16).u32(17).u32(50);
  w.u32(0x20004).u32(3).u32(2).u32(0).u32(2).u32(0x3001001F).u32(0x39FE001F);
  const Decoded d = decode("nspi.NspiQueryRows", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["lpETable"]), "[16,17]");
  EXPECT_EQ(show(d["pStat.CodePage"]), "1252");
  EXPECT_EQ(show(d["pPropTags"]), "{cValues:2,aulPropTag:[805371935,972947487]}");
}

// Values are chosen by the type in their tag; each kind has its data behind the row.
TEST(Nspi, RowsOfManyTypes) {
  Wire w;
  stat(w).u32(0x20000).u32(1).u32(1);
  w.u32(0).u32(5).u32(0x20004).u32(5);
  w.align(4).u32(0x3001001F).u32(0).u32(0x1F).u32(0x20008);
  w.u32(0x0FFE0003).u32(0).u32(3).u32(6);
  w.u32(0x39FE000A).u32(0).u32(0x0A).u32(0x8004010F);
  w.u32(0x800F101F).u32(0).u32(0x101F).u32(2).u32(0x2000C);
  w.u32(0x0FFF0102).u32(0).u32(0x102).u32(3).u32(0x20010);
  w.wstring(u"Alice").align(4);
  w.u32(2).u32(0x20014).u32(0x20018).wstring(u"smtp:a").align(4).wstring(u"x500:b").align(4);
  w.u32(3).u8(1).u8(2).u8(3).align(4).u32(0);
  const Decoded d = decode("nspi.NspiQueryRows", Half::kResponse, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ppRows.aRow.0.lpProps"]),
            "[{ulPropTag:805371935,ulReserved:0,Value:<31 lpszW:\"Alice\">},"
            "{ulPropTag:268304387,ulReserved:0,Value:<3 l:6>},"
            "{ulPropTag:972947466,ulReserved:0,Value:<10 err:-2147221233>},"
            "{ulPropTag:2148470815,ulReserved:0,Value:<4127 MVszW:{cValues:2,"
            "lppszW:[\"smtp:a\",\"x500:b\"]}>},"
            "{ulPropTag:268370178,ulReserved:0,Value:<258 bin:{cb:3,lpb:x010203}>}]");
}

// (display name begins with "adm") and not (object type is 6): restrictions nest.
TEST(Nspi, SearchWithNestedRestrictions) {
  Wire w;
  stat(handle(w).u32(0)).u32(0).u32(0).u32(0x20000);
  w.u32(0).u32(0).u32(2).u32(0x20004);
  w.u32(2);
  w.u32(3).u32(3).u32(0x10002).u32(0x3001001F).u32(0x20008);
  w.u32(2).u32(2).u32(0x2000C);
  w.u32(0x3001001F).u32(0).u32(0x1F).u32(0x20010).wstring(u"adm").align(4);
  w.u32(4).u32(4).u32(4).u32(0x0FFE0003).u32(0x20014);
  w.u32(0x0FFE0003).u32(0).u32(3).u32(6);
  w.u32(0).u32(100).u32(0);
  const Decoded d = decode("nspi.NspiGetMatches", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ulRequested"]), "100");
  EXPECT_EQ(show(d["Filter.res.resAnd.lpRes.0.res.resContent.lpProp.Value"]), "<31 lpszW:\"adm\">");
  EXPECT_EQ(show(d["Filter.res.resAnd.lpRes.1.res.resNot.lpRes.res.resProperty.lpProp.Value"]),
            "<3 l:6>");
}

TEST(Nspi, NamesAreResolved) {
  Wire w;
  stat(handle(w).u32(0)).u32(0).u32(1).u32(1).u32(0x20000).wstring(u"alice");
  const Decoded d = decode("nspi.NspiResolveNamesW", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["paWStr"]), "{Count:1,Strings:[\"alice\"]}");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
