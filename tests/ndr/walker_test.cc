// The Walker's own behaviour; that it sees what Value::at() gives is asserted for random types in
// roundtrip_test.cc.
#include "ndr/build.h"

namespace rpcmarshal::ndr::test {
namespace {

/// {a: [{x, y}], b: union, c}: packed and stored children, an arm, and an empty list.
struct Sample {
  Idl idl;
  Wire wire;
  Sample() {
    const Type* point = idl.record("POINT", {{"x", idl.u16()}, {"y", idl.u16()}});
    idl.procedure({{kIn, "a", idl.ref(idl.array(point, {Idl::conformant()}))},
                   {kIn, "b", idl.ref(idl.choice(idl.u32(), {{{1}, "one", idl.u32()}}))},
                   {kIn, "c", idl.ref(idl.array(idl.wstring(), {Idl::conformant()}))},
                   {kIn, "d", idl.u32()}});
    wire.u32(2).u16(1).u16(2).u16(3).u16(4);
    wire.u32(1).u32(7).u32(0).u32(9);
  }
};

TEST(NdrWalker, VisitsEverythingWithNamesAndDepths) {
  Sample sample;
  const Decoded d(sample.idl.program(), sample.wire);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  std::string seen;
  Walker walker;
  walker.start(d.tape.root());
  while (walker.next()) {
    static constexpr char kEvents[] = "(.)";
    seen += std::to_string(walker.depth()) + kEvents[static_cast<int>(walker.event())] +
            std::to_string(walker.index()) + std::string(walker.value().name()) + " ";
  }
  EXPECT_EQ(seen,
            "0(0 1(0a 2(0 3.0x 3.1y 2)0 2(1 3.0x 3.1y 2)1 1)0a 1(1b 2.0one 1)1b 1(2c 1)2c 1.3d "
            "0)0 ");
  EXPECT_FALSE(walker.next());
}

TEST(NdrWalker, SkipLeavesOutWhatIsInside) {
  Sample sample;
  const Decoded d(sample.idl.program(), sample.wire);
  std::string seen;
  Walker walker;
  walker.start(d.tape.root());
  while (walker.next()) {
    if (walker.event() == Walker::Event::kClose) continue;
    seen += std::string(walker.value().name()) + ",";
    if (walker.value().kind() == ValueKind::kList) walker.skip();
  }
  EXPECT_EQ(seen, ",a,b,one,c,d,");
}

TEST(NdrWalker, StartsAnywhereAndAgain) {
  Sample sample;
  const Decoded d(sample.idl.program(), sample.wire);
  Walker walker;
  EXPECT_FALSE(walker.next());  // never started
  for (int i = 0; i < 2; ++i) {
    walker.start(d["a.1"]);
    ASSERT_TRUE(walker.next());
    EXPECT_EQ(walker.event(), Walker::Event::kOpen);
    ASSERT_TRUE(walker.next());
    EXPECT_EQ(walker.value().as_int(), 3);
    ASSERT_TRUE(walker.next());
    EXPECT_EQ(walker.value().as_int(), 4);
  }
  walker.start(d["d"]);
  ASSERT_TRUE(walker.next());
  EXPECT_EQ(walker.event(), Walker::Event::kLeaf);
  EXPECT_EQ(walker.value().as_int(), 9);
  EXPECT_FALSE(walker.next());
  walker.start(Tape().root());
  ASSERT_TRUE(walker.next());
  EXPECT_TRUE(walker.value().is_missing());
  EXPECT_FALSE(walker.next());
}

TEST(NdrWalker, ForeignFloatingPointIsBytes) {
  Idl idl;
  const Type* pair =
      idl.record("P", {{"f", idl.base(BaseType::kFloat)}, {"d", idl.base(BaseType::kDouble)}});
  idl.procedure({{kIn, "p", idl.ref(pair)}, {kIn, "f", idl.base(BaseType::kFloat)}});
  Wire wire;
  for (std::uint32_t i = 0; i < 5; ++i) wire.u32(i);
  DecodeInput input;
  input.stub = wire.bytes();
  Tape tape;
  for (const std::uint8_t format : {0, 1}) {
    input.float_format = format;
    ASSERT_TRUE(decode(*idl.program(), input, tape).complete() || format);
    EXPECT_EQ(show_walked(tape.root()), show(tape.root()));
    EXPECT_EQ(tape.root().find("p.d").kind(), format ? ValueKind::kBytes : ValueKind::kReal);
  }
}

}  // namespace
}  // namespace rpcmarshal::ndr::test
