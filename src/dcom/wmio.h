// WMI objects as they travel: CIM classes and instances in the encoding of [MS-WMIO]. An instance
// brings its class along, so names, types and values need no schema; only the instances of a smart
// enumeration leave it out, and their class comes from an earlier one
// (Wmio::kInstanceWithoutClass).
//
//   Wmio object;
//   if (object.decode(Wmio::Form::kUnit, bytes)) ... object.objects[0].class_name ...
//
// A Wmio is flat: everything lies in the vectors below, and what contains others refers to a range
// of them. Texts refer to the decoded bytes, which must outlive it. decode() can be called again
// and again; it keeps its memory. Hostile input costs work in proportion to its size: embedded
// objects are worked off from a list, references may repeat but what they lead to is budgeted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace rpcmarshal::dcom {

/// [MS-WMIO] 2.2.82. The array flag (0x2000) and the inherited flag (0x4000) are told apart from
/// it.
enum class CimType : std::uint16_t {
  kSint16 = 2,
  kSint32 = 3,
  kReal32 = 4,
  kReal64 = 5,
  kString = 8,
  kBoolean = 11,
  kObject = 13,
  kSint8 = 16,
  kUint8 = 17,
  kUint16 = 18,
  kUint32 = 19,
  kSint64 = 20,
  kUint64 = 21,
  kDatetime = 101,
  kReference = 102,
  kChar16 = 103,
};
std::string_view cim_type_name(CimType type);  ///< "uint32"; "unknown" for any other number

/// Encoded-String (2.2.78) without its flag and terminator, or a word of the dictionary (2.2.80).
struct WmioText {
  Bytes bytes;
  bool wide = false;  ///< UTF-16LE; otherwise Latin-1
  bool present = false;
  void append_utf8(std::string& out) const;
  std::string utf8() const;
};
/// ASCII letters compare without case, as names in WMI do.
bool same_name(const WmioText& text, std::string_view name);

struct WmioRange {
  std::uint32_t begin = 0, end = 0;
  std::uint32_t size() const { return end - begin; }
};

struct WmioValue {
  enum class Kind : std::uint8_t { kNull, kBool, kInt, kUInt, kReal, kText, kObject, kList };
  Kind kind = Kind::kNull;
  CimType type = CimType::kString;
  std::uint64_t bits = 0;  ///< number (kInt: sign-extended; kReal: of a double); index for kObject
  WmioText text;
  WmioRange items;  ///< in Wmio::values, of a list
  std::int64_t as_int() const { return static_cast<std::int64_t>(bits); }
  double as_real() const;
};

struct WmioQualifier {
  WmioText name;
  std::uint8_t flavor = 0;  ///< 2.2.62
  WmioValue value;
};

struct WmioProperty {
  WmioText name;
  CimType type = CimType::kString;
  bool array = false;
  bool inherited = false;     ///< class: declared by a superclass
  bool from_default = false;  ///< instance: the value is its class's default
  std::uint16_t order = 0;    ///< of declaration
  WmioRange qualifiers;
  WmioValue value;
};

struct WmioMethod {
  static constexpr std::uint32_t kNone = 0xFFFFFFFFu;
  WmioText name;
  std::uint8_t flags = 0;
  WmioRange qualifiers;
  std::uint32_t in = kNone, out = kNone;  ///< index in Wmio::objects of the parameters' class
};

struct WmioObject {
  enum class Kind : std::uint8_t { kClass, kInstance } kind = Kind::kInstance;
  std::uint8_t flags = 0;       ///< ObjectFlags (2.2.6)
  WmioText server, name_space;  ///< of the Decoration
  WmioText class_name;
  WmioText superclass;   ///< the nearest
  WmioRange derivation;  ///< in Wmio::names: superclasses, nearest first
  WmioRange qualifiers, methods;
  WmioRange properties;  ///< in the order of declaration
  /// Where the class part lies in the decoded bytes: what a class cache keeps.
  Bytes class_part;
};

class Wmio {
 public:
  enum class Form : std::uint8_t {
    kUnit,                  ///< EncodingUnit (2.2.1): signature and length first
    kBlock,                 ///< EncodingUnitObjectBlock (2.2.2)
    kInstanceWithoutClass,  ///< EncodingUnitInstanceNoClass (2.2.3); needs `class_part`
    kRefreshed,             ///< RefreshedSingleInstance ([MS-WMI] 2.2.19); needs `class_part`
  };
  static constexpr std::uint32_t kSignature = 0x12345678;
  static constexpr std::size_t kMaxObjects = 4096;

  /// True when all of it was read. Otherwise what came before the mistake is there, and stopped_at
  /// and reason say where (offset in `bytes`) and why.
  bool decode(Form form, Bytes bytes, Bytes class_part = {});

  bool complete() const { return reason.empty(); }
  /// The property of that name of an object (names compare without case), or null.
  const WmioProperty* property(const WmioObject& object, std::string_view name) const;

  std::vector<WmioObject> objects;  ///< [0] is the outermost; empty when not even it could be read
  std::vector<WmioProperty> properties;
  std::vector<WmioQualifier> qualifiers;
  std::vector<WmioMethod> methods;
  std::vector<WmioValue> values;
  std::vector<WmioText> names;
  std::string_view reason;
  std::size_t stopped_at = 0;
};

/// One element of an ObjectArray ([MS-WMI] 2.2.14), the packets of smart enumeration.
struct ObjectArrayItem {
  enum class Type : std::uint8_t { kClass = 1, kInstance = 2, kInstanceWithoutClass = 3 } type;
  Bytes class_id;  ///< 16 bytes that name the class within the enumeration; empty for kClass
  Bytes object;    ///< for Wmio::decode: kBlock, or kInstanceWithoutClass
};
/// Appends the elements to `items`; false when the packet is not one or ends too early (what came
/// before is appended). At most Wmio::kMaxObjects.
bool read_object_array(Bytes packet, std::vector<ObjectArrayItem>& items);

}  // namespace rpcmarshal::dcom
