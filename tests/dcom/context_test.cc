#include "dcom/context.h"

#include <gtest/gtest.h>

#include <bit>

#include "base/guid.h"
#include "base/unicode.h"
#include "wmio_encoder.h"

namespace rpcmarshal::dcom::test {
namespace {

using Kind = ContextValue::Kind;

std::string context_text(std::u16string_view text) {
  ByteWriter w;
  w.u32(text.size());
  for (const char16_t c : text) w.u16(c);
  return w.text();
}
std::string start(std::size_t properties) {
  ByteWriter w;
  return w.u32(1).raw(std::string(16, '\x11')).u32(properties).text();
}
std::string property(std::u16string_view name, std::uint16_t type, const std::string& value) {
  ByteWriter w;
  return w.raw(context_text(name)).u32(0).u16(type).raw(value).text();
}
std::string utf8(Bytes text) {
  std::string out;
  append_utf8(out, text);
  return out;
}

// What PowerShell's Get-WmiObject and the CIM cmdlets send along.
std::string example() {
  return start(4) + property(u"__ProviderArchitecture", 3, ByteWriter().u32(64).u32(0).text()) +
         property(u"__RequiredArchitecture", 11, ByteWriter().u64(0xFFFF).text()) +
         property(u"__CorrelationId", 8, context_text(u"{B2C9D9A4}")) +
         property(u"Names", 0x2008,
                  ByteWriter().u32(2).u32(4).text() + context_text(u"a\u00e4") + context_text(u""));
}

TEST(WbemContext, NamedValues) {
  const std::string bytes = example();
  WbemContext context;
  ASSERT_TRUE(context.decode(as_bytes(bytes))) << context.reason;
  ASSERT_EQ(context.properties.size(), 4u);
  EXPECT_EQ(utf8(context.properties[0].name), "__ProviderArchitecture");
  EXPECT_EQ(context.properties[0].value.kind, Kind::kInt);
  EXPECT_EQ(context.properties[0].value.bits, 64u);
  EXPECT_EQ(context.properties[1].value.kind, Kind::kBool);
  EXPECT_EQ(context.properties[1].value.bits, 1u);
  EXPECT_EQ(utf8(context.properties[2].value.text), "{B2C9D9A4}");
  const ContextValue& list = context.properties[3].value;
  ASSERT_EQ(list.kind, Kind::kList);
  ASSERT_EQ(list.end - list.begin, 2u);
  EXPECT_EQ(utf8(context.elements[list.begin].text), "a\u00e4");
}

TEST(WbemContext, NumbersOfEverySize) {
  const std::string bytes =
      start(5) + property(u"a", 16, ByteWriter().u64(0xFE).text()) +
      property(u"b", 2, ByteWriter().u64(0xFFFE).text()) +
      property(u"c", 4, ByteWriter().u32(0xBF000000).u32(0).text()) +
      property(u"d", 5, ByteWriter().u64(0x4002000000000000).text()) +
      property(u"e", 0x2012, ByteWriter().u32(2).u32(2).u16(1).u16(65535).text());
  WbemContext context;
  ASSERT_TRUE(context.decode(as_bytes(bytes))) << context.reason;
  const auto value = [&](std::size_t i) { return context.properties[i].value; };
  EXPECT_EQ(static_cast<std::int64_t>(value(0).bits), -2);
  EXPECT_EQ(static_cast<std::int64_t>(value(1).bits), -2);
  EXPECT_EQ(std::bit_cast<double>(value(2).bits), -0.5);
  EXPECT_EQ(std::bit_cast<double>(value(3).bits), 2.25);
  ASSERT_EQ(context.elements.size(), 2u);
  EXPECT_EQ(context.elements[1].bits, 65535u);
}

TEST(WbemContext, ObjectsInside) {
  const std::string object =
      unit(instance_block(class_part("Lab_Options", {}, {{"Name", 8, Slot::none(4)}}),
                          "Lab_Options", {Slot::text("value")}));
  // An OBJREF around it, whose own sizes say nothing.
  ByteWriter w;
  w.u32(0x574F454D).u32(4);
  for (const char* guid :
       {"dc12a681-737f-11cf-884d-00aa004b2e24", "4590f812-1d3a-11d0-891f-00aa004b2e24"}) {
    const Guid g = *Guid::parse(guid);
    w.u32(g.data1).u16(g.data2).u16(g.data3);
    for (const std::uint8_t b : g.data4) w.u8(b);
  }
  w.u32(0).u32(0xFFFF).raw(object);
  const std::string bytes =
      start(3) + property(u"one", 13, w.text()) +
      property(u"some", 0x200D, ByteWriter().u32(2).u32(8).raw(w.text()).raw(w.text()).text()) +
      property(u"last", 19, ByteWriter().u64(7).text());
  WbemContext context;
  ASSERT_TRUE(context.decode(as_bytes(bytes))) << context.reason;
  ASSERT_EQ(context.properties.size(), 3u);
  EXPECT_EQ(as_text(context.properties[0].value.text), object);
  ASSERT_EQ(context.elements.size(), 2u);
  EXPECT_EQ(as_text(context.elements[1].text), object);
  EXPECT_EQ(context.properties[2].value.bits, 7u);
}

TEST(WbemContext, EveryPrefixEndsWithAReason) {
  const std::string bytes = example();
  WbemContext context;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(context.decode(as_bytes(bytes).first(size))) << size;
    EXPECT_FALSE(context.reason.empty());
  }
}

TEST(WbemContext, WhatCannotBeIsRefused) {
  WbemContext context;
  // Where an object ought to be.
  const std::string object =
      start(2) + property(u"a", 1, "") + property(u"b", 13, std::string(8, '\0'));
  EXPECT_FALSE(context.decode(as_bytes(object)));
  EXPECT_EQ(context.properties.size(), 1u);
  // Nulls take no bytes: their number is bounded all the same.
  const std::string nulls =
      start(1) + property(u"a", 0x2001, ByteWriter().u32(0xFFFFFFFF).u32(0).text());
  EXPECT_FALSE(context.decode(as_bytes(nulls)));
  EXPECT_LE(context.elements.size(), WbemContext::kMaxValues);
}

}  // namespace
}  // namespace rpcmarshal::dcom::test
