// Interfaces and procedures: opnums, inheritance, and what depends on types that are not known.
#include <algorithm>
#include <array>

#include "base/unicode.h"
#include "idl/builder.h"

namespace rpcmarshal::idl {
namespace {

constexpr std::size_t kInheritanceDepth = 64;

bool starts_with_and_digit(std::string_view name, std::string_view prefix) {
  return name.size() > prefix.size() &&
         equal_ignoring_case(name.substr(0, prefix.size()), prefix) && name[prefix.size()] >= '0' &&
         name[prefix.size()] <= '9';
}

/// The names that published documents give to opnums that are not theirs to describe.
bool is_placeholder_name(std::string_view name) {
  const std::string lower = to_lower(name);
  return starts_with_and_digit(name, "Opnum") || starts_with_and_digit(name, "Reserved") ||
         starts_with_and_digit(name, "Lsar_LSA_TM_") ||
         starts_with_and_digit(name, "Lsar_LSA_DSP_") || lower == "reserved" ||
         lower.find("notusedonwire") != std::string::npos ||
         lower.find("notusedover") != std::string::npos || starts_with_and_digit(name, "NotUsed");
}

bool is_wire_less(const Parameter& parameter) {
  return std::holds_alternative<BindingHandleShape>(parameter.field.type->shape);
}

/// Calls visit(child, through_arm) for every type that `type` refers to; through_arm is true for a
/// union's arms, which a given value may do without.
template <typename Visit>
void for_each_child(const Type& type, Visit&& visit) {
  if (const auto* s = std::get_if<StructShape>(&type.shape)) {
    for (const Field& field : s->fields) visit(field.type, false);
  } else if (const auto* u = std::get_if<UnionShape>(&type.shape)) {
    for (const UnionArm& arm : u->arms) {
      if (arm.field.type) visit(arm.field.type, true);
    }
  } else if (const auto* p = std::get_if<PointerShape>(&type.shape)) {
    visit(p->target, false);
  } else if (const auto* a = std::get_if<ArrayShape>(&type.shape)) {
    visit(a->element, false);
  } else if (const auto* pipe = std::get_if<PipeShape>(&type.shape)) {
    visit(pipe->element, false);
  }
}

std::string version_part(std::string_view text, bool major) {
  const std::size_t dot = text.find('.');
  return std::string(major                           ? text.substr(0, dot)
                     : dot == std::string_view::npos ? "0"
                                                     : text.substr(dot + 1));
}

std::uint16_t to_u16(const std::string& digits) {
  unsigned value = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') break;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 0xFFFF) return 0xFFFF;
  }
  return static_cast<std::uint16_t>(value);
}

}  // namespace

Interface Builder::build(const InterfaceSyntax& interface, const File& file) {
  Interface out;
  out.name = interface.name;
  out.base = interface.base;
  out.annotations = interface.attributes.annotations;
  out.document = out.annotations.value("document");
  for (const Attribute& attribute : interface.attributes.items) {
    const auto tokens = file.unit.range(attribute.arguments);
    if (attribute.name == "uuid") {
      std::string text;
      for (const Token& token : tokens)
        text += token.kind == Token::Kind::kString ? unquote(token.text) : std::string(token.text);
      const std::optional<Guid> uuid = Guid::parse(text);
      if (uuid) {
        out.id.uuid = *uuid;
      } else {
        reporter_.error(attribute.place, "'" + text.substr(0, 60) + "' is not a UUID",
                        "the interface cannot be found on the wire",
                        "write 8-4-4-4-12 hexadecimal digits");
      }
    } else if (attribute.name == "version") {
      const std::string text = spell(tokens);
      out.id.major = to_u16(version_part(text, true));
      out.id.minor = to_u16(version_part(text, false));
    } else if (attribute.name == "endpoint") {
      for (const auto& part : split_at_commas(tokens)) {
        std::string text;
        for (const Token& token : part)
          text +=
              token.kind == Token::Kind::kString ? unquote(token.text) : std::string(token.text);
        if (!text.empty()) out.endpoints.push_back(std::move(text));
      }
    } else if (attribute.name == "object" || attribute.name == "odl" || attribute.name == "dual") {
      out.object = true;
    }
  }
  // Automation lists write [odl] or nothing: what derives from a COM interface is one.
  if (!out.base.empty()) out.object = true;
  out.procedures = procedures(interface, file);
  std::uint16_t callbacks = 0;
  for (const ProcedureSyntax& syntax : interface.procedures) {
    if (!syntax.attributes.has("callback")) continue;
    Procedure callback = procedure(syntax, interface, file);
    callback.callback = true;
    callback.opnum = callbacks++;
    out.callbacks.push_back(std::move(callback));
  }
  return out;
}

std::vector<Procedure> Builder::procedures(const InterfaceSyntax& interface, const File& file) {
  if (const auto it = procedures_.find(&interface); it != procedures_.end()) return it->second;
  // From the interface up to its root, or to one that is known already.
  std::vector<std::pair<const InterfaceSyntax*, const File*>> chain{{&interface, &file}};
  std::vector<Procedure> all;
  while (!chain.back().first->base.empty()) {
    const auto [derived, where] = chain.back();
    const Definition base = symbols_.find_interface(derived->base, *where);
    const bool circle = base && std::ranges::any_of(chain, [&](const auto& link) {
                          return link.first == base.interface;
                        });
    if (!base || circle || chain.size() >= kInheritanceDepth) {
      reporter_.error(derived->place,
                      circle ? "interface " + std::string(derived->name) + " inherits from itself"
                             : "interface " + std::string(derived->base) + ", from which " +
                                   std::string(derived->name) + " inherits, is unknown",
                      "its procedures are taken to begin at opnum 3, behind IUnknown's",
                      circle ? "correct the name behind ':'" : "import the file that declares it");
      const Definition root = symbols_.find_interface("IUnknown", symbols_.prelude());
      own_procedures(*root.interface, *root.file, all);
      break;
    }
    if (const auto it = procedures_.find(base.interface); it != procedures_.end()) {
      if (procedure_count_ + it->second.size() <= kLimits.procedures) all = it->second;
      procedure_count_ += it->second.size();
      break;
    }
    chain.emplace_back(base.interface, base.file);
  }
  for (std::size_t i = chain.size(); i-- > 0;) {
    // Inherited procedures are copied, with their parameters.
    procedure_count_ += chain[i].first->procedures.size() + all.size();
    for (const Procedure& inherited : all) procedure_count_ += inherited.parameters.size() / 16;
    if (procedure_count_ > kLimits.procedures) {
      reporter_.error(chain[i].first->place, "too many procedures",
                      "the interface is left without them", "load fewer files at once");
      return {};
    }
    own_procedures(*chain[i].first, *chain[i].second, all);
    procedures_.emplace(chain[i].first, all);
  }
  return all;
}

/// Appends what the interface itself declares. In an object interface a [local] procedure keeps its
/// place in the table of methods: it goes to the [call_as] that stands for it, or to no one.
void Builder::own_procedures(const InterfaceSyntax& interface, const File& file,
                             std::vector<Procedure>& all) {
  const bool object = interface.attributes.has("object") || interface.attributes.has("odl") ||
                      interface.attributes.has("dual") || !interface.base.empty();
  const bool all_local = interface.attributes.has("local");
  // call_as(name) -> the procedure that travels in its place
  std::map<std::string_view, const ProcedureSyntax*> substitutes;
  if (object) {
    for (const ProcedureSyntax& syntax : interface.procedures) {
      const Attribute* given = syntax.attributes.find("call_as");
      if (given && !given->arguments.empty()) {
        substitutes.try_emplace(file.unit.tokens[given->arguments.begin].text, &syntax);
      }
    }
  }
  std::set<const ProcedureSyntax*> placed;
  for (const ProcedureSyntax& declared : interface.procedures) {
    if (declared.attributes.has("callback") || placed.contains(&declared)) continue;
    const ProcedureSyntax* travels = &declared;
    const bool local =
        (all_local || declared.attributes.has("local")) && !declared.attributes.has("call_as");
    if (local) {
      if (!object) continue;
      const auto substitute = substitutes.find(declared.declarator.name);
      travels = substitute == substitutes.end() ? nullptr : substitute->second;
      if (travels) placed.insert(travels);
    }
    if (all.size() > UINT16_MAX) {
      reporter_.error(declared.declarator.place, "more than 65536 procedures",
                      "the rest is left out");
      return;
    }
    Procedure out;
    if (travels) {
      out = procedure(*travels, interface, file);
    } else {
      out.name = declared.declarator.name;
      out.reserved = true;
      out.result = void_type_ ? void_type_ : void_type_ = make({}, VoidShape{});
    }
    out.object = object;
    out.opnum = static_cast<std::uint16_t>(all.size());
    all.push_back(std::move(out));
  }
  // IUnknown's methods head every object interface, and never travel by these opnums.
  static constexpr std::array<std::string_view, 3> kUnknown{"QueryInterface", "AddRef", "Release"};
  for (std::size_t i = 0; object && i < kUnknown.size() && i < all.size(); ++i) {
    if (all[i].name == kUnknown[i]) all[i].reserved = true;
  }
}

Procedure Builder::procedure(const ProcedureSyntax& syntax, const InterfaceSyntax& interface,
                             const File& file) {
  Procedure out;
  const AttributeList& attributes = syntax.attributes;
  out.name = (attributes.has("propget")      ? "get_"
              : attributes.has("propputref") ? "putref_"
              : attributes.has("propput")    ? "put_"
                                             : "") +
             std::string(syntax.declarator.name);
  out.annotations = attributes.annotations;
  for (const Annotation& annotation : attributes.annotations.items) {
    static constexpr std::array<std::string_view, 5> kOfResult{"status", "values", "flags", "hex",
                                                               "semantic"};
    if (std::ranges::find(kOfResult, annotation.name) != kOfResult.end()) {
      out.result_annotations.items.push_back(annotation);
    }
  }
  if (const Attribute* stands_for = attributes.find("call_as");
      stands_for && !stands_for->arguments.empty() && !out.annotations.find("alias")) {
    out.annotations.items.push_back(
        {"alias", {std::string(file.unit.tokens[stands_for->arguments.begin].text)}});
  }
  const Siblings siblings = siblings_of(syntax.parameters);
  Scope scope{&file, &interface, &siblings, false, true};
  static const AttributeList kNone;
  if (syntax.broken.empty()) {
    Declarator result = syntax.declarator;
    result.name = {};
    out.result = type(kNone, syntax.result, result, scope, nullptr);
  } else {
    out.result = unknown(syntax.broken);
  }
  scope.result = false;
  scope.parameter = true;
  for (const FieldSyntax& declared : syntax.parameters) {
    Parameter parameter;
    parameter.field = field(declared, scope);
    parameter.retval = declared.attributes->has("retval");
    parameter.out = declared.attributes->has("out") || parameter.retval;
    parameter.in = declared.attributes->has("in") || !parameter.out;
    if (parameter.field.name.empty()) {
      parameter.field.name =
          is_wire_less(parameter) ? "handle" : "arg" + std::to_string(out.parameters.size());
    }
    out.parameters.push_back(std::move(parameter));
  }
  out.reserved = is_placeholder_name(out.name) && std::ranges::all_of(out.parameters, is_wire_less);
  return out;
}

void Builder::build_types(const File& file) {
  static const AttributeList kNone;
  for (const auto& body : file.unit.bodies) {
    if (!body.syntax.tag.empty()) body_type(body.syntax, file, body.owner);
  }
  for (const auto& definition : file.unit.typedefs) {
    const TypedefSyntax& syntax = definition.syntax;
    if (file.typedefs.find(syntax.declarator.name) == file.typedefs.end()) continue;
    const TypeSyntax self{TypeSyntax::Kind::kNamed, {}, syntax.declarator.name, nullptr, nullptr,
                          syntax.declarator.place};
    const Scope scope{&file, definition.owner, nullptr, false, false};
    if (syntax.type.kind == TypeSyntax::Kind::kVoid)
      continue;  // typedef void* PVOID: meaningless until used
    publish(syntax.declarator.name, type(kNone, self, {}, scope, nullptr));
  }
  for (const ConstantSyntax& constant : file.unit.constants) {
    if (const auto value = symbols_.constant(constant.name, file)) {
      module_.constants.push_back({std::string(constant.name), *value});
    }
  }
}

void Builder::finish() {
  while (!pending_.empty()) {
    const Pending next = pending_.front();
    pending_.pop_front();
    complete(next);
  }
  const Type* assumed = nullptr;
  for (std::size_t i = 0; i < module_.types.size(); ++i) {
    auto* shape = std::get_if<UnionShape>(&module_.types[i].shape);
    if (!shape || shape->discriminant) continue;
    const auto it = inferred_discriminants_.find(&module_.types[i]);
    if (it != inferred_discriminants_.end()) {
      shape->discriminant = it->second;
      continue;
    }
    if (!assumed) assumed = make({}, BaseShape{BaseType::kInt32});
    std::get<UnionShape>(module_.types[i].shape).discriminant = assumed;
    const auto place = places_.find(&module_.types[i]);
    if (place != places_.end()) {
      reporter_.warn(place->second,
                     "the union" +
                         (module_.types[i].name.empty() ? "" : " " + module_.types[i].name) +
                         " has no switch_type and nothing says switch_is for it",
                     "its discriminant is taken as 32 bits", "add [switch_type(...)]");
    }
  }
  break_circles();
  mark_untyped();
}

/// A type that contains itself by value has no size. The containment that closes the circle becomes
/// unknown. Depth-first with a stack of its own.
void Builder::break_circles() {
  enum class Colour : std::uint8_t { kWhite, kGrey, kBlack };
  std::unordered_map<const Type*, Colour> colours;
  struct Visit {
    Type* type;
    std::size_t child;
  };
  const auto child_slot = [](Type& type, std::size_t i) -> const Type** {
    if (auto* s = std::get_if<StructShape>(&type.shape))
      return i < s->fields.size() ? &s->fields[i].type : nullptr;
    if (auto* u = std::get_if<UnionShape>(&type.shape))
      return i < u->arms.size() ? &u->arms[i].field.type : nullptr;
    if (auto* a = std::get_if<ArrayShape>(&type.shape)) return i == 0 ? &a->element : nullptr;
    if (auto* p = std::get_if<PipeShape>(&type.shape)) return i == 0 ? &p->element : nullptr;
    return nullptr;
  };
  const std::size_t count = module_.types.size();  // those made below cannot take part
  for (std::size_t i = 0; i < count; ++i) {
    if (colours[&module_.types[i]] != Colour::kWhite) continue;
    std::vector<Visit> stack{{&module_.types[i], 0}};
    colours[&module_.types[i]] = Colour::kGrey;
    while (!stack.empty()) {
      Visit& top = stack.back();
      const Type** slot = child_slot(*top.type, top.child++);
      if (!slot) {
        colours[top.type] = Colour::kBlack;
        stack.pop_back();
        continue;
      }
      if (!*slot) continue;  // an empty arm
      Colour& colour = colours[*slot];
      if (colour == Colour::kWhite) {
        colour = Colour::kGrey;
        stack.push_back(
            {const_cast<Type*>(*slot), 0});  // the module is ours to change until finish() returns
      } else if (colour == Colour::kGrey) {
        const auto place = places_.find(*slot);
        const std::string name = (*slot)->name.empty() ? "a type" : "'" + (*slot)->name + "'";
        reporter_.error(place == places_.end() ? Place{} : place->second,
                        name + " contains itself by value",
                        "it has no size; the member that closes the circle cannot be decoded",
                        "make that member a pointer");
        *slot = unknown(name + " contains itself by value");
      }
    }
  }
}

/// Marks procedures with an unknown type anywhere in a parameter or the result, except in an arm of
/// a union: there it stops the decoder only when that arm comes.
void Builder::mark_untyped() {
  std::unordered_map<const Type*, std::vector<const Type*>> users;
  std::unordered_map<const Type*, const std::string*> why;
  std::vector<const Type*> queue;
  for (const Type& type : module_.types) {
    if (const auto* unknown = std::get_if<UnknownShape>(&type.shape)) {
      why.emplace(&type, &unknown->why);
      queue.push_back(&type);
    }
    for_each_child(type, [&](const Type* child, bool through_arm) {
      if (!through_arm) users[child].push_back(&type);
    });
  }
  while (!queue.empty()) {
    const Type* type = queue.back();
    queue.pop_back();
    const auto it = users.find(type);
    if (it == users.end()) continue;
    for (const Type* user : it->second) {
      if (why.emplace(user, why[type]).second) queue.push_back(user);
    }
  }
  const auto mark = [&](Procedure& procedure) {
    const auto check = [&](const Type* type, const std::string& what) {
      const auto it = type ? why.find(type) : why.end();
      if (it == why.end() || !procedure.typed) return;
      procedure.typed = false;
      procedure.untyped_why = what + ": " + *it->second;
    };
    for (const Parameter& parameter : procedure.parameters)
      check(parameter.field.type, "parameter " + parameter.field.name);
    check(procedure.result, "result");
  };
  for (Interface& interface : module_.interfaces) {
    for (Procedure& procedure : interface.procedures) mark(procedure);
    for (Procedure& callback : interface.callbacks) mark(callback);
  }
}

}  // namespace rpcmarshal::idl
