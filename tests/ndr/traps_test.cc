// The twelve places where NDR decoders have gone wrong (facts/ndr.md), one test each. Bytes are
// derived by hand from [C706] 14 and [MS-RPCE] 2.2.5.
#include "ndr/build.h"

namespace rpcmarshal::ndr::test {
namespace {

TEST(NdrTraps, Trap01TopLevelPointersReferentFollowsInPlace) {
  Idl idl;
  const Type* inner = idl.record("R", {{"name", idl.pointer(idl.wstring())}, {"n", idl.u32()}});
  idl.procedure({{kIn, "a", idl.pointer(idl.wstring())},
                 {kIn, "b", idl.u32()},
                 {kIn, "r", idl.pointer(inner)},
                 {kIn, "c", idl.u32()}});
  Wire w;
  w.u32(1).wstring(u"ab").align(4).u32(7);
  w.u32(2).u32(3).u32(9).wstring(u"xy").align(4).u32(8);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), R"({a:"ab",b:7,r:{name:"xy",n:9},c:8})");
  EXPECT_EQ(d.result.trailing, 0u);
}

TEST(NdrTraps, Trap02StructAlignsToItsLargestMemberAndDefersToTheEnclosingConstruction) {
  Idl idl;
  const Type* inner = idl.record("I", {{"p", idl.pointer(idl.u32())}, {"h", idl.u64()}});
  const Type* outer = idl.record("O", {{"i", inner}, {"q", idl.pointer(idl.u16())}});
  idl.procedure({{kIn, "x", idl.u32()}, {kIn, "o", idl.ref(outer)}});
  Wire w;
  w.u32(5).align(8);                // the struct, not its first field, wants 8
  w.u32(1).align(8).u64(6).u32(2);  // i.p, i.h, q
  w.u32(77).u16(88);                // referents: only after all of o
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{x:5,o:{i:{p:77,h:6},q:88}}");
}

TEST(NdrTraps, Trap03UnionAlignsDiscriminantThenArmInNdr20AndAsAWholeInNdr64) {
  for (const Syntax syntax : {Syntax::kNdr20, Syntax::kNdr64}) {
    Idl idl;
    const Type* u = idl.choice(idl.u16(), {{{1}, "small", idl.u8()}, {{2}, "large", idl.u64()}});
    idl.procedure({{kIn, "x", idl.u16()}, {kIn, "u", idl.ref(u)}, {kIn, "v", idl.ref(u)}});
    Wire w;
    w.u16(3);
    if (syntax == Syntax::kNdr20) {
      w.u16(1).u8(9);  // discriminant aligned to 2, arm to 1
      w.align(2).u16(2).align(8).u64(10);
    } else {
      w.align(8).u16(1).align(8).u8(9);  // both aligned to the largest arm
      w.align(8).u16(2).align(8).u64(10);
    }
    const Decoded d(idl.program(Half::kRequest, syntax), w);
    ASSERT_TRUE(d.result.complete()) << d.failure();
    EXPECT_EQ(show(d), "{x:3,u:<1 small:9>,v:<2 large:10>}");
    EXPECT_EQ(d.result.trailing, 0u);
  }
}

// [MS-RPCE] 2.2.4.5; the first stub is Samba's answer to LsarQueryInformationPolicy, class 6, where
// the role is the only arm of two bytes.
TEST(NdrTraps, MsUnionAlignsEveryArmAsTheLargest) {
  Idl idl;
  Type* u = idl.choice(idl.u16(), {{{6}, "role", idl.u16()}, {{2}, "count", idl.u32()}});
  std::get<UnionShape>(u->shape).ms_union = true;
  idl.procedure({{kOut, "u", idl.ref(idl.pointer(u))}}, idl.u32());
  Wire w;
  w.u32(0x20000).u16(6).u16(0).u16(3).u16(0).u32(0);
  const Decoded d(idl.program(Half::kResponse), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{u:<6 role:3>,return:0}");
  EXPECT_EQ(d.result.trailing, 0u);
}

// docs/idl.md says why: what follows a union is where it would be behind any other arm.
TEST(NdrTraps, AnEmptyArmIsAlignedLikeTheOthers) {
  Idl idl;
  Type* u = idl.choice(idl.u16(), {{{1}, "large", idl.u64()}, {{2}, "", nullptr}});
  const Type* s = idl.record("S", {{"u", u}, {"after", idl.u16()}});
  idl.procedure({{kIn, "s", idl.ref(s)}});
  Wire wide;
  wide.u16(2).align(8).u16(7).align(8);
  const Decoded d64(idl.program(Half::kRequest, Syntax::kNdr64), wide);
  ASSERT_TRUE(d64.result.complete()) << d64.failure();
  EXPECT_EQ(show(d64), "{s:{u:<2>,after:7}}");
  EXPECT_EQ(d64.result.trailing, 0u);
  Wire narrow;  // NDR20 aligns each arm for itself
  narrow.u16(2).u16(7);
  EXPECT_EQ(show(Decoded(idl.program(), narrow)), "{s:{u:<2>,after:7}}");
  Idl with_ms;
  Type* v = with_ms.choice(with_ms.u16(), {{{1}, "large", with_ms.u64()}, {{2}, "", nullptr}});
  std::get<UnionShape>(v->shape).ms_union = true;
  with_ms.procedure(
      {{kIn, "s", with_ms.ref(with_ms.record("S", {{"u", v}, {"after", with_ms.u16()}}))}});
  Wire ms;
  ms.u16(2).align(8).u16(7);
  EXPECT_EQ(show(Decoded(with_ms.program(), ms)), "{s:{u:<2>,after:7}}");
  Wire cut;  // a stub that ends behind the discriminant is whole
  cut.u16(2);
  Idl last;
  last.procedure(
      {{kIn, "u", last.choice(last.u16(), {{{1}, "large", last.u64()}, {{2}, "", nullptr}})}});
  const Decoded ended(last.program(Half::kRequest, Syntax::kNdr64), cut);
  EXPECT_TRUE(ended.result.complete()) << ended.failure();
}

TEST(NdrTraps, MsUnionsInArraysAreAlignedAsTheLargestArm) {
  Idl idl;
  Type* u = idl.choice(idl.byte(), {{{1}, "small", idl.byte()}, {{2}, "large", idl.u32()}});
  std::get<UnionShape>(u->shape).ms_union = true;
  idl.procedure({{kIn, "u", idl.array(u, {Idl::fixed(2)})}});
  Wire w;
  w.u8(1).align(4).u8(7).align(4).u8(1).align(4).u8(8);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{u:[<1 small:7>,<1 small:8>]}");
  EXPECT_EQ(d.result.trailing, 0u);
}

TEST(NdrTraps, Trap04HoistedCountIsAlignedAsACountEvenBeforeHypers) {
  Idl idl;
  const Type* s =
      idl.record("CURSOR", {{"n", idl.u32()}, {"v", idl.array(idl.u64(), {Idl::conformant("n")})}});
  idl.procedure({{kIn, "x", idl.u8()}, {kIn, "s", idl.ref(s)}});
  Wire w;
  w.u8(1).align(4).u32(2);  // count at 4, not at 8
  w.align(8).u32(2).align(8).u64(11).u64(12);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{x:1,s:{n:2,v:[11,12]}}");
  Wire w64;
  w64.u8(1).align(8).u64(2).u32(2).align(8).u64(11).u64(12);
  const Decoded d64(idl.program(Half::kRequest, Syntax::kNdr64), w64);
  ASSERT_TRUE(d64.result.complete()) << d64.failure();
  EXPECT_EQ(show(d64), "{x:1,s:{n:2,v:[11,12]}}");
}

TEST(NdrTraps, Trap05Ndr64PipeChunksEndWithTheirNegatedCount) {
  Idl idl;
  idl.procedure({{kOut, "p", idl.ref(idl.pipe(idl.byte()))}}, idl.u32());
  Wire w;
  w.u64(3).raw("abc").align(8).u64(static_cast<std::uint64_t>(-3));
  w.u64(2).raw("de").align(8).u64(static_cast<std::uint64_t>(-2));
  w.u64(0).u32(5);
  const Decoded d(idl.program(Half::kResponse, Syntax::kNdr64), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{p:[x616263,x6465],return:5}");
  Wire w20;
  w20.u32(3).raw("abc").align(4).u32(2).raw("de").align(4).u32(0).u32(5);
  const Decoded d20(idl.program(Half::kResponse, Syntax::kNdr20), w20);
  ASSERT_TRUE(d20.result.complete()) << d20.failure();
  EXPECT_EQ(show(d20), "{p:[x616263,x6465],return:5}");
  Wire bad;
  bad.u64(3).raw("abc").align(8).u64(3);
  const Decoded b(idl.program(Half::kResponse, Syntax::kNdr64), bad);
  EXPECT_FALSE(b.result.complete());
  EXPECT_EQ(show(b["p.0"]), "x616263");
}

TEST(NdrTraps, Trap06Ndr64StructsEndWithATrailingGapAndInt3264IsEight) {
  Idl idl;
  const Type* s = idl.record("S", {{"a", idl.u64()}, {"b", idl.u8()}});
  idl.procedure(
      {{kIn, "s", idl.ref(s)}, {kIn, "c", idl.u8()}, {kIn, "l", idl.base(BaseType::kUInt3264)}});
  Wire w;
  w.u64(1).u8(2).align(8).u8(3).align(8).u64(4);  // the gap is part of s
  const Decoded d(idl.program(Half::kRequest, Syntax::kNdr64), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{s:{a:1,b:2},c:3,l:4}");
  Wire w20;
  w20.u64(1).u8(2).u8(3).align(4).u32(4);  // NDR20 has none
  const Decoded d20(idl.program(), w20);
  ASSERT_TRUE(d20.result.complete()) << d20.failure();
  EXPECT_EQ(show(d20), "{s:{a:1,b:2},c:3,l:4}");
}

TEST(NdrTraps, Trap06Ndr64GapStandsAfterTheLastMemberThatIsNotConformant) {
  Idl idl;
  const Type* s = idl.record(
      "S",
      {{"a", idl.u64()}, {"n", idl.u32()}, {"d", idl.array(idl.byte(), {Idl::conformant("n")})}});
  idl.procedure({{kIn, "s", idl.ref(s)}});
  Wire w;
  w.u64(3).u64(1).u32(3).align(8).raw("abc");
  const Decoded d(idl.program(Half::kRequest, Syntax::kNdr64), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{s:{a:1,n:3,d:x616263}}");
}

TEST(NdrTraps, Trap07EnumsAreTwoBytesFourWhenV1AndFourInNdr64) {
  Idl idl;
  idl.procedure({{kIn, "e", idl.enumeration("E", {{"A", 1}})},
                 {kIn, "v", idl.enumeration("V", {{"B", 2}}, true)}});
  Wire w;
  w.u16(1).align(4).u32(2);
  const Decoded d(idl.program(), w);
  EXPECT_EQ(show(d), "{e:1,v:2}");
  EXPECT_EQ(d.result.trailing, 0u);
  Wire w64;
  w64.u32(1).u32(2);
  const Decoded d64(idl.program(Half::kRequest, Syntax::kNdr64), w64);
  EXPECT_EQ(show(d64), "{e:1,v:2}");
  EXPECT_EQ(d64.result.trailing, 0u);
}

TEST(NdrTraps, Trap08PaddingBytesAreArbitrary) {
  Idl idl;
  idl.procedure({{kIn, "a", idl.u8()}, {kIn, "b", idl.u64()}});
  for (const std::uint8_t pad : {0x00, 0xAA, 0xFF, 0x50}) {
    Wire w;
    w.u8(1);
    for (int i = 0; i < 7; ++i) w.u8(pad);
    w.u64(2);
    const Decoded d(idl.program(), w);
    EXPECT_EQ(show(d), "{a:1,b:2}");
  }
}

TEST(NdrTraps, Trap09UniqueReferentIdsMayRepeat) {
  Idl idl;
  const Type* s = idl.record("S", {{"a", idl.pointer(idl.u32())}, {"b", idl.pointer(idl.u32())}});
  idl.procedure({{kIn, "s", idl.ref(s)}});
  Wire w;
  w.u32(0x20000).u32(0x20000).u32(1).u32(2);
  const Decoded d(idl.program(), w);
  EXPECT_EQ(show(d), "{s:{a:1,b:2}}");
}

TEST(NdrTraps, Trap09FullPointersWithOneIdAreOneReferent) {
  Idl idl;
  const Type* s = idl.record(
      "S", {{"a", idl.full(idl.u32())}, {"b", idl.full(idl.u32())}, {"c", idl.full(idl.u32())}});
  idl.procedure({{kIn, "s", idl.ref(s)}});
  Wire w;
  w.u32(5).u32(5).u32(6).u32(1).u32(2);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{s:{a:1,b:same,c:2}}");
  EXPECT_EQ(d["s.b"].target().as_uint(), 1u);
  EXPECT_EQ(d["s.b"].target().name(), "b");
}

TEST(NdrTraps, Trap10WireCountAndSizeIsDisagree) {
  Idl idl;
  idl.procedure({{kIn, "n", idl.u32()},
                 {kIn, "d", idl.ref(idl.array(idl.byte(), {Idl::conformant("n")}))},
                 {kIn, "z", idl.u32()}});
  Wire w;
  w.u32(9).u32(4).raw("wxyz").u32(1);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{n:9,d:x7778797a,z:1}");
  ASSERT_EQ(d.result.mismatches, 1u);
  const Mismatch& m = d.tape.mismatches()[0];
  EXPECT_EQ(m.what, Mismatch::What::kSizeIs);
  EXPECT_EQ(m.declared, 9);
  EXPECT_EQ(m.wire, 4u);
  EXPECT_EQ(d.tape.path(m.entry), "d");
  Wire liar;
  liar.u32(9).u32(0x7FFFFFFF).raw("wxyz");
  const Decoded b(idl.program(), liar);
  EXPECT_FALSE(b.result.complete());
  EXPECT_EQ(b.failure(), "the stub ends within a string or byte array at 8 in d");
  EXPECT_EQ(show(b), "{n:9,d:?,z:?}");
}

// Trap 11 (decrypt, defragment, then strip auth padding and the verification trailer) happens
// before stubs come here; what is left of a trailer must not hurt.
TEST(NdrTraps, Trap11AVerificationTrailerLeftBehindIsTrailingData) {
  Idl idl;
  idl.procedure({{kIn, "n", idl.u32()}});
  Wire w;
  w.u32(9).raw("\x8a\xe3\x13\x71\x02\xf4\x36\x71").u32(0x40000001).u32(0);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete());
  EXPECT_EQ(d.result.consumed, 4u);
  EXPECT_EQ(d.result.trailing, 16u);
}

TEST(NdrTraps, Trap12ProgramsAreKeyedByVersionToo) {
  Module module;
  const Guid uuid = *Guid::parse("b97db8b2-4c63-11cf-bff6-08002be23f2f");
  for (const std::uint16_t version : {std::uint16_t{2}, std::uint16_t{3}}) {
    Interface& iface = module.interfaces.emplace_back();
    iface.id = {uuid, version, 0};
    iface.name = "clusapi";
    Procedure& p = iface.procedures.emplace_back();
    p.name = "P";
    Parameter& a = p.parameters.emplace_back();
    a.field.name = version == 2 ? "two" : "three";
    a.field.type =
        module.make_type("", BaseShape{version == 2 ? BaseType::kUInt16 : BaseType::kUInt32});
    a.in = true;
  }
  Catalogue catalogue;
  catalogue.add(std::move(module));
  const Codec codec(catalogue);
  Wire w;
  w.u32(0x00050007);
  const Decoded two(codec.program(*catalogue.find(uuid, 2), 0, Half::kRequest, Syntax::kNdr20), w);
  const Decoded three(codec.program(*catalogue.find(uuid, 3), 0, Half::kRequest, Syntax::kNdr20),
                      w);
  EXPECT_EQ(show(two), "{two:7}");
  EXPECT_EQ(show(three), "{three:327687}");
}

}  // namespace
}  // namespace rpcmarshal::ndr::test
