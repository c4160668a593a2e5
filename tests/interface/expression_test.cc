#include <gtest/gtest.h>

#include "interface/model.h"

namespace rpcmarshal {
namespace {

using Op = Expression::Op;

TEST(Expression, ConditionalPicksItsArm) {
  // lpcb ? *lpcb : 0
  const Expression e{{{Op::kName, 0, "lpcb"},
                      {Op::kName, 0, "lpcb"},
                      {Op::kDereference},
                      {Op::kConstant, 0},
                      {Op::kConditional}},
                     ""};
  EXPECT_EQ(e.evaluate([](std::string_view) { return std::optional<std::int64_t>(7); }), 7);
  EXPECT_EQ(e.constant(), std::nullopt);
}

TEST(Expression, NeverTraps) {
  const auto of = [](Op op, std::int64_t a, std::int64_t b) {
    return Expression{{{Op::kConstant, a}, {Op::kConstant, b}, {op}}, ""}.constant();
  };
  EXPECT_EQ(of(Op::kDivide, 1, 0), std::nullopt);
  EXPECT_EQ(of(Op::kDivide, INT64_MIN, -1), std::nullopt);
  EXPECT_EQ(of(Op::kMultiply, INT64_MAX, 2), -2);
  EXPECT_EQ(of(Op::kShiftLeft, 1, 200), 0);
  EXPECT_EQ(Expression{}.constant(), std::nullopt);
}

TEST(Catalogue, DefiniteProcedureWinsOverPlaceholderInEitherOrder) {
  const auto module_with = [](std::string name, bool reserved) {
    Module m;
    Interface& i = m.interfaces.emplace_back();
    i.id = {Guid{1, 2, 3, {}}, 1, 0};
    i.name = "lsarpc";
    i.procedures.resize(1);
    i.procedures[0].name = std::move(name);
    i.procedures[0].reserved = reserved;
    return m;
  };
  for (const bool placeholder_first : {true, false}) {
    Catalogue catalogue;
    catalogue.add(placeholder_first ? module_with("Lsar_LSA_TM_14", true)
                                    : module_with("LsarLookupNames", false));
    catalogue.add(placeholder_first ? module_with("LsarLookupNames", false)
                                    : module_with("Lsar_LSA_TM_14", true));
    const Interface* found = catalogue.find(Guid{1, 2, 3, {}}, 1);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->procedures[0].name, "LsarLookupNames");
    EXPECT_EQ(catalogue.all().size(), 1u);
  }
}

}  // namespace
}  // namespace rpcmarshal
