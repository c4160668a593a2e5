// The `dcom`, `wmi` and `dispatch` groups of an event as a tree of named values. `Out` is as in
// event_tree.h.
#pragma once

#include <bit>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/unicode.h"
#include "dcom/context.h"
#include "dcom/objects.h"
#include "ndr/value.h"

namespace rpcmarshal::tree {

using dcom::Wmio;
using dcom::WmioObject;
using dcom::WmioProperty;
using dcom::WmioText;
using dcom::WmioValue;

inline constexpr int kMaxObjectDepth = 8;  // of objects in objects
inline constexpr std::size_t kMaxItems = 4096;

template <typename Out>
class WmiTree {
 public:
  WmiTree(Out& out, const Wmio& all) : out_(out), all_(all) {}

  /// {"CommandLine": "...", ...}
  void properties(const WmioObject& object, int depth) {
    out_.begin_object();
    for (std::uint32_t i = object.properties.begin; i < object.properties.end; ++i) {
      const WmioProperty& p = all_.properties[i];
      if (key(p.name)) value(p.value, depth);
    }
    out_.end_object();
  }

  /// {"class": ..., "properties": ..., "methods": ...}
  void object(const WmioObject& o, int depth) {
    const bool is_class = o.kind == WmioObject::Kind::kClass;
    out_.begin_object();
    member("class", o.class_name);
    member("superclass", o.superclass);
    member("server", o.server);
    member("namespace", o.name_space);
    out_.member("kind", is_class ? "class" : "instance");
    if (out_.key("properties")) properties(o, depth);
    if (o.methods.size() > 0 && out_.key("methods")) {
      out_.begin_array();
      for (std::uint32_t i = o.methods.begin; i < o.methods.end; ++i) text(all_.methods[i].name);
      out_.end_array();
    }
    if (!all_.complete()) out_.member("stopped", all_.reason);
    out_.end_object();
  }

 private:
  void text(const WmioText& t) {
    if (t.wide) {
      out_.string_utf16(t.bytes, ByteOrder::kLittle);
    } else {
      scratch_.clear();
      t.append_utf8(scratch_);
      out_.string(scratch_);
    }
  }
  bool key(const WmioText& name) {
    scratch_.clear();
    name.append_utf8(scratch_);
    return out_.key_escaped(scratch_);
  }
  void member(std::string_view name, const WmioText& t) {
    if (t.present && !t.bytes.empty() && out_.key(name)) text(t);
  }

  // Arrays hold no arrays, and objects go kMaxObjectDepth deep: the recursion is bounded.
  void value(const WmioValue& v, int depth) {
    switch (v.kind) {
      case WmioValue::Kind::kNull:
        return out_.null();
      case WmioValue::Kind::kBool:
        return out_.boolean(v.bits != 0);
      case WmioValue::Kind::kInt:
        return out_.number_signed(v.as_int());
      case WmioValue::Kind::kUInt:
        return out_.number(v.bits);
      case WmioValue::Kind::kReal:
        return out_.real(v.as_real());
      case WmioValue::Kind::kText:
        return text(v.text);
      case WmioValue::Kind::kObject:
        if (depth >= kMaxObjectDepth || v.bits >= all_.objects.size())
          return out_.string("<nested object>");
        return object(all_.objects[v.bits], depth + 1);
      case WmioValue::Kind::kList:
        out_.begin_array();
        for (std::uint32_t i = v.items.begin; i < v.items.end; ++i) {
          if (i - v.items.begin == kMaxItems) {
            out_.begin_object();
            out_.member_number("omitted", v.items.end - i);
            out_.end_object();
            break;
          }
          value(all_.values[i], depth);
        }
        return out_.end_array();
    }
  }

  Out& out_;
  const Wmio& all_;
  std::string scratch_;
};

inline std::string hex64(std::uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(value));
  return text;
}

template <typename Out>
void bindings(Out& out, const dcom::DualStrings& strings) {
  if (!out.key("bindings")) return;
  out.begin_array();
  for (const dcom::StringBinding& binding : strings.bindings) {
    out.begin_object();
    if (const auto tower = dcom::tower_name(binding.tower); !tower.empty())
      out.member("protocol", tower);
    if (out.key("host")) out.string(binding.host());
    if (binding.port() != 0) out.member_number("port", binding.port());
    out.end_object();
  }
  out.end_array();
}

template <typename Out>
void context_value(Out& out, const dcom::WbemContext& all, const dcom::ContextValue& v) {
  using Kind = dcom::ContextValue::Kind;
  switch (v.kind) {
    case Kind::kNull:
      return out.null();
    case Kind::kBool:
      return out.boolean(v.bits != 0);
    case Kind::kInt:
      return out.number_signed(static_cast<std::int64_t>(v.bits));
    case Kind::kUInt:
      return out.number(v.bits);
    case Kind::kReal:
      return out.real(std::bit_cast<double>(v.bits));
    case Kind::kText:
      return out.string_utf16(v.text, ByteOrder::kLittle);
    case Kind::kObject: {
      Wmio object;
      object.decode(Wmio::Form::kUnit, v.text);
      if (object.objects.empty()) return out.null();
      return WmiTree(out, object).object(object.objects[0], 0);
    }
    case Kind::kList:  // lists hold no lists
      out.begin_array();
      for (std::uint32_t i = v.begin; i < v.end; ++i) context_value(out, all, all.elements[i]);
      return out.end_array();
  }
}

/// "context": {"__ProviderArchitecture": 64, ...}
template <typename Out>
void context(Out& out, Bytes bytes) {
  dcom::WbemContext read;
  read.decode(bytes);
  if (out.key("context")) {
    out.begin_object();
    for (const dcom::WbemContext::Property& p : read.properties) {
      std::string name;
      append_utf8(name, p.name);
      if (out.key_escaped(name)) context_value(out, read, p.value);
    }
    out.end_object();
  }
  if (!read.reason.empty()) out.member("stopped", read.reason);
}

template <typename Out>
void member(Out& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.member(name, text);
}

template <typename Out>
void wmi(Out& out, const dcom::WmiView& w) {
  if (!out.key("wmi")) return;
  out.begin_object();
  member(out, "namespace", w.name_space);
  member(out, "class", w.class_name);
  member(out, "method", w.method);
  member(out, "path", w.path);
  member(out, "query", w.query);
  member(out, "query_language", w.query_language);
  const auto half = [&](std::string_view name, const Wmio* object) {
    // Parameters of a method are a class of no meaning; an object that is read or written has one.
    if (object == nullptr || !out.key(name)) return;
    if (w.method.empty()) {
      WmiTree(out, *object).object(object->objects[0], 0);
    } else {
      WmiTree(out, *object).properties(object->objects[0], 0);
    }
  };
  half("in", w.in);
  half("out", w.out);
  if (w.result_count != 0) {
    if (out.key("results")) {
      out.begin_array();
      for (const Wmio* result : w.results) WmiTree(out, *result).object(result->objects[0], 0);
      out.end_array();
    }
    out.member_number("result_count", w.result_count);
  }
  out.end_object();
}

/// What an OBJREF says, as members of the open object.
template <typename Out>
void objref_members(Out& out, Bytes objref) {
  dcom::ObjRef ref;
  if (!dcom::read_objref(objref, ref) && ref.iid.is_nil()) return;
  static constexpr std::string_view kKinds[] = {"standard", "handler", "custom", "extended"};
  out.member("objref", kKinds[std::countr_zero(static_cast<unsigned>(ref.kind))]);
  const auto guid = [&](std::string_view name, const Guid& value) {
    if (value.is_nil()) return;
    if (out.key(name)) out.plain_string(value.to_string());
  };
  guid("iid", ref.iid);
  guid("clsid", ref.clsid);
  if (const auto name = dcom::class_name(ref.clsid); !name.empty()) out.member("class", name);
  if (ref.kind == dcom::ObjRef::Kind::kCustom) {
    if (ref.clsid == dcom::clsid_wbem_context()) context(out, ref.data);
    return;
  }
  guid("ipid", ref.ipid);
  if (out.key("oxid")) out.plain_string(hex64(ref.oxid));
  if (out.key("oid")) out.plain_string(hex64(ref.oid));
  bindings(out, ref.resolver);
}

/// A DUALSTRINGARRAY (semantic "bindings") as an object.
template <typename Out>
void bindings_object(Out& out, const ndr::Value& strings) {
  dcom::DualStrings read;
  const ndr::Value array = strings.find("aStringArray");
  dcom::read_dual_strings(array.bytes(), strings.find("wSecurityOffset").as_uint(), array.order(),
                          read);
  out.begin_object();
  bindings(out, read);
  out.end_object();
}

template <typename Out>
void dcom_group(Out& out, const dcom::ObjectView& view) {
  if (!out.key("dcom")) return;
  out.begin_object();
  if (!view.class_name.empty()) out.member("class", view.class_name);
  if (!view.clsid.is_nil() && out.key("clsid")) out.plain_string(view.clsid.to_string());
  if (!view.via.empty()) out.member("via", view.via);
  if (!view.requested.empty() && out.key("requested")) {
    out.begin_array();
    for (const std::string& name : view.requested) out.string(name);
    out.end_array();
  }
  if (view.inferred) out.member("inferred", "interface");
  if (view.handover != nullptr && out.key("handed_over_in")) {
    out.begin_object();
    out.member("operation", view.handover->operation);
    out.member_number("event", view.handover->event);
    out.end_object();
  }
  member(out, "machine", view.machine);
  if (!view.bindings.empty() && out.key("bindings")) {
    out.begin_array();
    for (const std::string& binding : view.bindings) out.string(binding);
    out.end_array();
  }
  out.end_object();
}

/// Adds the groups to the open object. `write_value` writes an argument of an automation call.
template <typename Out, typename WriteValue>
void object_view_groups(Out& out, const dcom::ObjectView& view, WriteValue&& write_value) {
  if (!view.clsid.is_nil() || !view.bindings.empty() || !view.via.empty() || view.inferred ||
      view.handover != nullptr) {
    dcom_group(out, view);
  }
  if (view.dispatch.present && out.key("dispatch")) {
    const dcom::DispatchView& d = view.dispatch;
    out.begin_object();
    member(out, "member", d.member);
    if (out.key("id")) out.number_signed(d.id);
    if (!d.kind.empty()) out.member("kind", d.kind);
    if (out.key("arguments")) {
      out.begin_array();
      for (const ndr::Value& argument : d.arguments) write_value(argument);
      out.end_array();
    }
    out.end_object();
  }
  if (view.wmi.present) wmi(out, view.wmi);
}

}  // namespace rpcmarshal::tree
