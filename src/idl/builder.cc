#include "idl/builder.h"

#include <algorithm>
#include <array>

#include "idl/grammar.h"

namespace rpcmarshal::idl {
namespace {

constexpr std::size_t kTypedefChain = 64;
constexpr std::size_t kAnnotationBytes = 64u << 20;

/// Names whose meaning for NDR IDL cannot express, or that documents redeclare in C terms that
/// would lose it ([MS-DTYP] has `typedef unsigned short wchar_t`). A file's own definition does not
/// count.
struct Builtin {
  std::string_view name;
  enum class What { kBase, kBinding, kBstr, kVariant, kSafearray } what;
  BaseType base = BaseType::kInt32;
};
constexpr std::array<Builtin, 13> kBuiltins{{
    {"wchar_t", Builtin::What::kBase, BaseType::kWChar},
    {"WCHAR", Builtin::What::kBase, BaseType::kWChar},
    {"OLECHAR", Builtin::What::kBase, BaseType::kWChar},
    {"byte", Builtin::What::kBase, BaseType::kByte},
    {"boolean", Builtin::What::kBase, BaseType::kBoolean},
    {"error_status_t", Builtin::What::kBase, BaseType::kErrorStatus},
    {"handle_t", Builtin::What::kBinding},
    {"BSTR", Builtin::What::kBstr},
    {"VARIANT", Builtin::What::kVariant},
    {"VARIANTARG", Builtin::What::kVariant},
    {"SAFEARRAY", Builtin::What::kSafearray},
    {"LPSAFEARRAY", Builtin::What::kSafearray},
    {"PSAFEARRAY", Builtin::What::kSafearray},
}};

PointerKind default_kind(const InterfaceSyntax* owner, const File& file) {
  const Attribute* given = owner ? owner->attributes.find("pointer_default") : nullptr;
  if (!given || given->arguments.empty()) return PointerKind::kUnique;
  const Token& kind = file.unit.tokens[given->arguments.begin];
  return kind.is("ref")   ? PointerKind::kRef
         : kind.is("ptr") ? PointerKind::kFull
                          : PointerKind::kUnique;
}

std::optional<PointerKind> given_kind(const AttributeList& attributes) {
  if (attributes.has("ref")) return PointerKind::kRef;
  if (attributes.has("unique")) return PointerKind::kUnique;
  if (attributes.has("ptr") || attributes.has("full")) return PointerKind::kFull;
  return std::nullopt;
}

}  // namespace

// -- from a declaration to layers ----------------------------------------------------------------

bool Builder::add_layers(Flat& flat, const Declarator& declarator, const File* file,
                         const InterfaceSyntax* owner, const TypedefSyntax* definition) {
  if (flat.layers.size() + declarator.layers.size() > kLimits.type_layers) return false;
  for (std::size_t i = 0; i < declarator.layers.size(); ++i) {
    Layer layer;
    layer.pointer = declarator.layers[i].pointer;
    layer.syntax = declarator.layers[i];
    layer.file = file;
    layer.kind = default_kind(owner, *file);
    layer.conformant = !layer.pointer && layer.syntax.bound.empty();
    if (i == 0) layer.named_by = definition;
    flat.layers.push_back(std::move(layer));
  }
  return true;
}

/// Follows typedefs from `type` down, adding their layers, to what is no typedef.
Builder::Leaf Builder::resolve(Flat& flat, TypeSyntax type, const File* file,
                               const InterfaceSyntax* owner) {
  Leaf leaf;
  for (std::size_t links = 0; links < kTypedefChain; ++links) {
    leaf.place = type.place;
    leaf.file = file;
    leaf.owner = owner;
    leaf.name = type.name;
    switch (type.kind) {
      case TypeSyntax::Kind::kBroken:
        leaf.why = "its declaration could not be read";
        return leaf;
      case TypeSyntax::Kind::kBase:
        leaf.kind = Leaf::Kind::kBase;
        leaf.base = type.base;
        return leaf;
      case TypeSyntax::Kind::kVoid:
        leaf.kind = Leaf::Kind::kVoid;
        return leaf;
      case TypeSyntax::Kind::kPipe:
        leaf.kind = Leaf::Kind::kPipe;
        leaf.element = type.element;
        return leaf;
      case TypeSyntax::Kind::kSafearray:
        leaf.kind = Leaf::Kind::kAutomation;
        leaf.automation = AutomationKind::kSafearray;
        return leaf;
      case TypeSyntax::Kind::kTagged:
      case TypeSyntax::Kind::kNamed:
        break;
    }
    if (type.body) {
      leaf.kind = Leaf::Kind::kBody;
      leaf.inline_body = type.body;
      return leaf;
    }
    if (type.kind == TypeSyntax::Kind::kNamed) {
      const auto builtin = std::ranges::find(kBuiltins, type.name, &Builtin::name);
      if (builtin != kBuiltins.end()) {
        leaf.kind = builtin->what == Builtin::What::kBase      ? Leaf::Kind::kBase
                    : builtin->what == Builtin::What::kBinding ? Leaf::Kind::kBinding
                                                               : Leaf::Kind::kAutomation;
        leaf.base = builtin->base;
        leaf.automation = builtin->what == Builtin::What::kVariant     ? AutomationKind::kVariant
                          : builtin->what == Builtin::What::kSafearray ? AutomationKind::kSafearray
                                                                       : AutomationKind::kBstr;
        return leaf;
      }
    }
    const Definition found = type.kind == TypeSyntax::Kind::kNamed
                                 ? symbols_.find(type.name, *file)
                                 : symbols_.find_tag(type.name, *file);
    if (!found) {  // kUnknown with an empty why: the name says it
      if (symbols_.is_forward_interface(type.name)) leaf.kind = Leaf::Kind::kInterface;
      return leaf;
    }
    file = found.file;
    leaf.file = file;
    if (found.interface) {
      leaf.kind = Leaf::Kind::kInterface;
      return leaf;
    }
    if (found.body) {
      leaf.kind = Leaf::Kind::kBody;
      leaf.body = found.body;
      leaf.owner = found.body->owner;
      return leaf;
    }
    const TypedefSyntax& definition = found.type_definition->syntax;
    owner = found.type_definition->owner;
    flat.steps.push_back({definition.attributes, &definition, flat.layers.size(), file});
    const Attribute* wire = definition.attributes->find("wire_marshal");
    if (!wire) wire = definition.attributes->find("transmit_as");
    if (wire) {
      // What travels is another type; this one's own layers exist in memory only.
      const Place place = wire->place;
      type = parse_type_name(file->unit.range(wire->arguments));
      type.place = place;
      continue;
    }
    if (!add_layers(flat, definition.declarator, file, owner, &definition)) {
      leaf.why = "it has too many pointers and dimensions";
      return leaf;
    }
    type = definition.type;
  }
  leaf.why = "its typedefs go round in a circle";
  return leaf;
}

Builder::Flat Builder::flatten(const AttributeList& attributes, const TypeSyntax& syntax,
                               const Declarator& declarator, const Scope& scope) {
  Flat flat;
  flat.steps.push_back({&attributes, nullptr, 0, scope.file});
  if (!add_layers(flat, declarator, scope.file, scope.owner, nullptr)) {
    flat.leaf.why = "it has too many pointers and dimensions";
    return flat;
  }
  flat.leaf = resolve(flat, syntax, scope.file, scope.owner);
  // A parameter that is a pointer, however it got to be one, is [ref] unless told otherwise.
  if (!flat.layers.empty() && flat.layers.front().pointer) {
    if (scope.parameter) flat.layers.front().kind = PointerKind::kRef;
    if (scope.result && flat.layers.front().kind == PointerKind::kRef)
      flat.layers.front().kind = PointerKind::kUnique;
  }
  for (std::size_t i = flat.steps.size(); i-- > 0;) apply(flat, flat.steps[i], scope);
  for (Layer& layer : flat.layers) {
    if (layer.pointer || layer.syntax.bound.empty()) continue;
    if (!layer.size_is.empty()) {
      layer.conformant = true;  // size_is on a[10] makes it conformant, as MIDL has it
      continue;
    }
    const std::optional<std::int64_t> bound =
        symbols_.evaluate(layer.syntax.bound, *layer.file, "the array's bound");
    if (!bound || *bound < 0) {
      if (bound) {
        reporter_.error(layer.syntax.place, "the array's bound is negative", "it cannot be decoded",
                        "use a count");
      }
      flat.leaf.kind = Leaf::Kind::kUnknown;
      flat.leaf.why = "the bound of its array is not known";
      continue;
    }
    layer.size_is.nodes = {{Expression::Op::kConstant, *bound, {}}};
  }
  return flat;
}

// -- attributes ----------------------------------------------------------------------------------

void Builder::apply(Flat& flat, const Step& step, const Scope& scope) {
  const AttributeList& attributes = *step.attributes;
  const auto begin = std::min(step.first_layer, flat.layers.size());
  const auto first_pointer =
      std::find_if(flat.layers.begin() + static_cast<std::ptrdiff_t>(begin), flat.layers.end(),
                   [](const Layer& layer) { return layer.pointer; });
  if (const std::optional<PointerKind> kind = given_kind(attributes)) {
    const bool array_parameter =
        scope.parameter && begin == 0 && !flat.layers.empty() && !flat.layers[0].pointer;
    if (array_parameter) {
      // `[unique] T a[]` as a parameter is a pointer to the array ([C706] 4.2.20).
      if (*kind != PointerKind::kRef && !step.definition) {
        Layer pointer;
        pointer.pointer = pointer.kind_given = true;
        pointer.kind = *kind;
        pointer.file = scope.file;
        flat.layers.insert(flat.layers.begin(), std::move(pointer));
        for (Step& other : flat.steps) {
          if (&other != &flat.steps.front()) ++other.first_layer;
        }
        for (const Attribute& attribute : attributes.items) {
          // Counts and strings belong to the array, which is now the second layer.
          Step shifted = step;
          shifted.first_layer = 1;
          apply_counts(flat, shifted, attribute, scope);
        }
        return;
      }
    } else if (first_pointer != flat.layers.end()) {
      first_pointer->kind = *kind;
      first_pointer->kind_given = true;
    }
  }
  for (const Attribute& attribute : attributes.items) apply_counts(flat, step, attribute, scope);
}

void Builder::apply_counts(Flat& flat, const Step& step, const Attribute& attribute,
                           const Scope& scope) {
  const std::size_t begin = std::min(step.first_layer, flat.layers.size());
  const std::span<Layer> layers = std::span(flat.layers).subspan(begin);
  const std::string_view name = attribute.name;
  if (name == "context_handle" || name == "context_handle_serialize" ||
      name == "context_handle_noserialize") {
    flat.context_handle = true;
  } else if (name == "strict_context_handle") {
    flat.context_handle = flat.strict_context = true;
  } else if (name == "iid_is") {
    flat.interface_pointer = true;
  } else if (name == "string" || name == "bstring") {
    if (!layers.empty()) layers.back().string = true;
  } else if (name == "range") {
    const std::optional<Range> bounds = range(attribute, *step.file);
    const auto counted = std::ranges::find_if(layers, [](const Layer& l) {
      return l.string || l.conformant || !l.pointer || !l.size_is.empty();
    });
    if (counted != layers.end()) counted->range = bounds;
  } else if (name == "size_is" || name == "max_is" || name == "length_is" || name == "last_is") {
    const auto parts = split_at_commas(step.file->unit.range(attribute.arguments));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].empty()) continue;
      if (i >= layers.size()) {
        reporter_.warn(
            attribute.place,
            std::string(name) + " has more entries than there are pointers and dimensions",
            "the last ones are not used", "remove them, or add the pointer");
        break;
      }
      const auto offset =
          static_cast<std::uint32_t>(parts[i].data() - step.file->unit.tokens.data());
      Expression value = expression({offset, offset + static_cast<std::uint32_t>(parts[i].size())},
                                    *step.file, scope, name);
      if ((name == "max_is" || name == "last_is") &&
          !value.empty()) {  // the largest index: one less than the count
        value.nodes.push_back({Expression::Op::kConstant, 1, {}});
        value.nodes.push_back({Expression::Op::kAdd, 0, {}});
        value.text = "(" + value.text + ") + 1";
        if (const std::optional<std::int64_t> known = value.constant()) {
          value.nodes = {{Expression::Op::kConstant, *known, {}}};
        }
      }
      if (name == "size_is" || name == "max_is") {
        layers[i].conformant = true;
        layers[i].size_is = std::move(value);
      } else {
        layers[i].varying = true;
        layers[i].length_is = std::move(value);
      }
    }
  } else if (name == "first_is" || name == "min_is") {
    if (!layers.empty()) layers.front().varying = true;
  }
}

std::optional<Range> Builder::range(const Attribute& attribute, const File& file) {
  const auto parts = split_at_commas(file.unit.range(attribute.arguments));
  if (parts.size() == 2 && !parts[0].empty() && !parts[1].empty()) {
    std::optional<std::int64_t> bounds[2];
    for (int i = 0; i < 2; ++i) {
      const auto begin = static_cast<std::uint32_t>(parts[static_cast<std::size_t>(i)].data() -
                                                    file.unit.tokens.data());
      const auto size = static_cast<std::uint32_t>(parts[static_cast<std::size_t>(i)].size());
      bounds[i] = symbols_.evaluate({begin, begin + size}, file, "the bound of range");
    }
    if (bounds[0] && bounds[1]) return Range{*bounds[0], *bounds[1]};
    return std::nullopt;
  }
  reporter_.warn(attribute.place, "range needs two bounds", "it is not used",
                 "write range(low, high)");
  return std::nullopt;
}

Expression Builder::expression(TokenRange range, const File& file, const Scope& scope,
                               std::string_view what) {
  const auto tokens = file.unit.range(range);
  if (tokens.empty()) return {};
  std::optional<ExpressionError> error;
  Expression out = parse_expression(
      tokens, [&](std::span<const Token> type) { return symbols_.size_of(type, file); }, error);
  if (error) {
    reporter_.warn(error->place, std::string(what) + " cannot be read: " + error->message,
                   "counts are taken from the wire instead", "write a C integer expression");
    return {};
  }
  fold(out, file, scope, tokens.front().place);
  return out;
}

/// Constants for the names that are neither parameters nor fields beside the expression.
void Builder::fold(Expression& expression, const File& file, const Scope& scope, Place place) {
  bool names = false;
  for (Expression::Node& node : expression.nodes) {
    if (node.op != Expression::Op::kName) continue;
    const bool sibling = scope.siblings && scope.siblings->contains(node.name);
    const std::optional<std::int64_t> value =
        sibling ? std::nullopt : symbols_.constant(node.name, file);
    if (value) {
      node = {Expression::Op::kConstant, *value, {}};
      continue;
    }
    names = true;
    if (!sibling && scope.siblings) {
      reporter_.warn(place, "'" + node.name + "' is neither a neighbour nor a constant",
                     "the expression has no value; counts are taken from the wire",
                     "correct the name");
    }
  }
  if (names || expression.nodes.size() < 2) return;
  if (const std::optional<std::int64_t> value = expression.constant()) {
    expression.nodes = {{Expression::Op::kConstant, *value, {}}};
  }
}

/// Text is copied for every use of a typedef or attribute block: bounded in all.
Annotations Builder::copied(const Annotations& annotations) {
  for (const Annotation& annotation : annotations.items) {
    annotation_bytes_ += sizeof annotation + annotation.name.size();
    for (const std::string& argument : annotation.arguments) {
      annotation_bytes_ += sizeof argument + argument.size();
    }
  }
  return annotation_bytes_ < kAnnotationBytes ? annotations : Annotations{};
}

// -- from layers to nodes
// --------------------------------------------------------------------------

/// One array of the dimensions given, outermost first.
Type* Builder::array(std::span<Layer> dimensions, const Type* element) {
  ArrayShape shape;
  shape.element = element;
  for (Layer& layer : dimensions) {
    Dimension dimension;
    dimension.conformant = layer.conformant || layer.pointer;
    dimension.varying = layer.varying || layer.string;
    if (dimension.conformant) {
      dimension.size_is = std::move(layer.size_is);
    } else if (const std::optional<std::int64_t> bound = layer.size_is.constant()) {
      dimension.fixed = static_cast<std::uint64_t>(*bound);
    }
    dimension.length_is = std::move(layer.length_is);
    shape.string = shape.string || layer.string;
    if (layer.range) shape.range = layer.range;
    shape.dimensions.push_back(std::move(dimension));
  }
  return make({}, std::move(shape));
}

const Type* Builder::assemble(Flat& flat) {
  std::vector<Layer>& layers = flat.layers;
  std::size_t left = layers.size();
  const bool last_is_pointer = left && layers[left - 1].pointer && layers[left - 1].size_is.empty();
  const Type* node = nullptr;
  // Some leaves swallow the pointer that C needs to name them.
  if (flat.context_handle) {
    node = make(std::string(flat.leaf.name), ContextHandleShape{flat.strict_context});
    if (left && layers[left - 1].pointer) --left;
  } else if (last_is_pointer && flat.leaf.kind == Leaf::Kind::kVoid && flat.interface_pointer) {
    node = make({}, InterfacePointerShape{});
    --left;
  } else if (flat.leaf.kind == Leaf::Kind::kInterface) {
    node = make({}, InterfacePointerShape{std::string(flat.leaf.name)});
    if (last_is_pointer) --left;
  } else if (last_is_pointer && flat.leaf.kind == Leaf::Kind::kAutomation &&
             flat.leaf.name == "SAFEARRAY") {
    node = leaf_type(flat);
    --left;
  } else {
    node = leaf_type(flat);
  }
  if (flat.context_handle) {
    // The handle's name is that of the typedef that made it one.
    for (const Step& step : flat.steps) {
      if (step.definition && step.attributes->has("context_handle")) {
        auto& handle = const_cast<Type&>(*node);
        handle.name = step.definition->declarator.name;
        handle.annotations = copied(step.attributes->annotations);
        break;
      }
    }
  }
  for (std::size_t i = left; i-- > 0;) {
    Layer& layer = layers[i];
    const Type* outer = nullptr;
    Type* fresh = nullptr;
    if (layer.pointer) {
      const bool counted = layer.string || layer.conformant || layer.varying;
      if (counted) {
        layer.conformant = true;
        fresh = array({&layer, 1}, node);
        node = fresh;
      }
      if (layer.named_by) {
        Type* pointer = make({}, PointerShape{layer.kind, node});
        if (fresh) fresh->annotations = copied(layer.named_by->attributes->annotations);
        fresh = pointer;
        outer = pointer;
      } else {
        outer = pointer_to(node, layer.kind);
      }
    } else {
      std::size_t first = i;
      while (!layer.string && first > 0 && !layers[first - 1].pointer &&
             !layers[first - 1].string && !layers[first].named_by) {
        --first;
      }
      fresh = array(std::span(layers).subspan(first, i - first + 1), node);
      outer = fresh;
      i = first;
    }
    if (const TypedefSyntax* named = layers[i].named_by; named && fresh) {
      fresh->name = named->declarator.name;
      fresh->annotations = copied(named->attributes->annotations);
      inherit_prelude(*fresh);
    }
    node = outer;
  }
  return node;
}

const Type* Builder::type(const AttributeList& attributes, const TypeSyntax& syntax,
                          const Declarator& declarator, const Scope& scope,
                          std::optional<Range>* value_range) {
  Flat flat = flatten(attributes, syntax, declarator, scope);
  if (value_range) {
    // Of the innermost typedef that has one, unless a user nearer by has; arrays took theirs
    // already.
    bool taken = std::ranges::any_of(flat.layers,
                                     [](const Layer& layer) { return layer.range.has_value(); });
    for (const Step& step : flat.steps) {
      const Attribute* given = step.attributes->find("range");
      if (!given || taken) continue;
      *value_range = range(*given, *step.file);
      taken = true;
    }
  }
  return assemble(flat);
}

Field Builder::field(const FieldSyntax& syntax, const Scope& scope) {
  Field out;
  out.name = syntax.declarator.name;
  out.annotations = copied(syntax.attributes->annotations);
  out.ignore = syntax.attributes->has("ignore");
  if (!syntax.broken.empty()) {
    out.type = unknown(syntax.broken);
    return out;
  }
  out.type = type(*syntax.attributes, syntax.type, syntax.declarator, scope, &out.range);
  if (const Attribute* given = syntax.attributes->find("switch_is")) {
    out.switch_is = expression(given->arguments, *scope.file, scope, "switch_is");
    infer_discriminant(out.type, syntax, scope);
  }
  if (const Attribute* given = syntax.attributes->find("iid_is")) {
    out.iid_is = expression(given->arguments, *scope.file, scope, "iid_is");
  }
  return out;
}

}  // namespace rpcmarshal::idl
