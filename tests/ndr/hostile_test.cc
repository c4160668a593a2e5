// Input that means harm: work and memory stay bounded, and what was decoded is kept.
#include <chrono>
#include <random>

#include "ndr/build.h"

namespace rpcmarshal::ndr::test {
namespace {

const Type* list_node(Idl& idl, PointerKind kind = PointerKind::kUnique) {
  Type* node = idl.record("NODE", {{"v", idl.u32()}});
  idl.add_field(node, "next", idl.pointer(node, kind));
  return node;
}

TEST(NdrHostile, ListsOfManyThousandNodesDecode) {
  Idl idl;
  idl.procedure({{kIn, "p", idl.pointer(list_node(idl))}, {kIn, "z", idl.u32()}});
  Wire w;
  constexpr std::uint32_t kNodes = 200'000;
  w.u32(1);
  for (std::uint32_t i = 0; i < kNodes; ++i) w.u32(i).u32(i + 1 < kNodes ? 1 : 0);
  w.u32(42);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(d["z"].as_uint(), 42u);
  EXPECT_EQ(d.tape.entry_count(), 3u + 2u * kNodes);
  Walker walker;  // as deep as the list, without recursion
  walker.start(d.tape.root());
  std::size_t deepest = 0, leaves = 0;
  while (walker.next()) {
    deepest = std::max(deepest, walker.depth());
    leaves += walker.event() == Walker::Event::kLeaf;
  }
  EXPECT_EQ(leaves, kNodes + 2u);
  EXPECT_GE(deepest, kNodes);
}

TEST(NdrHostile, CyclesOfFullPointersAreAliases) {
  Idl idl;
  idl.procedure({{kIn, "p", idl.pointer(list_node(idl, PointerKind::kFull))}});
  Wire w;
  w.u32(1).u32(10).u32(7).u32(11).u32(7);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{p:{v:10,next:{v:11,next:same}}}");
}

TEST(NdrHostile, ManyFullPointersCostNoMoreThanTheyShould) {
  Idl idl;
  const Type* array = idl.array(idl.full(idl.u8()), {Idl::conformant()});
  idl.procedure({{kIn, "a", idl.ref(array)}});
  Wire w;
  constexpr std::uint32_t kCount = 200'000;
  w.u32(kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) w.u32(0x10000u * (i % 60'000 + 1));
  for (std::uint32_t i = 0; i < 60'000; ++i) w.u8(1);
  const auto start = std::chrono::steady_clock::now();
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  EXPECT_EQ(d["a.70000"].kind(), ValueKind::kAlias);
  EXPECT_EQ(d["a.70000"].target().as_uint(), 1u);
}

TEST(NdrHostile, CountsBeyondTheStubAreRefusedBeforeAnythingIsAllocated) {
  Idl idl;
  const Type* record = idl.record("R", {{"p", idl.pointer(idl.u32())}});
  idl.procedure(
      {{kIn, "n", idl.u32()}, {kIn, "a", idl.ref(idl.array(record, {Idl::conformant()}))}});
  for (const std::uint32_t count : {0xFFFFFFFFu, 0x80000000u, 100u, 3u}) {
    Wire w;
    w.u32(1).u32(count).u32(0).u32(0);
    const Decoded d(idl.program(), w);
    EXPECT_FALSE(d.result.complete());
    EXPECT_EQ(d.failure(), "the stub ends within an array at 8 in a");
    EXPECT_LT(d.tape.entry_count(), 8u);
  }
  for (const std::uint64_t count : {0xFFFFFFFFFFFFFFFFull, 0x2000000000000001ull, 0x100000000ull}) {
    Wire w;
    w.u32(1).align(8).u64(count).u64(0).u64(0);
    const Decoded d(idl.program(Half::kRequest, Syntax::kNdr64), w);
    EXPECT_FALSE(d.result.complete());
    EXPECT_LT(d.tape.entry_count(), 8u);
  }
}

TEST(NdrHostile, DimensionsMultiplyWithoutOverflow) {
  Idl idl;
  idl.procedure(
      {{kIn, "a",
        idl.ref(idl.array(idl.u32(), {Idl::conformant(), Idl::conformant(), Idl::conformant()}))}});
  for (const auto& counts : {std::array<std::uint64_t, 3>{0x100000000, 0x100000000, 1},
                             {0xFFFFFFFFFFFFFFFF, 2, 2},
                             {0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 0},
                             {0, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF}}) {
    Wire w;
    for (const std::uint64_t n : counts) w.u64(n);
    const Decoded d(idl.program(Half::kRequest, Syntax::kNdr64), w);
    EXPECT_EQ(d.result.complete(), counts[0] == 0);
    EXPECT_LT(d.tape.entry_count(), 8u);
  }
}

TEST(NdrHostile, ElementsWithoutSizeAreBounded) {
  Idl idl;
  const Type* empty = idl.record("EMPTY", {});
  idl.procedure({{kIn, "a", idl.ref(idl.array(empty, {Idl::conformant()}))},
                 {kOut, "p", idl.ref(idl.pipe(empty))}});
  Wire w;
  w.u32(0xFFFFFFFF);
  const Decoded d(idl.program(), w);
  EXPECT_FALSE(d.result.complete());
  Wire few;
  few.u32(3);
  const Decoded ok(idl.program(), few);
  EXPECT_EQ(show(ok), "{a:[{},{},{}]}");
  const Decoded pipe(idl.program(Half::kResponse), w);
  EXPECT_FALSE(pipe.result.complete());
}

TEST(NdrHostile, WrappersOfWrappersAreBounded) {
  // Each level of struct costs an entry: 40 of them per pointer, and the pointers come cheap.
  Idl idl;
  const Type* type = idl.pointer(idl.u32());
  for (int i = 0; i < 40; ++i) type = idl.record("W", {{"w", type}});
  idl.procedure({{kIn, "a", idl.ref(idl.array(type, {Idl::conformant()}))}});
  Wire w;
  constexpr std::uint32_t kCount = 100'000;
  w.u32(kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) w.u32(0);
  const Decoded d(idl.program(), w);
  EXPECT_LT(d.tape.entry_count(), 5 * w.size());
  EXPECT_EQ(d.result.reason, "more values than a stub of this size should hold");
  EXPECT_GT(d["a"].size(), 1000u);
}

TEST(NdrHostile, TypesThatContainThemselvesAreRefused) {
  Idl idl;
  Type* s = idl.record("S", {{"n", idl.u32()}});
  idl.add_field(s, "self", s);
  Type* p = idl.module().make_type("P", PointerShape{PointerKind::kUnique, nullptr});
  std::get<PointerShape>(p->shape).target = p;
  Type* u = idl.choice(idl.u16(), {});
  UnionArm& arm = std::get<UnionShape>(u->shape).arms.emplace_back();
  arm.cases = {1};
  arm.field.name = "self";
  arm.field.type = u;
  idl.procedure({{kIn, "s", idl.ref(s)}, {kOut, "p", p}, {kOut, "u", idl.ref(u)}});
  Wire w;
  for (int i = 0; i < 100; ++i) w.u32(1);
  const Decoded a(idl.program(), w);
  EXPECT_FALSE(a.result.complete());
  const Decoded b(idl.program(Half::kResponse), w);
  EXPECT_FALSE(b.result.complete());
}

TEST(NdrHostile, UnknownTypesStopOnlyWhatFollows) {
  Idl idl;
  const Type* hole = idl.unknown("tagCPFLAGS is not defined");
  idl.procedure({{kIn, "a", idl.u32()}, {kIn, "p", idl.pointer(hole)}, {kIn, "b", idl.u32()}});
  Wire w;
  w.u32(1).u32(0).u32(2);
  const Decoded null(idl.program(), w);
  EXPECT_EQ(show(null), "{a:1,p:null,b:2}");
  Wire v;
  v.u32(1).u32(9).u32(2);
  const Decoded d(idl.program(), v);
  EXPECT_EQ(show(d), "{a:1,p:?,b:?}");
  EXPECT_EQ(d.failure(), "tagCPFLAGS is not defined at 8 in p");
}

TEST(NdrHostile, FailureKeepsWhatWasDecoded) {
  Idl idl;
  const Type* item = idl.record("I", {{"name", idl.pointer(idl.wstring())}, {"n", idl.u32()}});
  idl.procedure({{kIn, "a", idl.ref(idl.array(item, {Idl::conformant()}))}, {kIn, "z", idl.u32()}});
  Wire w;
  w.u32(2).u32(1).u32(10).u32(1).u32(20).wstring(u"one").align(4).u32(4).u32(0).u32(99).text16(
      u"tw");
  const Decoded d(idl.program(), w);
  EXPECT_EQ(show(d), R"({a:[{name:"one",n:10},{name:?,n:20}],z:?})");
  EXPECT_EQ(d.failure(), "the stub ends within a string or byte array at 52 in a.1.name");
  Wire cut;
  cut.u32(2).u32(1).u32(10).u32(1).u16(0);
  const Decoded c(idl.program(), cut);
  EXPECT_EQ(c.result.status, DecodeResult::Status::kPartial);
}

TEST(NdrHostile, WhatFailedKeepsNothingOfThePreviousDecode) {
  Idl idl;
  const Type* counted =
      idl.record("RPC_UNICODE_STRING",
                 {{"Length", idl.u16()},
                  {"MaximumLength", idl.u16()},
                  {"Buffer", idl.pointer(idl.array(idl.wchar(), {Idl::conformant_varying()}))}});
  const Type* item = idl.record("I", {{"x", idl.u16()}, {"c", counted}});
  idl.procedure({{kIn, "a", idl.ref(idl.array(item, {Idl::conformant()}))}});
  const Program* program = idl.program();
  Wire full;
  full.u32(1).u16(1).align(4).u16(0).u16(0).u32(0);
  Tape tape;
  DecodeInput input;
  input.stub = full.bytes();
  ASSERT_TRUE(decode(*program, input, tape).complete());
  ASSERT_TRUE(tape.root().find("a.0.c").is_counted());
  input.stub = full.bytes().first(full.size() - 2);
  ASSERT_FALSE(decode(*program, input, tape).complete());
  EXPECT_EQ(show(tape.root()), "{a:[{x:1,c:?}]}");
  EXPECT_EQ(tape.path(4), "a.0.c");
  EXPECT_FALSE(tape.root().find("a.0.c").is_counted());
}

TEST(NdrHostile, PathsOfFailuresReadNoStaleEntries) {
  // A deep structure first, so that the entries of the second decode, which fails within a list,
  // held something else.
  Idl idl;
  const Type* node = list_node(idl);
  idl.procedure({{kIn, "p", idl.pointer(node)}});
  Idl other;
  const Type* item = other.record("I", {{"a", other.pointer(other.u8())}, {"b", other.u32()}});
  other.procedure({{kIn, "l", other.ref(other.array(item, {Idl::conformant()}))}});
  Wire deep;
  deep.u32(1);
  for (std::uint32_t i = 0; i < 400; ++i) deep.u32(i).u32(i < 399 ? 1 : 0);
  Tape tape;
  DecodeInput input;
  input.stub = deep.bytes();
  ASSERT_TRUE(decode(*idl.program(), input, tape).complete());
  Wire list;
  list.u32(100);
  for (std::uint32_t i = 0; i < 100; ++i) list.u32(1).u32(i);
  input.stub = list.bytes();
  const DecodeResult result = decode(*other.program(), input, tape);
  ASSERT_FALSE(result.complete());
  EXPECT_EQ(tape.path(result.failed_entry), "l.0.a");
  Wire counts;
  counts.u32(20);
  for (std::uint32_t i = 0; i < 40; ++i) counts.u32(0);
  input.stub = counts.bytes().first(counts.size() - 2);
  EXPECT_FALSE(decode(*other.program(), input, tape).complete());
  for (std::uint32_t i = 0; i < tape.entry_count(); ++i) (void)tape.path(i);
}

TEST(NdrHostile, UnionsWithoutAnArmForTheDiscriminant) {
  Idl idl;
  const Type* u = idl.choice(idl.u32(), {{{1, 2}, "a", idl.u16()}, {{-1}, "m", idl.u8()}});
  idl.procedure({{kIn, "u", idl.ref(u)}, {kIn, "z", idl.u16()}});
  Wire w;
  w.u32(7).u16(1).u16(2);
  const Decoded d(idl.program(), w);
  EXPECT_EQ(show(d), "{u:?,z:?}");
  EXPECT_EQ(d.failure(), "the union has no arm for this discriminant at 0 in u");
  Wire minus;  // case(-1) of an unsigned discriminant
  minus.u32(0xFFFFFFFF).u8(5).align(2).u16(6);
  const Decoded m(idl.program(), minus);
  EXPECT_EQ(show(m), "{u:<4294967295 m:5>,z:6}");
}

TEST(NdrHostile, EveryPrefixAndManyFlippedBytes) {
  Idl idl;
  const Type* inner = list_node(idl);
  const Type* variant = idl.automation(AutomationKind::kVariant);
  const Type* u = idl.choice(idl.u16(), {{{0}, "s", idl.pointer(idl.wstring())},
                                         {{1}, "l", idl.pointer(inner)},
                                         {{2}, "v", variant}});
  const Type* tail = idl.array(u, {Idl::conformant()});
  const Type* s = idl.record("S", {{"f", idl.full(idl.u64())}, {"u", u}, {"t", tail}});
  idl.procedure(
      {{kIn, "s", idl.ref(s)},
       {kIn, "q", idl.ref(idl.array(idl.pointer(s), {Idl::conformant(), Idl::conformant()}))}});
  std::mt19937 random(7);
  for (const Syntax syntax : {Syntax::kNdr20, Syntax::kNdr64}) {
    const Program* program = idl.program(Half::kRequest, syntax);
    for (int round = 0; round < 20'000; ++round) {
      Wire w;
      const std::size_t words = random() % 60;
      for (std::size_t i = 0; i < words; ++i) {
        // Small numbers make it go far.
        w.u32(random() % 4 ? random() % 4 : static_cast<std::uint32_t>(random()));
      }
      const Decoded d(program, w, random() % 2 ? ByteOrder::kLittle : ByteOrder::kBig);
      ASSERT_LE(d.result.consumed, w.size());
      ASSERT_LE(d.tape.entry_count(), 4096 + 4 * w.size());
      (void)show(d);
      (void)d.failure();
    }
  }
}

}  // namespace
}  // namespace rpcmarshal::ndr::test
