#include "sink/object_text.h"

#include "sink/terminal_text.h"

namespace rpcmarshal {
namespace {

using dcom::Wmio;
using dcom::WmioObject;
using dcom::WmioProperty;
using dcom::WmioValue;

constexpr std::size_t kMaxListed = 8;
constexpr int kMaxDepth = 3;

std::string properties(const Wmio& all, const WmioObject& object, int depth);

std::string shown_value(const Wmio& all, const WmioValue& v, int depth) {
  switch (v.kind) {
    case WmioValue::Kind::kNull:
      return "NULL";
    case WmioValue::Kind::kBool:
      return v.bits != 0 ? "true" : "false";
    case WmioValue::Kind::kInt:
      return std::to_string(v.as_int());
    case WmioValue::Kind::kUInt:
      return std::to_string(v.bits);
    case WmioValue::Kind::kReal:
      return std::to_string(v.as_real());
    case WmioValue::Kind::kText:
      return quoted(v.text.utf8());
    case WmioValue::Kind::kObject: {
      if (v.bits >= all.objects.size()) return "?";
      const WmioObject& object = all.objects[v.bits];
      std::string out = safe(object.class_name.utf8()) + '{';
      out += depth < kMaxDepth ? properties(all, object, depth + 1) : "…";
      return out + '}';
    }
    case WmioValue::Kind::kList: {
      std::string out = "[";
      for (std::uint32_t i = v.items.begin; i < v.items.end; ++i) {
        if (i != v.items.begin) out += ", ";
        if (i - v.items.begin == kMaxListed) {
          out += "… " + std::to_string(v.items.end - i) + " more";
          break;
        }
        out += shown_value(all, all.values[i], depth);
      }
      return out + ']';
    }
  }
  return {};
}

/// Those with a value, in the order of declaration.
void list_properties(const Wmio& all, const WmioObject& object, int depth,
                     std::vector<std::string>& out) {
  for (std::uint32_t i = object.properties.begin; i < object.properties.end; ++i) {
    const WmioProperty& p = all.properties[i];
    if (p.value.kind == WmioValue::Kind::kNull) continue;
    out.push_back(safe(p.name.utf8()) + '=' + shown_value(all, p.value, depth));
  }
}

std::string properties(const Wmio& all, const WmioObject& object, int depth) {
  std::vector<std::string> list;
  list_properties(all, object, depth, list);
  std::string out;
  for (const std::string& item : list) out += (out.empty() ? "" : ", ") + item;
  return out;
}

/// "3 Win32_Service" for what an enumeration gave.
void list_results(const dcom::WmiView& w, std::vector<std::string>& out) {
  for (const Wmio* result : w.results) {
    if (out.size() == kMaxListed) {
      out.push_back("… " + std::to_string(w.result_count - kMaxListed) + " more");
      return;
    }
    const WmioObject& object = result->objects[0];
    out.push_back(safe(object.class_name.utf8()) + '{' + properties(*result, object, 1) + '}');
  }
}

ObjectLine wmi_line(const Event& e, const dcom::WmiView& w, const Shown& shown) {
  ObjectLine line;
  // What the server called itself when it authenticated is good enough to read by.
  // A sink is the client's: what it is told comes from the machine that calls.
  const bool sink = e.interface->name == "IWbemObjectSink";
  std::string host(sink ? e.client.address.to_string() : e.server_host);
  if (host.empty() && e.user) host = e.user->server_name;
  if (host.empty()) host = e.server.address.to_string();
  line.place = "WMI \\\\" + safe(host) + '\\' +
               (w.name_space.empty() ? "(namespace not seen)" : safe(w.name_space));
  line.subject = std::string(e.operation());
  if (sink) {
    if (const ndr::Value status = e.request.values.find("hResult"); !status.is_missing())
      line.arguments.push_back(shown(status));
    list_results(w, line.arguments);
    return line;
  }
  if (!w.method.empty()) {
    // An instance's method shows which instance.
    const bool instance = w.path.find('=') != std::string::npos;
    line.subject = safe(instance ? w.path : w.class_name) + '.' + safe(w.method);
    if (w.in) list_properties(*w.in, w.in->objects[0], 0, line.arguments);
    if (w.out) {
      const WmioObject& out = w.out->objects[0];
      const WmioProperty* result = w.out->property(out, "ReturnValue");
      if (result) line.results.push_back(shown_value(*w.out, result->value, 0));
      for (std::uint32_t i = out.properties.begin; i < out.properties.end; ++i) {
        const WmioProperty& p = w.out->properties[i];
        if (&p == result || p.value.kind == WmioValue::Kind::kNull) continue;
        line.results.push_back(safe(p.name.utf8()) + '=' + shown_value(*w.out, p.value, 0));
      }
    }
  } else if (e.interface->name == "IWbemServices" && !w.query.empty()) {
    line.arguments.push_back(quoted(w.query));
  } else if (w.in) {
    line.subject += ' ' + safe(w.class_name);
    list_properties(*w.in, w.in->objects[0], 0, line.arguments);
  } else if (!w.path.empty()) {
    line.arguments.push_back(quoted(w.path));
  } else if (!w.class_name.empty() && w.results.empty() && w.query.empty()) {
    line.arguments.push_back(quoted(w.class_name));
  }
  if (w.method.empty() && w.out) {
    const WmioObject& out = w.out->objects[0];
    if (out.kind == WmioObject::Kind::kClass) {
      line.results.push_back("class " + safe(out.class_name.utf8()) + " with " +
                             std::to_string(out.properties.size()) + " properties and " +
                             std::to_string(out.methods.size()) + " methods");
    } else {
      line.results.push_back(safe(out.class_name.utf8()) + '{' + properties(*w.out, out, 1) + '}');
    }
  }
  list_results(w, line.results);
  return line;
}

}  // namespace

std::string objref_text(Bytes bytes) {
  dcom::ObjRef ref;
  const bool whole = dcom::read_objref(bytes, ref);
  const std::string size = std::to_string(bytes.size()) + " bytes>";
  if (!whole && ref.iid.is_nil()) return "<no OBJREF, " + size;
  if (ref.kind == dcom::ObjRef::Kind::kCustom) {
    const std::string_view name = dcom::class_name(ref.clsid);
    return '<' + (name.empty() ? ref.clsid.to_string() : std::string(name)) + ", " + size;
  }
  std::string out = "<object " + ref.ipid.to_string().substr(0, 8) + "…";
  if (!ref.resolver.bindings.empty()) out += " at " + safe(ref.resolver.bindings[0].address);
  return out + '>';
}

std::string bindings_text(const ndr::Value& strings) {
  dcom::DualStrings read;
  const ndr::Value array = strings.find("aStringArray");
  dcom::read_dual_strings(array.bytes(), strings.find("wSecurityOffset").as_uint(), array.order(),
                          read);
  std::string out = "[";
  for (const dcom::StringBinding& binding : read.bindings) {
    if (out.size() > 1) out += ", ";
    const std::string_view tower = dcom::tower_name(binding.tower);
    out += (tower.empty() ? std::to_string(binding.tower) : std::string(tower)) + ':' +
           safe(binding.address);
  }
  return out + ']';
}

std::optional<ObjectLine> object_line(const Event& e, const Shown& shown) {
  if (!e.object_view || !e.request.has_values) return std::nullopt;
  const dcom::ObjectView& view = *e.object_view;
  if (view.wmi.present) return wmi_line(e, view.wmi, shown);
  ObjectLine line;
  line.place = "DCOM";
  const std::string of(view.class_name.empty() && !view.clsid.is_nil() ? view.clsid.to_string()
                                                                       : view.class_name);
  if (view.dispatch.present) {
    const dcom::DispatchView& d = view.dispatch;
    line.subject = !of.empty()        ? of
                   : view.via.empty() ? "(object)"
                                      : "(object of " + std::string(view.via) + ')';
    line.subject += '.' + (d.member.empty() ? '#' + std::to_string(d.id) : safe(d.member));
    for (const ndr::Value& argument : d.arguments) line.arguments.push_back(shown(argument));
    if (e.response.has_values && e.response.values.find("return").as_int() == 0) {
      const ndr::Value result = e.response.values.find("pVarResult");
      line.results.push_back(result.is_null() || result.is_missing() ? "S_OK" : shown(result));
    }
    return line;
  }
  if (!view.requested.empty()) {
    line.subject = std::string(e.operation());
    line.arguments.push_back(of);
    for (const std::string& name : view.requested) line.arguments.push_back(safe(name));
    return line;
  }
  return std::nullopt;
}

}  // namespace rpcmarshal
