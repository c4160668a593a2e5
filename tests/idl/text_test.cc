// Tokens, macros and expressions.
#include "helpers.h"
#include "idl/expression.h"
#include "idl/prelude.h"
#include "idl/preprocessor.h"

namespace rpcmarshal::idl {
namespace {

std::string preprocessed(std::string_view text, Reporter& reporter) {
  Macros macros;
  std::size_t budget = 10000;
  reporter.add_file("t");
  return spell(preprocess(text, 0, macros, budget, reporter));
}
std::string preprocessed(std::string_view text) {
  Reporter reporter;
  return preprocessed(text, reporter);
}

std::optional<std::int64_t> value_of(std::string_view text) {
  Lexer lexer(text, 0);
  std::vector<Token> tokens;
  for (Token t = lexer.next(); !t.is_end(); t = lexer.next()) tokens.push_back(t);
  std::optional<ExpressionError> error;
  const Expression e = parse_expression(
      tokens,
      [](std::span<const Token> type) {
        return type.front().is("wchar_t") ? std::optional<std::int64_t>(2) : std::nullopt;
      },
      error);
  if (error) return std::nullopt;
  return e.evaluate([](std::string_view name) -> std::optional<std::int64_t> {
    if (name == "n") return 10;
    if (name == "zero") return 0;
    return std::nullopt;
  });
}

TEST(IdlText, CommentsVanishAndAnnotationsStay) {
  EXPECT_EQ(preprocessed("a /* b */ c // d\n e /*@ f(\"g\") */ h"), "a c e /*@ f(\"g\") */ h ");
}

TEST(IdlText, MacrosOfAttributesAndConstants) {
  EXPECT_EQ(preprocessed("#define OPTIONAL in, unique\n#define N 4\n#define M (N + 1)\n[OPTIONAL] "
                         "long a[M];\n#undef N\nN"),
            "[in , unique] long a[(4 + 1)] ; N ");
  EXPECT_EQ(preprocessed("#define LONG_LINE a \\\n b\nLONG_LINE c"), "a b c ");
  EXPECT_EQ(preprocessed("#define F(x, y) y x F\nF(1, (2, 3)) F"), "(2 , 3) 1 F F ");
  EXPECT_EQ(preprocessed("#define A B\n#define B A\nA"), "A ");
}

TEST(IdlText, PastedNamesOutliveThePreprocessor) {
  EXPECT_EQ(preprocessed("#define H(n) wire ## n n##W\nH(HWND)"), "wireHWND HWNDW ");
  const ParseResult r = parse_body(
      "#define D(n) typedef [wire_marshal(wire ## n)] void * n; typedef long "
      "wire##n;\nD(HBLUE)\nvoid f([in] HBLUE h);");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_EQ(signature(r, "f"), "in h:i32 -> void");
}

TEST(IdlText, PreludeHasNoFindings) {
  const std::string text(prelude_text());
  const ParseResult r = parse_text(text, "prelude.idl");
  EXPECT_TRUE(r.diagnostics.empty()) << messages(r);
  EXPECT_EQ(r.counts.untyped, 0u);
}

TEST(IdlText, AnnotationsAreNotExpanded) {
  EXPECT_EQ(preprocessed("#define hex no\n/*@hex*/ hex"), "/*@ hex */ no ");
}

TEST(IdlText, Conditionals) {
  EXPECT_EQ(
      preprocessed(
          "#define X 3\n#if X > 2 && defined(X) && !defined Y\na\n#elif 1\nb\n#else\nc\n#endif\nd"),
      "a d ");
  EXPECT_EQ(preprocessed("#ifdef X\na\n#if 1\nb\n#endif\n#else\nc\n#endif"), "c ");
  EXPECT_EQ(preprocessed("#ifndef X\na \"it's\"\n#else\n ' unterminated\n#endif\n#pragma once\n#if "
                         "0x10L == 16\ne\n#endif"),
            "a \"it's\" e ");
}

TEST(IdlText, MacroBombIsCutOff) {
  std::string text = "#define A0 x x x x x x x x x x\n";
  for (int i = 1; i < 20; ++i) {
    text += "#define A" + std::to_string(i);
    for (int k = 0; k < 10; ++k) text += " A" + std::to_string(i - 1);
    text += "\n";
  }
  Reporter reporter;
  const std::string out = preprocessed(text + "A19\n", reporter);
  EXPECT_LT(out.size(), 30000u);
  EXPECT_EQ(reporter.count(Diagnostic::Severity::kError), 1u);
}

TEST(IdlText, ExpressionsAsPublished) {
  EXPECT_EQ(value_of("n + 1"), 11);
  EXPECT_EQ(value_of("n/2"), 5);
  EXPECT_EQ(value_of("n/sizeof(wchar_t)"), 5);
  EXPECT_EQ(value_of("n-4"), 6);
  EXPECT_EQ(value_of("(n+7)/8"), 2);
  EXPECT_EQ(value_of("(n+7)&~7"), 16);
  EXPECT_EQ(value_of("zero ? *zero : 5"), 5);
  EXPECT_EQ(value_of("n == 10 ? 16 : 12"), 16);
  EXPECT_EQ(value_of("0x00FFFFFF & n"), 10);
  EXPECT_EQ(value_of("(long)(n & 0xFFFF)"), 10);
  EXPECT_EQ(value_of("(unsigned char)(n + 0x100)"), 10);
  EXPECT_EQ(value_of("(DWORD)n * 2"), 20);
  EXPECT_EQ(value_of("*n * *n"), 100);
  EXPECT_EQ(value_of("1 + 2 * 3 << 1 | 8 ^ 1"), 15);
  EXPECT_EQ(value_of("1 ? 2 ? 3 : 4 : 5"), 3);
  EXPECT_EQ(value_of("0xFFFFFFFFUL"), 0xFFFFFFFF);
  EXPECT_EQ(value_of("010"), 8);
  EXPECT_EQ(value_of("'A'"), 65);
  EXPECT_EQ(value_of("-1"), -1);
  EXPECT_EQ(value_of("!n"), 0);
}

TEST(IdlText, WhatIsNoExpression) {
  for (const char* text : {"", "1 +", "(1", "f(1)", "a->b", "a.b", "\"x\"", "1 2", "1 ? 2", "09",
                           "0x", "1 / 0", "sizeof(nothing)", "99999999999999999999"}) {
    EXPECT_EQ(value_of(text), std::nullopt) << text;
  }
  EXPECT_EQ(value_of(std::string(5000, '(') + "1" + std::string(5000, ')')), std::nullopt);
  EXPECT_EQ(value_of(std::string(5000, '-') + "1"), std::nullopt);
  std::string deep = "1";
  for (int i = 0; i < 40; ++i) deep = "1 + (" + deep + ")";
  EXPECT_EQ(value_of(deep), std::nullopt) << "more than the evaluator's stack";
}

TEST(IdlText, CastOfANegativeNumber) {
  const ParseResult r = parse_body(
      "const ULONG ALL = (ULONG)-1; const long n = 7; const long M = (n) - 1; const double PI = "
      "3.14; const float H = .5f;\n"
      "enum E { X = ALL & 0xF, Y = M };");
  EXPECT_TRUE(r.ok()) << messages(r);
  const auto& values = std::get<EnumShape>(r.module.named_types.find("E")->second->shape).values;
  EXPECT_EQ(values[0].value, 15);
  EXPECT_EQ(values[1].value, 6);
}

TEST(IdlText, StringsUnquote) { EXPECT_EQ(unquote(R"("a\\b\"c\x41\101\n")"), "a\\b\"cAA\n"); }

TEST(IdlText, ConstantsThatDependOnEachOther) {
  const ParseResult r = parse_body(
      "const long A = B + 1; const long B = 0x10 | 1; const unsigned long C = sizeof(S) + E2; "
      "const long L1 = L2; const long L2 = L1;\n"
      "#define D (C * 2)\nconst wchar_t *T = L\"text\"; enum X { E1 = 3, E2 = E1 * 2 };\n"
      "typedef struct S { long a; hyper b; wchar_t c[3]; } S; void f([in] byte a[A], [in] byte "
      "d[D]);");
  EXPECT_EQ(signature(r, "f"), "in a:array[18](byte), in d:array[60](byte) -> void");
  EXPECT_GE(r.counts.errors, 1u) << "L1 and L2 define each other";
}

TEST(IdlText, DeepNestingIsRefused) {
  std::string structs, close;
  for (int i = 0; i < 2000; ++i) {
    structs += "struct { ";
    close += "} s; ";
  }
  EXPECT_FALSE(parse_body("typedef " + structs + "long x; " + close + "void f();").ok());
  EXPECT_FALSE(parse_body("typedef long " + std::string(3000, '*') + "P; void f([in] P p);").ok());
  EXPECT_FALSE(parse_body("void f([in] long " + std::string(3000, '(') + "x);").ok());
  std::string chain = "typedef long T0;\n";
  for (int i = 1; i < 3000; ++i)
    chain += "typedef T" + std::to_string(i - 1) + " *T" + std::to_string(i) + ";\n";
  const ParseResult r = parse_body(chain + "void f([in] T2999 p); void g([in] T5 p);");
  EXPECT_FALSE(procedure_named(r, "f")->typed);
  EXPECT_TRUE(procedure_named(r, "g")->typed);
}

}  // namespace
}  // namespace rpcmarshal::idl
