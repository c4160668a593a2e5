// [MS-OAUT]: type descriptions. The function description is laid out as Windows sends it.
#include "catalogue/builder.h"

namespace rpcmarshal::catalogue::test {
namespace {

// HRESULT ExecuteShellCommand([in] BSTR Command, [in] BSTR* Directory): the discriminant of a type
// comes behind its union, and a type can point to another.
TEST(Oaut, FunctionIsDescribed) {
  Stub s;
  s.orpcthat().pointer();
  s.number(54).null().pointer().number(4).number(1).number(4);  // memid, arguments, kinds
  s.word(2).word(0).word(252).word(0);                          // cParams .. cReserved2
  s.word(25).word(25).null().word(0).word(0);                   // elemdescFunc: HRESULT
  s.number(2);                                                  // the arguments
  s.word(8).word(8).null().word(1).align(4);
  s.word(26).pointer().word(26).null().word(1);
  s.align(4).word(8).word(8);  // what the second points to
  s.number(0).number(0);       // pReserved, result
  const Decoded d = decode("ITypeInfo.GetFuncDesc", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["ppFuncDesc.lprgelemdescParam"]),
            "[{tdesc:{value:<8>,vt:8},paramdesc:{pparamdescex:null,wParamFlags:1}},"
            "{tdesc:{value:<26 lptdesc:{value:<8>,vt:8}>,vt:26},"
            "paramdesc:{pparamdescex:null,wParamFlags:1}}]");
  EXPECT_EQ(show(d["ppFuncDesc.elemdescFunc.tdesc.vt"]), "25");
}

TEST(Oaut, MembersAreFetched) {
  Stub s;
  s.orpcthat().number(2).number(0).number(1).pointer();  // size_is, offset, length; VARIANT
  s.align(8).number(3).number(0).word(8).word(0).word(0).word(0).number(8).pointer();
  s.blob(u"abc").number(1).number(1);
  const Decoded d = decode("IEnumVARIANT.Next", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["pCeltFetched"]), "1");
}

TEST(Oaut, NamesAreListed) {
  Stub s;
  s.orpcthat().number(16).number(0).number(2).pointers(2).blob(u"Run").blob(u"Command");
  s.number(2).number(0);
  const Decoded d = decode("ITypeInfo.GetNames", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["rgBstrNames"]), "[\"Run\",\"Command\"]");
}

// [MS-BRWSA]
TEST(Browser, OtherDomains) {
  Stub s;
  s.number(100).number(100).pointer().number(1).pointer();
  s.number(1).number(500).pointer().text(u"PARTNER").number(1).number(0);
  const Decoded d = decode("browser.I_BrowserrQueryOtherDomains", Half::kResponse, s.wire());
  EXPECT_TRUE(complete(d)) << show(d);
  EXPECT_EQ(show(d["InfoStruct.ServerInfo.Level100.Buffer.0.sv100_name"]), "\"PARTNER\"");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
