// Interfaces: identity, opnums, inheritance, local and call_as, callbacks, reserved slots, imports.
#include <algorithm>

#include "helpers.h"

namespace rpcmarshal::idl {
namespace {

std::string table(const Interface& interface) {
  std::string out;
  for (const Procedure& p : interface.procedures) {
    out += std::to_string(p.opnum) + ":" + p.name + (p.reserved ? "(reserved) " : " ");
  }
  return out;
}

const Interface* interface_named(const ParseResult& r, std::string_view name) {
  const auto it = std::ranges::find(r.module.interfaces, name, &Interface::name);
  return it == r.module.interfaces.end() ? nullptr : &*it;
}

TEST(IdlInterface, IdentityFromConsecutiveBlocks) {
  const ParseResult r = parse_text(
      "[uuid(b9785960-524f-11df-8b6d-83dcded72085)] [version(1.2)]\n[pointer_default(unique),\n"
      " endpoint(\"ncacn_np:[\\\\pipe\\\\x]\", \"ncacn_ip_tcp:\")]\n"
      "/*@document(\"MS-XX\"), about(\"one \" \"two\")*/ interface K { long F([in] [unique] long "
      "*p); };");
  ASSERT_TRUE(r.ok()) << messages(r);
  const Interface& k = r.module.interfaces.front();
  EXPECT_EQ(k.id.uuid.to_string(), "b9785960-524f-11df-8b6d-83dcded72085");
  EXPECT_EQ(k.id.major, 1);
  EXPECT_EQ(k.id.minor, 2);
  EXPECT_EQ(k.document, "MS-XX");
  EXPECT_EQ(k.annotations.value("about"), "one two");
  ASSERT_EQ(k.endpoints.size(), 2u);
  EXPECT_EQ(k.endpoints[0], "ncacn_np:[\\pipe\\x]");
  EXPECT_EQ(signature(r, "F"), "in p:unique(i32) -> i32");
  EXPECT_FALSE(k.object);
}

TEST(IdlInterface, UuidWithExponentLikeDigitsAndQuotes) {
  const ParseResult r = parse_text(
      "[uuid(1e5e0000-1e10-0e12-9e99-00e000000e00)] interface a { void f(); }\n"
      "[uuid(\"12345678-1234-ABCD-EF00-0123456789AB\")] interface b { void f(); }\n"
      "[uuid(nonsense)] interface c { void f(); }");
  ASSERT_EQ(r.module.interfaces.size(), 2u);
  EXPECT_EQ(r.module.interfaces[0].id.uuid.to_string(), "1e5e0000-1e10-0e12-9e99-00e000000e00");
  EXPECT_EQ(r.module.interfaces[1].id.uuid.to_string(), "12345678-1234-abcd-ef00-0123456789ab");
  EXPECT_EQ(r.counts.errors, 1u) << messages(r);
}

TEST(IdlInterface, InheritedOpnums) {
  const ParseResult r = parse_text(
      "import \"oaidl.idl\";\n"
      "[object, uuid(00000000-0000-0000-0000-000000000001)] interface IA : IUnknown { HRESULT "
      "A1(); HRESULT A2(); };\n"
      "[object, uuid(00000000-0000-0000-0000-000000000003)] interface IC : IB { HRESULT C1(); };\n"
      "[object, uuid(00000000-0000-0000-0000-000000000002)] interface IB : IA { [propget] HRESULT "
      "X([out, retval] long *p);"
      " [propput] HRESULT X([in] long p); };\n"
      "[object, dual, uuid(00000000-0000-0000-0000-000000000004)] interface ID : IDispatch { "
      "[id(1)] HRESULT D1(); };");
  EXPECT_TRUE(r.ok()) << messages(r);
  const std::string unknown = "0:QueryInterface(reserved) 1:AddRef(reserved) 2:Release(reserved) ";
  EXPECT_EQ(table(*interface_named(r, "IC")), unknown + "3:A1 4:A2 5:get_X 6:put_X 7:C1 ");
  EXPECT_EQ(table(*interface_named(r, "ID")),
            unknown + "3:GetTypeInfoCount 4:GetTypeInfo 5:GetIDsOfNames 6:Invoke 7:D1 ");
  EXPECT_EQ(interface_named(r, "IC")->base, "IB");
  EXPECT_TRUE(interface_named(r, "IC")->object);
  EXPECT_TRUE(interface_named(r, "IC")->procedures[7].object);
}

TEST(IdlInterface, UnknownBaseIsSaidAndTakenAsIUnknown) {
  const ParseResult r = parse_text(
      "[object, uuid(00000000-0000-0000-0000-000000000001)]\ninterface IA : INowhere { HRESULT "
      "A(); }",
      "x.idl");
  EXPECT_EQ(r.diagnostics.at(0).line, 2u);
  EXPECT_EQ(r.module.interfaces.front().procedures.back().opnum, 3);
}

TEST(IdlInterface, InheritanceInACircleEnds) {
  const ParseResult r = parse_text(
      "[object, uuid(00000000-0000-0000-0000-000000000001)] interface A : B { void a(); }\n"
      "[object, uuid(00000000-0000-0000-0000-000000000002)] interface B : A { void b(); }");
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.module.interfaces.size(), 2u);
}

TEST(IdlInterface, LocalAndCallAsInObjectInterfacesShareASlot) {
  const ParseResult r = parse_text(
      "[object, uuid(00000000-0000-0000-0000-000000000001)] interface IE : IUnknown {\n"
      " [local] HRESULT Next([in] void *p); [call_as(Next)] HRESULT RemoteNext([in] long n); "
      "HRESULT Skip();\n"
      " [local] HRESULT OnlyHere(); HRESULT Reset(); }");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(table(r.module.interfaces.front()),
            "0:QueryInterface(reserved) 1:AddRef(reserved) 2:Release(reserved) 3:RemoteNext 4:Skip "
            "5:OnlyHere(reserved) 6:Reset ");
  EXPECT_EQ(r.module.interfaces.front().procedures[3].annotations.value("alias"), "Next");
}

TEST(IdlInterface, LocalProceduresOfPlainInterfacesHaveNoOpnum) {
  const ParseResult r = parse_body("void a(); [local] void b(); [call_as(b)] void c(); void d();");
  EXPECT_EQ(table(r.module.interfaces.front()), "0:a 1:c 2:d ");
}

TEST(IdlInterface, CallbacksAreCountedApart) {
  const ParseResult r = parse_body("void a(); [callback] void cb([in] long x); void b();");
  EXPECT_EQ(table(r.module.interfaces.front()), "0:a 1:b ");
  ASSERT_EQ(r.module.interfaces.front().callbacks.size(), 1u);
  EXPECT_TRUE(r.module.interfaces.front().callbacks[0].callback);
}

TEST(IdlInterface, ReservedSlots) {
  const ParseResult r = parse_body(
      "void Opnum0NotUsedOnWire(); void Reserved1(void); long Opnum2NotUsedOnWire([in] handle_t "
      "h);\n"
      "void Opnum3NotUsedOnWire([in] long really); void Reserve4(); void Lsar_LSA_TM_5();");
  EXPECT_EQ(table(r.module.interfaces.front()),
            "0:Opnum0NotUsedOnWire(reserved) 1:Reserved1(reserved) 2:Opnum2NotUsedOnWire(reserved) "
            "3:Opnum3NotUsedOnWire "
            "4:Reserve4 5:Lsar_LSA_TM_5(reserved) ");
  EXPECT_EQ(r.counts.reserved, 4u);
}

TEST(IdlInterface, AnnotationsReachEveryPlace) {
  const ParseResult r = parse_body(
      "typedef /*@semantic(\"service\")*/ [string, unique] wchar_t *NAME;\n"
      "/*@attack(\"T1569.002\", \"T1543\"), severity(\"high\"), status(\"ntstatus\")*/\n"
      "long f([in] /*@flags(\"RIGHTS\")*/ long a, /*@label(\"service {b}\")*/ [in] NAME b);\n"
      "enum RIGHTS { READ = 1, WRITE = 2 };\n"
      "typedef struct S { /*@hex*/ long x; } S; typedef union switch(long d) { case 1: "
      "/*@values(\"RIGHTS\")*/ long y; } U;");
  EXPECT_TRUE(r.ok()) << messages(r);
  const Procedure& f = *procedure_named(r, "f");
  EXPECT_EQ(f.annotations.find("attack")->arguments.size(), 2u);
  EXPECT_EQ(f.result_annotations.value("status"), "ntstatus");
  EXPECT_EQ(f.parameters[0].field.annotations.value("flags"), "RIGHTS");
  EXPECT_EQ(f.parameters[1].field.annotations.value("label"), "service {b}");
  EXPECT_EQ(f.parameters[1].field.type->annotations.value("semantic"), "service");
  EXPECT_EQ(f.parameters[1].field.type->name, "NAME");
  EXPECT_TRUE(std::get<StructShape>(r.module.named_types.find("S")->second->shape)
                  .fields[0]
                  .annotations.find("hex"));
  EXPECT_EQ(std::get<UnionShape>(r.module.named_types.find("U")->second->shape)
                .arms[0]
                .field.annotations.value("values"),
            "RIGHTS");
  EXPECT_EQ(named(r, "RIGHTS"), "enum16");
}

TEST(IdlInterface, ImportsComeFromTheProvider) {
  ParseOptions options;
  int asked = 0;
  options.provider = [&](std::string_view name) -> std::optional<std::string> {
    ++asked;
    if (name == "a.idl")
      return "import \"b.idl\"; typedef B A; [uuid(00000000-0000-0000-0000-000000000009)] "
             "interface other { void x(); }";
    if (name == "b.idl") return "import \"a.idl\"; typedef hyper B; const long K = 7;";
    return std::nullopt;
  };
  const ParseResult r = parse_text(
      "import \"a.idl\", \"unknwn.idl\"; import \"gone.idl\";\n"
      "[uuid(00000000-0000-0000-0000-000000000001)] interface t { void f([in] A a, [in] byte "
      "b[K]); }",
      "t.idl", options);
  EXPECT_EQ(signature(r, "f"), "in a:i64, in b:array[7](byte) -> void");
  EXPECT_EQ(r.module.interfaces.size(), 1u) << "imported files give types, not interfaces";
  EXPECT_EQ(r.counts.files, 3u);
  EXPECT_EQ(r.counts.warnings, 1u) << messages(r);
  EXPECT_EQ(r.diagnostics.at(0).column, 38u) << messages(r);
  EXPECT_GE(asked, 3);
}

TEST(IdlInterface, FilesOfOneCallSeeEachOther) {
  std::vector<Source> sources{{"a.idl",
                               "[uuid(00000000-0000-0000-0000-000000000001)] interface a { typedef "
                               "long OWN; void fa([in] SHARED s, [in] OWN o); }"},
                              {"b.idl",
                               "[uuid(00000000-0000-0000-0000-000000000002)] interface b { typedef "
                               "hyper SHARED; typedef short OWN; void fb([in] OWN o); }"}};
  const ParseResult r = parse_texts(std::move(sources));
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(signature(r, "fa"), "in s:i64, in o:i32 -> void");
  EXPECT_EQ(signature(r, "fb"), "in o:i16 -> void") << "a file's own definition goes first";
}

TEST(IdlInterface, LibrariesAndWhatIsNotRpc) {
  const ParseResult r = parse_text(
      "cpp_quote(\"#define X 1\")\n#pragma pack(1)\nimportlib(\"stdole.tlb\");\n"
      "[uuid(00000000-0000-0000-0000-000000000005), helpstring(\"a; b\")] library L { "
      "importlib(\"x.tlb\");\n"
      " [uuid(00000000-0000-0000-0000-000000000001), object] interface I : IUnknown { HRESULT F(); "
      "}\n"
      " [uuid(00000000-0000-0000-0000-000000000006)] coclass C { [default] interface I; };\n"
      " [uuid(00000000-0000-0000-0000-000000000007)] dispinterface D { properties: methods: "
      "[id(1)] void X(); };\n"
      " typedef interface I I; };\n"
      "[uuid(00000000-0000-0000-0000-000000000002)] interface J { void g([in] I *i); }");
  EXPECT_TRUE(r.ok()) << messages(r);
  ASSERT_EQ(r.module.interfaces.size(), 2u);
  EXPECT_EQ(signature(r, "g"), "in i:interface I -> void");
}

TEST(IdlInterface, ForwardDeclarationIsEnoughForAPointer) {
  const ParseResult r = parse_text(
      "interface IElsewhere;\n[uuid(00000000-0000-0000-0000-000000000001)] interface a { void "
      "f([in] IElsewhere *e); }");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(signature(r, "f"), "in e:interface IElsewhere -> void");
}

TEST(IdlInterface, TwoDocumentsMergeInTheCatalogue) {
  const std::string head =
      "[uuid(12345778-1234-abcd-ef00-0123456789ab), version(0.0)] interface lsarpc {\n";
  Catalogue catalogue;
  catalogue.add(std::move(parse_text("/*@document(\"MS-LSAD\")*/" + head +
                                     "long LsarClose(); void Opnum1NotUsedOnWire(); }")
                              .module));
  catalogue.add(std::move(parse_text("/*@document(\"MS-LSAT\")*/" + head +
                                     "void Opnum0NotUsedOnWire(); long LsarLookup(); }")
                              .module));
  const Interface* both = catalogue.find_by_name("lsarpc");
  ASSERT_TRUE(both);
  EXPECT_EQ(table(*both), "0:LsarClose 1:LsarLookup ");
  EXPECT_EQ(both->document, "MS-LSAD, MS-LSAT");
}

}  // namespace
}  // namespace rpcmarshal::idl
