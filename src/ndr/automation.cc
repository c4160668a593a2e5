#include "ndr/automation.h"

#include <initializer_list>
#include <utility>

namespace rpcmarshal::ndr {
namespace {

struct Arm {
  std::vector<std::int64_t> cases;
  const char* name;
  const Type* type;
};

class Builder {
 public:
  const Type* base(BaseType type) { return module_.make_type("", BaseShape{type}); }
  const Type* named(const char* name, BaseType type) {
    return module_.make_type(name, BaseShape{type});
  }
  Type* record(const char* name,
               std::initializer_list<std::pair<const char*, const Type*>> fields) {
    StructShape shape;
    for (const auto& [field, type] : fields) {
      shape.fields.emplace_back();
      shape.fields.back().name = field;
      shape.fields.back().type = type;
    }
    return module_.make_type(name, std::move(shape));
  }
  const Type* pointer(const Type* target, PointerKind kind = PointerKind::kUnique) {
    return module_.make_type("", PointerShape{kind, target});
  }
  const Type* conformant(const Type* element) {
    ArrayShape shape;
    shape.element = element;
    shape.dimensions.emplace_back();
    shape.dimensions.back().conformant = true;
    return module_.make_type("", std::move(shape));
  }
  const Type* fixed(const Type* element, std::uint64_t count) {
    ArrayShape shape;
    shape.element = element;
    shape.dimensions.emplace_back();
    shape.dimensions.back().fixed = count;
    return module_.make_type("", std::move(shape));
  }
  /// Size, then a pointer to that many.
  const Type* sized(const char* name, const char* field, const Type* element) {
    return record(name, {{"Size", u32}, {field, pointer(conformant(element))}});
  }
  const Type* choice(const char* name, const char* union_name, std::vector<Arm> arms) {
    UnionShape shape;
    shape.encapsulated = union_name != nullptr;
    shape.discriminant = u32;
    shape.discriminant_name = "sfType";
    if (union_name) shape.union_name = union_name;
    for (Arm& arm : arms) {
      UnionArm& made = shape.arms.emplace_back();
      made.cases = std::move(arm.cases);
      made.field.name = arm.name;
      made.field.type = arm.type;
    }
    return module_.make_type(name, std::move(shape));
  }

  Module& module() { return module_; }

 private:
  Module module_;

 public:
  const Type* u8 = base(BaseType::kUInt8);
  const Type* byte = base(BaseType::kByte);
  const Type* u16 = base(BaseType::kUInt16);
  const Type* u32 = base(BaseType::kUInt32);
  const Type* i8 = base(BaseType::kInt8);
  const Type* i16 = base(BaseType::kInt16);
  const Type* i32 = base(BaseType::kInt32);
  const Type* i64 = base(BaseType::kInt64);
  const Type* u64 = base(BaseType::kUInt64);
  const Type* f32 = base(BaseType::kFloat);
  const Type* f64 = base(BaseType::kDouble);
  const Type* variant_bool = named("VARIANT_BOOL", BaseType::kInt16);
  const Type* hresult = named("HRESULT", BaseType::kInt32);
  const Type* guid =
      record("GUID", {{"Data1", u32}, {"Data2", u16}, {"Data3", u16}, {"Data4", fixed(byte, 8)}});
};

/// VARTYPE values ([MS-OAUT] 2.2.7).
enum : std::int64_t {
  kEmpty = 0,
  kNull = 1,
  kI2 = 2,
  kI4 = 3,
  kR4 = 4,
  kR8 = 5,
  kCy = 6,
  kDate = 7,
  kBstr = 8,
  kDispatch = 9,
  kErrorCode = 10,
  kBool = 11,
  kVariant = 12,
  kUnknown = 13,
  kDecimal = 14,
  kI1 = 16,
  kUi1 = 17,
  kUi2 = 18,
  kUi4 = 19,
  kI8 = 20,
  kUi8 = 21,
  kInt = 22,
  kUint = 23,
  kRecord = 36,
  kHaveIid = 0x800D,
  kArray = 0x2000,
  kByRef = 0x4000,
};

struct Library {
  Builder b;
  AutomationTypes types{};

  Library() {
    orpc();
    automation();
  }

  void orpc() {
    const Type* extent =
        b.record("ORPC_EXTENT", {{"id", b.guid}, {"size", b.u32}, {"data", b.conformant(b.byte)}});
    const Type* extents =
        b.record("ORPC_EXTENT_ARRAY", {{"size", b.u32},
                                       {"reserved", b.u32},
                                       {"extent", b.pointer(b.conformant(b.pointer(extent)))}});
    const Type* version =
        b.record("COMVERSION", {{"MajorVersion", b.u16}, {"MinorVersion", b.u16}});
    types.orpcthis = b.record("ORPCTHIS", {{"version", version},
                                           {"flags", b.u32},
                                           {"reserved1", b.u32},
                                           {"cid", b.guid},
                                           {"extensions", b.pointer(extents)}});
    types.orpcthat = b.record("ORPCTHAT", {{"flags", b.u32}, {"extensions", b.pointer(extents)}});
  }

  void automation() {
    types.word_blob =
        b.record("FLAGGED_WORD_BLOB",
                 {{"cBytes", b.u32}, {"clSize", b.u32}, {"asData", b.conformant(b.u16)}});
    types.bstr = b.pointer(types.word_blob);
    types.interface_body =
        b.record("MInterfacePointer", {{"ulCntData", b.u32}, {"abData", b.conformant(b.byte)}});
    const Type* object = b.pointer(types.interface_body);
    Type* variant_body = b.module().make_type("_wireVARIANT", StructShape{});
    types.variant_body = variant_body;
    types.variant = b.pointer(variant_body);

    const Type* decimal = b.record(
        "DECIMAL",
        {{"wReserved", b.u16}, {"scale", b.u8}, {"sign", b.u8}, {"Hi32", b.u32}, {"Lo64", b.u64}});
    const Type* currency = b.named("CURRENCY", BaseType::kInt64);
    const Type* record =
        b.pointer(b.record("_wireBRECORD", {{"fFlags", b.u32},
                                            {"clSize", b.u32},
                                            {"pRecInfo", object},
                                            {"pRecord", b.pointer(b.conformant(b.byte))}}));
    const Type* iids = b.record(
        "SAFEARR_HAVEIID",
        {{"Size", b.u32}, {"apUnknown", b.pointer(b.conformant(object))}, {"iid", b.guid}});
    const Type* contents =
        b.choice("SAFEARRAYUNION", "u",
                 {{{kErrorCode}, "ErrorStr", b.u32},
                  {{kBstr}, "BstrStr", b.sized("SAFEARR_BSTR", "aBstr", types.bstr)},
                  {{kUnknown}, "UnknownStr", b.sized("SAFEARR_UNKNOWN", "apUnknown", object)},
                  {{kDispatch}, "DispatchStr", b.sized("SAFEARR_DISPATCH", "apDispatch", object)},
                  {{kVariant}, "VariantStr", b.sized("SAFEARR_VARIANT", "aVariant", types.variant)},
                  {{kRecord}, "RecordStr", b.sized("SAFEARR_BRECORD", "aRecord", record)},
                  {{kHaveIid}, "HaveIidStr", iids},
                  {{kI1}, "ByteStr", b.sized("BYTE_SIZEDARR", "pData", b.byte)},
                  {{kI2}, "WordStr", b.sized("WORD_SIZEDARR", "pData", b.u16)},
                  {{kI4}, "LongStr", b.sized("DWORD_SIZEDARR", "pData", b.u32)},
                  {{kI8}, "HyperStr", b.sized("HYPER_SIZEDARR", "pData", b.i64)}});
    const Type* bound = b.record("SAFEARRAYBOUND", {{"cElements", b.u32}, {"lLbound", b.i32}});
    types.safearray = b.pointer(b.record("SAFEARRAY", {{"cDims", b.u16},
                                                       {"fFeatures", b.u16},
                                                       {"cbElements", b.u32},
                                                       {"cLocks", b.u32},
                                                       {"uArrayStructs", contents},
                                                       {"rgsabound", b.conformant(bound)}}));

    const auto by_reference = [&](const Type* type) { return b.pointer(type); };
    const Type* value = b.choice("_varUnion", nullptr,
                                 {{{kEmpty, kNull}, "null", nullptr},
                                  {{kI8}, "llVal", b.i64},
                                  {{kI4, kInt}, "lVal", b.i32},
                                  {{kUi1}, "bVal", b.u8},
                                  {{kI2}, "iVal", b.i16},
                                  {{kR4}, "fltVal", b.f32},
                                  {{kR8}, "dblVal", b.f64},
                                  {{kBool}, "boolVal", b.variant_bool},
                                  {{kErrorCode}, "scode", b.hresult},
                                  {{kCy}, "cyVal", currency},
                                  {{kDate}, "date", b.f64},
                                  {{kBstr}, "bstrVal", types.bstr},
                                  {{kUnknown}, "punkVal", object},
                                  {{kDispatch}, "pdispVal", object},
                                  {{kArray}, "parray", types.safearray},
                                  {{kRecord, kRecord | kByRef}, "brecVal", record},
                                  {{kUi1 | kByRef}, "pbVal", by_reference(b.u8)},
                                  {{kI2 | kByRef}, "piVal", by_reference(b.i16)},
                                  {{kI4 | kByRef, kInt | kByRef}, "plVal", by_reference(b.i32)},
                                  {{kI8 | kByRef}, "pllVal", by_reference(b.i64)},
                                  {{kR4 | kByRef}, "pfltVal", by_reference(b.f32)},
                                  {{kR8 | kByRef}, "pdblVal", by_reference(b.f64)},
                                  {{kBool | kByRef}, "pboolVal", by_reference(b.variant_bool)},
                                  {{kErrorCode | kByRef}, "pscode", by_reference(b.hresult)},
                                  {{kCy | kByRef}, "pcyVal", by_reference(currency)},
                                  {{kDate | kByRef}, "pdate", by_reference(b.f64)},
                                  {{kBstr | kByRef}, "pbstrVal", by_reference(types.bstr)},
                                  {{kUnknown | kByRef}, "ppunkVal", by_reference(object)},
                                  {{kDispatch | kByRef}, "ppdispVal", by_reference(object)},
                                  {{kArray | kByRef}, "pparray", by_reference(types.safearray)},
                                  {{kVariant | kByRef}, "pvarVal", by_reference(types.variant)},
                                  {{kI1}, "cVal", b.i8},
                                  {{kUi2}, "uiVal", b.u16},
                                  {{kUi4, kUint}, "ulVal", b.u32},
                                  {{kUi8}, "ullVal", b.u64},
                                  {{kDecimal}, "decVal", decimal},
                                  {{kDecimal | kByRef}, "pdecVal", by_reference(decimal)},
                                  {{kI1 | kByRef}, "pcVal", by_reference(b.i8)},
                                  {{kUi2 | kByRef}, "puiVal", by_reference(b.u16)},
                                  {{kUi4 | kByRef, kUint | kByRef}, "pulVal", by_reference(b.u32)},
                                  {{kUi8 | kByRef}, "pullVal", by_reference(b.u64)}});

    // clSize, rpcReserved, vt, three reserved words, the union: kVariantTypeField and
    // kVariantUnionField count on this order.
    auto& fields = std::get<StructShape>(variant_body->shape).fields;
    const std::pair<const char*, const Type*> layout[] = {
        {"clSize", b.u32},     {"rpcReserved", b.u32}, {"vt", b.u16},       {"wReserved1", b.u16},
        {"wReserved2", b.u16}, {"wReserved3", b.u16},  {"_varUnion", value}};
    for (const auto& [name, type] : layout) {
      fields.emplace_back();
      fields.back().name = name;
      fields.back().type = type;
    }
  }
};

}  // namespace

const AutomationTypes& automation_types() {
  static const Library library;
  return library.types;
}

}  // namespace rpcmarshal::ndr
