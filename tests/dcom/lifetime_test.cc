// What an IPID means over time: references given and taken back, objects a client hands over and is
// called on, and calls whose object no captured answer gave out.
#include <gtest/gtest.h>

#include "observer.h"

namespace rpcmarshal::dcom::test {
namespace {

constexpr std::string_view kLevel1Login = "f309ad18-d86a-11d0-a075-00c04fb68820";
constexpr std::string_view kRemUnknown2 = "00000143-0000-0000-c000-000000000046";
constexpr std::string_view kObjectSink = "7c857801-7381-11cf-884d-00aa004b2e24";
constexpr std::string_view kDispatch = "00020400-0000-0000-c000-000000000046";
constexpr std::string_view kExporter = "99fcfec4-5260-101b-bbcb-00aa0021347a";
constexpr std::string_view kLogin = "bbbbbbbb-0000-0000-0000-000000000001";
constexpr std::string_view kServices = "bbbbbbbb-0000-0000-0000-000000000002";
constexpr std::string_view kSink = "bbbbbbbb-0000-0000-0000-000000000003";
constexpr std::string_view kRemUnknown = "bbbbbbbb-0000-0000-0000-0000000000ff";

/// NTLMLogin that gives out kServices (with 5 references) for a namespace.
void log_in(Observer& observer, std::u16string_view name_space) {
  Stub request, answer;
  request.orpcthis().wstring(name_space).null().align(4).u32(0);
  request.null();
  answer.orpcthat().pointer(standard_objref(kServicesId, kServices)).align(4).u32(0);
  observer.see(kLevel1Login, 6, kLogin, request.text(), answer.text());
}

/// RemAddRef (opnum 4) or RemRelease (5) of `count` public references to kServices.
void count_references(Observer& observer, std::uint16_t opnum, std::uint32_t count) {
  Stub request, answer;
  request.orpcthis().u16(1).align(4).u32(1).guid(kServices).u32(count).u32(0);
  answer.orpcthat();
  if (opnum == 4) answer.u32(1).u32(0);
  answer.u32(0);
  observer.see(kRemUnknown2, opnum, kRemUnknown, request.text(), answer.text());
}

std::string query(std::u16string_view text) {
  Stub request;
  request.orpcthis().bstr(u"WQL").bstr(text).align(4).u32(0);
  request.null();
  return request.text();
}

const ObjectView& ask(Observer& observer) {
  return observer.see(kServicesId, 20, kServices, query(u"select * from Win32_Process"), "");
}

TEST(References, TheLastReleaseForgetsTheObject) {
  Observer observer;
  log_in(observer, u"//./root/cimv2");
  EXPECT_EQ(observer.interface_of(kServices).to_string(), kServicesId);
  count_references(observer, 5, 4);
  EXPECT_EQ(ask(observer).wmi.name_space, "root\\cimv2");
  EXPECT_FALSE(ask(observer).inferred);
  count_references(observer, 5, 1);
  EXPECT_EQ(ask(observer).wmi.name_space, "") << "the IPID may be another object's by now";
  EXPECT_TRUE(ask(observer).inferred);
  EXPECT_TRUE(observer.interface_of(kServices).is_nil());
}

TEST(References, AddedOnesCount) {
  Observer observer;
  log_in(observer, u"//./root/cimv2");
  count_references(observer, 4, 2);
  count_references(observer, 5, 5);
  EXPECT_EQ(ask(observer).wmi.name_space, "root\\cimv2");
  count_references(observer, 5, 2);
  EXPECT_EQ(ask(observer).wmi.name_space, "");
}

TEST(References, AnIpidThatIsGivenOutAgainIsTheNewObject) {
  Observer observer;
  log_in(observer, u"//./root/cimv2");
  count_references(observer, 5, 5);
  log_in(observer, u"//./root/subscription");
  EXPECT_EQ(ask(observer).wmi.name_space, "root\\subscription");
  // Without a release in the capture, too.
  log_in(observer, u"//./root/default");
  EXPECT_EQ(ask(observer).wmi.name_space, "root\\default");
}

TEST(References, HugeCountsDoNotWrap) {
  Observer observer;
  log_in(observer, u"//./root/cimv2");
  count_references(observer, 4, 0xFFFFFFFF);
  count_references(observer, 5, 0xFFFFFFFF);
  EXPECT_EQ(ask(observer).wmi.name_space, "root\\cimv2");
  count_references(observer, 5, 0xFFFFFFFF);
  EXPECT_EQ(ask(observer).wmi.name_space, "");
}

TEST(Inference, AnInterfaceOfOneClassNamesTheClass) {
  Observer observer;
  Stub request;
  request.orpcthis().wstring(u"//./root/cimv2").null().align(4).u32(0);
  request.null();
  const ObjectView& view = observer.see(kLevel1Login, 6, kLogin, request.text(), "");
  EXPECT_TRUE(view.inferred);
  EXPECT_EQ(view.class_name, "WbemLevel1Login");
  EXPECT_EQ(view.wmi.name_space, "root\\cimv2");
}

TEST(Inference, AnotherInterfaceSaysOnlyThatNothingWasSeen) {
  Observer observer;
  const ObjectView& view = ask(observer);
  EXPECT_TRUE(view.present);
  EXPECT_TRUE(view.inferred);
  EXPECT_TRUE(view.clsid.is_nil());
}

/// ExecQueryAsync with a sink at the client.
void start_query(Observer& observer) {
  Stub request, answer;
  request.orpcthis().bstr(u"WQL").bstr(u"select * from Win32_Service").align(4).u32(0).null();
  request.pointer(standard_objref(kObjectSink, kSink));
  answer.orpcthat().u32(0);
  observer.see(kServicesId, 21, kServices, request.text(), answer.text());
}

std::string indication() {
  const std::string object = object_objref(
      unit(instance_block(class_part("Win32_Service", {}, {{"Name", 8, Slot::none(4)}}),
                          "Win32_Service", {Slot::text("Spooler")})));
  Stub indicate;
  indicate.orpcthis().u32(1).u32(1).u32(0x20000);
  indicate.u32(object.size()).u32(object.size()).raw(object);
  return indicate.text();
}

TEST(Sinks, ACallBackKnowsTheQueryItAnswers) {
  Observer observer;
  log_in(observer, u"//./root/cimv2");
  start_query(observer);
  EXPECT_EQ(observer.events, 2u);
  // The server calls, the client answers.
  std::swap(observer.server, observer.client);
  const ObjectView& view = observer.see(kObjectSink, 3, kSink, indication(), "");
  ASSERT_NE(view.handover, nullptr);
  EXPECT_EQ(view.handover->operation, "IWbemServices.ExecQueryAsync");
  EXPECT_EQ(view.handover->event, 2u);
  EXPECT_FALSE(view.inferred);
  EXPECT_TRUE(view.clsid.is_nil()) << "the sink is the client's, not WMI's";
  EXPECT_EQ(view.wmi.name_space, "root\\cimv2");
  EXPECT_EQ(view.wmi.query, "select * from Win32_Service");
  ASSERT_EQ(view.wmi.results.size(), 1u);
  EXPECT_EQ(view.wmi.results[0]->objects[0].class_name.utf8(), "Win32_Service");
}

TEST(Sinks, AreFoundAtAnotherAddressOfTheClient) {
  Observer observer;
  log_in(observer, u"//./root/cimv2");
  start_query(observer);
  observer.server = "the client's other address";
  EXPECT_NE(observer.see(kObjectSink, 3, kSink, indication(), "").handover, nullptr);
}

TEST(Sinks, CancellingDoesNotTurnTheSinkIntoAnotherCalls) {
  Observer observer;
  log_in(observer, u"//./root/cimv2");
  start_query(observer);
  Stub cancel;
  cancel.orpcthis().pointer(standard_objref(kObjectSink, kSink));
  observer.see(kServicesId, 4, kServices, cancel.text(), "");
  std::swap(observer.server, observer.client);
  const ObjectView& view = observer.see(kObjectSink, 3, kSink, indication(), "");
  ASSERT_NE(view.handover, nullptr);
  EXPECT_EQ(view.handover->operation, "IWbemServices.ExecQueryAsync");
}

TEST(Sinks, AMethodsResultsNameTheMethod) {
  Observer observer;
  log_in(observer, u"//./root/cimv2");
  Stub request;
  request.orpcthis().bstr(u"Win32_Process").bstr(u"Create").align(4).u32(0).null().null();
  request.pointer(standard_objref(kObjectSink, kSink));
  observer.see(kServicesId, 25, kServices, request.text(), "");
  std::swap(observer.server, observer.client);
  const ObjectView& view = observer.see(kObjectSink, 3, kSink, indication(), "");
  EXPECT_EQ(view.wmi.class_name, "Win32_Process");
  EXPECT_EQ(view.wmi.method, "Create");
}

TEST(Sinks, AnAutomationClientsObjectKeepsItsOriginToo) {
  Observer observer;
  // Invoke with a VT_DISPATCH argument: an object of the client (events, for one).
  Stub invoke;
  invoke.orpcthis().u32(1).guid("00000000-0000-0000-0000-000000000000").u32(1033).u32(1);
  invoke.align(4).u32(0x20000).u32(0).u32(1).u32(0);
  invoke.u32(1).u32(0x20004);
  const std::string object = standard_objref(kDispatch, kSink);
  invoke.align(8).u32(3).u32(0).u16(9).u16(0).u16(0).u16(0).u32(9).u32(0x20008);
  invoke.u32(object.size()).u32(object.size()).raw(object);
  invoke.align(4).u32(0).u32(0).u32(0);
  observer.see(kDispatch, 6, kServices, invoke.text(), "");
  std::swap(observer.server, observer.client);
  Stub back;
  back.orpcthis();
  const ObjectView& view = observer.see(kDispatch, 3, kSink, back.text(), "");
  ASSERT_NE(view.handover, nullptr);
  EXPECT_EQ(view.handover->operation, "IDispatch.Invoke");
}

TEST(Resolution, TellsWhereAProcessListensAndItsReferenceCounter) {
  Observer observer;
  Stub request, answer;
  request.u64(0x1234).u16(1).align(4).u32(1).u16(7);
  const std::u16string_view strings(
      u"\x07"
      u"10.0.0.9[49667]\0\0\0\0",
      20);
  answer.u32(0x20000).u32(strings.size()).u16(strings.size()).u16(18);
  for (const char16_t c : strings) answer.u16(c);
  answer.align(4).guid(kRemUnknown).u32(5).u16(5).u16(7).u32(0);
  const ObjectView& view = observer.see(kExporter, 4, "", request.text(), answer.text());
  ASSERT_TRUE(view.present);
  ASSERT_EQ(view.bindings.size(), 1u);
  EXPECT_EQ(view.bindings[0], "10.0.0.9[49667]");
  EXPECT_EQ(observer.interface_of(kRemUnknown).to_string(), kRemUnknown2);
}

}  // namespace
}  // namespace rpcmarshal::dcom::test
