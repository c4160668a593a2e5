#include "sink/object_json.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include "base/unicode.h"
#include "dcom/context.h"

namespace rpcmarshal {
namespace {

using dcom::Wmio;
using dcom::WmioObject;
using dcom::WmioProperty;
using dcom::WmioRange;
using dcom::WmioText;
using dcom::WmioValue;

constexpr int kMaxDepth = 8;  // of objects in objects
constexpr std::size_t kMaxItems = 4096;

class WmiJson {
 public:
  WmiJson(JsonWriter& json, const Wmio& all) : json_(json), all_(all) {}

  /// {"CommandLine": "...", ...}
  void properties(const WmioObject& object, int depth) {
    json_.begin_object();
    for (std::uint32_t i = object.properties.begin; i < object.properties.end; ++i) {
      const WmioProperty& p = all_.properties[i];
      key(p.name);
      value(p.value, depth);
    }
    json_.end_object();
  }

  /// {"class": ..., "properties": ..., "methods": ...}
  void object(const WmioObject& o, int depth) {
    const bool is_class = o.kind == WmioObject::Kind::kClass;
    json_.begin_object();
    member("class", o.class_name);
    member("superclass", o.superclass);
    member("server", o.server);
    member("namespace", o.name_space);
    json_.member("kind", is_class ? "class" : "instance");
    json_.key("properties");
    properties(o, depth);
    if (o.methods.size() > 0) {
      json_.key("methods");
      json_.begin_array();
      for (std::uint32_t i = o.methods.begin; i < o.methods.end; ++i) text(all_.methods[i].name);
      json_.end_array();
    }
    if (!all_.complete()) json_.member("stopped", all_.reason);
    json_.end_object();
  }

 private:
  void text(const WmioText& t) {
    if (t.wide) {
      json_.string_utf16(t.bytes, ByteOrder::kLittle);
    } else {
      scratch_.clear();
      t.append_utf8(scratch_);
      json_.string(scratch_);
    }
  }
  void key(const WmioText& name) {
    scratch_.clear();
    name.append_utf8(scratch_);
    json_.key_escaped(scratch_);
  }
  void member(std::string_view name, const WmioText& t) {
    if (!t.present || t.bytes.empty()) return;
    json_.key(name);
    text(t);
  }

  // Arrays hold no arrays, and objects go kMaxDepth deep: the recursion is bounded.
  void value(const WmioValue& v, int depth) {
    switch (v.kind) {
      case WmioValue::Kind::kNull:
        return json_.null();
      case WmioValue::Kind::kBool:
        return json_.boolean(v.bits != 0);
      case WmioValue::Kind::kInt:
        return json_.number_signed(v.as_int());
      case WmioValue::Kind::kUInt:
        return json_.number(v.bits);
      case WmioValue::Kind::kReal:
        return json_.real(v.as_real());
      case WmioValue::Kind::kText:
        return text(v.text);
      case WmioValue::Kind::kObject:
        if (depth >= kMaxDepth || v.bits >= all_.objects.size())
          return json_.string("<nested object>");
        return object(all_.objects[v.bits], depth + 1);
      case WmioValue::Kind::kList:
        json_.begin_array();
        for (std::uint32_t i = v.items.begin; i < v.items.end; ++i) {
          if (i - v.items.begin == kMaxItems) {
            json_.begin_object();
            json_.member_number("omitted", v.items.end - i);
            json_.end_object();
            break;
          }
          value(all_.values[i], depth);
        }
        return json_.end_array();
    }
  }

  JsonWriter& json_;
  const Wmio& all_;
  std::string scratch_;
};

std::string hex64(std::uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(value));
  return text;
}

void bindings(JsonWriter& json, const dcom::DualStrings& strings) {
  json.key("bindings");
  json.begin_array();
  for (const dcom::StringBinding& binding : strings.bindings) {
    json.begin_object();
    if (const auto tower = dcom::tower_name(binding.tower); !tower.empty())
      json.member("protocol", tower);
    json.key("host");
    json.string(binding.host());
    if (binding.port() != 0) json.member_number("port", binding.port());
    json.end_object();
  }
  json.end_array();
}

void context_value(JsonWriter& json, const dcom::WbemContext& all, const dcom::ContextValue& v) {
  using Kind = dcom::ContextValue::Kind;
  switch (v.kind) {
    case Kind::kNull:
      return json.null();
    case Kind::kBool:
      return json.boolean(v.bits != 0);
    case Kind::kInt:
      return json.number_signed(static_cast<std::int64_t>(v.bits));
    case Kind::kUInt:
      return json.number(v.bits);
    case Kind::kReal:
      return json.real(std::bit_cast<double>(v.bits));
    case Kind::kText:
      return json.string_utf16(v.text, ByteOrder::kLittle);
    case Kind::kObject: {
      Wmio object;
      object.decode(Wmio::Form::kUnit, v.text);
      if (object.objects.empty()) return json.null();
      return WmiJson(json, object).object(object.objects[0], 0);
    }
    case Kind::kList:  // lists hold no lists
      json.begin_array();
      for (std::uint32_t i = v.begin; i < v.end; ++i) context_value(json, all, all.elements[i]);
      return json.end_array();
  }
}

/// "context": {"__ProviderArchitecture": 64, ...}
void context(JsonWriter& json, Bytes bytes) {
  dcom::WbemContext read;
  read.decode(bytes);
  json.key("context");
  json.begin_object();
  for (const dcom::WbemContext::Property& p : read.properties) {
    std::string name;
    append_utf8(name, p.name);
    json.key_escaped(name);
    context_value(json, read, p.value);
  }
  json.end_object();
  if (!read.reason.empty()) json.member("stopped", read.reason);
}

void member(JsonWriter& json, std::string_view name, const std::string& text) {
  if (!text.empty()) json.member(name, text);
}

void wmi(JsonWriter& json, const dcom::WmiView& w) {
  json.key("wmi");
  json.begin_object();
  member(json, "namespace", w.name_space);
  member(json, "class", w.class_name);
  member(json, "method", w.method);
  member(json, "path", w.path);
  member(json, "query", w.query);
  member(json, "query_language", w.query_language);
  const auto half = [&](std::string_view name, const Wmio* object) {
    if (object == nullptr) return;
    // Parameters of a method are a class of no meaning; an object that is read or written has one.
    json.key(name);
    if (w.method.empty()) {
      WmiJson(json, *object).object(object->objects[0], 0);
    } else {
      WmiJson(json, *object).properties(object->objects[0], 0);
    }
  };
  half("in", w.in);
  half("out", w.out);
  if (w.result_count != 0) {
    json.key("results");
    json.begin_array();
    for (const Wmio* result : w.results) WmiJson(json, *result).object(result->objects[0], 0);
    json.end_array();
    json.member_number("result_count", w.result_count);
  }
  json.end_object();
}

}  // namespace

void append_objref(JsonWriter& json, Bytes objref) {
  dcom::ObjRef ref;
  if (!dcom::read_objref(objref, ref) && ref.iid.is_nil()) return;
  static constexpr std::string_view kKinds[] = {"standard", "handler", "custom", "extended"};
  json.member("objref", kKinds[std::countr_zero(static_cast<unsigned>(ref.kind))]);
  const auto guid = [&](std::string_view name, const Guid& value) {
    if (value.is_nil()) return;
    json.key(name);
    json.plain_string(value.to_string());
  };
  guid("iid", ref.iid);
  guid("clsid", ref.clsid);
  if (const auto name = dcom::class_name(ref.clsid); !name.empty()) json.member("class", name);
  if (ref.kind == dcom::ObjRef::Kind::kCustom) {
    if (ref.clsid == dcom::clsid_wbem_context()) context(json, ref.data);
    return;
  }
  guid("ipid", ref.ipid);
  json.key("oxid");
  json.plain_string(hex64(ref.oxid));
  json.key("oid");
  json.plain_string(hex64(ref.oid));
  bindings(json, ref.resolver);
}

void append_bindings(JsonWriter& json, const ndr::Value& strings) {
  dcom::DualStrings read;
  const ndr::Value array = strings.find("aStringArray");
  dcom::read_dual_strings(array.bytes(), strings.find("wSecurityOffset").as_uint(), array.order(),
                          read);
  json.begin_object();
  bindings(json, read);
  json.end_object();
}

void append_object_view(JsonWriter& json, const dcom::ObjectView& view,
                        const std::function<void(const ndr::Value&)>& write_value) {
  if (!view.clsid.is_nil() || !view.bindings.empty() || !view.via.empty() || view.inferred ||
      view.handover != nullptr) {
    json.key("dcom");
    json.begin_object();
    if (!view.class_name.empty()) json.member("class", view.class_name);
    if (!view.clsid.is_nil()) {
      json.key("clsid");
      json.plain_string(view.clsid.to_string());
    }
    if (!view.via.empty()) json.member("via", view.via);
    if (!view.requested.empty()) {
      json.key("requested");
      json.begin_array();
      for (const std::string& name : view.requested) json.string(name);
      json.end_array();
    }
    if (view.inferred) json.member("inferred", "interface");
    if (view.handover != nullptr) {
      json.key("handed_over_in");
      json.begin_object();
      json.member("operation", view.handover->operation);
      json.member_number("event", view.handover->event);
      json.end_object();
    }
    member(json, "machine", view.machine);
    if (!view.bindings.empty()) {
      json.key("bindings");
      json.begin_array();
      for (const std::string& binding : view.bindings) json.string(binding);
      json.end_array();
    }
    json.end_object();
  }
  if (view.dispatch.present) {
    const dcom::DispatchView& d = view.dispatch;
    json.key("dispatch");
    json.begin_object();
    member(json, "member", d.member);
    json.key("id");
    json.number_signed(d.id);
    if (!d.kind.empty()) json.member("kind", d.kind);
    json.key("arguments");
    json.begin_array();
    for (const ndr::Value& argument : d.arguments) write_value(argument);
    json.end_array();
    json.end_object();
  }
  if (view.wmi.present) wmi(json, view.wmi);
}

}  // namespace rpcmarshal
