// The model of an RPC interface: what IDL text (or compiled MIDL) says, with every shorthand
// already resolved, so that a decoder needs no knowledge of IDL's defaults.
//
// Types form a graph that may contain cycles (a list node points to itself); it is owned by a
// Module and immutable once a front end has finished it. Nodes refer to each other by plain
// pointers, which live as long as the Module. Normal form, which every front end delivers:
//
//  * Every pointer is a Pointer node with its kind resolved (attribute, pointer_default, and the
//  rule
//    that a top-level parameter pointer without attribute is [ref], [C706] 4.2.20).
//  * `[string] wchar_t* s` is Pointer -> Array{string, conformant}; `[size_is(n)] T* p` is
//    Pointer -> Array{conformant, size_is n}; `[size_is(,*n)] T** p` is Pointer -> Pointer ->
//    Array.
//  * A parameter keeps its outermost [ref] pointer: `[out] long* p` is Pointer{ref} -> Base. NDR
//    gives it no bytes.
//  * [in, out] handle_t and [explicit binding] parameters are BindingHandle and have no bytes.
//  * typedefs are transparent: the node is shared, and carries the first typedef name it got.
//  * An inherited procedure stands in Interface::procedures at its inherited opnum.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/guid.h"

namespace rpcmarshal {

struct Type;

/// A project annotation, `/*@name("arg", arg)*/` in our IDL (docs/idl.md): how to show a value or
/// why a procedure matters. Other compilers see a comment.
struct Annotation {
  std::string name;
  std::vector<std::string> arguments;
};

struct Annotations {
  std::vector<Annotation> items;
  /// The first annotation with this name, or nullptr.
  const Annotation* find(std::string_view name) const;
  /// The first argument of that annotation, or empty.
  std::string_view value(std::string_view name) const;
};

/// A C integer expression over constants, parameters and fields, in postfix order. Names are
/// resolved when used: in the struct that holds the field, else in the procedure's parameters.
struct Expression {
  enum class Op : std::uint8_t {
    kConstant,     ///< push value
    kName,         ///< push the field or parameter called name
    kDereference,  ///< what the pointer on top points to
    kNegate,
    kNot,
    kComplement,
    kMultiply,
    kDivide,
    kModulo,
    kAdd,
    kSubtract,
    kShiftLeft,
    kShiftRight,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kEqual,
    kNotEqual,
    kAnd,
    kXor,
    kOr,
    kLogicalAnd,
    kLogicalOr,
    kConditional,  ///< pops c, a, b (pushed in that order): c ? a : b
  };
  struct Node {
    Op op;
    std::int64_t value = 0;
    std::string name;
  };
  std::vector<Node> nodes;
  std::string text;  ///< as written, for messages and for printing

  bool empty() const { return nodes.empty(); }
  /// The value when the expression has no names.
  std::optional<std::int64_t> constant() const;
  /// The value with names looked up by `lookup(name)` -> optional<int64_t> (a dereferenced name is
  /// looked up once). nullopt on an unknown name, division by zero, or a malformed expression.
  template <typename Lookup>
  std::optional<std::int64_t> evaluate(Lookup&& lookup) const;
};

enum class BaseType : std::uint8_t {
  kBoolean,  ///< 1 byte
  kByte,     ///< opaque 8 bits, no conversion
  kChar,     ///< 8-bit character, ASCII or EBCDIC
  kWChar,    ///< 16-bit character
  kInt8,
  kUInt8,
  kInt16,
  kUInt16,
  kInt32,
  kUInt32,
  kInt64,
  kUInt64,
  kInt3264,  ///< __int3264: 4 bytes in NDR20, 8 in NDR64 ([MS-RPCE] 2.2.4.1.3)
  kUInt3264,
  kFloat,
  kDouble,
  kErrorStatus,  ///< error_status_t: 4 bytes, a Win32 error unless annotated
};

struct VoidShape {};
struct BaseShape {
  BaseType type = BaseType::kInt32;
};
struct EnumValue {
  std::string name;
  std::int64_t value = 0;
};
struct EnumShape {
  bool v1 = false;  ///< [v1_enum]: 4 bytes in NDR20 instead of 2. NDR64: 4 always.
  std::vector<EnumValue> values;
};

/// [range(low, high)] on a value, or on the length of a string.
struct Range {
  std::int64_t low = 0, high = 0;
};

struct Field {
  std::string name;
  const Type* type = nullptr;
  std::optional<Range> range;
  Expression switch_is;  ///< for a non-encapsulated union
  Expression iid_is;     ///< for an interface pointer
  bool ignore = false;   ///< [ignore]: a pointer whose referent is not sent
  Annotations annotations;
};
struct StructShape {
  std::vector<Field> fields;
};

struct UnionArm {
  std::vector<std::int64_t> cases;
  bool is_default = false;
  Field field;  ///< type is nullptr for an empty arm (`[case(3)] ;`)
};
struct UnionShape {
  bool encapsulated = false;  ///< `union switch(...)`: the discriminant is a field of its own
  /// [ms_union]: NDR20 aligns every arm as the largest one ([MS-RPCE] 2.2.4.5). Encapsulated unions
  /// and NDR64 know no difference.
  bool ms_union = false;
  const Type* discriminant = nullptr;  ///< its type on the wire (Base or Enum)
  std::string discriminant_name;       ///< encapsulated only
  std::string union_name;              ///< encapsulated only
  std::vector<UnionArm> arms;
};

enum class PointerKind : std::uint8_t { kRef, kUnique, kFull };
struct PointerShape {
  PointerKind kind = PointerKind::kUnique;
  const Type* target = nullptr;
};

/// One dimension of an array, outermost first. On the wire: neither = fixed; conformant = a maximum
/// count is sent; varying = offset and actual count are sent.
struct Dimension {
  bool conformant = false;
  bool varying = false;
  std::uint64_t fixed = 0;  ///< element count, when not conformant
  Expression size_is;       ///< element count (max_is(n) is delivered as n + 1); may be empty
  Expression length_is;
};
struct ArrayShape {
  const Type* element = nullptr;
  std::vector<Dimension> dimensions;
  bool string = false;  ///< [string]: varying, NUL-terminated
  std::optional<Range> range;
};

struct ContextHandleShape {
  bool is_strict = false;
};
struct BindingHandleShape {};  ///< handle_t: no bytes
/// A COM interface pointer: pointer to MInterfacePointer ([MS-DCOM] 2.2.14).
struct InterfacePointerShape {
  std::string interface_name;
};
/// pipe T ([C706] 14.3.9).
struct PipeShape {
  const Type* element = nullptr;
};
/// COM automation values whose wire form is not what IDL declares ([MS-OAUT] 2.2).
enum class AutomationKind : std::uint8_t { kBstr, kVariant, kSafearray };
struct AutomationShape {
  AutomationKind kind;
};
/// A name that nothing defines: everything before it in the stub can be decoded, nothing after.
struct UnknownShape {
  std::string why;
};

using Shape = std::variant<VoidShape, BaseShape, EnumShape, StructShape, UnionShape, PointerShape,
                           ArrayShape, ContextHandleShape, BindingHandleShape,
                           InterfacePointerShape, PipeShape, AutomationShape, UnknownShape>;

struct Type {
  std::string name;  ///< typedef or tag; empty for anonymous
  Shape shape;
  Annotations annotations;  ///< from the typedef
};

struct Parameter {
  Field field;
  bool in = false;
  bool out = false;
  bool retval = false;
};

struct Procedure {
  std::string name;
  std::uint16_t opnum = 0;
  const Type* result = nullptr;    ///< return value; Void when none
  Annotations result_annotations;  ///< e.g. status("ntstatus")
  std::vector<Parameter> parameters;
  bool object = false;    ///< ORPC: an ORPCTHIS precedes the request, an ORPCTHAT the response
  bool callback = false;  ///< server to client
  bool reserved = false;  ///< "OpnumNNotUsedOnWire" and the like
  bool typed = true;      ///< false: a type could not be resolved; name and opnum are still right
  std::string untyped_why;
  Annotations annotations;
};

struct Interface {
  SyntaxId id;
  std::string name;
  std::string document;                ///< e.g. "MS-SCMR", from /*@document("MS-SCMR")*/
  std::vector<std::string> endpoints;  ///< as in endpoint(): "ncacn_np:[\\pipe\\svcctl]"
  std::string base;                    ///< inherited interface's name, or empty
  bool object = false;
  std::vector<Procedure> procedures;  ///< by opnum, contiguous from 0; callbacks are in `callbacks`
  std::vector<Procedure> callbacks;
  Annotations annotations;
  /// Nothing but names is known: no operation has types.
  bool names_only = false;
  /// Its version is not known either; the catalogue finds it under every version.
  bool any_version = false;

  const Procedure* find(std::uint16_t opnum) const {
    return opnum < procedures.size() ? &procedures[opnum] : nullptr;
  }
};

/// Named sets of values used by annotations (`/*@flags(NAME)*/`, `/*@values(NAME)*/`): ordinary IDL
/// enums, found by name.
struct Constant {
  std::string name;
  std::int64_t value = 0;
};

/// Owner of a type graph. Movable, not copyable; addresses of types and interfaces stay.
class Module {
 public:
  Module() = default;
  Module(Module&&) = default;
  Module& operator=(Module&&) = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  Type* make_type(std::string name, Shape shape);

  std::deque<Type> types;
  std::deque<Interface> interfaces;
  std::map<std::string, const Type*, std::less<>> named_types;
  std::vector<Constant> constants;
};

/// How much the definitions of a module weigh where several describe one interface.
enum class Layer : std::uint8_t {
  kNames,    ///< names of operations only: they fill what no definition tells
  kBuiltIn,  ///< ordinary definitions
  kUser,     ///< override the others, operation by operation
};

/// What a Catalogue reads only when it is asked for it. Each function gives modules that were not
/// given before; together with those that were, they are all there is about what was asked for.
/// Called under the catalogue's lock.
class DefinitionSource {
 public:
  struct Definitions {
    Module module;
    Layer layer = Layer::kBuiltIn;
  };
  virtual ~DefinitionSource() = default;
  /// About an interface, in any version.
  virtual std::vector<Definitions> by_uuid(const Guid& uuid) = 0;
  /// About interfaces of that name, letters in either case; Zeek's name for it counts.
  virtual std::vector<Definitions> by_name(std::string_view name) = 0;
  /// With the enum of that name.
  virtual std::vector<Definitions> by_values(std::string_view enum_name) = 0;
  /// Everything; with `names`, also what has nothing but names.
  virtual std::vector<Definitions> everything(bool names) = 0;
};

/// Finds interfaces by (UUID, major version). Owns the modules it was given. Finding is safe from
/// several threads; adding is not. What is found stays where it is as long as the Catalogue lives.
class Catalogue {
 public:
  Catalogue();
  ~Catalogue();
  Catalogue(Catalogue&&) noexcept;
  Catalogue& operator=(Catalogue&&) noexcept;

  /// Adds the interfaces of `module`. An interface already known under the same (UUID, major) is
  /// merged: for each opnum the definite procedure wins over a reserved or untyped one, and between
  /// two definite ones that of the higher layer, then the one added last. An interface annotated
  /// alias_uuid("...") is also found under that UUID.
  void add(Module module, Layer layer = Layer::kBuiltIn);
  /// Makes `alias` another UUID of what is known as `id`: MS-EFSR has two.
  void add_alias(const SyntaxId& alias, const SyntaxId& id);
  /// Where to look for what was not added.
  void set_source(std::unique_ptr<DefinitionSource> source);

  const Interface* find(const Guid& uuid, std::uint16_t major) const;
  /// Any version; the highest.
  const Interface* find(const Guid& uuid) const;
  /// By name (exact, then ignoring case, then by Zeek's endpoint name), e.g. "svcctl".
  const Interface* find_by_name(std::string_view name) const;
  /// Each interface once, by name; with `names_too`, also those of which only names are known.
  std::vector<const Interface*> all(bool names_too = false) const;
  /// The enum or flag set of that name from any module, for annotations; nullptr if none. A user's
  /// wins, then the one added last.
  const EnumShape* find_values(std::string_view name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// -- templates ---------------------------------------------------------------------------------

template <typename Lookup>
std::optional<std::int64_t> Expression::evaluate(Lookup&& lookup) const {
  constexpr std::size_t kDepth = 32;
  std::int64_t stack[kDepth];
  std::size_t top = 0;
  for (const Node& node : nodes) {
    switch (node.op) {
      case Op::kConstant:
        if (top == kDepth) return std::nullopt;
        stack[top++] = node.value;
        continue;
      case Op::kName: {
        if (top == kDepth) return std::nullopt;
        const std::optional<std::int64_t> value = lookup(std::string_view(node.name));
        if (!value) return std::nullopt;
        stack[top++] = *value;
        continue;
      }
      case Op::kDereference:
        if (top < 1) return std::nullopt;
        continue;
      case Op::kNegate:
      case Op::kNot:
      case Op::kComplement: {
        if (top < 1) return std::nullopt;
        const auto u = static_cast<std::uint64_t>(stack[top - 1]);
        stack[top - 1] = node.op == Op::kNegate ? static_cast<std::int64_t>(0 - u)
                         : node.op == Op::kNot  ? (u == 0)
                                                : static_cast<std::int64_t>(~u);
        continue;
      }
      case Op::kConditional:
        if (top < 3) return std::nullopt;
        top -= 2;
        stack[top - 1] = stack[top - 1] ? stack[top] : stack[top + 1];
        continue;
      default:
        break;
    }
    if (top < 2) return std::nullopt;
    const std::int64_t b = stack[--top], a = stack[top - 1];
    const auto ua = static_cast<std::uint64_t>(a), ub = static_cast<std::uint64_t>(b);
    std::int64_t r = 0;
    switch (node.op) {
      case Op::kMultiply:
        r = static_cast<std::int64_t>(ua * ub);
        break;
      case Op::kDivide:
      case Op::kModulo:
        if (b == 0 || (b == -1 && a == INT64_MIN)) return std::nullopt;
        r = node.op == Op::kDivide ? a / b : a % b;
        break;
      case Op::kAdd:
        r = static_cast<std::int64_t>(ua + ub);
        break;
      case Op::kSubtract:
        r = static_cast<std::int64_t>(ua - ub);
        break;
      case Op::kShiftLeft:
        r = ub < 64 ? static_cast<std::int64_t>(ua << ub) : 0;
        break;
      case Op::kShiftRight:
        r = ub < 64 ? static_cast<std::int64_t>(ua >> ub) : 0;
        break;
      case Op::kLess:
        r = a < b;
        break;
      case Op::kLessEqual:
        r = a <= b;
        break;
      case Op::kGreater:
        r = a > b;
        break;
      case Op::kGreaterEqual:
        r = a >= b;
        break;
      case Op::kEqual:
        r = a == b;
        break;
      case Op::kNotEqual:
        r = a != b;
        break;
      case Op::kAnd:
        r = static_cast<std::int64_t>(ua & ub);
        break;
      case Op::kXor:
        r = static_cast<std::int64_t>(ua ^ ub);
        break;
      case Op::kOr:
        r = static_cast<std::int64_t>(ua | ub);
        break;
      case Op::kLogicalAnd:
        r = a && b;
        break;
      case Op::kLogicalOr:
        r = a || b;
        break;
      default:
        return std::nullopt;
    }
    stack[top - 1] = r;
  }
  if (top != 1) return std::nullopt;
  return stack[0];
}

}  // namespace rpcmarshal
