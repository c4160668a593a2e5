// IWbemRefreshingServices and IWbemRemoteRefresher ([MS-WMI] 3.1.4.12, 3.1.4.13): objects are added
// once, with their class; then their values come without it.
#include <gtest/gtest.h>

#include "observer.h"

namespace rpcmarshal::dcom::test {
namespace {

constexpr std::string_view kRefreshing = "2c9273e0-1dc3-11d3-b364-00105a1f8177";
constexpr std::string_view kRemote = "f1e9c5b2-f59b-11d2-b362-00105a1f8177";
constexpr std::string_view kServices = "cccccccc-0000-0000-0000-000000000001";
constexpr std::string_view kRefresher = "cccccccc-0000-0000-0000-000000000002";
constexpr std::string_view kId = "dddddddd-0000-0000-0000-000000000001";

std::string performance_class() {
  return class_part("Win32_PerfRawData", {},
                    {{"Name", 8, Slot::none(4)}, {"Threads", 19, Slot::none(4)}});
}

std::string template_objref() {
  return object_objref(unit(
      instance_block(performance_class(), "Win32_PerfRawData", {Slot::none(4), Slot::none(4)})));
}

/// RefreshedSingleInstance (2.2.19), with the heap's own length in front of it or without.
std::string refreshed(const std::string& name, std::uint32_t threads, bool heap_length) {
  HeapWriter heap;
  const std::string values = tables({Slot::text(name), Slot::number(threads, 4)}, heap, nullptr);
  const std::string items = heap.finished().substr(4);
  ByteWriter out;
  out.u32(items.size()).raw(values).u32(4).u8(1);
  out.raw(heap_length ? heap.finished() : items);
  return out.text();
}

/// AddEnumToRefresher with its answer: the refresher, a template, and the id of what is added.
void add_enumeration(Observer& observer, std::uint32_t id) {
  Stub request, answer;
  request.orpcthis().u32(0x20000).u32(77).guid(kId);  // _WBEM_REFRESHER_ID; its name is deferred
  request.u32(4).u32(0).u32(4).raw(std::string("WS1\0", 4));
  const std::u16string_view name(u"Win32_PerfRawData\0", 18);
  request.align(4).u32(name.size()).u32(0).u32(name.size());
  for (const char16_t c : name) request.u16(c);
  request.align(4).u32(0).null().u32(2);
  answer.orpcthat().u32(3).u32(3).u32(0x20000).u32(0x20004).guid(kId).u32(id);
  const std::string refresher = standard_objref(kRemote, kRefresher);
  answer.u32(refresher.size()).u32(refresher.size()).raw(refresher).align(4);
  const std::string object = template_objref();
  answer.u32(object.size()).u32(object.size()).raw(object).align(4).u32(1).u32(0);
  const ObjectView& view = observer.see(kRefreshing, 5, kServices, request.text(), answer.text());
  ASSERT_TRUE(view.wmi.present);
  EXPECT_EQ(view.wmi.class_name, "Win32_PerfRawData");
  ASSERT_NE(view.wmi.out, nullptr);
  EXPECT_EQ(view.wmi.out->objects[0].class_name.utf8(), "Win32_PerfRawData");
}

struct Blob {
  std::uint32_t request, type;
  std::string bytes;
};

const ObjectView& refresh(Observer& observer, const std::vector<Blob>& blobs) {
  Stub request, answer;
  request.orpcthis().u32(0);
  answer.orpcthat().u32(blobs.size()).u32(0x20000).u32(blobs.size());
  for (const Blob& blob : blobs)
    answer.u32(blob.request)
        .u32(blob.type)
        .u32(blob.bytes.size())
        .u32(blob.bytes.empty() ? 0 : 0x20004);
  for (const Blob& blob : blobs) {
    if (!blob.bytes.empty()) answer.align(4).u32(blob.bytes.size()).raw(blob.bytes);
  }
  answer.align(4).u32(0);
  return observer.see(kRemote, 3, kRefresher, request.text(), answer.text());
}

std::string many(const std::vector<std::string>& objects) {
  ByteWriter w;
  w.u32(1).u32(objects.size());
  for (const std::string& object : objects) w.u32(object.size()).raw(object);
  return w.text();
}

std::string name_of(const Wmio& object) {
  return object.property(object.objects[0], "Name")->value.text.utf8();
}

TEST(Refresher, OneObject) {
  for (const bool heap_length : {false, true}) {
    Observer observer;
    add_enumeration(observer, 7);
    const ObjectView& view = refresh(observer, {{7, 2, refreshed("lsass", 12, heap_length)}});
    ASSERT_EQ(view.wmi.results.size(), 1u);
    const Wmio& object = *view.wmi.results[0];
    EXPECT_TRUE(object.complete()) << object.reason;
    EXPECT_EQ(view.wmi.class_name, "Win32_PerfRawData");
    EXPECT_EQ(name_of(object), "lsass");
    EXPECT_EQ(object.property(object.objects[0], "Threads")->value.bits, 12u);
    EXPECT_FALSE(view.inferred);
  }
}

TEST(Refresher, Enumerations) {
  Observer observer;
  add_enumeration(observer, 7);
  const ObjectView& view = refresh(
      observer, {{9, 3, ""}, {7, 4, many({refreshed("a", 1, true), refreshed("b", 2, true)})}});
  ASSERT_EQ(view.wmi.results.size(), 2u);
  EXPECT_EQ(name_of(*view.wmi.results[1]), "b");
}

TEST(Refresher, WhatWasNotSeenAddedIsCountedOnly) {
  Observer observer;
  add_enumeration(observer, 7);
  const ObjectView& view = refresh(observer, {{8, 2, refreshed("a", 1, true)}});
  EXPECT_EQ(view.wmi.results.size(), 0u);
  EXPECT_EQ(view.wmi.result_count, 1u);
}

TEST(Refresher, EveryPrefixEndsWithAReason) {
  const std::string part = performance_class(), whole = refreshed("lsass", 12, true);
  Wmio object;
  ASSERT_TRUE(object.decode(Wmio::Form::kRefreshed, as_bytes(whole), as_bytes(part)));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // The four bytes of the heap's own length may be missing.
    const bool complete =
        object.decode(Wmio::Form::kRefreshed, as_bytes(whole).first(size), as_bytes(part));
    EXPECT_FALSE(complete && size + 4 < whole.size()) << size;
  }
  EXPECT_FALSE(object.decode(Wmio::Form::kRefreshed, as_bytes(whole), {}));
}

TEST(Refresher, HostileCountsEndEarly) {
  Observer observer;
  add_enumeration(observer, 7);
  ByteWriter endless;
  endless.u32(1).u32(0xFFFFFFFF).u32(0).u32(0).u32(0);
  const ObjectView& view = refresh(observer, {{7, 4, endless.text()}});
  EXPECT_LE(view.wmi.result_count, 4u);
}

}  // namespace
}  // namespace rpcmarshal::dcom::test
