#include "dcom/context.h"

#include <bit>

#include "dcom/objref.h"
#include "dcom/wmio.h"

namespace rpcmarshal::dcom {
namespace {

constexpr std::uint16_t kArray = 0x2000;
// VARTYPEs ([MS-OAUT] 2.2.7) that 2.2.13.2 allows.
constexpr std::uint16_t kNull = 1, kI2 = 2, kI4 = 3, kR4 = 4, kR8 = 5, kBstr = 8, kBool = 11,
                        kUnknown = 13, kI1 = 16, kUI1 = 17, kUI2 = 18, kUI4 = 19;

/// IWbemContextString (2.2.13.3): a count of characters, and they.
Bytes text(ByteReader& r) {
  const std::uint32_t count = r.u32();
  return r.take(std::size_t{count} * 2);
}

/// The EncodingUnit of a WMI object that stands here as an OBJREF (2.2.13.2: "a buffer for the
/// IWbemClassObject interface"). Its own length says where it ends; the OBJREF's is not to be
/// relied on. Empty when it is none.
Bytes wbem_object(ByteReader& r) {
  constexpr std::size_t kObjRefHeader = 48, kUnitHeader = 8;
  const std::size_t start = r.offset();
  const Bytes rest = r.rest();
  ObjRef ref;
  if (!read_objref(rest, ref) || ref.kind != ObjRef::Kind::kCustom ||
      ref.clsid != clsid_wbem_object())
    return {};
  ByteReader unit(ref.data);
  const std::uint32_t signature = unit.u32(), length = unit.u32();
  if (!unit.ok() || signature != Wmio::kSignature || length > unit.remaining()) return {};
  r.seek(start + kObjRefHeader + kUnitHeader + length);
  return ref.data.first(kUnitHeader + length);
}

/// False for a type that is not known: where the next value begins is not, then.
bool scalar(std::uint16_t type, bool element, ByteReader& r, ContextValue& v) {
  using Kind = ContextValue::Kind;
  const auto integer = [&](Kind kind, std::uint64_t bits, std::size_t size) {
    v.kind = kind;
    v.bits = bits;
    // A value of its own takes 8 bytes whatever its size, an element as many as it has.
    if (!element) r.skip(8 - size);
  };
  const auto extend = [](auto n) { return static_cast<std::uint64_t>(std::int64_t{n}); };
  switch (type) {
    case kNull:
      break;
    case kI1:
      integer(Kind::kInt, extend(static_cast<std::int8_t>(r.u8())), 1);
      break;
    case kUI1:
      integer(Kind::kUInt, r.u8(), 1);
      break;
    case kI2:
      integer(Kind::kInt, extend(static_cast<std::int16_t>(r.u16())), 2);
      break;
    case kUI2:
      integer(Kind::kUInt, r.u16(), 2);
      break;
    case kBool:
      integer(Kind::kBool, r.u16() != 0, 2);
      break;
    case kI4:
      integer(Kind::kInt, extend(static_cast<std::int32_t>(r.u32())), 4);
      break;
    case kUI4:
      integer(Kind::kUInt, r.u32(), 4);
      break;
    case kR4:
      v.kind = Kind::kReal;
      v.bits = std::bit_cast<std::uint64_t>(double{std::bit_cast<float>(r.u32())});
      r.skip(4);  // as an element, too
      break;
    case kR8:
      v.kind = Kind::kReal;
      v.bits = r.u64();
      break;
    case kBstr:
      v.kind = Kind::kText;
      v.text = text(r);
      break;
    case kUnknown: {
      const Bytes object = wbem_object(r);
      if (object.empty()) return false;
      v.kind = Kind::kObject;
      v.text = object;
      break;
    }
    default:
      return false;
  }
  return true;
}

}  // namespace

bool WbemContext::decode(Bytes bytes) {
  properties.clear();
  elements.clear();
  reason = {};
  ByteReader r(bytes);
  const std::uint32_t guids = r.u32();
  r.skip(std::size_t{guids} * 16);
  const std::uint32_t count = r.u32();
  if (!r.ok()) reason = "the context is cut short";
  for (std::uint32_t i = 0; i < count && reason.empty(); ++i) {
    if (properties.size() + elements.size() >= kMaxValues) {
      reason = "too many values";
      break;
    }
    Property p;
    p.name = text(r);
    r.skip(4);  // flags, always 0
    const std::uint16_t type = r.u16();
    bool known = true;
    if (r.ok() && (type & kArray) != 0) {
      const std::uint32_t items = r.u32();
      r.skip(4);  // size of an element
      p.value.kind = ContextValue::Kind::kList;
      p.value.begin = p.value.end = static_cast<std::uint32_t>(elements.size());
      for (std::uint32_t n = 0; n < items && known && r.ok(); ++n) {
        if (properties.size() + elements.size() >= kMaxValues) {
          reason = "too many values";
          break;
        }
        ContextValue v;
        known = scalar(type & static_cast<std::uint16_t>(~kArray), true, r, v);
        if (!known || !r.ok()) break;
        elements.push_back(v);
        ++p.value.end;
      }
    } else {
      known = scalar(type, false, r, p.value);
    }
    if (!r.ok()) {
      reason = "the context is cut short";
    } else if (!known) {
      reason = "a value of a type that is not known";
    } else {
      properties.push_back(p);
    }
  }
  return reason.empty();
}

}  // namespace rpcmarshal::dcom
