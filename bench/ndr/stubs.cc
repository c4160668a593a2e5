#include "stubs.h"

#include "ndr/build.h"

namespace rpcmarshal::ndr::bench {
namespace {

using test::Wire;

Stub make(const char* uuid, std::uint16_t version, std::uint16_t opnum, Half half,
          const Wire& wire) {
  return {uuid, version, opnum, half, std::string(as_text(wire.bytes()))};
}

constexpr Guid kSomeGuid{0x367abb81, 0x9844, 0x35f1, {0xad, 0x32, 0x98, 0xf0, 0x38, 0, 0x10, 3}};

void handle(Wire& wire) { wire.u32(0).guid(kSomeGuid); }

/// RPC_UNICODE_STRING without its characters.
void counted(Wire& wire, std::u16string_view text, std::uint32_t referent) {
  const auto bytes = static_cast<std::uint16_t>(2 * text.size());
  wire.align(4).u16(bytes).u16(bytes).u32(referent);
}
void characters(Wire& wire, std::u16string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  wire.align(4).u32(size).u32(0).u32(size).text16(text);
}

void dsname(Wire& wire, std::u16string_view name) {
  const auto size = static_cast<std::uint32_t>(name.size());
  wire.align(4).u32(size + 1).u32(56 + 2 * (size + 1)).u32(28).guid(kSomeGuid);
  wire.raw(std::string_view("\1\5\0\0\0\0\0\5", 8)).u32(21).u32(1).u32(2).u32(3).u32(1104);
  wire.u32(size).text16(name).u16(0);
}

}  // namespace

Stub create_service(Syntax syntax) {
  const bool wide = syntax == Syntax::kNdr64;
  Wire wire;
  const auto put = [&](std::u16string_view s) { wide ? wire.wstring64(s) : wire.wstring(s); };
  const auto pointer = [&](std::uint32_t id) {
    wide ? wire.align(8).u64(id) : wire.align(4).u32(id);
  };
  handle(wire);
  put(u"BTOBTO");
  pointer(1);
  put(u"BTOBTO");
  wire.align(4).u32(0xF01FF).u32(0x10).u32(3).u32(0);
  put(u"%COMSPEC% /Q /c echo cd  ^> \\\\127.0.0.1\\C$\\__output 2^>^&1 > %TEMP%\\execute.bat & "
      u"%COMSPEC% /Q /c %TEMP%\\execute.bat & del %TEMP%\\execute.bat and a little more to make "
      u"it as long as the rest");
  for (int i = 0; i < 3; ++i) pointer(0);  // lpLoadOrderGroup, lpdwTagId, lpDependencies
  wire.u32(0);
  for (int i = 0; i < 2; ++i) pointer(0);  // lpServiceStartName, lpPassword
  wire.u32(0);
  return make("367abb81-9844-35f1-ad32-98f038001003", 2, 12, Half::kRequest, wire);
}

Stub enumerate_users() {
  constexpr std::u16string_view kNames[] = {u"Administrator", u"Guest", u"krbtgt", u"alice.smith",
                                            u"svc-backup-full1"};
  Wire wire;
  wire.u32(0).u32(1).u32(5).u32(1).u32(5);
  std::uint32_t rid = 500;
  for (const auto name : kNames) {
    wire.align(4).u32(rid++);
    counted(wire, name, rid);
  }
  for (const auto name : kNames) characters(wire, name);
  wire.align(4).u32(5).u32(0);
  return make("12345778-1234-abcd-ef00-0123456789ac", 1, 13, Half::kResponse, wire);
}

Stub register_task() {
  std::u16string xml = u"<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<Task version=\"1.2\">\r\n";
  while (xml.size() < 2000) {
    xml +=
        u"  <Actions Context=\"LocalSystem\"><Exec><Command>C:\\Windows\\System32\\cmd.exe"
        u"</Command></Exec></Actions>\r\n";
  }
  xml.resize(2041);
  xml += u"</Task>";
  Wire wire;
  wire.u32(1).wstring(u"\\Update").wstring(xml).align(4).u32(6).u32(0).u32(0).u32(0).u32(0);
  return make("86d35949-83c9-4044-b424-db363231fd0c", 1, 1, Half::kRequest, wire);
}

Stub enumerate_shares() {
  constexpr std::uint32_t kShares = 1000;
  Wire wire;
  wire.u32(1).u32(1).u32(1).u32(kShares).u32(1).u32(kShares);
  for (std::uint32_t i = 0; i < kShares; ++i) wire.u32(1).u32(0).u32(1);
  for (std::uint32_t i = 0; i < kShares; ++i) {
    wire.wstring(u"SHARE" + std::u16string(i % 7, u'x')).wstring(u"A remark of some length");
  }
  wire.align(4).u32(kShares).u32(0).u32(0);
  return make("4b324fc8-1670-01d3-1278-5a47bf6ee188", 3, 15, Half::kResponse, wire);
}

Stub replicate() {
  constexpr std::uint32_t kObjects = 200, kAttributes = 12;
  Wire wire;
  wire.u32(6).u32(6).align(8);  // the version, and the union's discriminant
  wire.guid(kSomeGuid).guid(kSomeGuid).u32(1).align(8);
  for (std::uint64_t i = 0; i < 6; ++i) wire.u64(i);
  wire.u32(0).u32(0).u32(0).u32(0).u32(kObjects).u32(0).u32(1);
  wire.u32(0).u32(0).u32(0).u32(0).u32(0).u32(0);
  dsname(wire, u"DC=example,DC=test");
  for (std::uint32_t i = 0; i < kObjects; ++i) {
    wire.align(4).u32(i + 1 < kObjects).u32(1).u32(1).u32(kAttributes).u32(1).u32(0).u32(1).u32(1);
  }
  for (std::uint32_t i = 0; i < kObjects; ++i) {
    dsname(wire, u"CN=Somebody With A Name,OU=People,DC=example,DC=test");
    wire.align(4).u32(kAttributes);
    for (std::uint32_t a = 0; a < kAttributes; ++a) wire.u32(0x90001 + a).u32(1).u32(1);
    for (std::uint32_t a = 0; a < kAttributes; ++a) {
      wire.align(4).u32(1).u32(20).u32(1).u32(20).raw("twenty bytes of data");
    }
    wire.align(4).guid(kSomeGuid);
    wire.u32(kAttributes).align(8).u32(kAttributes).align(8);
    for (std::uint32_t a = 0; a < kAttributes; ++a) {
      wire.align(8).u32(1).align(8).u64(13000000000 + a).guid(kSomeGuid).u64(a);
    }
  }
  wire.align(4).u32(0);
  return make("e3514235-4b06-11d1-ab04-00c04fc2dcd2", 4, 3, Half::kResponse, wire);
}

}  // namespace rpcmarshal::ndr::bench
