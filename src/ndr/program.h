// The compiled form of one procedure's request or response in one transfer syntax.
//
// A Program is a flat table of Nodes. A node is both an instruction ("a unique pointer to node 17",
// "24 bytes with alignment 8", "a conformant array of node 9") and the description of the value it
// yields (name, IDL type, how to show it). The children of a record stand side by side, so a struct
// is run by walking a range of nodes, and a list runs its one element node count times.
//
// Types of constant size (integers, GUIDs, structs and arrays of those) are one instruction
// whatever they contain: decoding checks the bounds and notes the offset, and their fields are read
// from the stub only when somebody asks (value.h). Recursive types cost nothing special: the nodes
// of a struct exist once, and pointers refer to them.
//
// Programs are immutable, may be shared by threads, and refer to the Catalogue's model (names,
// types, expressions): they must not outlive it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interface/model.h"

namespace rpcmarshal::ndr {

/// Which of a procedure's two messages.
enum class Half : std::uint8_t { kRequest, kResponse };
/// Transfer syntax: NDR ([C706] 14) or NDR64 ([MS-RPCE] 2.2.5).
enum class Syntax : std::uint8_t { kNdr20, kNdr64 };

/// What a value is. A non-null pointer is its referent, a VARIANT its content, a counted string
/// (RPC_UNICODE_STRING and the like) its text.
enum class ValueKind : std::uint8_t {
  kMissing,    ///< not decoded: the stub ended or did not fit before this
  kNull,       ///< null pointer; VT_EMPTY and VT_NULL
  kBool,       ///< `boolean`, VARIANT_BOOL
  kInt,        ///< signed: as_int()
  kUInt,       ///< unsigned: as_uint()
  kReal,       ///< float, double: as_real()
  kText,       ///< 16-bit or 8-bit characters: append_text()
  kBytes,      ///< bytes()
  kGuid,       ///< as_guid()
  kSid,        ///< bytes(): RPC_SID in the stub's byte order
  kTime,       ///< FILETIME: as_uint() is 100 ns units since 1601-01-01Z
  kRecord,     ///< struct: children with names
  kList,       ///< array or pipe: children without names
  kUnion,      ///< as_int() is the discriminant; no child (empty arm) or one, with the arm's name
  kHandle,     ///< context handle: bytes() is attributes (u32) and a GUID; as_guid() is that GUID
  kInterface,  ///< COM interface pointer: bytes() is the OBJREF
  kAlias,      ///< a [ptr] full pointer seen before: target() is the value it points to
};

/// A value's meaning for status("...").
enum class StatusKind : std::uint8_t { kNone, kWin32, kNtStatus, kHResult };

/// How to show a value: what annotations on the field or parameter, its typedef and (for a result)
/// the procedure and interface say, resolved when the program was compiled. The field wins over
/// the type.
struct Display {
  const Annotations* field = nullptr;  ///< of the field or parameter, or nullptr
  const Annotations* type = nullptr;   ///< of the typedef, or nullptr
  const EnumShape* values = nullptr;   ///< the type's own enumeration, or values("X") / flags("X")
  std::string_view values_name;        ///< X, or the enum's name
  std::shared_ptr<const EnumShape> merged_values;  ///< owns `values` when it joins several sets
  bool flags = false;                              ///< `values` is a set of bits
  bool hex = false;
  StatusKind status = StatusKind::kNone;
  std::string_view semantic;       ///< first argument of semantic("..."): "path", "secret", ...
  std::string_view registry_type;  ///< for semantic("registry_data(lpType)"): "lpType"
  std::string_view label;          ///< label("service {lpServiceName}") of a context handle
};

/// How a leaf is stored in the stub.
enum class Scalar : std::uint8_t {
  kNone,
  kBool8,
  kI8,
  kU8,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64,
  kF32,
  kF64,
  kPairI64,      ///< two 32-bit halves, low first (OLD_LARGE_INTEGER)
  kPairU64,      ///< the same, unsigned (FILETIME)
  kVariantBool,  ///< 16 bits, 0 or -1
};

/// What the decoder does for a node.
enum class Op : std::uint8_t {
  kFixed,      ///< align, then `size` bytes
  kRecord,     ///< align, then each child; its slots are children[0..child_count)
  kUnion,      ///< discriminant, then one arm
  kPointer,    ///< referent id; the referent (child) follows the enclosing construction
  kReference,  ///< a top-level [ref] pointer: no bytes, the referent (child) is here
  kArray,      ///< one-dimensional array or string
  kArrayMany,  ///< several dimensions
  kCounted,    ///< {length, maximum length, pointer to characters} as text
  kSid,        ///< RPC_SID with its hoisted count
  kBlob,       ///< {u32 count; byte data[]}: MInterfacePointer, FLAGGED_WORD_BLOB (BSTR)
  kVariant,    ///< wireVARIANT: the child record, shown as its content
  kPipe,       ///< chunks
  kIgnored,    ///< [ignore] pointer: referent id, no referent
  kUnknown,    ///< a type nobody defined: decoding stops here
};

inline constexpr std::uint32_t kNoNode = 0xFFFFFFFF;
inline constexpr std::uint32_t kNoArm = 0xFFFFFFFE;  ///< Node::default_arm: no default

struct Node {
  Op op = Op::kUnknown;
  ValueKind kind = ValueKind::kMissing;  ///< of a decoded value
  Scalar scalar = Scalar::kNone;         ///< of a leaf, or of a union's discriminant
  std::uint8_t align = 1;                ///< of the value in the stub
  std::uint8_t lead_align = 1;           ///< union: alignment before the discriminant
  std::uint8_t tail_align = 1;  ///< NDR64: record: the gap before its conformant array or its end;
                                ///< union: alignment between discriminant and arm
  std::uint8_t hoist = 0;       ///< record: maximum counts of the array it ends in
  std::uint8_t unit = 1;        ///< bytes per character of text
  bool fixed = false;           ///< constant size: children have no slots of their own
  bool conformant = false;      ///< array (kArray): a maximum count is sent
  bool hoisted = false;         ///< record, array: maximum counts stand before an outer record
  bool varying = false;         ///< array (kArray): offset and actual count are sent
  bool string = false;          ///< [string]: a terminating NUL is not part of the text
  bool full = false;            ///< pointer: [ptr]
  bool checked = false;      ///< array: its counts can be compared with size_is, length_is, range
  std::uint32_t size = 0;    ///< bytes of a fixed value; minimum bytes of another
  std::uint32_t offset = 0;  ///< within a fixed parent
  std::uint32_t stride = 0;  ///< list, text, bytes: from one fixed element to the next
  std::uint32_t count = 0;   ///< fixed: entry count; array neither conformant nor varying: elements
  std::uint32_t child = kNoNode;  ///< first field; element; referent
  std::uint32_t child_count = 0;  ///< record: fields
  std::uint32_t extents = 0;      ///< kArrayMany: first of Program::extents
  std::uint32_t extent_count = 0;
  std::uint32_t labels = 0;  ///< union: first of Program::labels
  std::uint32_t label_count = 0;
  std::uint32_t default_arm = kNoArm;  ///< union: kNoNode is an empty default arm
  std::uint32_t scope = kNoNode;       ///< first node of the record that declares this field
  std::uint32_t scope_count = 0;       ///< fields of that record
  std::uint32_t index = 0;             ///< position in it
  const Display* display = nullptr;    ///< never null in a finished program
  const Type* type = nullptr;          ///< with pointers followed; null for synthesised nodes
  const ArrayShape* array = nullptr;   ///< where its size_is and length_is stand
  const Field* field = nullptr;        ///< the declaration; null for elements and the result
  std::string_view name;               ///< field, parameter or arm; "return"; empty for an element
  std::string_view why;                ///< kUnknown: what is the matter
};

struct Program {
  const Interface* iface = nullptr;  ///< not "interface": windows.h makes that a macro
  const Procedure* procedure = nullptr;
  Half half = Half::kRequest;
  Syntax syntax = Syntax::kNdr20;
  /// Nodes of the root record's children: [first, first + count); node 0 is the root itself.
  std::uint32_t first = 0;
  std::uint32_t count = 0;

  /// Pipes come after the other parameters of a request, and before those of a response.
  bool has_pipes = false;

  struct Label {
    std::int64_t value;
    std::uint32_t node;  ///< kNoNode: an empty arm
  };
  struct Extent {
    bool conformant, varying;
    std::uint64_t fixed;
  };
  std::vector<Node> nodes;
  std::vector<Label> labels;    ///< each union's sorted by value
  std::vector<Extent> extents;  ///< of multi-dimensional arrays, outermost first
  std::deque<Display> displays;
  std::deque<std::string> texts;  ///< what nodes' string_views refer to when nobody else has it

  /// The child of the root called `name` (exact), or nullptr.
  const Node* parameter(std::string_view name) const;
};

}  // namespace rpcmarshal::ndr
