// What our decoder reads in WMI objects, for comparison with others: one EncodingUnit in
// hexadecimal per line of standard input, one JSON object per line of output. Everything the
// decoder has is there: types, flags, qualifiers, methods with the classes of their parameters.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "dcom/wmio.h"
#include "sink/json_writer.h"

using namespace rpcmarshal;
using dcom::Wmio;
using dcom::WmioObject;
using dcom::WmioRange;
using dcom::WmioText;
using dcom::WmioValue;

namespace {

class Printer {
 public:
  Printer(const Wmio& all, std::string& out) : all_(all), json_(out) {}

  // The objects are the test's own: they are as deep as the test makes them.
  void object(const WmioObject& o) {
    json_.begin_object();
    json_.member("kind", o.kind == WmioObject::Kind::kClass ? "class" : "instance");
    text("class", o.class_name);
    text("server", o.server);
    text("namespace", o.name_space);
    json_.key("superclasses");
    json_.begin_array();
    for (auto i = o.derivation.begin; i < o.derivation.end; ++i) json_.string(all_.names[i].utf8());
    json_.end_array();
    qualifiers(o.qualifiers);
    json_.key("properties");
    json_.begin_array();
    for (auto i = o.properties.begin; i < o.properties.end; ++i) {
      const dcom::WmioProperty& p = all_.properties[i];
      json_.begin_object();
      text("name", p.name);
      json_.member("type", cim_type_name(p.type));
      json_.member_bool("array", p.array);
      json_.member_bool("inherited", p.inherited);
      json_.member_bool("default", p.from_default);
      json_.key("value");
      value(p.value);
      qualifiers(p.qualifiers);
      json_.end_object();
    }
    json_.end_array();
    json_.key("methods");
    json_.begin_array();
    for (auto i = o.methods.begin; i < o.methods.end; ++i) {
      const dcom::WmioMethod& m = all_.methods[i];
      json_.begin_object();
      text("name", m.name);
      qualifiers(m.qualifiers);
      json_.key("in");
      reference(m.in);
      json_.key("out");
      reference(m.out);
      json_.end_object();
    }
    json_.end_array();
    json_.member("reason", all_.reason);
    json_.end_object();
  }

 private:
  void text(std::string_view name, const WmioText& t) { json_.member(name, t.utf8()); }
  void reference(std::uint32_t index) {
    if (index < all_.objects.size()) {
      object(all_.objects[index]);
    } else {
      json_.null();
    }
  }
  void qualifiers(WmioRange range) {
    json_.key("qualifiers");
    json_.begin_object();
    for (auto i = range.begin; i < range.end; ++i) {
      json_.key_escaped(all_.qualifiers[i].name.utf8());
      value(all_.qualifiers[i].value);
    }
    json_.end_object();
  }
  void value(const WmioValue& v) {
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
        return json_.string(v.text.utf8());
      case WmioValue::Kind::kObject:
        return reference(static_cast<std::uint32_t>(v.bits));
      case WmioValue::Kind::kList:
        json_.begin_array();
        for (auto i = v.items.begin; i < v.items.end; ++i) value(all_.values[i]);
        return json_.end_array();
    }
  }

  const Wmio& all_;
  JsonWriter json_;
};

}  // namespace

int main() {
  Wmio all;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::vector<std::byte> bytes;
    for (std::size_t at = 0; at + 1 < line.size(); at += 2)
      bytes.push_back(static_cast<std::byte>(std::stoi(line.substr(at, 2), nullptr, 16)));
    all.decode(Wmio::Form::kUnit, bytes);
    std::string out;
    if (all.objects.empty()) {
      out = "{}";
    } else {
      Printer(all, out).object(all.objects[0]);
    }
    std::puts(out.c_str());
  }
  return 0;
}
