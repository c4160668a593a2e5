#include "dcom/objects.h"

#include <algorithm>

#include "base/unicode.h"

namespace rpcmarshal::dcom {
namespace {

using ndr::Value;
using ndr::ValueKind;

constexpr std::size_t kMaxMembers = 256, kMaxReferences = 4096;
constexpr std::size_t kMaxArguments = 256, kMaxBindings = 32;

constexpr Guid kActivation{
    0x4d9f4ab8, 0x7d1c, 0x11cf, {0x86, 0x1e, 0x00, 0x20, 0xaf, 0x6e, 0x7c, 0x57}};
constexpr Guid kScmActivator = ole_guid(0x000001a0), kRemUnknown = ole_guid(0x00000131),
               kRemUnknown2 = ole_guid(0x00000143);
constexpr Guid kClassFactory = ole_guid(0x00000001);
constexpr Guid kObjectExporter{
    0x99fcfec4, 0x5260, 0x101b, {0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a}};

/// Interfaces that only one class has: what an object is when its activation was not captured.
struct OnlyClass {
  Guid iid, clsid;
};
constexpr Guid kWbemLevel1Login{
    0x8bc3f05e, 0xd86b, 0x11d0, {0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20}};
constexpr Guid kCertRequest{
    0xd99e6e74, 0xfc88, 0x11d0, {0xb4, 0x98, 0x00, 0xa0, 0xc9, 0x03, 0x12, 0xf3}};
constexpr Guid kCertAdmin{
    0xd99e6e73, 0xfc88, 0x11d0, {0xb4, 0x98, 0x00, 0xa0, 0xc9, 0x03, 0x12, 0xf3}};
constexpr OnlyClass kOnlyClasses[] = {
    {{0xf309ad18, 0xd86a, 0x11d0, {0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20}},
     kWbemLevel1Login},  // IWbemLevel1Login
    {{0xd4781cd6, 0xe5d3, 0x44df, {0xad, 0x94, 0x93, 0x0e, 0xfe, 0x48, 0xa8, 0x87}},
     kWbemLevel1Login},  // IWbemLoginClientID
    {{0xd99e6e70, 0xfc88, 0x11d0, {0xb4, 0x98, 0x00, 0xa0, 0xc9, 0x03, 0x12, 0xf3}},
     kCertRequest},  // ICertRequestD
    {{0x5422fd3a, 0xd4b8, 0x4cef, {0xa1, 0x2e, 0xe8, 0x7d, 0x4c, 0xa2, 0x2e, 0x90}},
     kCertRequest},  // ICertRequestD2
    {{0xd99e6e71, 0xfc88, 0x11d0, {0xb4, 0x98, 0x00, 0xa0, 0xc9, 0x03, 0x12, 0xf3}},
     kCertAdmin},  // ICertAdminD
    {{0x7fe0d935, 0xdda6, 0x443f, {0x85, 0xd0, 0x1c, 0xfb, 0x58, 0xfe, 0x41, 0xdd}},
     kCertAdmin},  // ICertAdminD2
};

/// An IPID means an object at one machine; elsewhere it is another.
std::string object_key(std::string_view at, const Guid& ipid) {
  std::string key(at);
  key += as_text(std::as_bytes(std::span(&ipid, 1)));
  return key;
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
    {"Excel.Application", 30, "RegisterXLL"},
    {"Excel.Application", 259, "Run"},
    {"Excel.Application", 333, "DDEInitiate"},
    {"Excel.Application", 350, "ExecuteExcel4Macro"},
    {"Excel.Application", 1095, "ActivateMicrosoftApp"},
    {"ShellWindows", 0x60030001, "ShellExecute"},
    {"ShellBrowserWindow", 0x60030001, "ShellExecute"},
};

/// Standard OBJREFs give references away; what came by value is no object at the other side.
bool is_reference(const ObjRef& ref) {
  return ref.kind != ObjRef::Kind::kCustom && !ref.ipid.is_nil();
}

}  // namespace

std::string text_of(const Value& value) {
  std::string text = value.kind() == ValueKind::kText ? value.text() : std::string();
  while (text.ends_with('\0')) text.pop_back();
  return text;
}

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
  const Guid& iid = interface.id.uuid;
  return interface.object || iid == kActivation || iid == kScmActivator || iid == kObjectExporter;
}

const ObjectView& ObjectTracker::observe(const ObjectCall& call) {
  view_ = {};
  const Guid& iid = call.interface->id.uuid;
  if (iid == kActivation || iid == kScmActivator) {
    activation(call);
    return view_;
  }
  if (iid == kObjectExporter) {
    resolution(call);
    return view_;
  }
  if (iid == kRemUnknown || iid == kRemUnknown2) {
    query_interface(call);
    add_references(call);
    release(call);
    return view_;
  }
  const Known* found = known(call.server, call.ipid);
  view_.inferred = !call.ipid.is_nil() && (found == nullptr || !found->seen);
  const Shared facts = found != nullptr ? found->facts : nullptr;
  if (facts) show_class(facts);
  if (view_.inferred) infer_class(call);
  if (is_wmi(iid)) {
    wmi(call, facts_or_new(call, call.ipid));
    return view_;
  }
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
  handed_over(call, std::make_shared<Facts>(*next));
  return view_;
}

Guid ObjectTracker::interface_of(std::string_view server, const Guid& ipid) {
  const Known* found = known(server, ipid);
  return found != nullptr && found->seen ? found->iid : Guid{};
}

void ObjectTracker::show_class(const Shared& shared) {
  const Facts& facts = *shared;
  shown_ = shared;
  view_.clsid = facts.clsid;
  view_.class_name = class_name(facts.clsid);
  view_.via = class_name(facts.origin);
  if (!facts.handover.operation.empty()) view_.handover = &facts.handover;
  view_.present = !facts.clsid.is_nil() || !view_.via.empty() || view_.handover != nullptr;
}

void ObjectTracker::infer_class(const ObjectCall& call) {
  view_.present = true;
  if (!view_.clsid.is_nil()) return;
  for (const OnlyClass& only : kOnlyClasses) {
    if (only.iid == call.interface->id.uuid) view_.clsid = only.clsid;
  }
  view_.class_name = class_name(view_.clsid);
}

ObjectTracker::Known* ObjectTracker::known(std::string_view at, const Guid& ipid) {
  if (ipid.is_nil()) return nullptr;
  if (Known* found = objects_.find(object_key(at, ipid))) return found;
  // What a client handed over it may be called for at any of its addresses.
  return objects_.find(object_key({}, ipid));
}

ObjectTracker::Shared ObjectTracker::facts_of(const ObjectCall& call, const Guid& ipid) {
  const Known* found = known(call.server, ipid);
  return found != nullptr ? found->facts : nullptr;
}

ObjectTracker::Shared ObjectTracker::facts_or_new(const ObjectCall& call, const Guid& ipid) {
  Shared facts = facts_of(call, ipid);
  if (facts) return facts;
  facts = std::make_shared<Facts>();
  if (!ipid.is_nil()) objects_.put(object_key(call.server, ipid), {facts, {}});
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

void ObjectTracker::remember(std::string_view at, const Guid& ipid, Known fresh) {
  const std::string key = object_key(at, ipid);
  // The same IPID again: more references to the same object, or it is another one by now. Either
  // way the latest answer says what it is.
  if (const Known* before = objects_.find(key); before != nullptr && before->seen)
    fresh.references += before->references;
  fresh.seen = true;
  objects_.put(key, std::move(fresh));
}

void ObjectTracker::remember(const ObjectCall& call, Bytes objref, const Shared& facts) {
  ObjRef ref;
  if (!read_objref(objref, ref) || !is_reference(ref)) return;
  note_bindings(ref.resolver);
  remember(call.server, ref.ipid, {facts, ref.iid, ref.oxid, ref.references});
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

/// Objects among the arguments live at the client: when they are called, the server is the caller.
void ObjectTracker::handed_over(const ObjectCall& call, const Shared& facts) {
  // A sink that is cancelled stays the one of the call that it was made for.
  if (call.request.is_missing() || call.client.empty() || call.procedure->name == "CancelAsyncCall")
    return;
  facts->clsid = facts->origin = {};  // the client's object, of whatever class
  walker_.start(call.request);
  while (walker_.next()) {
    if (walker_.event() != ndr::Walker::Event::kLeaf ||
        walker_.value().kind() != ValueKind::kInterface)
      continue;
    ObjRef ref;
    if (!read_objref(walker_.value().bytes(), ref) || !is_reference(ref)) continue;
    // An object that the server gave out before goes back to it: nobody will be called.
    if (const Known* own = objects_.find(object_key(call.server, ref.ipid));
        own != nullptr && own->seen && own->oxid == ref.oxid)
      continue;
    facts->handover = {call.interface->name + '.' + call.procedure->name, call.event};
    remember(call.client, ref.ipid, {facts, ref.iid, ref.oxid, ref.references});
    remember({}, ref.ipid, {facts, ref.iid, ref.oxid, ref.references});
  }
}

void ObjectTracker::add_references(const ObjectCall& call) {
  if (call.procedure->name != "RemAddRef") return;
  const Value list = call.request.find("InterfaceRefs"), results = call.response.find("pResults");
  for (std::size_t i = 0; i < std::min<std::size_t>(list.size(), kMaxReferences); ++i) {
    if (results.at(i).as_int() < 0) continue;
    const Value item = list.at(i);
    Known* found = objects_.find(object_key(call.server, item.find("ipid").as_guid()));
    if (found != nullptr)
      found->references += item.find("cPublicRefs").as_uint() + item.find("cPrivateRefs").as_uint();
  }
}

/// The last reference gone, an IPID may come to mean another object: what was known of it goes.
void ObjectTracker::release(const ObjectCall& call) {
  if (call.procedure->name != "RemRelease" || call.response.find("return").as_int() < 0) return;
  const Value list = call.request.find("InterfaceRefs");
  for (std::size_t i = 0; i < std::min<std::size_t>(list.size(), kMaxReferences); ++i) {
    const Value item = list.at(i);
    const std::string key = object_key(call.server, item.find("ipid").as_guid());
    Known* found = objects_.find(key);
    if (found == nullptr || !found->seen) continue;
    const std::uint64_t given =
        item.find("cPublicRefs").as_uint() + item.find("cPrivateRefs").as_uint();
    if (given < found->references) {
      found->references -= given;
    } else {
      objects_.erase(key);
      objects_.erase(object_key({}, item.find("ipid").as_guid()));
    }
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
  if (a.rem_unknown.is_nil()) a.rem_unknown = call.response.find("pipidRemUnknown").as_guid();
  if (!a.rem_unknown.is_nil())
    remember(call.server, a.rem_unknown, {std::make_shared<Facts>(), kRemUnknown2});
}

/// IObjectExporter ([MS-DCOM] 3.1.2.5.1): where an OXID's process listens, and the IPID that counts
/// references there.
void ObjectTracker::resolution(const ObjectCall& call) {
  for (const std::string_view name : {"ppdsaOxidBindings", "ppdsaOrBindings"}) {
    const Value strings = call.response.find(name), array = strings.find("aStringArray");
    DualStrings read;
    read_dual_strings(array.bytes(), strings.find("wSecurityOffset").as_uint(), array.order(),
                      read);
    note_bindings(read);
  }
  const Guid ipid = call.response.find("pipidRemUnknown").as_guid();
  if (!ipid.is_nil()) remember(call.server, ipid, {std::make_shared<Facts>(), kRemUnknown2});
}

void ObjectTracker::query_interface(const ObjectCall& call) {
  const Guid ipid = call.request.find("ripid").as_guid();
  if (ipid.is_nil()) return;
  const Shared facts = facts_or_new(call, ipid);
  show_class(facts);
  remember_all(call, call.response, facts);
  const Value results = call.response.find("ppQIResults");
  for (std::size_t i = 0; i < std::min<std::size_t>(results.size(), kMaxArguments); ++i) {
    const Value item = results.at(i);
    const Guid granted = item.find("std.ipid").as_guid();
    if (granted.is_nil() || item.find("hResult").as_int() < 0) continue;
    remember(call.server, granted,
             {facts, call.request.find("iids").at(i).as_guid(), item.find("std.oxid").as_uint(),
              item.find("std.cPublicRefs").as_uint()});
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

}  // namespace rpcmarshal::dcom
