#include "dcom/objects.h"

#include <algorithm>

#include "base/unicode.h"

namespace rpcmarshal::dcom {
namespace {

using ndr::Value;
using ndr::ValueKind;

constexpr std::size_t kMaxMembers = 256, kMaxClasses = 256, kMaxClassBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxArguments = 256, kMaxBindings = 32;

constexpr Guid kActivation{
    0x4d9f4ab8, 0x7d1c, 0x11cf, {0x86, 0x1e, 0x00, 0x20, 0xaf, 0x6e, 0x7c, 0x57}};
constexpr Guid kScmActivator = ole_guid(0x000001a0), kRemUnknown = ole_guid(0x00000131),
               kRemUnknown2 = ole_guid(0x00000143);
constexpr Guid kClassFactory = ole_guid(0x00000001);
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

bool is_wmi(const Guid& iid) {
  return iid == kServices || iid == kLevel1Login || iid == kEnum || iid == kSmartEnum ||
         iid == kFetchSmartEnum || iid == kObjectSink || iid == kCallResult;
}

/// An IPID means an object at one server; elsewhere it is another.
std::string object_key(const ObjectCall& call, const Guid& ipid) {
  std::string key(call.server);
  key += as_text(std::as_bytes(std::span(&ipid, 1)));
  return key;
}

/// Some clients count the terminator of a BSTR as part of it.
std::string text_of(const Value& value) {
  std::string text = value.kind() == ValueKind::kText ? value.text() : std::string();
  while (text.ends_with('\0')) text.pop_back();
  return text;
}

/// Members of objects that clients call by number, from their type libraries, without asking for
/// it: those that run commands. By the class through which the object was reached.
struct KnownMember {
  std::string_view via;
  std::int64_t id;
  std::string_view name;
};
constexpr KnownMember kMembers[] = {
    {"MMC20.Application", 54, "ExecuteShellCommand"},
    {"ShellWindows", 0x60030001, "ShellExecute"},
    {"ShellBrowserWindow", 0x60030001, "ShellExecute"},
};

}  // namespace

std::string_view class_of_path(std::string_view path) {
  // A quoted key may hold anything; what comes before the first quote is enough.
  path = path.substr(0, path.find('"'));
  path = path.substr(0, path.find('='));
  // Before a key's value there is "Class.Key"; a namespace in front ends with a colon.
  if (const auto colon = path.rfind(':'); colon != std::string_view::npos)
    path.remove_prefix(colon + 1);
  return path.substr(0, path.find('.'));
}

std::string normal_name_space(std::string_view name) {
  std::string out(name);
  std::ranges::replace(out, '/', '\\');
  if (out.starts_with("\\\\")) {  // a host, and "." is the server itself
    const auto end = out.find('\\', 2);
    out.erase(0, end == std::string::npos ? out.size() : end);
  }
  out.erase(0, out.find_first_not_of('\\'));
  while (out.ends_with('\\')) out.pop_back();
  return out;
}

ObjectTracker::ObjectTracker(const Catalogue& catalogue, const ndr::Codec& codec,
                             std::size_t capacity)
    : catalogue_(catalogue), activation_reader_(catalogue, codec), objects_(capacity) {}

bool ObjectTracker::concerns(const Interface& interface) {
  return interface.object || interface.id.uuid == kActivation || interface.id.uuid == kScmActivator;
}

const ObjectView& ObjectTracker::observe(const ObjectCall& call) {
  view_ = {};
  const Guid& iid = call.interface->id.uuid;
  if (iid == kActivation || iid == kScmActivator) {
    activation(call);
    return view_;
  }
  const Shared facts = facts_of(call, call.ipid);
  if (facts) show_class(*facts);
  if (iid == kRemUnknown || iid == kRemUnknown2) {
    query_interface(call);
  } else if (is_wmi(iid)) {
    wmi(call, facts_or_new(call, call.ipid));
  } else {
    // Many automation objects are called through dual interfaces; those that are have Invoke too.
    if (call.procedure->name == "Invoke" || call.procedure->name == "GetIDsOfNames")
      dispatch(call, facts_or_new(call, call.ipid));
    const Shared next = std::make_shared<Facts>();
    if (facts && iid == kClassFactory) {
      next->clsid = facts->clsid;
    } else if (facts) {
      next->origin = facts->clsid.is_nil() ? facts->origin : facts->clsid;
    }
    remember_all(call, call.response, next);
  }
  return view_;
}

void ObjectTracker::show_class(const Facts& facts) {
  view_.clsid = facts.clsid;
  view_.class_name = class_name(facts.clsid);
  view_.via = class_name(facts.origin);
  view_.present = !facts.clsid.is_nil() || !view_.via.empty();
}

ObjectTracker::Shared ObjectTracker::facts_of(const ObjectCall& call, const Guid& ipid) {
  if (ipid.is_nil()) return nullptr;
  const std::string key = object_key(call, ipid);
  const Known* known = objects_.find(key);
  return known != nullptr ? known->facts : nullptr;
}

ObjectTracker::Shared ObjectTracker::facts_or_new(const ObjectCall& call, const Guid& ipid) {
  Shared facts = facts_of(call, ipid);
  if (facts) return facts;
  facts = std::make_shared<Facts>();
  if (!ipid.is_nil()) {
    const std::string key = object_key(call, ipid);
    objects_.put(key, {facts, call.interface->id.uuid});
  }
  return facts;
}

void ObjectTracker::note_bindings(const DualStrings& strings) {
  for (const StringBinding& binding : strings.bindings) {
    if (view_.bindings.size() >= kMaxBindings) return;
    if (std::ranges::find(view_.bindings, binding.address) == view_.bindings.end())
      view_.bindings.push_back(binding.address);
  }
  if (!view_.bindings.empty()) view_.present = true;
}

void ObjectTracker::remember(const ObjectCall& call, Bytes objref, Shared facts) {
  ObjRef ref;
  if (!read_objref(objref, ref) || ref.kind == ObjRef::Kind::kCustom || ref.ipid.is_nil()) return;
  note_bindings(ref.resolver);
  const std::string key = object_key(call, ref.ipid);
  objects_.put(key, {std::move(facts), ref.iid});
}

void ObjectTracker::remember_all(const ObjectCall& call, const Value& values, const Shared& facts) {
  if (values.is_missing()) return;
  walker_.start(values);
  while (walker_.next()) {
    if (walker_.event() == ndr::Walker::Event::kLeaf &&
        walker_.value().kind() == ValueKind::kInterface)
      remember(call, walker_.value().bytes(), facts);
  }
}

void ObjectTracker::activation(const ObjectCall& call) {
  Activation a;
  const auto properties = [&](const Value& pointer) {
    ObjRef ref;
    if (pointer.kind() == ValueKind::kInterface && read_objref(pointer.bytes(), ref) &&
        ref.kind == ObjRef::Kind::kCustom)
      activation_reader_.read(ref.data, a);
  };
  if (call.interface->id.uuid == kActivation) {
    a.clsid = call.request.find("Clsid").as_guid();
    const Value ids = call.request.find("pIIDs");
    for (std::size_t i = 0; i < std::min<std::size_t>(ids.size(), kMaxArguments); ++i)
      a.requested.push_back(ids.at(i).as_guid());
    const Value objects = call.response.find("ppInterfaceData");
    for (std::size_t i = 0; i < std::min<std::size_t>(objects.size(), kMaxArguments); ++i) {
      if (objects.at(i).kind() == ValueKind::kInterface) a.objects.push_back(objects.at(i).bytes());
    }
    const Value strings = call.response.find("ppdsaOxidBindings");
    const Value array = strings.find("aStringArray");
    read_dual_strings(array.bytes(), strings.find("wSecurityOffset").as_uint(), array.order(),
                      a.bindings);
  } else {
    properties(call.request.find("pActProperties"));
    properties(call.response.find("ppActProperties"));
  }
  view_.present = !a.clsid.is_nil();
  view_.clsid = a.clsid;
  view_.class_name = class_name(a.clsid);
  for (const Guid& iid : a.requested) {
    if (view_.requested.size() >= kMaxArguments) break;
    const Interface* known = catalogue_.find(iid, 0);
    view_.requested.push_back(known != nullptr ? known->name : iid.to_string());
  }
  view_.machine = std::move(a.machine);
  note_bindings(a.bindings);
  const Shared facts = std::make_shared<Facts>();
  facts->clsid = a.clsid;
  for (const Bytes object : a.objects) remember(call, object, facts);
}

void ObjectTracker::query_interface(const ObjectCall& call) {
  const Guid ipid = call.request.find("ripid").as_guid();
  if (ipid.is_nil()) return;
  const Shared facts = facts_or_new(call, ipid);
  show_class(*facts);
  remember_all(call, call.response, facts);
  const Value results = call.response.find("ppQIResults");
  for (std::size_t i = 0; i < std::min<std::size_t>(results.size(), kMaxArguments); ++i) {
    const Guid granted = results.at(i).find("std.ipid").as_guid();
    if (granted.is_nil() || results.at(i).find("hResult").as_int() < 0) continue;
    const std::string key = object_key(call, granted);
    objects_.put(key, {facts, call.request.find("iids").at(i).as_guid()});
  }
}

void ObjectTracker::dispatch(const ObjectCall& call, const Shared& facts) {
  if (call.procedure->name == "GetIDsOfNames") {
    // The first name is the member's; the others are its parameters'.
    const Value names = call.request.find("rgszNames"), ids = call.response.find("rgDispId");
    if (names.size() > 0 && ids.size() > 0 && facts->members.size() < kMaxMembers)
      facts->members[ids.at(0).as_int()] = text_of(names.at(0));
    return;
  }
  DispatchView& d = view_.dispatch;
  const Value id = call.request.find("dispIdMember");
  if (id.is_missing()) return;
  d.present = true;
  d.id = id.as_int();
  if (const auto it = facts->members.find(d.id); it != facts->members.end()) {
    d.member = it->second;
  } else {
    const std::string_view via = view_.via.empty() ? view_.class_name : view_.via;
    for (const KnownMember& known : kMembers) {
      if (known.via == via && known.id == d.id) d.member = known.name;
    }
  }
  const std::uint64_t flags = call.request.find("dwFlags").as_uint();
  d.kind = flags & 8   ? "propertyputref"
           : flags & 4 ? "propertyput"
           : flags & 1 ? "method"
           : flags & 2 ? "propertyget"
                       : "";
  // rgvarg holds the arguments last first; by-reference ones stand in rgVarRef, and rgVarRefIdx
  // says which each of them is.
  const Value arguments = call.request.find("pDispParams.rgvarg");
  const Value names = call.request.find("pDispParams.rgdispidNamedArgs");
  const Value indexes = call.request.find("rgVarRefIdx"),
              references = call.request.find("rgVarRef");
  const std::size_t count = std::min<std::size_t>(arguments.size(), kMaxArguments);
  for (std::size_t i = count; i-- > 0;) {
    Value argument = arguments.at(i);
    for (std::size_t n = 0; n < std::min<std::size_t>(indexes.size(), kMaxArguments); ++n) {
      if (indexes.at(n).as_uint() == i && n < references.size()) argument = references.at(n);
    }
    d.arguments.push_back(argument);
    std::string name;
    if (i < names.size()) {
      // -3 marks the value of a property that is put ([MS-OAUT] 2.2.32).
      const std::int64_t which = names.at(i).as_int();
      if (which != -3) name = std::to_string(which);
    }
    d.argument_names.push_back(std::move(name));
  }
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

void ObjectTracker::wmi(const ObjectCall& call, const Shared& facts) {
  WmiView& w = view_.wmi;
  w.present = true;
  view_.present = true;
  const Guid& iid = call.interface->id.uuid;
  const std::string_view name = call.procedure->name;
  const auto argument = [&](std::string_view parameter) {
    return text_of(call.request.find(parameter));
  };
  // Objects that this call hands out know at least as much as the one it was made on.
  const auto child = [&] {
    const Shared next = std::make_shared<Facts>();
    next->clsid = facts->clsid;
    next->name_space = facts->name_space;
    next->query = facts->query;
    return next;
  };
  if (iid == kLevel1Login) {
    if (name != "NTLMLogin") return;
    w.name_space = normal_name_space(argument("wszNetworkResource"));
    const Shared next = child();
    next->name_space = w.name_space;
    remember_all(call, call.response, next);
    return;
  }
  w.name_space = facts->name_space;
  if (iid == kServices) {
    w.path = argument("strObjectPath");
    if (name == "OpenNamespace") {
      const Shared next = child();
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
    const Shared next = child();
    next->query = w.query.empty() ? w.class_name : w.query;
    remember_all(call, call.response, next);
    return;
  }
  w.query = facts->query;
  if (iid == kEnum) {
    results(call.response.find("apObjects"));
  } else if (iid == kObjectSink) {
    results(call.request.find("apObjArray"));
  } else if (iid == kSmartEnum) {
    const Value buffer = call.response.find("pBuffer");
    if (buffer.kind() == ValueKind::kBytes) smart_results(buffer.bytes(), *facts);
  } else if (iid == kCallResult) {
    w.out = object(call.response.find("ppResultObject"), out_);
  }
  if (w.class_name.empty() && !w.results.empty())
    w.class_name = w.results[0]->objects[0].class_name.utf8();
  // The compact enumeration of a query is the query's.
  remember_all(call, call.response, iid == kFetchSmartEnum ? facts : child());
}

}  // namespace rpcmarshal::dcom
