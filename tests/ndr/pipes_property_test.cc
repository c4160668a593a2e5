// Random pipes and EBCDIC text: what is written by the rules is shown again. (roundtrip_test.cc has
// everything else; a pipe is no ordinary value, and the encoder there writes ASCII.)
#include <bit>
#include <random>

#include "base/unicode.h"
#include "ndr/build.h"

namespace rpcmarshal::ndr::test {
namespace {

class Pipes : public ::testing::TestWithParam<std::tuple<Syntax, ByteOrder>> {};

/// One of the elements a pipe can have: how it is declared, written and shown.
struct Element {
  std::size_t align, size;  ///< size: with the gap that NDR64 leaves behind a struct
  bool record;
};

TEST_P(Pipes, RandomChunksBetweenOtherParameters) {
  const auto [syntax, order] = GetParam();
  const bool wide = syntax == Syntax::kNdr64;
  static constexpr Element kElements[] = {
      {1, 1, false}, {2, 2, false}, {4, 4, false}, {8, 8, false}, {4, 8, true}};
  for (std::uint32_t seed = 1; seed <= 400; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](std::uint32_t low, std::uint32_t high) {
      return std::uniform_int_distribution<std::uint32_t>(low, high)(random);
    };
    const Element& element = kElements[seed % std::size(kElements)];
    const Half half = pick(0, 1) ? Half::kRequest : Half::kResponse;

    Idl idl;
    static constexpr BaseType kTypes[] = {BaseType::kByte, BaseType::kUInt16, BaseType::kUInt32,
                                          BaseType::kUInt64};
    const Type* type = element.record ? idl.record("E", {{"n", idl.u32()}, {"b", idl.u8()}})
                                      : idl.base(kTypes[std::countr_zero(element.size)]);
    idl.procedure({{kInOut, "x", idl.ref(idl.u16())},
                   {kInOut, "p", idl.ref(idl.pipe(type))},
                   {kInOut, "y", idl.ref(idl.u8())}},
                  idl.u32());

    Wire w(order);
    std::string shown;
    const auto word = [&](std::uint64_t value) {
      w.align(wide ? 8 : 4);
      wide ? w.u64(value) : w.u32(static_cast<std::uint32_t>(value));
    };
    const auto others = [&] { w.align(2).u16(7).u8(9); };
    const auto chunks = [&] {
      const std::uint32_t count = pick(0, 4);
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t elements = pick(1, 6);
        word(elements);
        w.align(element.align);
        shown += shown.empty() ? "" : ",";
        shown += element.size == 1 ? "x" : "[";
        for (std::uint32_t k = 0; k < elements; ++k) {
          const std::uint64_t value = pick(0, element.size == 1 ? 255 : 60000);
          if (element.size == 1) {
            w.u8(static_cast<std::uint8_t>(value));
            append_hex(shown, w.bytes().last(1));
            continue;
          }
          shown += k ? "," : "";
          w.align(element.align);
          if (element.record) {
            w.u32(static_cast<std::uint32_t>(value)).u8(5);
            if (wide) w.align(4);
            shown += "{n:" + std::to_string(value) + ",b:5}";
            continue;
          }
          if (element.size == 2) w.u16(static_cast<std::uint16_t>(value));
          if (element.size == 4) w.u32(static_cast<std::uint32_t>(value));
          if (element.size == 8) w.u64(value);
          shown += std::to_string(value);
        }
        shown += element.size == 1 ? "" : "]";
        if (wide) word(0 - std::uint64_t{elements});
      }
      word(0);
    };
    // Pipes come last in a request and first in a response (program.h says why).
    if (half == Half::kRequest) {
      others();
      chunks();
    } else {
      chunks();
      others();
      w.align(4).u32(3);
    }

    const Decoded d(idl.program(half, syntax), w, order);
    ASSERT_TRUE(d.result.complete()) << "seed " << seed << ": " << d.failure();
    EXPECT_EQ(d.result.trailing, 0u) << "seed " << seed;
    ASSERT_EQ(show(d.tape.root()),
              "{x:7,p:[" + shown + "],y:9" + (half == Half::kResponse ? ",return:3}" : "}"))
        << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Ndr, Pipes,
                         ::testing::Combine(::testing::Values(Syntax::kNdr20, Syntax::kNdr64),
                                            ::testing::Values(ByteOrder::kLittle,
                                                              ByteOrder::kBig)));

/// Letters and digits in code page 037, from its layout: nine letters in a row, three rows.
char ebcdic(char c) {
  const auto row = [&](char first, unsigned base) {
    return static_cast<char>(base + static_cast<unsigned>(c - first));
  };
  if (c >= '0' && c <= '9') return row('0', 0xF0);
  if (c >= 'a' && c <= 'i') return row('a', 0x81);
  if (c >= 'j' && c <= 'r') return row('j', 0x91);
  if (c >= 's' && c <= 'z') return row('s', 0xA2);
  if (c >= 'A' && c <= 'I') return row('A', 0xC1);
  if (c >= 'J' && c <= 'R') return row('J', 0xD1);
  return row('S', 0xE2);
}

TEST(NdrEbcdic, RandomTextInBothSyntaxesAndByteOrders) {
  static constexpr std::string_view kLetters =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  Idl idl;
  idl.procedure({{kIn, "narrow", idl.ref(idl.string())}, {kIn, "wide", idl.ref(idl.wstring())}});
  std::mt19937 random(1);
  Tape tape;
  for (int round = 0; round < 400; ++round) {
    const Syntax syntax = round & 1 ? Syntax::kNdr64 : Syntax::kNdr20;
    DecodeInput input;
    input.order = round & 2 ? ByteOrder::kBig : ByteOrder::kLittle;
    input.ebcdic = (round & 4) == 0;
    std::string text;
    for (std::uint32_t n = random() % 20; n > 0; --n) text += kLetters[random() % kLetters.size()];
    Wire w(input.order);
    const std::uint64_t count = text.size() + 1;
    for (const std::uint64_t word : {count, std::uint64_t{0}, count}) {
      syntax == Syntax::kNdr64 ? w.u64(word) : w.u32(static_cast<std::uint32_t>(word));
    }
    for (const char c : text) w.u8(static_cast<std::uint8_t>(input.ebcdic ? ebcdic(c) : c));
    w.u8(0);
    // 16-bit characters are Unicode whatever the 8-bit ones are.
    syntax == Syntax::kNdr64 ? w.wstring64(u"Unicode") : w.wstring(u"Unicode");
    input.stub = w.bytes();
    const DecodeResult result = decode(*idl.program(Half::kRequest, syntax), input, tape);
    ASSERT_TRUE(result.complete());
    ASSERT_EQ(show(tape.root()), "{narrow:\"" + text + "\",wide:\"Unicode\"}");
  }
}

}  // namespace
}  // namespace rpcmarshal::ndr::test
