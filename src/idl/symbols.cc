#include "idl/symbols.h"

#include <algorithm>
#include <tuple>

#include "idl/grammar.h"

namespace rpcmarshal::idl {
namespace {

constexpr std::size_t kConstantDepth = 40;  // of constants defined by later constants

Definition name_in(const File& file, std::string_view name) {
  if (const auto it = file.typedefs.find(name); it != file.typedefs.end())
    return {&file, it->second, nullptr, nullptr};
  if (const auto it = file.interfaces.find(name); it != file.interfaces.end())
    return {&file, nullptr, nullptr, it->second};
  if (const auto it = file.tags.find(name); it != file.tags.end())
    return {&file, nullptr, it->second, nullptr};
  return {};
}
Definition tag_in(const File& file, std::string_view name) {
  if (const auto it = file.tags.find(name); it != file.tags.end())
    return {&file, nullptr, it->second, nullptr};
  return {};
}
Definition interface_in(const File& file, std::string_view name) {
  if (const auto it = file.interfaces.find(name); it != file.interfaces.end())
    return {&file, nullptr, nullptr, it->second};
  return {};
}

}  // namespace

File& Symbols::add(Unit unit) {
  files_.emplace_back();
  files_.back().unit = std::move(unit);
  return files_.back();
}

void File::index() {
  for (const auto& definition : unit.typedefs) {
    const TypedefSyntax& syntax = definition.syntax;
    const bool itself = syntax.type.kind == TypeSyntax::Kind::kNamed &&
                        syntax.declarator.layers.empty() &&
                        syntax.type.name == syntax.declarator.name;  // typedef interface X X;
    if (!itself) typedefs.try_emplace(syntax.declarator.name, &definition);
    if (syntax.type.kind == TypeSyntax::Kind::kTagged && syntax.declarator.layers.empty()) {
      tag_typedefs.try_emplace(syntax.type.name, syntax.declarator.name);
    }
  }
  for (const auto& body : unit.bodies) {
    if (!body.syntax.tag.empty()) tags.try_emplace(body.syntax.tag, &body);
    if (body.syntax.kind != Body::Kind::kEnum) continue;
    for (std::size_t i = 0; i < body.syntax.values.size(); ++i) {
      constants.try_emplace(body.syntax.values[i].name, ConstantSource{nullptr, &body.syntax, i});
    }
  }
  for (const InterfaceSyntax& interface : unit.interfaces)
    interfaces.try_emplace(interface.name, &interface);
  for (const ConstantSyntax& constant : unit.constants) {
    constants.try_emplace(constant.name, ConstantSource{&constant, nullptr, 0});
  }
}

void Symbols::index() {
  for (File& file : files_) {
    file.index();
    forward_.insert(file.unit.forward_interfaces.begin(), file.unit.forward_interfaces.end());
    const auto note = [&](const auto& names) {
      for (const auto& [name, definition] : names) {
        auto& where = everywhere_[name];
        if (where.size() < 4 && (where.empty() || where.back() != &file)) where.push_back(&file);
      }
    };
    note(file.typedefs);
    note(file.tags);
    note(file.interfaces);
    for (const auto& [name, source] : file.constants)
      constants_everywhere_.try_emplace(name, &file, source);
    for (const auto& [name, value] : file.macro_constants)
      macros_everywhere_.try_emplace(name, value);
  }
}

Definition Symbols::find_where(const File& from,
                               Definition (*in_file)(const File&, std::string_view),
                               std::string_view name) const {
  if (const Definition own = in_file(from, name)) return own;
  for (std::size_t import : from.imports) {
    if (const Definition imported = in_file(files_[import], name)) return imported;
  }
  if (const auto it = everywhere_.find(name); it != everywhere_.end()) {
    for (const File* file : it->second) {
      if (const Definition found = in_file(*file, name)) return found;
    }
  }
  return in_file(prelude(), name);
}

Definition Symbols::find(std::string_view name, const File& from) const {
  return find_where(from, name_in, name);
}
Definition Symbols::find_tag(std::string_view name, const File& from) const {
  if (const Definition tag = find_where(from, tag_in, name)) return tag;
  const Definition other = find(name, from);
  // `struct X` where X is only a typedef of itself would go round in circles.
  if (other.type_definition &&
      other.type_definition->syntax.type.kind == TypeSyntax::Kind::kTagged &&
      other.type_definition->syntax.type.name == name && !other.type_definition->syntax.type.body) {
    return {};
  }
  return other;
}
Definition Symbols::find_interface(std::string_view name, const File& from) const {
  return find_where(from, interface_in, name);
}

std::optional<std::int64_t> Symbols::constant(std::string_view name, const File& from,
                                              std::size_t depth) {
  if (depth > kConstantDepth) return std::nullopt;
  const File* file = &from;
  File::ConstantSource source;
  const auto in = [&](const File& candidate) {
    const auto it = candidate.constants.find(name);
    if (it == candidate.constants.end()) return false;
    file = &candidate;
    source = it->second;
    return true;
  };
  bool found = in(from);
  for (std::size_t i = 0; i < from.imports.size() && !found; ++i)
    found = in(files_[from.imports[i]]);
  if (!found) {
    if (const auto it = constants_everywhere_.find(name); it != constants_everywhere_.end()) {
      std::tie(file, source) = it->second;
      found = true;
    } else if (const auto macro = macros_everywhere_.find(name);
               macro != macros_everywhere_.end()) {
      return macro->second;
    } else {
      found = in(prelude());
    }
  }
  if (!found) return std::nullopt;
  if (source.enumeration) {
    const std::vector<EnumValue>& values = enumeration(*source.enumeration, *file, depth + 1);
    // While the enumeration itself is being worked out, only its earlier values are there.
    return source.index < values.size() ? std::optional(values[source.index].value) : std::nullopt;
  }
  const auto [it, fresh] = constant_values_.try_emplace(source.constant);
  if (fresh) {
    it->second.busy = true;
    const auto tokens = file->unit.range(source.constant->value);
    // Texts and floating-point constants take no part in counts or discriminants.
    const bool text = std::ranges::any_of(tokens, [](const Token& token) {
      return token.kind == Token::Kind::kString || token.is("{") ||
             (token.kind == Token::Kind::kNumber && token.text.find('.') != std::string_view::npos);
    });
    std::optional<std::int64_t> value;
    if (!text) value = evaluate(source.constant->value, *file, "the constant's value", depth + 1);
    Evaluated& entry = constant_values_[source.constant];
    entry = {false, value};
    return value;
  }
  return it->second.busy ? std::nullopt : it->second.value;
}

const std::vector<EnumValue>& Symbols::enumeration(const Body& body, const File& file,
                                                   std::size_t depth) {
  const auto [it, fresh] = enumerations_.try_emplace(&body);
  std::vector<EnumValue>& values = it->second;  // stays put: unordered_map is node-based
  if (!fresh) return values;
  std::int64_t next = 0;
  for (const EnumeratorSyntax& syntax : body.values) {
    if (++enum_values_ > kLimits.type_nodes) break;
    if (syntax.has_value)
      next = evaluate(syntax.value, file, "the enumerator's value", depth + 1).value_or(next);
    values.push_back({std::string(syntax.name), next});
    next = static_cast<std::int64_t>(static_cast<std::uint64_t>(next) + 1);
  }
  return values;
}

std::optional<std::int64_t> Symbols::evaluate(TokenRange range, const File& file,
                                              std::string_view what, std::size_t depth) {
  const auto tokens = file.unit.range(range);
  std::optional<ExpressionError> error;
  const Expression expression = parse_expression(
      tokens, [&](std::span<const Token> type) { return size_of(type, file); }, error);
  const Place place = !tokens.empty() ? tokens.front().place : Place{file.unit.file, 1, 1};
  if (error) {
    reporter_.error(tokens.empty() ? place : error->place,
                    std::string(what) + " cannot be read: " + error->message, "it is left out",
                    "write an integer expression");
    return std::nullopt;
  }
  std::string unknown;
  const std::optional<std::int64_t> value = expression.evaluate([&](std::string_view name) {
    const std::optional<std::int64_t> known = constant(name, file, depth + 1);
    if (!known) unknown = name;
    return known;
  });
  if (!value) {
    reporter_.error(place,
                    unknown.empty() ? std::string(what) + " cannot be computed"
                                    : std::string(what) + " uses '" + unknown +
                                          "', which is not a known constant",
                    "it is left out",
                    unknown.empty() ? "check for a division by zero" : "define '" + unknown + "'");
  }
  return value;
}

// -- sizeof ------------------------------------------------------------------------------------

std::optional<std::int64_t> Symbols::size_of(std::span<const Token> tokens,
                                             const File& from) const {
  if (!tokens.empty() && tokens.back().is("*")) return 4;
  const TypeSyntax type = parse_type_name(tokens);
  std::size_t budget = 4096;
  const std::optional<Layout> found = layout(type, from, 0, budget);
  return found ? std::optional(found->size) : std::nullopt;
}

std::optional<Symbols::Layout> Symbols::layout(const TypeSyntax& type, const File& file,
                                               std::size_t depth, std::size_t& budget) const {
  if (depth > 16 || budget == 0) return std::nullopt;
  --budget;
  const auto scalar = [](std::int64_t size) { return Layout{size, size}; };
  if (type.kind == TypeSyntax::Kind::kBase) {
    switch (type.base) {
      case BaseType::kInt64:
      case BaseType::kUInt64:
      case BaseType::kDouble:
        return scalar(8);
      case BaseType::kInt16:
      case BaseType::kUInt16:
      case BaseType::kWChar:
        return scalar(2);
      case BaseType::kBoolean:
      case BaseType::kByte:
      case BaseType::kChar:
      case BaseType::kInt8:
      case BaseType::kUInt8:
        return scalar(1);
      default:
        return scalar(4);
    }
  }
  if (type.kind != TypeSyntax::Kind::kNamed && type.kind != TypeSyntax::Kind::kTagged)
    return std::nullopt;
  if (type.body) return layout(*type.body, file, depth + 1, budget);
  if (type.name == "wchar_t" || type.name == "WCHAR" || type.name == "OLECHAR") return scalar(2);
  if (type.name == "byte" || type.name == "boolean") return scalar(1);
  if (type.name == "error_status_t") return scalar(4);
  if (type.name == "VARIANT") return Layout{16, 8};
  const Definition found =
      type.kind == TypeSyntax::Kind::kNamed ? find(type.name, file) : find_tag(type.name, file);
  if (found.body) return layout(found.body->syntax, *found.file, depth + 1, budget);
  if (!found.type_definition) return std::nullopt;
  const TypedefSyntax& definition = found.type_definition->syntax;
  if (!definition.declarator.layers.empty() && definition.declarator.layers.front().pointer)
    return scalar(4);
  if (!definition.declarator.layers.empty()) return std::nullopt;
  return layout(definition.type, *found.file, depth + 1, budget);
}

std::optional<Symbols::Layout> Symbols::layout(const Body& body, const File& file,
                                               std::size_t depth, std::size_t& budget) const {
  if (body.kind == Body::Kind::kEnum) return Layout{4, 4};
  if (const auto known = layouts_.find(&body); known != layouts_.end()) return known->second;
  layouts_.emplace(&body, std::nullopt);  // what a struct that contains itself finds
  Layout whole;
  for (const FieldSyntax& field : body.fields) {
    if (field.empty_arm) continue;
    std::optional<Layout> part;
    std::int64_t count = 1;
    const auto& layers = field.declarator.layers;
    if (!layers.empty() && layers.back().pointer) {
      part = Layout{4, 4};
    } else {
      part = layout(field.type, file, depth + 1, budget);
    }
    for (const LayerSyntax& layer : layers) {
      if (layer.pointer) continue;
      const auto bound = file.unit.range(layer.bound);
      const std::optional<std::int64_t> n =
          bound.size() == 1 ? parse_integer(bound[0]) : std::nullopt;
      if (!n || *n < 0 || *n > INT32_MAX || count * *n > INT32_MAX) return std::nullopt;
      count *= *n;
    }
    if (!part || part->size > INT32_MAX || whole.size > INT32_MAX) return std::nullopt;
    if (body.kind == Body::Kind::kUnion) {
      whole.size = std::max(whole.size, part->size * count);
    } else {
      whole.size = (whole.size + part->alignment - 1) / part->alignment * part->alignment +
                   part->size * count;
    }
    whole.alignment = std::max(whole.alignment, part->alignment);
  }
  whole.size = (whole.size + whole.alignment - 1) / whole.alignment * whole.alignment;
  layouts_[&body] = whole;
  return whole;
}

}  // namespace rpcmarshal::idl
