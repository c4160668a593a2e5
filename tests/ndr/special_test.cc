// Types whose values mean more than their bytes, and COM's own.
#include "ndr/build.h"

namespace rpcmarshal::ndr::test {
namespace {

/// RPC_UNICODE_STRING, as [MS-DTYP] 2.3.10 lays it out.
const Type* unicode_string(Idl& idl) {
  return idl.record("RPC_UNICODE_STRING",
                    {{"Length", idl.u16()},
                     {"MaximumLength", idl.u16()},
                     {"Buffer", idl.pointer(idl.array(idl.wchar(), {Idl::conformant_varying()}))}});
}
const Type* guid(Idl& idl) {
  return idl.record("GUID", {{"Data1", idl.u32()},
                             {"Data2", idl.u16()},
                             {"Data3", idl.u16()},
                             {"Data4", idl.array(idl.byte(), {Idl::fixed(8)})}});
}
const Type* sid(Idl& idl) {
  const Type* authority = idl.record("RPC_SID_IDENTIFIER_AUTHORITY",
                                     {{"Value", idl.array(idl.byte(), {Idl::fixed(6)})}});
  return idl.record(
      "RPC_SID", {{"Revision", idl.u8()},
                  {"SubAuthorityCount", idl.u8()},
                  {"IdentifierAuthority", authority},
                  {"SubAuthority", idl.array(idl.u32(), {Idl::conformant("SubAuthorityCount")})}});
}
const Guid kGuid{0x12345678, 0x9abc, 0xdef0, {1, 2, 3, 4, 5, 6, 7, 8}};

TEST(NdrSpecial, CountedStringsAreTheirText) {
  Idl idl;
  const Type* s = unicode_string(idl);
  const Type* two = idl.record("TWO", {{"a", s}, {"b", s}, {"n", idl.u32()}});
  idl.procedure({{kIn, "s", idl.ref(s)}, {kIn, "t", idl.ref(two)}});
  Wire w;
  w.u16(4).u16(6).u32(1).u32(3).u32(0).u32(2).text16(u"hi");
  w.u16(0).u16(0).u32(0).u16(2).u16(2).u32(7).u32(9).u32(1).u32(0).u32(1).text16(u"x");
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), R"({s:"hi",t:{a:null,b:"x",n:9}})");
  EXPECT_EQ(d.result.mismatches, 0u);
  EXPECT_EQ(d.result.trailing, 0u);
  EXPECT_TRUE(d["s"].is_counted());
  EXPECT_EQ(d["s"].counted_length(), 4u);
  EXPECT_EQ(d["s"].counted_maximum(), 6u);
  EXPECT_EQ(d["t.b"].name(), "b");
  Wire w64;
  w64.u16(4).u16(6).align(8).u64(1).u64(3).u64(0).u64(2).text16(u"hi").align(8);
  w64.u16(0).u16(0).align(8).u64(0).u16(2).u16(2).align(8).u64(7).u32(9).align(8);
  w64.u64(1).u64(0).u64(1).text16(u"x");
  const Decoded d64(idl.program(Half::kRequest, Syntax::kNdr64), w64);
  ASSERT_TRUE(d64.result.complete()) << d64.failure();
  EXPECT_EQ(show(d64), R"({s:"hi",t:{a:null,b:"x",n:9}})");
}

TEST(NdrSpecial, CountedStringWhoseLengthLies) {
  Idl idl;
  idl.procedure({{kIn, "s", idl.ref(unicode_string(idl))}});
  Wire w;
  w.u16(100).u16(100).u32(1).u32(3).u32(0).u32(2).text16(u"hi");
  const Decoded d(idl.program(), w);
  EXPECT_EQ(show(d), R"({s:"hi"})");
  ASSERT_EQ(d.result.mismatches, 1u);
  EXPECT_EQ(d.tape.mismatches()[0].what, Mismatch::What::kCountedLength);
  EXPECT_EQ(d.tape.mismatches()[0].declared, 50);
  EXPECT_EQ(d.tape.mismatches()[0].wire, 2u);
}

TEST(NdrSpecial, GuidsInBothByteOrders) {
  for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    Idl idl;
    idl.procedure({{kIn, "x", idl.u8()}, {kIn, "g", idl.ref(guid(idl))}});
    Wire w(order);
    w.u8(1).align(4).guid(kGuid);
    const Decoded d(idl.program(), w, order);
    EXPECT_EQ(show(d), "{x:1,g:12345678-9abc-def0-0102-030405060708}");
  }
}

TEST(NdrSpecial, SidsAloneAndAsTheEndOfAStruct) {
  Idl idl;
  const Type* s = sid(idl);
  const Type* holder = idl.record("H", {{"n", idl.u32()}, {"sid", s}});
  idl.procedure({{kIn, "p", idl.pointer(s)}, {kIn, "h", idl.ref(holder)}});
  Wire w;
  w.u32(1).u32(2).u8(1).u8(2).raw(std::string_view("\0\0\0\0\0\5", 6)).u32(32).u32(544);
  w.u32(1).u32(7).u8(1).u8(1).raw(std::string_view("\0\0\0\0\0\1", 6)).u32(0);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{p:x01020000000000052000000020020000,h:{n:7,sid:x010100000000000100000000}}");
  EXPECT_EQ(d["p"].kind(), ValueKind::kSid);
}

TEST(NdrSpecial, TimesAndLargeIntegers) {
  Idl idl;
  const Type* filetime =
      idl.record("FILETIME", {{"dwLowDateTime", idl.u32()}, {"dwHighDateTime", idl.u32()}});
  const Type* old =
      idl.record("OLD_LARGE_INTEGER", {{"LowPart", idl.u32()}, {"HighPart", idl.i32()}});
  const Type* large = idl.record("LARGE_INTEGER", {{"QuadPart", idl.i64()}});
  for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    if (idl.iface().procedures.empty()) {
      idl.procedure({{kIn, "a", idl.u32()},
                     {kIn, "t", idl.ref(filetime)},
                     {kIn, "o", idl.ref(old)},
                     {kIn, "l", idl.ref(large)}});
    }
    Wire w(order);
    w.u32(1)
        .u32(0x89ABCDEF)
        .u32(0x01234567)
        .u32(0xFFFFFFFE)
        .u32(0xFFFFFFFF)
        .align(8)
        .u64(static_cast<std::uint64_t>(-5));
    static const Program* program = idl.program();
    const Decoded d(program, w, order);
    ASSERT_TRUE(d.result.complete()) << d.failure();
    EXPECT_EQ(show(d), "{a:1,t:t81985529216486895,o:-2,l:-5}");
    if (order == ByteOrder::kLittle) break;
  }
}

TEST(NdrSpecial, HalvesThatAreSaidToBeATime) {
  Idl idl;
  const Type* time = idl.record("OLD_TIME", {{"LowPart", idl.u32()}, {"HighPart", idl.i32()}});
  const_cast<Type*>(time)->annotations.items.push_back({"semantic", {"filetime"}});
  idl.procedure({{kIn, "t", idl.ref(time)}});
  Wire w;
  w.u32(0x89ABCDEF).u32(0x01234567);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), "{t:t81985529216486895}");
}

TEST(NdrSpecial, ContextHandles) {
  Idl idl;
  idl.procedure({{kIn, "binding", idl.binding()}, {kIn, "h", idl.handle()}, {kIn, "n", idl.u16()}});
  Wire w;
  w.u32(0).guid(kGuid).u16(3);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete());
  EXPECT_EQ(d["h"].kind(), ValueKind::kHandle);
  EXPECT_EQ(d["h"].as_guid(), kGuid);
  EXPECT_EQ(d["h"].bytes().size(), 20u);
  EXPECT_EQ(d["n"].as_uint(), 3u);
  EXPECT_EQ(d.tape.root().size(), 2u);  // handle_t has no bytes
}

TEST(NdrSpecial, InterfacePointersAndBstrs) {
  Idl idl;
  idl.procedure({{kIn, "unk", idl.interface_pointer("IUnknown")},
                 {kIn, "none", idl.interface_pointer("IUnknown")},
                 {kIn, "b", idl.automation(AutomationKind::kBstr)},
                 {kIn, "e", idl.automation(AutomationKind::kBstr)},
                 {kIn, "n", idl.automation(AutomationKind::kBstr)}});
  Wire w;
  w.u32(1).u32(5).u32(5).raw("MEOW!").align(4).u32(0);
  w.u32(0x72657355).u32(2).u32(4).u32(2).text16(u"ab");
  w.u32(0x72657355).u32(0).u32(0).u32(0).u32(0);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d), R"({unk:x4d454f5721,none:null,b:"ab",e:"",n:null})");
  EXPECT_EQ(d["unk"].kind(), ValueKind::kInterface);
}

/// wireVARIANT without its pointer: header and discriminant of `vt`.
void variant_head(Wire& w, std::uint16_t vt, std::uint32_t discriminant) {
  w.align(8).u32(5).u32(0).u16(vt).u16(0).u16(0).u16(0).u32(discriminant);
}

TEST(NdrSpecial, VariantsAreTheirContent) {
  Idl idl;
  const Type* variant = idl.automation(AutomationKind::kVariant);
  const Type* params = idl.record(
      "DISPPARAMS", {{"rgvarg", idl.pointer(idl.array(variant, {Idl::conformant("cArgs")}))},
                     {"cArgs", idl.u32()}});
  idl.procedure({{kIn, "p", idl.ref(params)}, {kIn, "v", idl.ref(variant)}, {kIn, "z", idl.u32()}});
  Wire w;
  w.u32(1).u32(5);  // rgvarg, cArgs
  w.u32(5);         // max count
  for (int i = 0; i < 5; ++i) w.u32(0x72657355);
  variant_head(w, 8, 8);  // BSTR
  w.u32(3).u32(2).u32(4).u32(2).text16(u"/c");
  variant_head(w, 3, 3);
  w.u32(static_cast<std::uint32_t>(-7));
  variant_head(w, 11, 11);
  w.u16(0xFFFF);
  variant_head(w, 0, 0);
  variant_head(w, 0x4003, 0x4003);  // BYREF | I4
  w.u32(9).u32(42);
  w.align(4).u32(0x72657355);       // v
  variant_head(w, 0x2011, 0x2000);  // ARRAY | UI1
  w.align(4).u32(5).u32(1);         // pointer to the array, count of bounds
  w.u16(1).u16(0x80).u32(1).u32(0x110000).u32(16).u32(3).u32(8).u32(3).u32(0);
  w.u32(3).raw("abc").align(4).u32(77);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d["p"]), R"({rgvarg:["/c",-7,true,null,42],cArgs:5})");
  EXPECT_EQ(d["p.rgvarg.0"].variant_type(), 8);
  EXPECT_EQ(d["p.rgvarg.3"].variant_type(), 0);
  EXPECT_EQ(d["p.rgvarg.4"].variant_type(), 0x4003);
  EXPECT_EQ(d["v"].variant_type(), 0x2011);
  EXPECT_EQ(show(d["v.uArrayStructs"]), "<16 ByteStr:{Size:3,pData:x616263}>");
  EXPECT_EQ(show(d["z"]), "77");
  EXPECT_EQ(d.result.trailing, 0u);
}

TEST(NdrSpecial, OrpcHeadersComeFirst) {
  Idl idl;
  Procedure& p = idl.procedure({{kInOut, "n", idl.ref(idl.u32())}}, idl.i32());
  p.object = true;
  Wire w;
  w.u16(5).u16(7).u32(0).u32(0).guid(kGuid).u32(0).u32(9);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(show(d),
            "{orpcthis:{version:{MajorVersion:5,MinorVersion:7},flags:0,reserved1:0,"
            "cid:12345678-9abc-def0-0102-030405060708,extensions:null},n:9}");
  Wire r;
  r.u32(1).u32(2);         // flags, extensions
  r.u32(1).u32(0).u32(3);  // size, reserved, pointer to pointers
  r.u32(2).u32(4).u32(0);  // two, the second null
  r.u32(8).guid(kGuid).u32(5).raw("extra...").u32(10).u32(0x80004005);
  const Decoded response(idl.program(Half::kResponse), r);
  ASSERT_TRUE(response.result.complete()) << response.failure();
  EXPECT_EQ(show(response["orpcthat.extensions.extent"]),
            "[{id:12345678-9abc-def0-0102-030405060708,size:5,data:x65787472612e2e2e},null]");
  EXPECT_EQ(show(response["return"]), "-2147467259");
}

TEST(NdrSpecial, EbcdicAndForeignReals) {
  Idl idl;
  idl.procedure({{kIn, "s", idl.ref(idl.string())}, {kIn, "f", idl.base(BaseType::kFloat)}});
  Wire w;
  w.u32(4).u32(0).u32(4).raw("\xc8\x89\x5a").u8(0).u32(0x40490fdb);
  Tape tape;
  DecodeInput input;
  input.stub = w.bytes();
  input.ebcdic = true;
  input.float_format = 1;
  const DecodeResult result = decode(*idl.program(), input, tape);
  ASSERT_TRUE(result.complete());
  EXPECT_EQ(show(tape.root()), "{s:\"Hi!\",f:xdb0f4940}");
  input.ebcdic = false;
  input.float_format = 0;
  decode(*idl.program(), input, tape);
  EXPECT_EQ(tape.root().find("s").bytes().size(), 3u);
  EXPECT_EQ(show(tape.root().find("f")), "3.141593");
}

TEST(NdrSpecial, TextKeepsWhatIsOdd) {
  Idl idl;
  Type* multi = idl.array(idl.byte(), {Idl::conformant()});
  Procedure& p = idl.procedure({{kIn, "lone", idl.ref(idl.wstring())},
                                {kIn, "m", idl.pointer(multi)},
                                {kIn, "f", idl.array(idl.wchar(), {Idl::fixed(6)})}});
  p.parameters[1].field.annotations.items.push_back({"semantic", {"multi_sz"}});
  Wire w;
  w.u32(3).u32(0).u32(3).u16('a').u16(0xD800).u16(0).align(4);
  w.u32(1).u32(12).text16(std::u16string_view(u"a\0b\0\0\0", 6));
  w.text16(std::u16string_view(u"xy\0\0\0\0", 6));
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(d["lone"].text(), "a\xED\xA0\x80");
  EXPECT_EQ(d["m"].kind(), ValueKind::kText);
  EXPECT_EQ(d["m"].text(), std::string("a\0b", 3));
  EXPECT_EQ(d["m"].display().semantic, "multi_sz");
  EXPECT_EQ(d["f"].text(), "xy");
}

// A buffer of a fixed size holds what was in it before: its text ends at the NUL.
TEST(NdrSpecial, TextInAFixedBufferEndsAtItsNul) {
  Idl idl;
  Procedure& p = idl.procedure({{kIn, "name", idl.array(idl.wchar(), {Idl::fixed(8)})},
                                {kIn, "full", idl.array(idl.wchar(), {Idl::fixed(2)})},
                                {kIn, "list", idl.array(idl.wchar(), {Idl::fixed(4)})},
                                {kIn, "narrow", idl.array(idl.byte(), {Idl::fixed(6)})},
                                {kIn, "key", idl.array(idl.wchar(), {Idl::fixed(3)})}});
  p.parameters[2].field.annotations.items.push_back({"semantic", {"multi_sz"}});
  p.parameters[3].field.annotations.items.push_back({"semantic", {"ascii"}});
  p.parameters[4].field.annotations.items.push_back({"semantic", {"secret"}});
  Wire w;
  w.text16(std::u16string_view(u"RDP\0left", 8)).text16(u"ab");
  w.text16(std::u16string_view(u"a\0b\0", 4)).raw(std::string("FS1\0xy", 6));
  w.text16(std::u16string_view(u"k\0y", 3));
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  EXPECT_EQ(d["name"].text(), "RDP");
  EXPECT_EQ(d["full"].text(), "ab");
  EXPECT_EQ(d["list"].text(), std::string("a\0b", 3));
  EXPECT_EQ(d["narrow"].text(), "FS1");
  EXPECT_EQ(d["key"].bytes().size(), 6u);
}

TEST(NdrSpecial, ResponseSizesReferToTheRequest) {
  Idl idl;
  idl.procedure({{kIn, "cb", idl.u32()},
                 {kOut, "buf", idl.ref(idl.array(idl.byte(), {Idl::conformant("cb")}))}},
                idl.u32());
  Wire q;
  q.u32(8);
  const Decoded request(idl.program(), q);
  Wire r;
  r.u32(8).raw("abcdefgh").u32(0);
  const Decoded good(idl.program(Half::kResponse), r, ByteOrder::kLittle, &request.tape);
  EXPECT_EQ(show(good), "{buf:x6162636465666768,return:0}");
  EXPECT_EQ(good.result.mismatches, 0u);
  Wire s;
  s.u32(4).raw("abcd").u32(0);
  const Decoded bad(idl.program(Half::kResponse), s, ByteOrder::kLittle, &request.tape);
  EXPECT_EQ(bad.result.mismatches, 1u);
  const Decoded alone(idl.program(Half::kResponse), s);  // nothing to compare with
  EXPECT_EQ(alone.result.mismatches, 0u);
}

TEST(NdrSpecial, IgnoredPointersHaveNoReferent) {
  Idl idl;
  Type* s = idl.record("S", {{"p", idl.pointer(idl.u32())}, {"n", idl.u32()}});
  std::get<StructShape>(s->shape).fields[0].ignore = true;
  idl.procedure({{kIn, "s", idl.ref(s)}});
  Wire w;
  w.u32(0xDEAD).u32(5);
  const Decoded d(idl.program(), w);
  EXPECT_EQ(show(d), "{s:{p:null,n:5}}");
}

TEST(NdrSpecial, WalkerVisitsWhatRecursionWould) {
  Idl idl;
  const Type* u = idl.choice(idl.u16(), {{{1}, "a", idl.u16()}, {{2}, "b", nullptr}});
  const Type* s =
      idl.record("S", {{"u", u}, {"v", u}, {"l", idl.array(idl.u16(), {Idl::fixed(2)})}});
  idl.procedure({{kIn, "s", idl.ref(s)}, {kIn, "n", idl.u16()}});
  Wire w;
  w.u16(1).u16(7).u16(2).u16(8).u16(9).u16(10);
  const Decoded d(idl.program(), w);
  ASSERT_TRUE(d.result.complete()) << d.failure();
  Walker walker;
  std::string out;
  walker.start(d.tape.root());
  while (walker.next()) {
    const bool open = walker.event() == Walker::Event::kOpen;
    out +=
        walker.event() == Walker::Event::kClose
            ? ")"
            : std::string(walker.value().name()) + (open ? "(" : "=" + show(walker.value()) + " ");
  }
  EXPECT_EQ(out, "(s(u(a=7 )v()l(=8 =9 ))n=10 )");
  walker.start(d.tape.root());
  std::size_t leaves = 0;
  while (walker.next()) {
    if (walker.event() == Walker::Event::kOpen && walker.value().name() == "s") walker.skip();
    if (walker.event() == Walker::Event::kLeaf) ++leaves;
  }
  EXPECT_EQ(leaves, 1u);
}

}  // namespace
}  // namespace rpcmarshal::ndr::test
