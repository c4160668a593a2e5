// Mistakes: where they are said to be, what they cost, and that nothing else is lost.
#include "helpers.h"

namespace rpcmarshal::idl {
namespace {

/// The place and message of each diagnostic, without why and fix.
std::string places(const ParseResult& r) {
  std::string out;
  for (const Diagnostic& d : r.diagnostics) {
    out += std::to_string(d.line) + ":" + std::to_string(d.column) + " " + to_string(d.severity) +
           " " + d.message + "\n";
  }
  return out;
}

std::string names(const ParseResult& r) {
  std::string out;
  for (const Interface& i : r.module.interfaces) {
    for (const Procedure& p : i.procedures) out += p.name + (p.typed ? " " : "? ");
  }
  return out;
}

TEST(IdlRecovery, UnknownTypeKeepsNameAndOpnum) {
  const ParseResult r =
      parse_body("void a([in] long x);\nvoid b([in] long x,\n       [in] MISSING *m);\nvoid c();");
  EXPECT_EQ(places(r), "4:13 error unknown type 'MISSING'\n");
  EXPECT_FALSE(r.diagnostics[0].why.empty());
  EXPECT_FALSE(r.diagnostics[0].fix.empty());
  EXPECT_EQ(r.diagnostics[0].to_string().substr(0, 39), "t.idl:4:13: error: unknown type 'MISSIN");
  EXPECT_EQ(names(r), "a b? c ");
  EXPECT_EQ(procedure_named(r, "b")->opnum, 1);
  EXPECT_EQ(procedure_named(r, "b")->untyped_why, "parameter m: unknown type 'MISSING'");
  EXPECT_EQ(procedure_named(r, "b")->parameters.size(), 2u) << "what was read is there";
  EXPECT_EQ(r.counts.untyped, 1u);
}

TEST(IdlRecovery, UnknownTypeInAnArmCostsOnlyThatArm) {
  const ParseResult r = parse_body(
      "typedef [switch_type(long)] union { [case(1)] long a; [case(2)] MISSING b; } U;\n"
      "void f([in] long n, [in, switch_is(n)] U *u);");
  EXPECT_EQ(places(r), "2:65 error unknown type 'MISSING'\n");
  EXPECT_EQ(names(r), "f ");
}

TEST(IdlRecovery, MissingSemicolonAfterProcedure) {
  const ParseResult r = parse_body("void a([in] long x)\nvoid b();\nvoid c()");
  EXPECT_EQ(
      places(r),
      "2:20 warning ';' is missing after 'a(...)'\n4:9 warning ';' is missing after 'c(...)'\n");
  EXPECT_EQ(names(r), "a b c ");
  EXPECT_TRUE(r.ok());
}

TEST(IdlRecovery, MissingCommaBetweenParameters) {
  const ParseResult r = parse_body("void a([in] long x [in] long y [in, out] long *z);\nvoid b();");
  EXPECT_EQ(places(r),
            "2:19 warning ',' is missing between parameters\n2:31 warning ',' is missing between "
            "parameters\n");
  EXPECT_EQ(signature(r, "a"), "in x:i32, in y:i32, inout z:ref(i32) -> void");
}

TEST(IdlRecovery, BrokenParameterCostsTheProcedureItsTyping) {
  const ParseResult r =
      parse_body("void a();\nvoid b([in] long x, [in] long = y, [in] short z);\nvoid c();");
  EXPECT_EQ(places(r), "3:31 error a parameter's type and name are expected, '=' found\n");
  EXPECT_EQ(names(r), "a b? c ");
  EXPECT_EQ(signature(r, "b"), "in x:i32, in arg1:unknown, in z:i16 -> void");
}

TEST(IdlRecovery, PointersToFunctionsDoNotTravel) {
  const ParseResult r =
      parse_body("void a([in] long (*callback)(long, char), [in] long x); void b();");
  EXPECT_TRUE(r.diagnostics.empty()) << messages(r);
  EXPECT_EQ(names(r), "a? b ");
}

TEST(IdlRecovery, NeverClosedParenthesisEndsAtTheSemicolon) {
  const ParseResult r = parse_body("void a([in] long x;\nvoid b();");
  EXPECT_EQ(places(r), "2:19 error ')' is expected after the parameters of 'a', ';' found\n");
  EXPECT_EQ(names(r), "a b ");
}

TEST(IdlRecovery, NeverClosedBracketKeepsOpnums) {
  const ParseResult r =
      parse_body("void a();\nvoid b([in, size_is(n) byte *p, [in] long n);\nvoid c();\n");
  EXPECT_EQ(places(r), "3:23 error ']' is missing after the attributes\n");
  EXPECT_EQ(signature(r, "b"), "in p:ref(array[n](byte)), in n:i32 -> void");
  EXPECT_EQ(procedure_named(r, "b")->opnum, 1);
  EXPECT_EQ(procedure_named(r, "c")->opnum, 2);
}

TEST(IdlRecovery, NonsenseInAnInterfaceIsSkipped) {
  const ParseResult r = parse_body("void a();\n= 5 + what;\n@;\nvoid b();");
  EXPECT_EQ(names(r), "a b ");
  EXPECT_EQ(r.diagnostics.at(0).line, 3u);
  EXPECT_EQ(r.diagnostics.at(0).column, 1u);
}

TEST(IdlRecovery, UnreadableProcedureKeepsItsSlot) {
  const ParseResult r = parse_body("void a();\n[in] 7 Strange([in] long x);\nvoid c();");
  EXPECT_EQ(places(r), "3:6 error a declaration is expected, '7' found\n");
  EXPECT_EQ(names(r), "a Strange? c ");
}

TEST(IdlRecovery, BrokenFieldMakesTheRestUnknown) {
  const ParseResult r = parse_body(
      "typedef struct S { long a;\n  long !b;\n  long c; } S;\nvoid f([in] S *s); void g([in] long "
      "*s);");
  EXPECT_EQ(places(r), "3:8 error a member's type and name are expected, '!' found\n");
  EXPECT_EQ(named(r, "S"), "struct{a:i32 :unknown c:i32}");
  EXPECT_EQ(names(r), "f? g ");
}

TEST(IdlRecovery, MissingSemicolonsInStructsAndTypedefs) {
  const ParseResult r = parse_body(
      "typedef struct S { long a\n long b } S\ntypedef long T\nvoid f([in] S s, [in] T t);");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(named(r, "S"), "struct{a:i32 b:i32}");
  EXPECT_EQ(r.counts.warnings, 4u) << messages(r);
}

TEST(IdlRecovery, InterfaceNeverClosed) {
  const ParseResult r = parse_text(
      "[uuid(00000000-0000-0000-0000-000000000001)] interface a { void f();\n"
      "[uuid(00000000-0000-0000-0000-000000000002)] interface b { void g();",
      "t.idl");
  EXPECT_EQ(r.module.interfaces.size(), 2u);
  EXPECT_EQ(names(r), "f g ");
  EXPECT_EQ(r.counts.errors, 2u) << messages(r);
}

TEST(IdlRecovery, StrayClosingBrace) {
  const ParseResult r = parse_body(
      "void a();\n}\n}\n[uuid(00000000-0000-0000-0000-000000000002)] interface b { void c();");
  EXPECT_EQ(places(r), "4:1 error '}' closes nothing\n");
  EXPECT_EQ(names(r), "a c ");
}

TEST(IdlRecovery, ExpressionThatCannotBeRead) {
  const ParseResult r =
      parse_body("void a([in, size_is(f(n))] byte *p, [in] long n,\n [in, size_is(m)] byte *q);");
  EXPECT_EQ(places(r),
            "2:21 warning size_is cannot be read: 'f(...)' is a call\n"
            "3:15 warning 'm' is neither a neighbour nor a constant\n");
  EXPECT_EQ(signature(r, "a"),
            "in p:ref(array[*](byte)), in n:i32, in q:ref(array[m](byte)) -> void");
}

TEST(IdlRecovery, ArrayBoundsThatAreUnknown) {
  const ParseResult r = parse_body(
      "typedef struct S { byte a[NOWHERE]; } S;\nvoid f([in] S *s); void g([in] byte b[2 - 3]); "
      "void h();");
  EXPECT_EQ(r.diagnostics.at(0).line, 2u);
  EXPECT_EQ(r.diagnostics.at(0).column, 27u);
  EXPECT_EQ(names(r), "f? g? h ");
}

TEST(IdlRecovery, UnterminatedCommentAndString) {
  const ParseResult r = parse_body("void a();\ncpp_quote(\"never\nvoid b();\n/* and never");
  EXPECT_GE(r.counts.errors, 2u);
  EXPECT_TRUE(procedure_named(r, "a"));
}

TEST(IdlRecovery, WordProcessorsLeaveTheirMarks) {
  const ParseResult r = parse_text(
      "\xEF\xBB\xBF[uuid(12345678\xE2\x80\x93"
      "1234-1234-1234-123456789abc)] interface\xC2\xA0t {\nvoid f(); \xE2\x80\xA2 void g(); }");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(names(r), "f g ");
  EXPECT_EQ(r.counts.warnings, 1u);
}

TEST(IdlRecovery, Utf16File) {
  std::string text = "\xFF\xFE";
  for (char c :
       std::string("[uuid(12345678-1234-1234-1234-123456789abc)] interface t { void f(); }"))
    (text += c) += '\0';
  EXPECT_EQ(names(parse_text(text)), "f ");
}

TEST(IdlRecovery, MissingFile) {
  const ParseResult r = parse_file("/nonexistent/x.idl");
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.diagnostics.at(0).file, "/nonexistent/x.idl");
}

TEST(IdlRecovery, DiagnosticsAreBoundedButCounted) {
  std::string body;
  for (int i = 0; i < 3000; ++i)
    body += "void f" + std::to_string(i) + "([in] T" + std::to_string(i) + " x);\n";
  const ParseResult r = parse_body(body);
  EXPECT_EQ(r.counts.errors, 3000u);
  EXPECT_EQ(r.diagnostics.size(), kLimits.diagnostics);
  EXPECT_EQ(r.counts.untyped, 3000u);
}

}  // namespace
}  // namespace rpcmarshal::idl
