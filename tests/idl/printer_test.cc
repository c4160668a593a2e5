// Printed text, and that reading it again gives the same wire form.
#include "idl/printer.h"

#include <filesystem>

#include "helpers.h"

namespace rpcmarshal::idl {
namespace {

constexpr const char* kEverything = R"(
typedef [context_handle] void *HANDLE_X;
typedef [v1_enum] enum { E1 = 1, E2 = -5 } WIDE;
enum NARROW { N1, N2 };
typedef struct NODE { struct NODE *next; [string] wchar_t *name; [ptr] long *full; WIDE wide; enum NARROW narrow;
  struct { long x; union switch (short d) u { case 1: long a; default: ; } inner; } nested; } NODE;
typedef [switch_type(unsigned short)] union { [case(1, 2)] NODE *node; [case(3)] ; [default] byte raw[4]; } CHOICE;
typedef struct TAIL { unsigned long n; [size_is(n + COUNT), length_is(n)] CHOICEBOX *boxes; [size_is(n)] byte tail[]; } TAIL;
typedef struct CHOICEBOX { unsigned short level; [switch_is(level & 0xFF)] CHOICE choice; } CHOICEBOX;
const long COUNT = 2;
typedef pipe TAIL *TAILS;
/*@attack("T1"), why("say \"it\"")*/
NTSTATUS Open([in] handle_t h, [in, string, unique] wchar_t *server, [in, range(0, 7)] DWORD access, [out] HANDLE_X *out);
void Query([in] HANDLE_X h, [in] unsigned long n, [out, size_is(n), length_is(*used)] byte *data, [in, out] unsigned long *used,
  [out, size_is(, *used)] NODE **nodes, [in, size_is(n / sizeof(wchar_t))] long m[][3], [in, string] char s[],
  [in, size_is(n), string] wchar_t **names, [in] long (*fixed)[5], [in, unique, size_is(n)] byte opaque[]);
void Objects([in] BSTR b, [in, out] VARIANT *v, [in] SAFEARRAY(long) a, [in] IUnknown *u, [in] REFIID iid,
  [out, iid_is(iid)] void **obj, [in] TAIL *t);
void Opnum3NotUsedOnWire();
[callback] void Back([in] long x);
)";

TEST(IdlPrinter, PrintedTextReadsTheSame) {
  const ParseResult first = parse_body(kEverything);
  ASSERT_TRUE(first.ok()) << messages(first);
  const std::string text = print_interface(first.module.interfaces.front());
  const ParseResult second = parse_text(text, "printed.idl");
  ASSERT_TRUE(second.ok()) << messages(second) << text;
  ASSERT_EQ(second.module.interfaces.size(), 1u);
  EXPECT_EQ(print_interface(second.module.interfaces.front()), text);
  for (const char* name : {"Open", "Objects", "Opnum3NotUsedOnWire"}) {
    EXPECT_EQ(signature(second, name), signature(first, name)) << text;
  }
  for (const char* name : {"NODE", "CHOICE", "CHOICEBOX", "WIDE", "NARROW", "HANDLE_X"}) {
    EXPECT_EQ(named(second, name), named(first, name)) << text;
  }
  EXPECT_EQ(second.module.interfaces.front().callbacks.size(), 1u);
  EXPECT_EQ(procedure_named(second, "Open")->annotations.value("why"), "say \"it\"");
}

TEST(IdlPrinter, OneProcedure) {
  const ParseResult r = parse_body(
      "typedef struct A { long x; } A; typedef struct B { A *a; } B; typedef struct C { long y; } "
      "C;\n"
      "void f([in] C *c); long g([in, unique] B *b, [out] /*@hex*/ DWORD *d);");
  const Interface& interface = r.module.interfaces.front();
  EXPECT_EQ(
      print_procedure(interface, *procedure_named(r, "g")),
      "[uuid(12345678-1234-1234-1234-123456789abc), version(1.0), pointer_default(unique)]\n"
      "interface test {\n\ntypedef struct A {\n  long x;\n} A;\n\ntypedef struct B {\n  A *a;\n} "
      "B;\n\n"
      "  // opnum 1\n  long g(\n      [in, unique] B *b,\n      /*@hex*/ [out] DWORD *d);\n}\n");
  EXPECT_EQ(print_signature(*procedure_named(r, "g")), "long g(B *b, DWORD *d)");
}

TEST(IdlPrinter, PointerDefaultIsChosenSoThatEveryPointerCanBeSaid) {
  const ParseResult r = parse_body(
      "typedef [ptr] long *PL; typedef struct S { PL *a; } S; void f([out] PL *p, [in] PL q[2], "
      "[in] S *s);");
  const std::string text = print_interface(r.module.interfaces.front());
  EXPECT_NE(text.find("pointer_default(ptr)"), std::string::npos) << text;
  const ParseResult again = parse_text(text);
  EXPECT_EQ(signature(again, "f"),
            "out p:ref(full(i32)), in q:array[2](full(i32)), in s:ref(S) -> void");
  EXPECT_EQ(named(again, "S"), "struct{a:unique(full(i32))}");
}

TEST(IdlPrinter, UntypedAndReservedAreSaid) {
  const ParseResult r = parse_body("void f([in] MISSING m); void Opnum1NotUsedOnWire();");
  const std::string text = print_interface(r.module.interfaces.front());
  EXPECT_NE(text.find("// opnum 0, not typed: parameter m: unknown type 'MISSING'"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("// opnum 1, reserved"), std::string::npos) << text;
}

TEST(IdlPrinter, TheProjectsInterfacesReadTheSame) {
  std::size_t interfaces = 0;
  for (const auto& entry : std::filesystem::directory_iterator(RPCM_SOURCE_DIR "/interfaces")) {
    if (entry.path().extension() != ".idl") continue;
    const ParseResult first = parse_file(entry.path());
    EXPECT_TRUE(first.ok()) << messages(first);
    for (const Interface& interface : first.module.interfaces) {
      const std::string text = print_interface(interface);
      const ParseResult second = parse_text(text, "printed.idl");
      EXPECT_TRUE(second.ok()) << messages(second);
      ASSERT_EQ(second.module.interfaces.size(), 1u) << text;
      // Behind the head: that an interface inherits is only a comment there.
      const std::string again_text = print_interface(second.module.interfaces.front());
      EXPECT_EQ(again_text.substr(again_text.find('{')), text.substr(text.find('{')));
      for (const Procedure& procedure : interface.procedures) {
        const Procedure* again = second.module.interfaces.front().find(procedure.opnum);
        ASSERT_TRUE(again);
        EXPECT_EQ(again->name, procedure.name);
        EXPECT_EQ(again->reserved, procedure.reserved);
      }
      ++interfaces;
    }
  }
  if (interfaces == 0) GTEST_SKIP() << "no interfaces/ beside the sources";
}

}  // namespace
}  // namespace rpcmarshal::idl
