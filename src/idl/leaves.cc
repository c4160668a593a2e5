// The ends of declarations: base types, enumerations, structs, unions, pipes, and names that
// nothing defines.
#include <algorithm>

#include "idl/builder.h"
#include "idl/grammar.h"

namespace rpcmarshal::idl {
namespace {

constexpr std::size_t kNoAlias = SIZE_MAX;

void add_missing(Annotations& to, const Annotations& from) {
  for (const Annotation& annotation : from.items) {
    if (!to.find(annotation.name)) to.items.push_back(annotation);
  }
}

/// The integer or enumeration on which a union may switch, below pointers; nullptr for other types.
const Type* scalar_below(const Type* type) {
  while (const auto* pointer = std::get_if<PointerShape>(&type->shape)) type = pointer->target;
  return std::holds_alternative<BaseShape>(type->shape) ||
                 std::holds_alternative<EnumShape>(type->shape)
             ? type
             : nullptr;
}

}  // namespace

Type* Builder::make(std::string name, Shape shape) {
  if (module_.types.size() >= kLimits.type_nodes && !full_) {
    full_ = true;
    reporter_.error({}, "too many types", "what follows is not typed", "load fewer files at once");
  }
  if (full_) shape = UnknownShape{"there are too many types"};
  return module_.make_type(std::move(name), std::move(shape));
}

Type* Builder::unknown(std::string why) { return make({}, UnknownShape{std::move(why)}); }

const Type* Builder::pointer_to(const Type* target, PointerKind kind) {
  const Type*& known = plain_pointers_[{target, kind}];
  if (!known) known = make({}, PointerShape{kind, target});
  return known;
}

void Builder::publish(std::string_view name, const Type* type) {
  if (!name.empty()) module_.named_types.try_emplace(std::string(name), type);
}

/// A file that redeclares NTSTATUS or FILETIME in plain IDL keeps what the prelude says about it.
void Builder::inherit_prelude(Type& type) {
  if (!type.annotations.items.empty() || type.name.empty()) return;
  const auto it = symbols_.prelude().typedefs.find(type.name);
  if (it != symbols_.prelude().typedefs.end())
    type.annotations = copied(it->second->syntax.attributes->annotations);
}

void Builder::report_unknown(std::string_view name, const File& file, Place place) {
  if (!reported_.emplace(&file, name).second) return;
  reporter_.error(
      place, "unknown type '" + std::string(name) + "'",
      "procedures that use it keep their name and opnum but cannot be decoded beyond it",
      "declare it, import the file that does, or add that file's folder to the import path");
}

const Type* Builder::leaf_type(Flat& flat) {
  Leaf& leaf = flat.leaf;
  const auto below = std::ranges::find_if(flat.steps, [&](const Step& step) {
    return step.definition && step.first_layer >= flat.layers.size();
  });
  const std::size_t alias =
      below == flat.steps.end() ? kNoAlias : static_cast<std::size_t>(below - flat.steps.begin());
  switch (leaf.kind) {
    case Leaf::Kind::kUnknown: {
      if (leaf.why.empty()) {
        report_unknown(leaf.name, *leaf.file, leaf.place);
        leaf.why = "unknown type '" + std::string(leaf.name) + "'";
      } else if (leaf.why != "its declaration could not be read" &&
                 leaf.why != "the bound of its array is not known" &&
                 reported_.emplace(leaf.file, leaf.name).second) {
        reporter_.error(
            leaf.place, "type '" + std::string(leaf.name) + "' cannot be used: " + leaf.why,
            "procedures that use it keep their name and opnum but cannot be decoded beyond it",
            "correct its declaration");
      }
      return unknown(leaf.why);
    }
    case Leaf::Kind::kBase:
      if (alias != kNoAlias) return named_base(flat, alias);
      if (const Type*& known = base_types_[leaf.base]) {
        return known;
      } else {
        return known = make({}, BaseShape{leaf.base});
      }
    case Leaf::Kind::kVoid: {
      if (!flat.layers.empty()) {
        const bool counted = std::ranges::any_of(
            flat.layers, [](const Layer& l) { return l.conformant || l.varying; });
        if (counted) return make({}, BaseShape{BaseType::kByte});  // [size_is(n)] void*: bytes
        const bool ignored = std::ranges::any_of(
            flat.steps, [](const Step& s) { return s.attributes->has("ignore"); });
        if (!ignored) {
          if (reported_.emplace(leaf.file, std::string_view("void*")).second) {
            reporter_.warn(leaf.place, "a pointer to void has no wire form",
                           "a procedure that uses it cannot be decoded beyond it",
                           "use a context handle, iid_is, or the type that travels");
          }
          return unknown("a pointer to void has no wire form");
        }
      }
      if (!void_type_) void_type_ = make({}, VoidShape{});
      return void_type_;
    }
    case Leaf::Kind::kBody:
      return named_body(flat, alias);
    case Leaf::Kind::kInterface:
      return make({}, InterfacePointerShape{std::string(leaf.name)});
    case Leaf::Kind::kPipe: {
      const Type*& known = pipe_types_[leaf.element];
      if (known) return known;
      Type* pipe =
          make(alias == kNoAlias ? std::string()
                                 : std::string(flat.steps[alias].definition->declarator.name),
               PipeShape{});
      known = pipe;
      pending_.push_back({pipe, nullptr, leaf.element, leaf.file, leaf.owner});
      publish(pipe->name, pipe);
      return pipe;
    }
    case Leaf::Kind::kAutomation: {
      Type* value = make(std::string(leaf.automation == AutomationKind::kBstr      ? "BSTR"
                                     : leaf.automation == AutomationKind::kVariant ? "VARIANT"
                                                                                   : "SAFEARRAY"),
                         AutomationShape{leaf.automation});
      if (alias != kNoAlias) {
        for (std::size_t i = alias; i < flat.steps.size(); ++i) {
          add_missing(value->annotations, flat.steps[i].attributes->annotations);
        }
      }
      return value;
    }
    case Leaf::Kind::kBinding:
      if (!binding_type_) binding_type_ = make({}, BindingHandleShape{});
      return binding_type_;
  }
  return unknown("an unexpected type");
}

/// A typedef of a base type is a type of its own: NTSTATUS and DWORD are shown differently.
const Type* Builder::named_base(const Flat& flat, std::size_t alias) {
  const Step& first = flat.steps[alias];
  const Type*& known = alias_types_[first.definition];
  if (known) return known;
  Type* type = make(std::string(first.definition->declarator.name), BaseShape{flat.leaf.base});
  for (std::size_t i = alias; i < flat.steps.size(); ++i) {
    Type part{std::string(flat.steps[i].definition->declarator.name),
              {},
              copied(flat.steps[i].attributes->annotations)};
    inherit_prelude(part);
    add_missing(type->annotations, part.annotations);
  }
  publish(type->name, type);
  return known = type;
}

/// Typedefs of structs, unions and enumerations share the node, except those that say more: every
/// further name of an enumeration, and annotated names of structs and unions.
const Type* Builder::named_body(const Flat& flat, std::size_t alias) {
  const Leaf& leaf = flat.leaf;
  const Body& body = leaf.body ? leaf.body->syntax : *leaf.inline_body;
  Type* type = body_type(body, *leaf.file, leaf.owner);
  if (alias == kNoAlias) return type;
  Annotations said;
  for (std::size_t i = alias; i < flat.steps.size(); ++i) {
    const TypedefSyntax& definition = *flat.steps[i].definition;
    if (definition.type.body != &body) add_missing(said, flat.steps[i].attributes->annotations);
  }
  const TypedefSyntax* definition = flat.steps[alias].definition;
  const std::string_view name = definition->declarator.name;
  if (name == type->name) {
    add_missing(type->annotations, said);
    return type;
  }
  bool share = said.items.empty() && body.kind != Body::Kind::kEnum;
  if (const auto* values = std::get_if<EnumShape>(&type->shape)) {
    enum_copies_ += values->values.size();
    share = share || enum_copies_ > kLimits.type_nodes;
  }
  if (share) {
    publish(name, type);
    return type;
  }
  const Type*& known = alias_types_[definition];
  if (known) return known;
  Type* copy = make(std::string(name), type->shape);
  copy->annotations = std::move(said);
  add_missing(copy->annotations, type->annotations);
  if (body.kind != Body::Kind::kEnum) {
    pending_.push_back({copy, &body, nullptr, leaf.file, leaf.owner});
    places_.emplace(copy, body.place);
  }
  publish(name, copy);
  return known = copy;
}

Type* Builder::body_type(const Body& body, const File& file, const InterfaceSyntax* owner) {
  Type*& known = body_types_[&body];
  if (known) return known;
  std::string_view name = body.typedef_name;
  if (const auto it = file.tag_typedefs.find(body.tag);
      name.empty() && !body.tag.empty() && it != file.tag_typedefs.end()) {
    name = it->second;
  }
  if (name.empty()) name = body.tag;
  Type* type = nullptr;
  if (body.kind == Body::Kind::kEnum) {
    EnumShape shape{body.attributes.has("v1_enum"), symbols_.enumeration(body, file)};
    // `typedef [v1_enum] enum TAG NAME;` away from the body says it too.
    if (!name.empty() && !shape.v1) {
      const auto it = file.typedefs.find(name);
      shape.v1 = it != file.typedefs.end() &&
                 it->second->syntax.type.kind == TypeSyntax::Kind::kTagged &&
                 it->second->syntax.attributes->has("v1_enum");
    }
    type = make(std::string(name), std::move(shape));
  } else {
    type = make(std::string(name),
                body.kind == Body::Kind::kStruct ? Shape(StructShape{}) : Shape(UnionShape{}));
    pending_.push_back({type, &body, nullptr, &file, owner});
  }
  type->annotations = copied(body.attributes.annotations);
  inherit_prelude(*type);
  places_.emplace(type, body.place);
  known = type;
  publish(name, type);
  publish(body.tag, type);
  return type;
}

Builder::Siblings Builder::siblings_of(const std::vector<FieldSyntax>& fields) {
  Siblings out;
  for (const FieldSyntax& field : fields) out.try_emplace(field.declarator.name, &field);
  return out;
}

// -- members -------------------------------------------------------------------------------------

void Builder::complete(const Pending& pending) {
  if (auto* pipe = std::get_if<PipeShape>(&pending.type->shape)) {
    const Scope scope{pending.file, pending.owner, nullptr, false, false};
    pipe->element = type({}, *pending.element, {}, scope, nullptr);
  } else if (std::holds_alternative<StructShape>(pending.type->shape)) {
    const Siblings siblings = siblings_of(pending.body->fields);
    const Scope scope{pending.file, pending.owner, &siblings, false, false};
    std::vector<Field> fields;
    fields.reserve(pending.body->fields.size());
    for (const FieldSyntax& syntax : pending.body->fields) fields.push_back(field(syntax, scope));
    std::get<StructShape>(pending.type->shape).fields = std::move(fields);
  } else if (std::holds_alternative<UnionShape>(pending.type->shape)) {
    UnionShape shape;
    complete_union(pending, shape);
    pending.type->shape = std::move(shape);
  }
}

void Builder::complete_union(const Pending& pending, UnionShape& shape) {
  const Body& body = *pending.body;
  shape.encapsulated = body.encapsulated;
  shape.ms_union =
      !body.encapsulated && (body.attributes.has("ms_union") ||
                             (pending.owner && pending.owner->attributes.has("ms_union")));
  if (body.encapsulated) {
    shape.discriminant = discriminant(body.discriminant, *pending.file);
    shape.discriminant_name =
        body.discriminant_name.empty() ? "tag" : std::string(body.discriminant_name);
    shape.union_name = body.union_name.empty() ? "u" : std::string(body.union_name);
  } else if (const Attribute* given = body.attributes.find("switch_type")) {
    TypeSyntax named = parse_type_name(pending.file->unit.range(given->arguments));
    if (named.kind == TypeSyntax::Kind::kBroken) {
      reporter_.error(given->place, "switch_type does not name a type",
                      "the type of switch_is is used instead",
                      "write an integer or enumeration type");
    } else {
      shape.discriminant = discriminant(named, *pending.file);
    }
  }
  const Siblings siblings = siblings_of(body.fields);
  const Scope scope{pending.file, pending.owner, &siblings, false, false};
  for (const FieldSyntax& syntax : body.fields) {
    UnionArm arm;
    arm.is_default = syntax.is_default;
    for (const TokenRange& label : syntax.cases) {
      if (const auto value = symbols_.evaluate(label, *pending.file, "the case label"))
        arm.cases.push_back(*value);
    }
    if (arm.cases.empty() && !arm.is_default) {
      if (syntax.cases.empty()) {
        reporter_.warn(syntax.type.place,
                       "the arm '" + std::string(syntax.declarator.name) + "' has no case",
                       "it is never chosen", "write [case(value)] or [default] before it");
      }
      continue;
    }
    if (syntax.empty_arm) {
      arm.field.name = syntax.declarator.name;
    } else if (syntax.type.kind == TypeSyntax::Kind::kVoid && syntax.declarator.layers.empty()) {
      // `[case(1)] void;`: an empty arm by another name
    } else {
      arm.field = field(syntax, scope);
    }
    shape.arms.push_back(std::move(arm));
  }
}

const Type* Builder::discriminant(const TypeSyntax& syntax, const File& file) {
  const Scope scope{&file, nullptr, nullptr, false, false};
  const Type* found = type({}, syntax, {}, scope, nullptr);
  if (scalar_below(found) == found) return found;
  if (!std::holds_alternative<UnknownShape>(found->shape)) {
    reporter_.error(syntax.place, "a union's discriminant must be an integer or an enumeration",
                    "32 bits are assumed", "use such a type");
  }
  return nullptr;
}

/// Remembers the type of what switch_is names, for a union that has no switch_type of its own.
void Builder::infer_discriminant(const Type* type, const FieldSyntax& field, const Scope& scope) {
  const Type* target = type;
  for (std::size_t depth = 0; depth < 2 * kLimits.type_layers; ++depth) {
    if (const auto* pointer = std::get_if<PointerShape>(&target->shape)) {
      target = pointer->target;
    } else if (const auto* array = std::get_if<ArrayShape>(&target->shape)) {
      target = array->element;
    } else {
      break;
    }
  }
  const Attribute* given = field.attributes->find("switch_is");
  if (!std::holds_alternative<UnionShape>(target->shape) ||
      inferred_discriminants_.contains(target) || !scope.siblings) {
    return;
  }
  for (const Token& token : scope.file->unit.range(given->arguments)) {
    if (!token.is_identifier()) continue;
    const auto found = scope.siblings->find(token.text);
    if (found == scope.siblings->end()) continue;
    const FieldSyntax* sibling = found->second;
    if (!sibling->broken.empty() || sibling == &field || sibling->attributes->has("switch_is")) {
      continue;
    }
    Flat flat = flatten(*sibling->attributes, sibling->type, sibling->declarator, scope);
    if (flat.leaf.kind != Leaf::Kind::kBase && flat.leaf.kind != Leaf::Kind::kBody) continue;
    const Type* leaf = leaf_type(flat);
    if (!std::holds_alternative<BaseShape>(leaf->shape) &&
        !std::holds_alternative<EnumShape>(leaf->shape))
      continue;
    inferred_discriminants_.emplace(target, leaf);
    return;
  }
}

}  // namespace rpcmarshal::idl
