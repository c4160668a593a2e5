// Syntax to model: names get their meaning, shorthands are written out, and the graph of types
// comes into the normal form that interface/model.h describes.
//
// A declaration is a list of layers (pointers and dimensions, outermost first) over a leaf.
// Typedefs on the way to the leaf add their layers below those of their user; the attributes of
// each then apply to the layers from its own on, the innermost typedef first, so that the user's
// win. `[size_is
// (,*n)] T** p` puts *n on the second layer; [string] goes to the last one. Nodes are then made
// from the leaf outwards. Bodies of structs and unions are built from a queue, so that neither a
// type that contains itself nor a long chain of types costs stack.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "idl/symbols.h"
#include "interface/model.h"

namespace rpcmarshal::idl {

class Builder {
 public:
  Builder(Symbols& symbols, Module& module, Reporter& reporter)
      : symbols_(symbols), module_(module), reporter_(reporter) {}

  /// The interface with all its procedures, inherited ones first.
  Interface build(const InterfaceSyntax& interface, const File& file);
  /// Makes the named types of `file` part of the module even if no procedure uses them.
  void build_types(const File& file);
  /// To be called last: completes bodies, takes types that contain themselves out of the graph, and
  /// marks the procedures of the module's interfaces that depend on an unknown type.
  void finish();

 private:
  /// Where a declaration stands, and which names its expressions may use.
  using Siblings = std::unordered_map<std::string_view, const FieldSyntax*>;
  struct Scope {
    const File* file = nullptr;
    const InterfaceSyntax* owner = nullptr;
    const Siblings* siblings = nullptr;
    bool parameter = false;
    bool result = false;
  };
  struct Layer {
    bool pointer = false;
    LayerSyntax syntax;
    const File* file = nullptr;
    PointerKind kind = PointerKind::kUnique;
    bool kind_given = false;
    bool conformant = false, varying = false, string = false;
    Expression size_is, length_is;
    std::optional<Range> range;
    const TypedefSyntax* named_by = nullptr;
  };
  /// A declaration on the way from the user to the leaf: the user itself, then typedefs.
  struct Step {
    const AttributeList* attributes = nullptr;
    const TypedefSyntax* definition = nullptr;
    std::size_t first_layer = 0;
    const File* file = nullptr;
  };
  struct Leaf {
    enum class Kind {
      kUnknown,
      kBase,
      kVoid,
      kBody,
      kInterface,
      kPipe,
      kAutomation,
      kBinding
    } kind = Kind::kUnknown;
    BaseType base = BaseType::kInt32;
    AutomationKind automation = AutomationKind::kBstr;
    const Owned<Body>* body = nullptr;
    const Body* inline_body = nullptr;
    const TypeSyntax* element = nullptr;
    std::string_view name;
    const InterfaceSyntax* owner = nullptr;
    const File* file = nullptr;
    Place place;
    std::string why;  ///< kUnknown
  };
  struct Flat {
    std::vector<Layer> layers;
    std::vector<Step> steps;
    Leaf leaf;
    bool context_handle = false, strict_context = false, interface_pointer = false;
  };
  /// A struct, union or pipe whose members are still to be built.
  struct Pending {
    Type* type;
    const Body* body;           ///< or
    const TypeSyntax* element;  ///< of a pipe
    const File* file;
    const InterfaceSyntax* owner;
  };

  // builder.cc
  Field field(const FieldSyntax& syntax, const Scope& scope);
  const Type* type(const AttributeList& attributes, const TypeSyntax& syntax,
                   const Declarator& declarator, const Scope& scope,
                   std::optional<Range>* value_range);
  Flat flatten(const AttributeList& attributes, const TypeSyntax& syntax,
               const Declarator& declarator, const Scope& scope);
  Leaf resolve(Flat& flat, TypeSyntax type, const File* file, const InterfaceSyntax* owner);
  bool add_layers(Flat& flat, const Declarator& declarator, const File* file,
                  const InterfaceSyntax* owner, const TypedefSyntax* definition);
  void apply(Flat& flat, const Step& step, const Scope& scope);
  void apply_counts(Flat& flat, const Step& step, const Attribute& attribute, const Scope& scope);
  const Type* assemble(Flat& flat);
  Type* array(std::span<Layer> dimensions, const Type* element);
  std::optional<Range> range(const Attribute& attribute, const File& file);
  Expression expression(TokenRange range, const File& file, const Scope& scope,
                        std::string_view what);
  void fold(Expression& expression, const File& file, const Scope& scope, Place place);

  // leaves.cc
  const Type* leaf_type(Flat& flat);
  const Type* named_base(const Flat& flat, std::size_t alias);
  const Type* named_body(const Flat& flat, std::size_t alias);
  Type* body_type(const Body& body, const File& file, const InterfaceSyntax* owner);
  void complete(const Pending& pending);
  void complete_union(const Pending& pending, UnionShape& shape);
  const Type* discriminant(const TypeSyntax& syntax, const File& file);
  void infer_discriminant(const Type* type, const FieldSyntax& field, const Scope& scope);
  Type* unknown(std::string why);
  Type* make(std::string name, Shape shape);
  const Type* pointer_to(const Type* target, PointerKind kind);
  void inherit_prelude(Type& type);
  Annotations copied(const Annotations& annotations);
  static Siblings siblings_of(const std::vector<FieldSyntax>& fields);
  void publish(std::string_view name, const Type* type);
  void report_unknown(std::string_view name, const File& file, Place place);

  // procedures.cc
  std::vector<Procedure> procedures(const InterfaceSyntax& interface, const File& file);
  void own_procedures(const InterfaceSyntax& interface, const File& file,
                      std::vector<Procedure>& all);
  Procedure procedure(const ProcedureSyntax& syntax, const InterfaceSyntax& interface,
                      const File& file);
  void break_circles();
  void mark_untyped();

  Symbols& symbols_;
  Module& module_;
  Reporter& reporter_;
  std::deque<Pending> pending_;
  std::unordered_map<const Body*, Type*> body_types_;
  std::unordered_map<const TypedefSyntax*, const Type*> alias_types_;
  std::unordered_map<const TypeSyntax*, const Type*> pipe_types_;
  std::unordered_map<const Type*, Place> places_;  ///< of bodies
  std::map<std::pair<const Type*, PointerKind>, const Type*> plain_pointers_;
  std::map<BaseType, const Type*> base_types_;
  std::unordered_map<const Type*, const Type*> inferred_discriminants_;
  std::unordered_map<const InterfaceSyntax*, std::vector<Procedure>> procedures_;
  std::set<std::pair<const File*, std::string_view>> reported_;
  const Type* void_type_ = nullptr;
  const Type* binding_type_ = nullptr;
  std::size_t procedure_count_ = 0, annotation_bytes_ = 0, enum_copies_ = 0;
  bool full_ = false;
};

}  // namespace rpcmarshal::idl
