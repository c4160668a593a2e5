// OBJREFs, and what calls on objects are about, from stubs written here by the rules of [MS-DCOM],
// [MS-OAUT] and [MS-WMI].
#include "dcom/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observer.h"

namespace rpcmarshal::dcom::test {
namespace {

TEST(ObjRef, StandardWithBindings) {
  const std::string bytes = standard_objref(kServicesId, "aaaaaaaa-0000-0000-0000-000000000001");
  ObjRef ref;
  ASSERT_TRUE(read_objref(as_bytes(bytes), ref));
  EXPECT_EQ(ref.kind, ObjRef::Kind::kStandard);
  EXPECT_EQ(ref.iid.to_string(), kServicesId);
  EXPECT_EQ(ref.oxid, 0x1111u);
  ASSERT_EQ(ref.resolver.bindings.size(), 2u);
  EXPECT_EQ(ref.resolver.bindings[0].host(), "10.0.0.9");
  EXPECT_EQ(ref.resolver.bindings[0].port(), 49667);
  EXPECT_EQ(ref.resolver.bindings[1].host(), "FS1");
  EXPECT_EQ(ref.resolver.bindings[1].port(), 0);
  ASSERT_EQ(ref.resolver.security.size(), 1u);
  EXPECT_EQ(ref.resolver.security[0].service, 10);
  for (std::size_t size = 0; size < bytes.size() - 4; ++size)
    EXPECT_FALSE(read_objref(as_bytes(bytes).first(size), ref)) << size;
}

TEST(ObjRef, CustomCarriesTheObject) {
  ObjRef ref;
  const std::string bytes = object_objref("payload");
  ASSERT_TRUE(read_objref(as_bytes(bytes), ref));
  EXPECT_EQ(ref.clsid, clsid_wbem_object());
  EXPECT_EQ(as_text(ref.data), "payload");
  EXPECT_EQ(class_name(ref.clsid), "WbemClassObject");
}

TEST(ClassNames, ThoseThatRunCommandsElsewhere) {
  const std::pair<const char*, const char*> kExpected[] = {
      {"49b2791a-b1ae-4c90-9b8e-e860ba07f889", "MMC20.Application"},
      {"9ba05972-f6a8-11cf-a442-00a0c90a8f39", "ShellWindows"},
      {"c08afd90-f2a1-11d1-8455-00a0c91f3880", "ShellBrowserWindow"},
      {"00024500-0000-0000-c000-000000000046", "Excel.Application"},
      {"8bc3f05e-d86b-11d0-a075-00c04fb68820", "WbemLevel1Login"},
      {"72566e27-1abb-4eb3-b4f0-eb431cb1cb32", "WaaSRemediation"},
      {"06622d85-6856-4460-8de1-a81921b41c4b", "OpenControlPanel"},
      {"f618c514-dfb8-11d1-a2cf-00805fc79235", "COMAdmin.COMAdminCatalog"},
      {"11111111-2222-3333-4444-555555555555", ""},
  };
  for (const auto& [clsid, name] : kExpected) EXPECT_EQ(class_name(*Guid::parse(clsid)), name);
}

TEST(ObjectPaths, ClassAndNamespace) {
  EXPECT_EQ(class_of_path("Win32_Process"), "Win32_Process");
  EXPECT_EQ(class_of_path("Win32_Process.Handle=\"4\""), "Win32_Process");
  EXPECT_EQ(class_of_path("\\\\FS1\\root\\cimv2:Win32_Service.Name=\"a.b:c\""), "Win32_Service");
  EXPECT_EQ(class_of_path("Win32_OperatingSystem=@"), "Win32_OperatingSystem");
  EXPECT_EQ(class_of_path(""), "");
  EXPECT_EQ(normal_name_space("//./root/cimv2"), "root\\cimv2");
  EXPECT_EQ(normal_name_space("\\\\FS1\\root\\subscription\\"), "root\\subscription");
  EXPECT_EQ(normal_name_space("root/default"), "root\\default");
  EXPECT_EQ(normal_name_space("//"), "");
}

TEST(ObjectTracker, MethodCallShowsNamespaceClassMethodAndParameters) {
  Observer observer;
  constexpr std::string_view kLogin = "bbbbbbbb-0000-0000-0000-000000000001";
  constexpr std::string_view kServices = "bbbbbbbb-0000-0000-0000-000000000002";
  Stub login, logged;
  login.orpcthis().wstring(u"//./root/cimv2").null().align(4).u32(0);
  login.null();
  logged.orpcthat().pointer(standard_objref(kServicesId, kServices)).align(4).u32(0);
  EXPECT_EQ(
      observer.see("f309ad18-d86a-11d0-a075-00c04fb68820", 6, kLogin, login.text(), logged.text())
          .wmi.name_space,
      "root\\cimv2");

  const std::string in =
      unit(instance_block(class_part("__PARAMETERS", {}, {{"CommandLine", 8, Slot::none(4)}}),
                          "__PARAMETERS", {Slot::text("cmd.exe /c whoami")}));
  const std::string out = unit(instance_block(
      class_part("__PARAMETERS", {},
                 {{"ProcessId", 19, Slot::none(4)}, {"ReturnValue", 19, Slot::none(4)}}),
      "__PARAMETERS", {Slot::number(4312, 4), Slot::number(0, 4)}));
  Stub request, response;
  request.orpcthis().bstr(u"Win32_Process").bstr(u"Create").align(4).u32(0);
  request.null().pointer(object_objref(in)).null().null();
  // [in, out, unique] I**: a pointer to an interface pointer.
  response.orpcthat().align(4).u32(0x20000).u32(0x20004);
  response.u32(object_objref(out).size()).u32(object_objref(out).size()).raw(object_objref(out));
  response.null().u32(0);
  const ObjectView& view =
      observer.see(kServicesId, 24, kServices, request.text(), response.text());
  ASSERT_TRUE(view.wmi.present);
  EXPECT_EQ(view.wmi.name_space, "root\\cimv2");
  EXPECT_EQ(view.wmi.class_name, "Win32_Process");
  EXPECT_EQ(view.wmi.method, "Create");
  ASSERT_NE(view.wmi.in, nullptr);
  EXPECT_EQ(view.wmi.in->property(view.wmi.in->objects[0], "CommandLine")->value.text.utf8(),
            "cmd.exe /c whoami");
  ASSERT_NE(view.wmi.out, nullptr);
  EXPECT_EQ(view.wmi.out->property(view.wmi.out->objects[0], "ProcessId")->value.bits, 4312u);
}

TEST(ObjectTracker, TheSameIpidElsewhereIsAnotherObject) {
  Observer observer;
  Stub request;
  request.orpcthis().bstr(u"WQL").bstr(u"select * from Win32_Service").align(4).u32(0);
  request.null();
  const ObjectView& view =
      observer.see(kServicesId, 20, "bbbbbbbb-0000-0000-0000-000000000009", request.text(), "");
  EXPECT_TRUE(view.wmi.present);
  EXPECT_EQ(view.wmi.name_space, "");
  EXPECT_EQ(view.wmi.query, "select * from Win32_Service");
}

TEST(ObjectTracker, AutomationMembersKeepTheirNames) {
  Observer observer;
  constexpr std::string_view kDispatch = "00020400-0000-0000-c000-000000000046";
  constexpr std::string_view kObject = "cccccccc-0000-0000-0000-000000000001";
  Stub names, ids;
  names.orpcthis().guid("00000000-0000-0000-0000-000000000000").u32(1).u32(0x20000);
  names.u32(4).u32(0).u32(4);
  for (const char16_t c : std::u16string_view(u"Run\0", 4)) names.u16(c);
  names.align(4).u32(1).u32(1033);
  ids.orpcthat().u32(1).u32(30).u32(0);
  observer.see(kDispatch, 5, kObject, names.text(), ids.text());

  Stub invoke;
  invoke.orpcthis().u32(30).guid("00000000-0000-0000-0000-000000000000").u32(1033).u32(1);
  invoke.align(4).u32(0x20000).u32(0).u32(2).u32(0);  // rgvarg, no names, two arguments
  invoke.u32(2).u32(0x20004).u32(0x20008);
  // VARIANTs, last argument first: VT_I4 7, then VT_I4 5.
  for (const std::uint32_t number : {7u, 5u}) {
    invoke.align(8).u32(3).u32(0).u16(3).u16(0).u16(0).u16(0).u32(3).u32(number);
  }
  invoke.align(4).u32(0).u32(0).u32(0);
  const ObjectView& view = observer.see(kDispatch, 6, kObject, invoke.text(), "");
  ASSERT_TRUE(view.dispatch.present);
  EXPECT_EQ(view.dispatch.member, "Run");
  EXPECT_EQ(view.dispatch.kind, "method");
  ASSERT_EQ(view.dispatch.arguments.size(), 2u);
  EXPECT_EQ(view.dispatch.arguments[0].as_int(), 5);
  EXPECT_EQ(view.dispatch.arguments[1].as_int(), 7);
}

}  // namespace
}  // namespace rpcmarshal::dcom::test
