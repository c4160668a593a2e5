// WMI objects in every form, object arrays, OBJREFs and string bindings, WMI contexts. The first
// byte chooses.
#include "dcom/context.h"
#include "dcom/objref.h"
#include "dcom/wmio.h"

using namespace rpcmarshal;
using namespace rpcmarshal::dcom;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes bytes = std::as_bytes(std::span(data + 1, size - 1));
  static Wmio object;
  const auto look = [](const Wmio& o) {
    std::string text;
    for (const WmioValue& v : o.values) v.text.append_utf8(text);
    for (const WmioObject& each : o.objects) {
      for (std::uint32_t i = each.properties.begin; i < each.properties.end; ++i) {
        const WmioValue& v = o.properties[i].value;
        if (v.kind == WmioValue::Kind::kList && v.items.end > o.values.size()) __builtin_trap();
        if (v.kind == WmioValue::Kind::kObject && v.bits >= o.objects.size()) __builtin_trap();
      }
    }
  };
  switch (data[0] % 7) {
    case 0:
      object.decode(Wmio::Form::kUnit, bytes);
      look(object);
      break;
    case 1:
      object.decode(Wmio::Form::kBlock, bytes);
      look(object);
      break;
    case 2:
      object.decode(Wmio::Form::kInstanceWithoutClass, bytes.subspan(bytes.size() / 2),
                    bytes.first(bytes.size() / 2));
      look(object);
      break;
    case 6:
      object.decode(Wmio::Form::kRefreshed, bytes.subspan(bytes.size() / 2),
                    bytes.first(bytes.size() / 2));
      look(object);
      break;
    case 3: {
      std::vector<ObjectArrayItem> items;
      read_object_array(bytes, items);
      for (const ObjectArrayItem& item : items) object.decode(Wmio::Form::kBlock, item.object);
      break;
    }
    case 5: {
      WbemContext context;
      context.decode(bytes);
      for (const WbemContext::Property& p : context.properties)
        if (p.value.end > context.elements.size()) __builtin_trap();
      break;
    }
    case 4: {
      ObjRef ref;
      read_objref(bytes, ref);
      for (const StringBinding& binding : ref.resolver.bindings)
        if (binding.host().size() > binding.address.size()) __builtin_trap();
      break;
    }
  }
  return 0;
}
