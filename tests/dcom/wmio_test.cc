#include "dcom/wmio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wmio_encoder.h"

namespace rpcmarshal::dcom::test {
namespace {

using Kind = WmioValue::Kind;
using Form = Wmio::Form;

std::string create_parameters_class() {
  return class_part("__PARAMETERS", {},
                    {{"CommandLine", 8, Slot::none(4)},
                     {"CurrentDirectory", 8, Slot::none(4)},
                     {"ProcessStartupInformation", 13, Slot::none(4)}});
}

TEST(Wmio, MethodParametersDescribeThemselves) {
  const std::string bytes =
      unit(instance_block(create_parameters_class(), "__PARAMETERS",
                          {Slot::text("cmd.exe /Q /c whoami"),
                           Slot::text(std::u16string_view(u"C:\\\u00fc")), Slot::none(4)}));
  Wmio object;
  ASSERT_TRUE(object.decode(Form::kUnit, as_bytes(bytes))) << object.reason << object.stopped_at;
  ASSERT_EQ(object.objects.size(), 1u);
  const WmioObject& o = object.objects[0];
  EXPECT_EQ(o.kind, WmioObject::Kind::kInstance);
  EXPECT_EQ(o.class_name.utf8(), "__PARAMETERS");
  ASSERT_EQ(o.properties.size(), 3u);
  EXPECT_EQ(object.property(o, "commandline")->value.text.utf8(), "cmd.exe /Q /c whoami");
  EXPECT_EQ(object.property(o, "CurrentDirectory")->value.text.utf8(), "C:\\\u00fc");
  EXPECT_EQ(object.property(o, "ProcessStartupInformation")->value.kind, Kind::kNull);
  EXPECT_EQ(object.property(o, "nothing"), nullptr);
}

TEST(Wmio, EveryType) {
  struct Case {
    const char* name;
    std::uint32_t type;
    Slot slot;
    Kind kind;
    std::int64_t number;
  };
  const std::vector<Case> cases = {
      {"sint8", 16, Slot::number(0xFE, 1), Kind::kInt, -2},
      {"uint8", 17, Slot::number(0xFE, 1), Kind::kUInt, 254},
      {"sint16", 2, Slot::number(0xFFFE, 2), Kind::kInt, -2},
      {"uint16", 18, Slot::number(0xFFFE, 2), Kind::kUInt, 65534},
      {"char16", 103, Slot::number(65, 2), Kind::kUInt, 65},
      {"sint32", 3, Slot::number(0xFFFFFFFE, 4), Kind::kInt, -2},
      {"uint32", 19, Slot::number(4312, 4), Kind::kUInt, 4312},
      {"sint64", 20, Slot::number(~1ull, 8), Kind::kInt, -2},
      {"uint64", 21, Slot::number(1ull << 40, 8), Kind::kUInt, std::int64_t{1} << 40},
      {"boolean", 11, Slot::number(0xFFFF, 2), Kind::kBool, 1},
      {"real32", 4, Slot::number(0x3FC00000, 4), Kind::kReal, 0},
      {"real64", 5, Slot::number(0x3FF8000000000000, 8), Kind::kReal, 0},
      {"datetime", 101, Slot::text("20261121161500.000000+000"), Kind::kText, 0},
      {"reference", 102, Slot::text("Win32_Process.Handle=4"), Kind::kText, 0},
  };
  std::vector<PropertySpec> properties;
  std::vector<Slot> slots;
  for (const Case& c : cases) {
    properties.push_back(
        {c.name, c.type, Slot::none(c.slot.in_heap ? 4 : c.slot.inline_bytes.size())});
    slots.push_back(c.slot);
  }
  const std::string bytes = unit(instance_block(class_part("All", {}, properties), "All", slots));
  Wmio object;
  ASSERT_TRUE(object.decode(Form::kUnit, as_bytes(bytes))) << object.reason;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const WmioProperty* p = object.property(object.objects[0], c.name);
    ASSERT_NE(p, nullptr);
    EXPECT_EQ(cim_type_name(p->type), c.name);
    EXPECT_EQ(p->value.kind, c.kind);
    if (c.kind == Kind::kReal) {
      EXPECT_EQ(p->value.as_real(), 1.5);
    } else if (c.kind != Kind::kText) {
      EXPECT_EQ(p->value.as_int(), c.number);
    } else {
      EXPECT_EQ(p->value.text.utf8().size(), c.slot.in_heap->size() - 2);
    }
  }
}

TEST(Wmio, ArraysAndEmbeddedObjects) {
  const std::string startup =
      instance_block(class_part("Win32_ProcessStartup", {}, {{"ShowWindow", 18, Slot::none(2)}}),
                     "Win32_ProcessStartup", {Slot::number(0, 2)});
  HeapWriter unused;
  const std::string part = class_part("C", {},
                                      {{"numbers", 0x2000 | 19, Slot::none(4)},
                                       {"inner", 13, Slot::none(4)},
                                       {"none", 0x2000 | 8, Slot::none(4)}});
  const std::string bytes = unit(instance_block(
      part, "C", {Slot::numbers({1, 2, 0xFFFFFFFF}, 4), Slot::object(startup), Slot::none(4)}));
  Wmio object;
  ASSERT_TRUE(object.decode(Form::kUnit, as_bytes(bytes))) << object.reason;
  const WmioValue& numbers = object.property(object.objects[0], "numbers")->value;
  ASSERT_EQ(numbers.kind, Kind::kList);
  ASSERT_EQ(numbers.items.size(), 3u);
  EXPECT_EQ(object.values[numbers.items.begin + 2].bits, 0xFFFFFFFFu);
  EXPECT_EQ(object.property(object.objects[0], "none")->value.kind, Kind::kNull);
  const WmioValue& inner = object.property(object.objects[0], "inner")->value;
  ASSERT_EQ(inner.kind, Kind::kObject);
  ASSERT_EQ(inner.bits, 1u);
  EXPECT_EQ(object.objects[1].class_name.utf8(), "Win32_ProcessStartup");
  EXPECT_EQ(object.property(object.objects[1], "ShowWindow")->value.kind, Kind::kUInt);
}

TEST(Wmio, PropertiesComeInTheOrderOfDeclaration) {
  const std::vector<PropertySpec> specs = {{"Alpha", 19, Slot::number(1, 4), 1},
                                           {"Beta", 19, Slot::number(2, 4), 2},
                                           {"Gamma", 19, Slot::number(3, 4), 0}};
  const std::string part = class_part("Lab_Order", {}, specs);
  for (const std::string& bytes :
       {unit(class_block(part)),
        unit(instance_block(part, "Lab_Order",
                            {Slot::number(1, 4), Slot::number(2, 4), Slot::number(3, 4)}))}) {
    Wmio object;
    ASSERT_TRUE(object.decode(Form::kUnit, as_bytes(bytes))) << object.reason;
    std::string names;
    for (const WmioProperty& p : object.properties) names += p.name.utf8();
    EXPECT_EQ(names, "GammaAlphaBeta");
    EXPECT_EQ(object.property(object.objects[0], "Beta")->value.bits, 2u);
  }
}

TEST(Wmio, DefaultsComeFromTheClass) {
  const std::string part = class_part("C", {},
                                      {{"a", 19, Slot::number(7, 4)},
                                       {"b", 8, Slot::text("from the class")},
                                       {"c", 8, Slot::none(4)}});
  const std::string bytes =
      unit(instance_block(part, "C", {Slot::inherited(4), Slot::inherited(4), Slot::inherited(4)}));
  Wmio object;
  ASSERT_TRUE(object.decode(Form::kUnit, as_bytes(bytes))) << object.reason;
  const WmioObject& o = object.objects[0];
  EXPECT_EQ(object.property(o, "a")->value.bits, 7u);
  EXPECT_TRUE(object.property(o, "a")->from_default);
  EXPECT_EQ(object.property(o, "b")->value.text.utf8(), "from the class");
  EXPECT_EQ(object.property(o, "c")->value.kind, Kind::kNull);
}

TEST(Wmio, ClassWithMethods) {
  const std::string in = class_block(create_parameters_class());
  const std::string out = class_block(class_part(
      "__PARAMETERS", {}, {{"ProcessId", 19, Slot::none(4)}, {"ReturnValue", 19, Slot::none(4)}}));
  const std::string bytes = unit(class_block(
      class_part("Win32_Process", {"CIM_Process", "CIM_LogicalElement"},
                 {{"Handle", 8 | 0x4000, Slot::none(4)}, {"Priority", 19, Slot::number(8, 4)}},
                 {"dynamic", "provider"}),
      {{"Create", in, out}, {"Terminate", "", out}}, true));
  Wmio object;
  ASSERT_TRUE(object.decode(Form::kUnit, as_bytes(bytes))) << object.reason << object.stopped_at;
  const WmioObject& o = object.objects[0];
  EXPECT_EQ(o.kind, WmioObject::Kind::kClass);
  EXPECT_EQ(o.server.utf8(), "FS1");
  EXPECT_EQ(o.name_space.utf8(), "root\\cimv2");
  EXPECT_EQ(o.class_name.utf8(), "Win32_Process");
  EXPECT_EQ(o.superclass.utf8(), "CIM_Process");
  EXPECT_EQ(o.derivation.size(), 2u);
  EXPECT_EQ(o.qualifiers.size(), 2u);
  ASSERT_EQ(o.properties.size(), 2u);
  const WmioProperty& handle = object.properties[o.properties.begin];
  EXPECT_TRUE(handle.inherited);
  ASSERT_EQ(handle.qualifiers.size(), 1u);
  EXPECT_EQ(object.qualifiers[handle.qualifiers.begin].name.utf8(), "key");
  EXPECT_EQ(object.property(o, "Priority")->value.bits, 8u);
  ASSERT_EQ(o.methods.size(), 2u);
  const WmioMethod& create = object.methods[o.methods.begin];
  EXPECT_EQ(create.name.utf8(), "Create");
  ASSERT_NE(create.in, WmioMethod::kNone);
  EXPECT_NE(object.property(object.objects[create.in], "CommandLine"), nullptr);
  EXPECT_NE(object.property(object.objects[create.out], "ProcessId"), nullptr);
  EXPECT_EQ(object.methods[o.methods.begin + 1].in, WmioMethod::kNone);
}

std::string array_packet(const std::vector<std::pair<int, std::string>>& objects,
                         const std::string& id) {
  ByteWriter body;
  for (const auto& [type, data] : objects) {
    ByteWriter inner;
    inner.u32(type == 1 ? 8 : 24).u32(data.size());
    if (type != 1) inner.raw(id);
    inner.raw(data);
    body.u32(9).u32(inner.size()).u8(static_cast<unsigned>(type)).raw(inner.text());
  }
  ByteWriter w;
  w.u32(0).raw("WBEMDATA").u32(26).u32(body.size() + 20).u32(0).u8(1).u8(0);
  w.u32(8).u32(body.size() + 12).u32(12).u32(body.size()).u32(objects.size()).raw(body.text());
  return w.text();
}

TEST(Wmio, SmartEnumerationLeavesTheClassOut) {
  const std::string part = class_part("Win32_Service", {}, {{"Name", 8, Slot::none(4)}});
  ByteWriter bare;
  bare.u8(2).raw(instance_part("Win32_Service", {Slot::text("Spooler")}));
  const std::string packet = array_packet(
      {{2, instance_block(part, "Win32_Service", {Slot::text("BITS")})}, {3, bare.text()}},
      std::string(16, 'G'));
  std::vector<ObjectArrayItem> items;
  ASSERT_TRUE(read_object_array(as_bytes(packet), items));
  ASSERT_EQ(items.size(), 2u);
  Wmio first, second;
  ASSERT_TRUE(first.decode(Form::kBlock, items[0].object)) << first.reason;
  EXPECT_EQ(first.property(first.objects[0], "Name")->value.text.utf8(), "BITS");
  EXPECT_EQ(as_text(items[1].class_id), as_text(items[0].class_id));
  ASSERT_TRUE(
      second.decode(Form::kInstanceWithoutClass, items[1].object, first.objects[0].class_part))
      << second.reason;
  EXPECT_EQ(second.property(second.objects[0], "Name")->value.text.utf8(), "Spooler");
  items.clear();
  EXPECT_FALSE(read_object_array(as_bytes(packet).first(packet.size() - 1), items));
  EXPECT_EQ(items.size(), 1u);
}

TEST(Wmio, EveryPrefixEndsWithAReason) {
  const std::string bytes =
      unit(class_block(class_part("C", {"B"}, {{"x", 8, Slot::text("v")}}, {"q"}),
                       {{"M", class_block(create_parameters_class()), ""}}));
  Wmio object;
  ASSERT_TRUE(object.decode(Form::kUnit, as_bytes(bytes)));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(object.decode(Form::kUnit, as_bytes(bytes).first(size)));
    EXPECT_FALSE(object.reason.empty());
    EXPECT_LE(object.stopped_at, size);
  }
}

TEST(Wmio, WhatCameBeforeTheMistakeIsThere) {
  std::string bytes =
      unit(instance_block(create_parameters_class(), "__PARAMETERS",
                          {Slot::text("cmd.exe"), Slot::number(0x00FFFFFF, 4), Slot::none(4)}));
  Wmio object;
  EXPECT_FALSE(object.decode(Form::kUnit, as_bytes(bytes)));
  EXPECT_EQ(object.reason, "a reference outside the heap");
  ASSERT_FALSE(object.objects.empty());
  EXPECT_EQ(object.property(object.objects[0], "CommandLine")->value.text.utf8(), "cmd.exe");
}

TEST(Wmio, ManyReferencesToOneTextCostBoundedWork) {
  // 20,000 qualifiers that all refer to one text of 100 kB: 2 GB if each were read.
  HeapWriter heap;
  const std::uint32_t name = heap.add(encoded(std::string(100'000, 'a')));
  ByteWriter set;
  for (int i = 0; i < 20'000; ++i) set.u32(name).u8(0).u32(11).u16(0);
  ByteWriter body;
  body.u8(0).u32(0xFFFFFFFFu).u32(0).u32(4).counted(set.text()).u32(0).raw(heap.finished());
  ByteWriter part;
  part.counted(body.text());
  Wmio object;
  EXPECT_FALSE(object.decode(Form::kUnit, as_bytes(unit(class_block(part.text())))));
  EXPECT_EQ(object.reason, "too many references to the same bytes");
}

TEST(Wmio, EmbeddedObjectsThatMultiplyAreBounded) {
  // Each level refers to the one below ten times: 10^8 objects if each were read.
  std::string block = instance_block(class_part("Leaf", {}, {}), "Leaf", {});
  for (int level = 0; level < 8; ++level) {
    std::vector<PropertySpec> properties;
    for (int i = 0; i < 10; ++i) properties.push_back({"p" + std::to_string(i), 13, Slot::none(4)});
    HeapWriter heap;
    const std::uint32_t name = heap.add(encoded("Node"));
    ByteWriter inner;
    inner.u32(block.size()).raw(block);
    const std::uint32_t at = heap.add(inner.text());
    ByteWriter values;
    for (int i = 0; i < 10; ++i) values.u32(at);
    ByteWriter body;
    body.u8(0)
        .u32(name)
        .raw(std::string(3, '\0'))
        .raw(values.text())
        .u32(4)
        .u8(1)
        .raw(heap.finished());
    ByteWriter w;
    w.u8(2).raw(class_part("Node", {}, properties)).counted(body.text());
    block = w.text();
  }
  Wmio object;
  EXPECT_FALSE(object.decode(Form::kUnit, as_bytes(unit(block))));
  EXPECT_LE(object.objects.size(), Wmio::kMaxObjects);
}

}  // namespace
}  // namespace rpcmarshal::dcom::test
