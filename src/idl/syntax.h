// The syntax tree of one IDL file: what is written, before any name has a meaning. Everything
// refers to the file's tokens (views and index ranges), so a Unit is movable but its tokens must
// stay.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "idl/lexer.h"
#include "interface/model.h"

namespace rpcmarshal::idl {

struct TokenRange {
  std::uint32_t begin = 0, end = 0;  ///< indices into Unit::tokens
  bool empty() const { return begin == end; }
};

struct Attribute {
  std::string_view name;
  Place place;
  TokenRange arguments;
};

/// All attribute blocks in front of one declaration, `[...]` and `/*@...*/` together.
struct AttributeList {
  std::vector<Attribute> items;
  Annotations annotations;
  const Attribute* find(std::string_view name) const {
    for (const Attribute& item : items) {
      if (item.name == name) return &item;
    }
    return nullptr;
  }
  bool has(std::string_view name) const { return find(name) != nullptr; }
};

struct Body;

struct TypeSyntax {
  enum class Kind : std::uint8_t {
    kBroken,  ///< could not be read; said already
    kBase,
    kVoid,
    kNamed,      ///< a typedef or an interface (or, leniently, a tag without its keyword)
    kTagged,     ///< struct X, union X, enum X, with or without a body
    kPipe,       ///< pipe element
    kSafearray,  ///< SAFEARRAY(element)
  };
  Kind kind = Kind::kBroken;
  BaseType base = BaseType::kInt32;
  std::string_view name;                ///< of the typedef or the tag
  const Body* body = nullptr;           ///< kTagged with a body
  const TypeSyntax* element = nullptr;  ///< kPipe
  Place place;
};

/// One step from a declared name to its type, outermost first: `*p[3]` is an array, then a pointer.
struct LayerSyntax {
  bool pointer = false;
  TokenRange bound;  ///< arrays: empty for [] and [*]
  Place place;
};

struct Declarator {
  std::string_view name;
  Place place;
  std::vector<LayerSyntax> layers;
};

struct FieldSyntax {
  std::shared_ptr<const AttributeList> attributes;  ///< shared by `long a, b, c`; never null
  TypeSyntax type;
  Declarator declarator;
  std::vector<TokenRange> cases;  ///< union arms
  bool is_default = false;
  bool empty_arm = false;
  std::string broken;  ///< why the declaration could not be read; empty when it could
};

struct EnumeratorSyntax {
  std::string_view name;
  TokenRange value;
  bool has_value = false;
  Place place;
};

/// The part in braces of a struct, union or enum.
struct Body {
  enum class Kind : std::uint8_t { kStruct, kUnion, kEnum };
  Kind kind = Kind::kStruct;
  std::string_view tag;
  std::string_view typedef_name;  ///< the first plain name of `typedef struct {...} NAME`
  Place place;
  AttributeList attributes;  ///< of the declaration that the body stands in
  std::vector<FieldSyntax> fields;
  std::vector<EnumeratorSyntax> values;
  bool encapsulated = false;  ///< union switch (discriminant discriminant_name) union_name
  TypeSyntax discriminant;
  std::string_view discriminant_name, union_name;
};

struct InterfaceSyntax;

struct TypedefSyntax {
  const AttributeList* attributes = nullptr;
  TypeSyntax type;
  Declarator declarator;
};

struct ProcedureSyntax {
  AttributeList attributes;
  TypeSyntax result;
  Declarator declarator;  ///< layers are those of the result
  std::vector<FieldSyntax> parameters;
  std::string broken;
};

struct ConstantSyntax {
  std::string_view name;
  TokenRange value;
  Place place;
};

struct InterfaceSyntax {
  std::string_view name, base;
  Place place;
  AttributeList attributes;
  std::vector<ProcedureSyntax> procedures;
};

/// A declaration's interface decides what its pointers are by default.
template <typename Syntax>
struct Owned {
  const InterfaceSyntax* owner = nullptr;
  Syntax syntax;
};

struct ImportSyntax {
  std::string name;
  Place place;
};

struct Unit {
  std::uint32_t file = 0;
  std::vector<Token> tokens;
  std::deque<AttributeList> attribute_lists;  // shared by the declarators of one typedef
  std::deque<TypeSyntax> types;               // pipe elements
  std::deque<Owned<Body>> bodies;
  std::deque<Owned<TypedefSyntax>> typedefs;
  std::deque<InterfaceSyntax> interfaces;
  std::vector<std::string_view> forward_interfaces;  ///< `interface X;`
  std::vector<ConstantSyntax> constants;
  std::vector<ImportSyntax> imports;

  std::span<const Token> range(TokenRange r) const {
    return std::span(tokens).subspan(r.begin, r.end - r.begin);
  }
};

}  // namespace rpcmarshal::idl
