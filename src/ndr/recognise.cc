#include "ndr/recognise.h"

#include <initializer_list>

namespace rpcmarshal::ndr {
namespace {

const StructShape* as_struct(const Type* type) {
  return type ? std::get_if<StructShape>(&type->shape) : nullptr;
}
const ArrayShape* as_array(const Type* type) {
  return type ? std::get_if<ArrayShape>(&type->shape) : nullptr;
}
bool is_base(const Type* type, std::initializer_list<BaseType> any) {
  const auto* base = type ? std::get_if<BaseShape>(&type->shape) : nullptr;
  if (!base) return false;
  for (const BaseType one : any) {
    if (base->type == one) return true;
  }
  return false;
}
bool is_u32(const Type* type) { return is_base(type, {BaseType::kUInt32, BaseType::kInt32}); }
bool is_u16(const Type* type) { return is_base(type, {BaseType::kUInt16, BaseType::kInt16}); }
bool is_octet(const Type* type) {
  return is_base(type, {BaseType::kByte, BaseType::kUInt8, BaseType::kInt8, BaseType::kChar});
}
bool is_octets(const Type* type, std::uint64_t count) {
  const ArrayShape* array = as_array(type);
  return array && array->dimensions.size() == 1 && !array->string && is_octet(array->element) &&
         !array->dimensions[0].conformant && !array->dimensions[0].varying &&
         array->dimensions[0].fixed == count;
}
/// A conformant (perhaps varying) one-dimensional array, not a [string]: its element.
const Type* conformant_element(const Type* type) {
  const ArrayShape* array = as_array(type);
  if (!array || array->dimensions.size() != 1 || !array->dimensions[0].conformant) return nullptr;
  return array->string ? nullptr : array->element;
}
bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}
bool is_any(std::string_view text, std::initializer_list<std::string_view> any) {
  for (const std::string_view one : any) {
    if (text == one) return true;
  }
  return false;
}

bool is_sid(const std::vector<Field>& f) {
  if (f.size() != 4 || !is_octet(f[0].type) || !is_octet(f[1].type)) return false;
  const StructShape* authority = as_struct(f[2].type);
  const bool six = is_octets(f[2].type, 6) || (authority && authority->fields.size() == 1 &&
                                               is_octets(authority->fields[0].type, 6));
  const ArrayShape* rest = as_array(f[3].type);
  return six && rest && !rest->dimensions.empty() && !rest->dimensions[0].varying &&
         is_u32(conformant_element(f[3].type));
}

bool is_counted(const Type& type, const std::vector<Field>& f) {
  if (f.size() != 3 || !is_u16(f[0].type) || !is_u16(f[1].type) || !contains(f[0].name, "ength"))
    return false;
  const auto* pointer = f[2].type ? std::get_if<PointerShape>(&f[2].type->shape) : nullptr;
  const Type* element = pointer ? conformant_element(pointer->target) : nullptr;
  if (is_base(element, {BaseType::kWChar, BaseType::kChar})) return true;
  return contains(type.name, "STRING") && (is_u16(element) || is_octet(element));
}

const Annotation* first(const Display& d, std::string_view name) {
  if (d.field) {
    if (const Annotation* found = d.field->find(name)) return found;
  }
  return d.type ? d.type->find(name) : nullptr;
}

StatusKind status_of(std::string_view text) {
  if (text == "win32") return StatusKind::kWin32;
  if (text == "ntstatus") return StatusKind::kNtStatus;
  if (text == "hresult") return StatusKind::kHResult;
  return StatusKind::kNone;
}
StatusKind status_by_type_name(std::string_view name) {
  if (name == "HRESULT") return StatusKind::kHResult;
  if (name == "NTSTATUS") return StatusKind::kNtStatus;
  if (is_any(name, {"NET_API_STATUS", "error_status_t"})) return StatusKind::kWin32;
  return StatusKind::kNone;
}

}  // namespace

Special recognise(const Type& type) {
  const StructShape* shape = as_struct(&type);
  if (!shape) return Special::kNone;
  const auto& f = shape->fields;
  const std::string_view name = type.name;
  if (f.size() == 4 && is_u32(f[0].type) && is_u16(f[1].type) && is_u16(f[2].type) &&
      is_octets(f[3].type, 8)) {
    return Special::kGuid;
  }
  if (f.size() == 6 && is_u32(f[0].type) && is_u16(f[1].type) && is_u16(f[2].type) &&
      is_octet(f[3].type) && is_octet(f[4].type) && is_octets(f[5].type, 6)) {
    return Special::kGuid;
  }
  if (is_sid(f)) return Special::kSid;
  if (f.size() == 2 && is_u32(f[0].type) && is_u32(f[1].type)) {
    if (is_any(name, {"FILETIME", "_FILETIME"})) return Special::kTime;
    if (contains(name, "LARGE_INTEGER") || type.annotations.value("semantic") == "filetime") {
      return is_base(f[1].type, {BaseType::kInt32}) ? Special::kPairSigned : Special::kPairUnsigned;
    }
  }
  if (f.size() == 1 && contains(name, "LARGE_INTEGER") &&
      is_base(f[0].type, {BaseType::kInt64, BaseType::kUInt64})) {
    return Special::kWrapped;
  }
  if (is_counted(type, f)) return Special::kCounted;
  if (f.size() == 2 && is_u32(f[0].type) && contains(name, "MInterfacePointer") &&
      is_octet(conformant_element(f[1].type))) {
    return Special::kInterface;
  }
  if (f.size() == 3 && is_u32(f[0].type) && is_u32(f[1].type) &&
      contains(name, "FLAGGED_WORD_BLOB") &&
      is_base(conformant_element(f[2].type),
              {BaseType::kUInt16, BaseType::kWChar, BaseType::kInt16})) {
    return Special::kWordBlob;
  }
  return Special::kNone;
}

Scalar scalar_of(BaseType type, Syntax syntax) {
  const bool wide = syntax == Syntax::kNdr64;
  switch (type) {
    case BaseType::kBoolean:
      return Scalar::kBool8;
    case BaseType::kByte:
    case BaseType::kChar:
    case BaseType::kUInt8:
      return Scalar::kU8;
    case BaseType::kInt8:
      return Scalar::kI8;
    case BaseType::kWChar:
    case BaseType::kUInt16:
      return Scalar::kU16;
    case BaseType::kInt16:
      return Scalar::kI16;
    case BaseType::kInt32:
      return Scalar::kI32;
    case BaseType::kUInt32:
    case BaseType::kErrorStatus:
      return Scalar::kU32;
    case BaseType::kInt64:
      return Scalar::kI64;
    case BaseType::kUInt64:
      return Scalar::kU64;
    case BaseType::kInt3264:
      return wide ? Scalar::kI64 : Scalar::kI32;
    case BaseType::kUInt3264:
      return wide ? Scalar::kU64 : Scalar::kU32;
    case BaseType::kFloat:
      return Scalar::kF32;
    case BaseType::kDouble:
      return Scalar::kF64;
  }
  return Scalar::kNone;
}

std::uint8_t scalar_size(Scalar scalar) {
  switch (scalar) {
    case Scalar::kNone:
      return 0;
    case Scalar::kBool8:
    case Scalar::kI8:
    case Scalar::kU8:
      return 1;
    case Scalar::kI16:
    case Scalar::kU16:
    case Scalar::kVariantBool:
      return 2;
    case Scalar::kI32:
    case Scalar::kU32:
    case Scalar::kF32:
      return 4;
    case Scalar::kI64:
    case Scalar::kU64:
    case Scalar::kF64:
    case Scalar::kPairI64:
    case Scalar::kPairU64:
      return 8;
  }
  return 0;
}

ValueKind scalar_kind(Scalar scalar) {
  switch (scalar) {
    case Scalar::kNone:
      return ValueKind::kMissing;
    case Scalar::kBool8:
    case Scalar::kVariantBool:
      return ValueKind::kBool;
    case Scalar::kI8:
    case Scalar::kI16:
    case Scalar::kI32:
    case Scalar::kI64:
    case Scalar::kPairI64:
      return ValueKind::kInt;
    case Scalar::kU8:
    case Scalar::kU16:
    case Scalar::kU32:
    case Scalar::kU64:
    case Scalar::kPairU64:
      return ValueKind::kUInt;
    case Scalar::kF32:
    case Scalar::kF64:
      return ValueKind::kReal;
  }
  return ValueKind::kMissing;
}

Display make_display(const Catalogue& catalogue, const Annotations* field, const Type* type) {
  Display d;
  if (field && !field->items.empty()) d.field = field;
  StatusKind by_name = StatusKind::kNone;
  // Down to the leaf: an annotation or an enumeration belongs to what pointers and arrays hold too.
  for (int depth = 0; type && depth < 16; ++depth) {
    if (!d.type && !type->annotations.items.empty()) d.type = &type->annotations;
    if (by_name == StatusKind::kNone) by_name = status_by_type_name(type->name);
    if (const auto* pointer = std::get_if<PointerShape>(&type->shape)) {
      type = pointer->target;
    } else if (const auto* array = std::get_if<ArrayShape>(&type->shape)) {
      type = array->element;
    } else {
      if (const auto* values = std::get_if<EnumShape>(&type->shape)) {
        d.values = values;
        d.values_name = type->name;
      }
      if (is_base(type, {BaseType::kErrorStatus}) && by_name == StatusKind::kNone)
        by_name = StatusKind::kWin32;
      break;
    }
  }
  const auto names = [&](std::string_view annotation, bool flags) {
    const Annotation* found = first(d, annotation);
    if (!found || found->arguments.empty()) return;
    // Several sets count as one: the rights of a service, then those every object has.
    std::shared_ptr<EnumShape> all;
    const EnumShape* one = nullptr;
    for (const std::string& name : found->arguments) {
      const EnumShape* values = catalogue.find_values(name);
      if (!values) continue;
      if (all) {
        all->values.insert(all->values.end(), values->values.begin(), values->values.end());
      } else if (found->arguments.size() > 1) {
        all = std::make_shared<EnumShape>(*values);
      } else {
        one = values;
      }
    }
    if (!all && !one) return;
    d.values = all ? all.get() : one;
    d.merged_values = std::move(all);
    d.values_name = found->arguments.front();
    d.flags = flags;
  };
  names("values", false);
  names("flags", true);
  d.hex = first(d, "hex") != nullptr;
  if (const Annotation* status = first(d, "status"); status && !status->arguments.empty()) {
    d.status = status_of(status->arguments.front());
  } else {
    d.status = by_name;
  }
  if (const Annotation* semantic = first(d, "semantic"); semantic && !semantic->arguments.empty()) {
    std::string_view text = semantic->arguments.front();
    // registry_data(lpType) may come as one argument or as two.
    const std::size_t open = text.find('(');
    if (open != std::string_view::npos && text.ends_with(')')) {
      d.registry_type = text.substr(open + 1, text.size() - open - 2);
      text = text.substr(0, open);
    } else if (semantic->arguments.size() > 1) {
      d.registry_type = semantic->arguments[1];
    }
    d.semantic = text;
  }
  if (const Annotation* label = first(d, "label"); label && !label->arguments.empty()) {
    d.label = label->arguments.front();
  }
  return d;
}

Display make_result_display(const Catalogue& catalogue, const Interface& iface,
                            const Procedure& procedure) {
  Display d = make_display(catalogue, &procedure.result_annotations, procedure.result);
  if (d.status == StatusKind::kNone && !d.values)
    d.status = status_of(procedure.annotations.value("status"));
  if (d.status == StatusKind::kNone && !d.values)
    d.status = status_of(iface.annotations.value("status"));
  return d;
}

}  // namespace rpcmarshal::ndr
