// Texts made to cost more than their size. Each would take minutes or gigabytes without a bound.
#include "helpers.h"
#include "idl/printer.h"

namespace rpcmarshal::idl {
namespace {

std::string repeat(std::size_t n, const std::function<std::string(std::size_t)>& part) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += part(i);
  return out;
}

TEST(IdlHostile, ManyFieldsThatNameEachOther) {
  const ParseResult r = parse_body(
      "typedef struct S { long n;" +
      repeat(40000,
             [](std::size_t i) { return "[size_is(n)] byte *p" + std::to_string(i) + ";"; }) +
      "} S;");
  EXPECT_TRUE(r.ok());
}

TEST(IdlHostile, UnnamedBodiesThatDoubleOnPrinting) {
  const ParseResult r = parse_body("typedef struct { long x; } *P0;\n" +
                                   repeat(22,
                                          [](std::size_t i) {
                                            return "typedef struct { P" + std::to_string(i) +
                                                   " a, b; } *P" + std::to_string(i + 1) + ";\n";
                                          }) +
                                   "void f([in] P22 p);");
  EXPECT_TRUE(r.ok()) << messages(r);
  EXPECT_LT(print_interface(r.module.interfaces.front()).size(), 4u << 20);
}

TEST(IdlHostile, BigBlocksSharedByManyDeclarators) {
  const std::string text(4000, 'x');
  const ParseResult r =
      parse_body("typedef struct S { " +
                 repeat(60, [&](std::size_t) { return "/*@why(\"" + text + "\")*/ "; }) + "long a" +
                 repeat(50000, [](std::size_t i) { return ", a" + std::to_string(i); }) + "; } S;");
  EXPECT_EQ(std::get<StructShape>(r.module.named_types.find("S")->second->shape).fields.size(),
            50001u);
}

TEST(IdlHostile, SizeofOfBigStructs) {
  const ParseResult r =
      parse_body("typedef struct S { " +
                 repeat(3000, [](std::size_t i) { return "long a" + std::to_string(i) + ";"; }) +
                 "} S;" + repeat(20000, [](std::size_t i) {
                   return "const long K" + std::to_string(i) + " = sizeof(S);";
                 }));
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(r.module.constants.back().value, 12000);
}

TEST(IdlHostile, CopiesOfEnumerations) {
  const ParseResult r = parse_body(
      "typedef enum { " +
      repeat(5000, [](std::size_t i) { return "E" + std::to_string(i) + ","; }) + "} E;" +
      repeat(5000, [](std::size_t i) { return "typedef E T" + std::to_string(i) + ";"; }));
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(named(r, "T4999"), "enum16");
}

TEST(IdlHostile, InheritanceOfManyProcedures) {
  const auto uuid = [](std::size_t i) {
    char text[64];
    std::snprintf(text, sizeof text, "[object, uuid(00000000-0000-0000-0000-%012zx)] ", i + 1);
    return std::string(text);
  };
  const ParseResult r =
      parse_text(uuid(0) + "interface B : IUnknown { " +
                 repeat(20000, [](std::size_t) { return "void f();"; }) + " }" +
                 repeat(1000, [&](std::size_t i) {
                   return uuid(i + 1) + "interface I" + std::to_string(i) + " : B {}";
                 }));
  EXPECT_LT(r.counts.procedures, 2 * kLimits.procedures);
  EXPECT_FALSE(r.ok());
}

TEST(IdlHostile, LongNamesAndManyAttributes) {
  const ParseResult r =
      parse_body("void f([in" + repeat(1000, [](std::size_t) { return ", odd"; }) +
                 "] long x); void g([in] " + std::string(100000, 'T') + " y); void h();");
  EXPECT_FALSE(r.ok());
  EXPECT_TRUE(procedure_named(r, "h"));
  for (const Diagnostic& d : r.diagnostics) EXPECT_LT(d.to_string().size(), 2000u);
}

}  // namespace
}  // namespace rpcmarshal::idl
