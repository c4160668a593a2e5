#include "ndr/format.h"

#include "base/unicode.h"
#include "ndr/build.h"

namespace rpcmarshal::ndr::test {
namespace {

std::string filetime(std::uint64_t t) {
  std::string out;
  append_filetime(out, t);
  return out;
}

TEST(NdrFormat, Filetime) {
  EXPECT_EQ(filetime(0), "never");
  EXPECT_EQ(filetime(0x7FFFFFFFFFFFFFFF), "forever");
  EXPECT_EQ(filetime(1), "1601-01-01T00:00:00.0000001Z");
  EXPECT_EQ(filetime(116444736000000000), "1970-01-01T00:00:00Z");
  EXPECT_EQ(filetime(125962560000000000), "2000-02-29T00:00:00Z");
  EXPECT_EQ(filetime(133590549123400000), "2024-05-01T16:35:12.34Z");
  EXPECT_EQ(filetime(0xFFFFFFFFFFFFFFFF), "18446744073709551615");
}

TEST(NdrFormat, Sid) {
  Wire w;
  w.u8(1).u8(5).raw(std::string_view("\0\0\0\0\0\5", 6)).u32(21).u32(1).u32(2).u32(3).u32(500);
  std::string out;
  EXPECT_TRUE(append_sid(out, w.bytes()));
  EXPECT_EQ(out, "S-1-5-21-1-2-3-500");
  out.clear();
  EXPECT_FALSE(append_sid(out, w.bytes().first(20)));
  EXPECT_EQ(out, "");
  Wire big(ByteOrder::kBig);
  big.u8(1).u8(1).raw(std::string_view("\1\0\0\0\0\5", 6)).u32(32);
  EXPECT_TRUE(append_sid(out, big.bytes(), ByteOrder::kBig));
  EXPECT_EQ(out, "S-1-0x10000000005-32");
}

TEST(NdrFormat, SecurityDescriptor) {
  Wire w;
  // Header, owner SY, group BA, a DACL of two: 20 + 12 + 16 + (8 + 20 + 20).
  w.u8(1).u8(0).u16(0x8004 | 0x1000).u32(20).u32(32).u32(0).u32(48);
  w.u8(1).u8(1).raw(std::string_view("\0\0\0\0\0\5", 6)).u32(18);
  w.u8(1).u8(2).raw(std::string_view("\0\0\0\0\0\5", 6)).u32(32).u32(544);
  w.u8(2).u8(0).u16(48).u16(2).u16(0);
  w.u8(0)
      .u8(3)
      .u16(20)
      .u32(0x001F01FF)
      .u8(1)
      .u8(1)
      .raw(std::string_view("\0\0\0\0\0\5", 6))
      .u32(18);
  w.u8(1).u8(0).u16(20).u32(0x40000001).u8(1).u8(1).raw(std::string_view("\0\0\0\0\0\1", 6)).u32(0);
  std::string out = "x ";
  ASSERT_TRUE(append_security_descriptor(out, w.bytes()));
  EXPECT_EQ(out, "x O:SYG:BAD:P(A;OICI;FA;;;SY)(D;;GWCC;;;WD)");
  for (std::size_t n = 0; n < w.size(); ++n) {
    std::string partial = "x ";
    EXPECT_FALSE(append_security_descriptor(partial, w.bytes().first(n))) << n;
    EXPECT_EQ(partial, "x ");
  }
}

TEST(NdrFormat, Flags) {
  EnumShape set;
  set.values = {{"READ", 1}, {"WRITE", 2}, {"ALL", 0xF}, {"TOP", 0x80000000}, {"BOTH", 3}};
  const auto text = [&](std::uint64_t v) {
    std::string out;
    append_flags(out, set, v);
    return out;
  };
  EXPECT_EQ(text(0), "0");
  EXPECT_EQ(text(1), "READ");
  EXPECT_EQ(text(3), "BOTH");
  EXPECT_EQ(text(0x1F), "ALL|0x10");
  EXPECT_EQ(text(0x80000042), "WRITE|TOP|0x40");
  set.values.push_back({"NONE", 0});
  EXPECT_EQ(text(0), "NONE");
}

TEST(NdrFormat, EnumNamesMatchWhateverTheSign) {
  EnumShape e;
  e.values = {{"MINUS", -1}, {"BIG", 0xFFFFFFFE}, {"ONE", 1}};
  EXPECT_EQ(enum_name(e, -1), "MINUS");
  EXPECT_EQ(enum_name(e, 0xFFFFFFFF), "MINUS");
  EXPECT_EQ(enum_name(e, -2), "BIG");
  EXPECT_EQ(enum_name(e, 1), "ONE");
  EXPECT_EQ(enum_name(e, 2), "");
}

TEST(NdrFormat, AnnotationsMakeSymbols) {
  Idl idl;
  idl.enumeration("ACCESS", {{"QUERY", 1}, {"CHANGE", 2}});
  idl.enumeration("START", {{"AUTO", 2}});
  Type* mask = idl.module().make_type("MASK", BaseShape{BaseType::kUInt32});
  mask->annotations.items.push_back({"flags", {"ACCESS"}});
  Procedure& p = idl.procedure({{kIn, "access", mask},
                                {kIn, "start", idl.u32()},
                                {kIn, "type", idl.u32()},
                                {kOut, "x", idl.ref(idl.u32())}},
                               idl.u32());
  p.parameters[1].field.annotations.items.push_back({"values", {"START"}});
  p.parameters[2].field.annotations.items.push_back({"hex", {}});
  p.parameters[2].field.annotations.items.push_back({"semantic", {"registry_data(lpType)"}});
  idl.iface().annotations.items.push_back({"status", {"win32"}});
  Wire w;
  w.u32(3).u32(2).u32(0xABCDEF01);
  const Decoded d(idl.program(), w);
  const auto symbol = [&](std::string_view name) {
    std::string out;
    append_symbol(out, d[name]);
    return out;
  };
  EXPECT_EQ(symbol("access"), "QUERY|CHANGE");
  EXPECT_EQ(symbol("start"), "AUTO");
  EXPECT_EQ(symbol("type"), "0xabcdef01");
  EXPECT_EQ(d["type"].display().semantic, "registry_data");
  EXPECT_EQ(d["type"].display().registry_type, "lpType");
  Wire r;
  r.u32(1).u32(5);
  const Decoded response(idl.program(Half::kResponse), r);
  EXPECT_EQ(response["return"].display().status, StatusKind::kWin32);
  EXPECT_EQ(response["x"].display().status, StatusKind::kNone);
}

}  // namespace
}  // namespace rpcmarshal::ndr::test
