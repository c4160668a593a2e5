// From declarations to the model's normal form.
#include "helpers.h"

namespace rpcmarshal::idl {
namespace {

TEST(IdlTypes, BaseTypesInEverySpelling) {
  const ParseResult r = parse_body(
      "long f([in] unsigned long a, [in] long unsigned int b, [in] short c, [in] unsigned d, [in] "
      "hyper e,"
      " [in] unsigned __int64 f, [in] small g, [in] char h, [in] unsigned char i, [in] __int3264 j,"
      " [in] unsigned __int3264 k, [in] wchar_t l, [in] byte m, [in] boolean n, [in] float o, [in] "
      "double p,"
      " [in] __int64 q, [in] signed char r, [in] error_status_t s, [in] const long long t);");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(signature(r, "f"),
            "in a:u32, in b:u32, in c:i16, in d:u32, in e:i64, in f:u64, in g:i8, in h:char, in "
            "i:u8, in j:i3264, "
            "in k:u3264, in l:wchar, in m:byte, in n:boolean, in o:float, in p:double, in q:i64, "
            "in r:i8, in s:error, "
            "in t:i64 -> i32");
}

TEST(IdlTypes, TopLevelPointerIsRefUnlessSaidOtherwise) {
  const ParseResult r = parse_body(
      "typedef long *PLONGX; typedef [unique] long *UPLONG;\n"
      "void f([out] long *a, [in, unique] long *b, [in, ptr] long *c, [in] PLONGX d, [in] UPLONG "
      "e, [in, ref] UPLONG g,"
      " [out] long **h);");
  EXPECT_EQ(signature(r, "f"),
            "out a:ref(i32), in b:unique(i32), in c:full(i32), in d:ref(i32), in e:unique(i32), in "
            "g:ref(i32), "
            "out h:ref(unique(i32)) -> void");
}

TEST(IdlTypes, EmbeddedPointersFollowPointerDefault) {
  const std::string body =
      "typedef struct S { long *a; [ref] long *b; [ptr] long *c; long **d; } S; void f([in] S *s, "
      "[out] long **t);";
  EXPECT_EQ(named(parse_body(body), "S"),
            "struct{a:unique(i32) b:ref(i32) c:full(i32) d:unique(unique(i32))}");
  EXPECT_EQ(named(parse_body(body, ", pointer_default(unique)"), "S"),
            "struct{a:unique(i32) b:ref(i32) c:full(i32) d:unique(unique(i32))}");
  const ParseResult full = parse_body(body, ", pointer_default(ptr)");
  EXPECT_EQ(named(full, "S"), "struct{a:full(i32) b:ref(i32) c:full(i32) d:full(full(i32))}");
  EXPECT_EQ(signature(full, "f"), "in s:ref(S), out t:ref(full(i32)) -> void");
  EXPECT_EQ(named(parse_body(body, ", pointer_default(ref)"), "S"),
            "struct{a:ref(i32) b:ref(i32) c:full(i32) d:ref(ref(i32))}");
}

TEST(IdlTypes, ReturnedPointersAreNeverRef) {
  const ParseResult r = parse_body("long *f(); [string] wchar_t *g();", ", pointer_default(ref)");
  EXPECT_EQ(signature(r, "f"), " -> unique(i32)");
}

TEST(IdlTypes, Strings) {
  const ParseResult r = parse_body(
      "typedef [string] wchar_t *NAME; typedef [unique, string] char *UNAME; typedef wchar_t "
      "*PLAIN;\n"
      "typedef struct S { [string] wchar_t fixed[16]; [string] wchar_t *p; NAME n; UNAME *u; } S;\n"
      "void f([in, string] wchar_t *a, [in, string, unique] char *b, [in] NAME c, [out] NAME *d, "
      "[in, string] PLAIN e,"
      " [in, string] wchar_t g[], [in, string, size_is(n)] wchar_t *h, [in, size_is(n), string] "
      "wchar_t **i,"
      " [in, string] wchar_t j[*], [in, size_is(n)] NAME k[*], [in] long n);");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(
      named(r, "S"),
      "struct{fixed:string[16:](wchar) p:unique(string[*:](wchar)) n:unique(string[*:](wchar)) "
      "u:unique(unique(string[*:](char)))}");
  EXPECT_EQ(
      signature(r, "f"),
      "in a:ref(string[*:](wchar)), in b:unique(string[*:](char)), in c:ref(string[*:](wchar)), "
      "out d:ref(unique(string[*:](wchar))), in e:ref(string[*:](wchar)), in g:string[*:](wchar), "
      "in h:ref(string[n:](wchar)), in i:ref(array[n](unique(string[*:](wchar)))), in "
      "j:string[*:](wchar), "
      "in k:array[n](unique(string[*:](wchar))), in n:i32 -> void");
}

TEST(IdlTypes, ArraysAndTheirCounts) {
  const ParseResult r = parse_body(
      "typedef byte BLOCK[16];\n"
      "typedef struct S { long n; [size_is(n)] long *p; [length_is(n)] long v[8]; long m[2][3]; "
      "BLOCK b; BLOCK *pb;\n"
      "  [size_is(n, n + 1)] long **q; [max_is(n)] byte *x; [size_is(n)] long tail[]; } S;\n"
      "void f([in] long n, [in, size_is(n)] byte a[], [out, size_is(, *pn)] byte **b, [in, out] "
      "long *pn,"
      " [in, size_is(n), length_is(*pn)] byte *c, [in, size_is(n, 4)] long d[][4], [in, unique, "
      "size_is(n)] byte e[],"
      " [in, size_is(n, )] byte *g, [in, size_is(n)] byte h[100]);");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(
      named(r, "S"),
      "struct{n:i32 p:unique(array[n](i32)) v:array[8:n](i32) m:array[2][3](i32) b:array[16](byte) "
      "pb:unique(array[16](byte)) q:unique(array[n](unique(array[n + 1](i32)))) x:unique(array[(n) "
      "+ 1](byte)) "
      "tail:array[n](i32)}");
  EXPECT_EQ(
      signature(r, "f"),
      "in n:i32, in a:array[n](byte), out b:ref(unique(array[*pn](byte))), inout pn:ref(i32), "
      "in c:ref(array[n:*pn](byte)), in d:array[n][4](i32), in e:unique(array[n](byte)), in "
      "g:ref(array[n](byte)), "
      "in h:array[n](byte) -> void");
}

TEST(IdlTypes, LateBindingOfNames) {
  const ParseResult r = parse_body(
      "void f([in] LATER *l); typedef struct _LATER { struct _LATER *next; TAGGED t; OTHER o; } "
      "LATER;\n"
      "struct TAGGED { long x; }; typedef DEEPER OTHER; typedef long DEEPER; typedef struct _LATER "
      "*PLATER;");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(named(r, "LATER"), "struct{next:unique(LATER) t:TAGGED o:i32}");
  EXPECT_EQ(named(r, "_LATER"), named(r, "LATER"));
  EXPECT_EQ(named(r, "PLATER"), "unique(LATER)");
}

TEST(IdlTypes, TypedefOfSeveralDeclarators) {
  const ParseResult r = parse_body("typedef [unique] struct _X { long a; } X, *PX, **PPX;");
  EXPECT_EQ(named(r, "X"), "struct{a:i32}");
  EXPECT_EQ(named(r, "PX"), "unique(X)");
  EXPECT_EQ(named(r, "PPX"), "unique(unique(X))");
}

TEST(IdlTypes, NamesOfBaseTypesAreTypesOfTheirOwn) {
  const ParseResult r = parse_body(
      "typedef /*@hex*/ DWORD MASK; typedef MASK MASK2; void f([in] MASK a, [in] MASK2 b, [in] "
      "DWORD c);");
  const Procedure& f = *procedure_named(r, "f");
  const Type *a = f.parameters[0].field.type, *b = f.parameters[1].field.type,
             *c = f.parameters[2].field.type;
  EXPECT_EQ(a->name, "MASK");
  EXPECT_TRUE(a->annotations.find("hex"));
  EXPECT_EQ(b->name, "MASK2");
  EXPECT_TRUE(b->annotations.find("hex"));
  EXPECT_EQ(c->name, "DWORD");
  EXPECT_FALSE(c->annotations.find("hex"));
}

TEST(IdlTypes, Enumerations) {
  const ParseResult r = parse_body(
      "typedef enum { A, B = 5, C, D = B | 0x10, E = -1, F = D + sizeof(long) } PLAIN;\n"
      "typedef [v1_enum] enum _WIDE { W1 = 1 } WIDE; enum { LAST = C } ; typedef PLAIN OTHER;");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(named(r, "PLAIN"), "enum16");
  EXPECT_EQ(named(r, "WIDE"), "enum32");
  EXPECT_EQ(named(r, "_WIDE"), "enum32");
  std::string values;
  for (const EnumValue& v :
       std::get<EnumShape>(r.module.named_types.find("PLAIN")->second->shape).values) {
    values += v.name + "=" + std::to_string(v.value) + " ";
  }
  EXPECT_EQ(values, "A=0 B=5 C=6 D=21 E=-1 F=25 ");
  EXPECT_NE(r.module.named_types.find("OTHER")->second, r.module.named_types.find("PLAIN")->second);
}

TEST(IdlTypes, Unions) {
  const ParseResult r = parse_body(
      "typedef [switch_type(short)] union _U { [case(1, 2)] long a; [case(K)] [unique, string] "
      "wchar_t *b; [case(4)] ;"
      " [default] byte c[2]; } U;\n"
      "const long K = 3;\n"
      "typedef union _E switch (unsigned short which) u { case 1: case 2: long a; case 3: ; "
      "default: hyper h; } E;\n"
      "typedef struct S { short level; [switch_is(level)] U u; [switch_is(level & 0xFF)] union { "
      "[case(1)] long x; } v; } S;\n"
      "void f([in] DWORD level, [in, switch_is(level)] union _W { [case(0)] long z; [default]; } "
      "*w);");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(named(r, "U"),
            "union i16{1,2,a:i32 3,b:unique(string[*:](wchar)) 4,:none default c:array[2](byte)}");
  EXPECT_EQ(named(r, "E"), "switch which:u16{1,2,a:i32 3,:none default h:i64}");
  const auto& s = std::get<StructShape>(r.module.named_types.find("S")->second->shape);
  EXPECT_EQ(s.fields[1].switch_is.text, "level");
  EXPECT_EQ(s.fields[2].switch_is.text, "level & 0xFF");
  EXPECT_EQ(shape_text(s.fields[2].type), "union i16{1,x:i32}")
      << "the discriminant takes the type of level";
  EXPECT_EQ(named(r, "_W"), "union u32{0,z:i32 default :none}");
}

TEST(IdlTypes, ContextHandles) {
  const ParseResult r = parse_body(
      "typedef [context_handle] void *H; typedef [context_handle] struct _HIDDEN *HH; typedef H "
      "ALIAS;\n"
      "void f([in] H a, [out] H *b, [in, out] HH *c, [in, context_handle] void *d, [out, "
      "context_handle] void **e,"
      " [in] ALIAS g, [in, context_handle] PVOID h, [in, out, unique] H *i);");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(signature(r, "f"),
            "in a:context, out b:ref(context), inout c:ref(context), in d:context, out "
            "e:ref(context), in g:context, "
            "in h:context, inout i:unique(context) -> void");
  EXPECT_EQ(procedure_named(r, "f")->parameters[0].field.type->name, "H");
}

TEST(IdlTypes, BindingHandles) {
  const ParseResult r = parse_body(
      "typedef [handle] wchar_t *SERVER; typedef [handle, string] wchar_t *SERVER2;\n"
      "void f([in] handle_t h, [in] RPC_BINDING_HANDLE g, [in, string, unique] SERVER s, [in, "
      "unique] SERVER2 t, handle_t);");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(
      signature(r, "f"),
      "in h:binding, in g:binding, in s:unique(string[*:](wchar)), in t:unique(string[*:](wchar)), "
      "in handle:binding -> void")
      << "a customised handle travels like any parameter";
}

TEST(IdlTypes, Ranges) {
  const ParseResult r = parse_body(
      "const long MAX = 0x100; typedef [range(0, MAX)] DWORD SMALL;\n"
      "void f([in, range(1, MAX * 2)] long a, [in, string, range(0, 260)] wchar_t *b, [in] SMALL c,"
      " [in, size_is(a), range(0, 9)] byte *d);");
  EXPECT_TRUE(r.ok()) << messages(r);
  const Procedure& f = *procedure_named(r, "f");
  ASSERT_TRUE(f.parameters[0].field.range);
  EXPECT_EQ(f.parameters[0].field.range->high, 512);
  const auto array_of = [&](std::size_t i) {
    return std::get<ArrayShape>(
        std::get<PointerShape>(f.parameters[i].field.type->shape).target->shape);
  };
  EXPECT_FALSE(f.parameters[1].field.range);
  ASSERT_TRUE(array_of(1).range);
  EXPECT_EQ(array_of(1).range->high, 260);
  ASSERT_TRUE(f.parameters[2].field.range);
  EXPECT_EQ(f.parameters[2].field.range->high, 256);
  ASSERT_TRUE(array_of(3).range);
}

TEST(IdlTypes, PipesIgnoreAndWireMarshal) {
  const ParseResult r = parse_body(
      "typedef pipe byte BYTES; typedef struct W { long x; } W; typedef [wire_marshal(W)] void "
      "*HW;\n"
      "typedef struct S { [ignore] void *reserved; [ignore] long *other; } S;\n"
      "void f([in] BYTES a, [out] BYTES *b, [in] HW c, [in, out] pipe long d);");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(signature(r, "f"),
            "in a:pipe(byte), out b:ref(pipe(byte)), in c:W, inout d:pipe(i32) -> void");
  EXPECT_EQ(named(r, "S"), "struct{reserved:unique(void) other:unique(i32)}");
  EXPECT_TRUE(
      std::get<StructShape>(r.module.named_types.find("S")->second->shape).fields[0].ignore);
}

TEST(IdlTypes, AutomationAndInterfacePointers) {
  const ParseResult r = parse_body(
      "typedef [unique] IUnknown *PU;\n"
      "long f([in] BSTR a, [out, retval] BSTR *b, [in] VARIANT c, [in, out] VARIANT *d, [in] "
      "SAFEARRAY(BSTR) e,"
      " [out] SAFEARRAY(VARIANT) *g, [in] SAFEARRAY *h, [in] IUnknown *i, [out] IDispatch **j,"
      " [in] REFIID riid, [out, iid_is(riid)] void **k, [in] PU l, [in] interface IThing *m);\n"
      "interface IThing;");
  EXPECT_EQ(
      signature(r, "f"),
      "in a:BSTR, out b:ref(BSTR), in c:VARIANT, inout d:ref(VARIANT), in e:SAFEARRAY, out "
      "g:ref(SAFEARRAY), "
      "in h:SAFEARRAY, in i:interface IUnknown, out j:ref(interface IDispatch), in riid:ref(GUID), "
      "out k:ref(interface ), in l:interface IUnknown, in m:interface IThing -> i32");
  EXPECT_EQ(procedure_named(r, "f")->parameters[10].field.iid_is.text, "riid");
}

TEST(IdlTypes, KeywordsMayBeRedeclared) {
  const ParseResult r = parse_body(
      "typedef unsigned short wchar_t; typedef unsigned long error_status_t; typedef unsigned char "
      "boolean, byte;\n"
      "typedef unsigned short WCHAR; void f([in, string] WCHAR *a, [in] wchar_t b, [in] "
      "error_status_t c);");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(signature(r, "f"), "in a:ref(string[*:](wchar)), in b:wchar, in c:error -> void");
}

TEST(IdlTypes, PreludeGivesCommonTypesAndTheirMeaning) {
  const ParseResult r = parse_text(
      "[uuid(12345678-1234-1234-1234-123456789abc)] interface t { typedef long NTSTATUS;\n"
      "NTSTATUS f([in] PRPC_UNICODE_STRING a, [in] PRPC_SID b, [in] LUID c, [in] LPWSTR d, [in] "
      "FILETIME *e, [in] GUID *g);\n"
      "HRESULT g(); NET_API_STATUS h(); }");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(
      signature(r, "f"),
      "in a:ref(RPC_UNICODE_STRING), in b:ref(RPC_SID), in c:LUID, in d:ref(string[*:](wchar)), "
      "in e:ref(FILETIME), in g:ref(GUID) -> i32");
  EXPECT_EQ(procedure_named(r, "f")->result->annotations.value("status"), "ntstatus")
      << "redeclared, yet known";
  EXPECT_EQ(procedure_named(r, "g")->result->annotations.value("status"), "hresult");
  EXPECT_EQ(procedure_named(r, "h")->result->annotations.value("status"), "win32");
}

// MS-CMPO and MS-SWN use them and leave them to MS-DTYP.
TEST(IdlTypes, PreludeGivesContextHandles) {
  const ParseResult r = parse_text(
      "[uuid(12345678-1234-1234-1234-123456789abc)] interface t {\n"
      "long f([out] PPCONTEXT_HANDLE a); long g([in] PCONTEXT_HANDLE a); }");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(signature(r, "f"), "out a:ref(context) -> i32");
  EXPECT_EQ(signature(r, "g"), "in a:context -> i32");
}

TEST(IdlTypes, OwnDefinitionGoesBeforeThePrelude) {
  const ParseResult r =
      parse_body("typedef struct _LUID { hyper whole; } LUID; void f([in] LUID a);");
  EXPECT_EQ(named(r, "LUID"), "struct{whole:i64}");
}

TEST(IdlTypes, TypeThatContainsItselfIsTakenOut) {
  const ParseResult r = parse_body(
      "typedef struct A { long x; struct B b; } A; typedef struct B { A a; } B;\n"
      "void f([in] A *a); void g([in] long x);");
  EXPECT_FALSE(r.ok());
  EXPECT_FALSE(procedure_named(r, "f")->typed);
  EXPECT_TRUE(procedure_named(r, "g")->typed);
}

TEST(IdlTypes, TypedefsInACircleAreUnknown) {
  const ParseResult r = parse_body(
      "typedef A B; typedef B A; typedef pipe P P; void f([in] A a); void g([in] P p); void h([in] "
      "long x);");
  EXPECT_FALSE(procedure_named(r, "f")->typed);
  EXPECT_FALSE(procedure_named(r, "g")->typed);
  EXPECT_TRUE(procedure_named(r, "h")->typed);
}

TEST(IdlTypes, MsUnionOfAnInterfaceOrATypeHoldsForUnionsWithoutASwitchOfTheirOwn) {
  const std::string body =
      "typedef [switch_type(short)] union U { [case(1)] long a; } U;\n"
      "typedef [ms_union, switch_type(short)] union M { [case(1)] long a; } M;\n"
      "typedef union switch (short s) u { case 1: long a; } E;\n"
      "typedef struct S { short s; [switch_is(s)] union { [case(1)] long a; } u; } S;\n"
      "void f([in] short s, [in, switch_is(s)] U *u, [in, switch_is(s)] M *m, [in] E *e, [in] S "
      "*t);";
  const auto said = [](const ParseResult& r, const char* name) {
    return std::get<UnionShape>(r.module.named_types.find(name)->second->shape).ms_union;
  };
  const ParseResult plain = parse_body(body);
  EXPECT_FALSE(said(plain, "U"));
  EXPECT_TRUE(said(plain, "M"));
  const ParseResult whole = parse_body(body, ", ms_union");
  EXPECT_TRUE(whole.ok()) << messages(whole);
  EXPECT_TRUE(said(whole, "U"));
  EXPECT_FALSE(said(whole, "E"));
  const auto& fields =
      std::get<StructShape>(whole.module.named_types.find("S")->second->shape).fields;
  EXPECT_TRUE(std::get<UnionShape>(fields[1].type->shape).ms_union);
}

}  // namespace
}  // namespace rpcmarshal::idl
