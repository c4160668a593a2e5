// What calls on WMI's interfaces are about ([MS-WMI]): namespace, class, method, query, and the
// objects that go with them. Part of ObjectTracker, which remembers what earlier calls said.
#include <algorithm>

#include "base/unicode.h"
#include "dcom/objects.h"

namespace rpcmarshal::dcom {
namespace {

using ndr::Value;
using ndr::ValueKind;

constexpr std::size_t kMaxClasses = 256, kMaxClassBytes = std::size_t{1} << 20;

constexpr Guid kServices{
    0x9556dc99, 0x828c, 0x11cf, {0xa3, 0x7e, 0x00, 0xaa, 0x00, 0x32, 0x40, 0xc7}};
constexpr Guid kLevel1Login{
    0xf309ad18, 0xd86a, 0x11d0, {0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20}};
constexpr Guid kEnum{0x027947e1, 0xd731, 0x11ce, {0xa3, 0x57, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01}};
constexpr Guid kSmartEnum{
    0x423ec01e, 0x2e35, 0x11d2, {0xb6, 0x04, 0x00, 0x10, 0x4b, 0x70, 0x3e, 0xfd}};
constexpr Guid kFetchSmartEnum{
    0x1c1c45ee, 0x4395, 0x11d2, {0xb6, 0x0b, 0x00, 0x10, 0x4b, 0x70, 0x3e, 0xfd}};
constexpr Guid kObjectSink{
    0x7c857801, 0x7381, 0x11cf, {0x88, 0x4d, 0x00, 0xaa, 0x00, 0x4b, 0x2e, 0x24}};
constexpr Guid kCallResult{
    0x44aca675, 0xe8fc, 0x11d0, {0xa0, 0x7c, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20}};
constexpr Guid kRefreshingServices{
    0x2c9273e0, 0x1dc3, 0x11d3, {0xb3, 0x64, 0x00, 0x10, 0x5a, 0x1f, 0x81, 0x77}};
constexpr Guid kRemoteRefresher{
    0xf1e9c5b2, 0xf59b, 0x11d2, {0xb3, 0x62, 0x00, 0x10, 0x5a, 0x1f, 0x81, 0x77}};

constexpr std::int64_t kBlobOne = 2, kBlobMany = 4;  // WBEM_INSTANCE_BLOB_TYPE (2.2.17)

}  // namespace

bool is_wmi(const Guid& iid) {
  return iid == kServices || iid == kLevel1Login || iid == kEnum || iid == kSmartEnum ||
         iid == kFetchSmartEnum || iid == kObjectSink || iid == kCallResult ||
         iid == kRefreshingServices || iid == kRemoteRefresher;
}

const Wmio* ObjectTracker::object(const Value& pointer, Wmio& into) {
  ObjRef ref;
  if (pointer.kind() != ValueKind::kInterface || !read_objref(pointer.bytes(), ref)) return nullptr;
  if (ref.kind != ObjRef::Kind::kCustom || ref.clsid != clsid_wbem_object()) return nullptr;
  into.decode(Wmio::Form::kUnit, ref.data);
  return into.objects.empty() ? nullptr : &into;
}

Wmio* ObjectTracker::next_result() {
  ++view_.wmi.result_count;
  const std::size_t used = view_.wmi.results.size();
  if (used >= WmiView::kMaxResults) return nullptr;
  if (used == result_objects_.size()) result_objects_.push_back(std::make_unique<Wmio>());
  return result_objects_[used].get();
}

void ObjectTracker::results(const Value& list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    Wmio* into = next_result();
    if (into == nullptr) continue;
    if (object(list.at(i), *into) != nullptr) view_.wmi.results.push_back(into);
  }
}

void ObjectTracker::smart_results(Bytes packet, Facts& facts) {
  std::vector<ObjectArrayItem> items;
  read_object_array(packet, items);
  for (const ObjectArrayItem& item : items) {
    // Every class is kept, also of the objects that are not shown.
    Guid id;
    ByteReader reader(item.class_id);
    if (!item.class_id.empty()) id = Guid::read(reader);
    Wmio* into = next_result();
    Wmio& target = into != nullptr ? *into : out_;
    if (item.type == ObjectArrayItem::Type::kInstanceWithoutClass) {
      const auto known = facts.classes.find(id);
      if (known == facts.classes.end()) continue;
      target.decode(Wmio::Form::kInstanceWithoutClass, item.object, as_bytes(known->second));
    } else {
      target.decode(Wmio::Form::kBlock, item.object);
      if (!target.objects.empty() && !id.is_nil() && facts.classes.size() < kMaxClasses) {
        const Bytes part = target.objects[0].class_part;
        if (facts.class_bytes + part.size() <= kMaxClassBytes &&
            facts.classes.try_emplace(id, as_text(part)).second)
          facts.class_bytes += part.size();
      }
    }
    if (into != nullptr && !into->objects.empty()) view_.wmi.results.push_back(into);
  }
}

/// RemoteRefresh ([MS-WMI] 2.2.15): values of objects whose classes came when they were added.
void ObjectTracker::refreshed(const Value& list, const Facts& facts) {
  for (std::size_t i = 0; i < std::min<std::size_t>(list.size(), Wmio::kMaxObjects); ++i) {
    const Value item = list.at(i);
    const std::int64_t type = item.find("m_lBlobType").as_int();
    if (type != kBlobOne && type != kBlobMany) continue;
    const auto known = facts.templates.find(item.find("m_lRequestId").as_int());
    const Bytes part = known != facts.templates.end() ? as_bytes(known->second) : Bytes{};
    const Bytes blob = item.find("m_pbBlob").bytes();
    if (type == kBlobOne) {
      refreshed_object(blob, part);
      continue;
    }
    ByteReader r(blob);
    const std::uint32_t version = r.u32(), count = r.u32();  // WBEM_INSTANCE_BLOB (2.2.16)
    for (std::uint32_t n = 0; version == 1 && n < count && n < Wmio::kMaxObjects; ++n) {
      const std::uint32_t size = r.u32();
      const Bytes one = r.take(size);
      if (!r.ok()) break;
      refreshed_object(one, part);
    }
  }
}

void ObjectTracker::refreshed_object(Bytes object, Bytes class_part) {
  Wmio* into = next_result();
  if (into == nullptr || class_part.empty()) return;
  into->decode(Wmio::Form::kRefreshed, object, class_part);
  if (!into->objects.empty()) view_.wmi.results.push_back(into);
}

/// Objects that a call hands out know at least as much as the one it was made on.
ObjectTracker::Shared ObjectTracker::child(const Facts& facts) const {
  const Shared next = std::make_shared<Facts>();
  next->clsid = facts.clsid;
  next->name_space = facts.name_space;
  next->query = facts.query;
  return next;
}

void ObjectTracker::level1_login(const ObjectCall& call, const Shared& facts) {
  if (call.procedure->name != "NTLMLogin") return;
  view_.wmi.name_space = normal_name_space(text_of(call.request.find("wszNetworkResource")));
  const Shared next = child(*facts);
  next->name_space = view_.wmi.name_space;
  remember_all(call, call.response, next);
}

void ObjectTracker::services(const ObjectCall& call, const Shared& facts) {
  WmiView& w = view_.wmi;
  const auto argument = [&](std::string_view parameter) {
    return text_of(call.request.find(parameter));
  };
  const Shared next = child(*facts);
  w.path = argument("strObjectPath");
  if (call.procedure->name == "OpenNamespace") {
    const std::string inner = normal_name_space(argument("strNamespace"));
    next->name_space = facts->name_space.empty() ? inner : facts->name_space + '\\' + inner;
    remember_all(call, call.response, next);
    w.path = inner;
    return;
  }
  w.query = argument("strQuery");
  w.query_language = argument("strQueryLanguage");
  w.method = argument("strMethodName");
  for (const std::string_view parameter : {"strClass", "strSuperclass", "strSuperClass"}) {
    if (w.class_name.empty()) w.class_name = argument(parameter);
  }
  if (w.class_name.empty()) w.class_name = class_of_path(w.path);
  for (const std::string_view parameter : {"pInParams", "pInst", "pObject"}) {
    if (w.in == nullptr) w.in = object(call.request.find(parameter), in_);
  }
  for (const std::string_view parameter : {"ppOutParams", "ppObject"}) {
    if (w.out == nullptr) w.out = object(call.response.find(parameter), out_);
  }
  if (w.class_name.empty() && w.in != nullptr) w.class_name = w.in->objects[0].class_name.utf8();
  next->query = w.query.empty() ? w.class_name : w.query;
  remember_all(call, call.response, next);
  const Shared sink = child(*facts);
  sink->query = w.query;
  sink->class_name = w.class_name;
  sink->method = w.method;
  sink->path = w.path;
  handed_over(call, sink);
}

/// IWbemRefreshingServices ([MS-WMI] 3.1.4.12). All calls of one refresher carry its GUID: what
/// they add is kept under it, for the calls on the refresher itself.
void ObjectTracker::refreshing_services(const ObjectCall& call, const Shared& facts) {
  WmiView& w = view_.wmi;
  const Guid id = call.request.find("pRefresherId.m_guidRefresherId").as_guid();
  const Shared refresher = id.is_nil() ? child(*facts) : facts_or_new(call, id);
  refresher->clsid = facts->clsid;
  refresher->name_space = facts->name_space;
  w.path = text_of(call.request.find("wszPath"));
  w.class_name = text_of(call.request.find("wszClass"));
  if (w.class_name.empty()) w.class_name = class_of_path(w.path);
  w.in = object(call.request.find("pTemplate"), in_);
  const Value info = call.response.find("pInfo.m_Info");
  for (const std::string_view arm : {"m_Remote.m_pTemplate", "m_NonHiPerf.m_pTemplate"}) {
    if (w.out == nullptr) w.out = object(info.find(arm), out_);
  }
  if (w.out != nullptr) {
    if (w.class_name.empty()) w.class_name = w.out->objects[0].class_name.utf8();
    const Bytes part = w.out->objects[0].class_part;
    const std::int64_t request = call.response.find("pInfo.m_lCancelId").as_int();
    if (refresher->templates.size() < kMaxClasses &&
        refresher->class_bytes + part.size() <= kMaxClassBytes &&
        refresher->templates.insert_or_assign(request, std::string(as_text(part))).second)
      refresher->class_bytes += part.size();
  }
  remember_all(call, call.response, refresher);
}

void ObjectTracker::wmi(const ObjectCall& call, const Shared& facts) {
  WmiView& w = view_.wmi;
  w.present = true;
  view_.present = true;
  const Guid& iid = call.interface->id.uuid;
  if (iid == kLevel1Login) return level1_login(call, facts);
  w.name_space = facts->name_space;
  if (iid == kServices) return services(call, facts);
  if (iid == kRefreshingServices) return refreshing_services(call, facts);
  w.query = facts->query;
  if (iid == kEnum) {
    results(call.response.find("apObjects"));
  } else if (iid == kObjectSink) {
    w.class_name = facts->class_name;
    w.method = facts->method;
    w.path = facts->path;
    results(call.request.find("apObjArray"));
    w.in = object(call.request.find("pObjParam"), in_);
  } else if (iid == kSmartEnum) {
    const Value buffer = call.response.find("pBuffer");
    if (buffer.kind() == ValueKind::kBytes) smart_results(buffer.bytes(), *facts);
  } else if (iid == kRemoteRefresher) {
    refreshed(call.response.find("paObjects"), *facts);
  } else if (iid == kCallResult) {
    w.out = object(call.response.find("ppResultObject"), out_);
  }
  if (w.class_name.empty() && !w.results.empty())
    w.class_name = w.results[0]->objects[0].class_name.utf8();
  // The compact enumeration of a query is the query's.
  remember_all(call, call.response, iid == kFetchSmartEnum ? facts : child(*facts));
  if (iid == kEnum) {  // NextAsync
    const Shared sink = child(*facts);
    handed_over(call, sink);
  }
}

}  // namespace rpcmarshal::dcom
