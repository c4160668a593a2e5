#include "idl/printer.h"

#include <algorithm>
#include <set>
#include <vector>

#include "idl/lexer.h"
#include "idl/prelude.h"

namespace rpcmarshal::idl {
namespace {

constexpr std::size_t kInlineDepth = 64;      // of unnamed bodies in bodies
constexpr std::size_t kInlineBodies = 20000;  // in all: each use prints an unnamed body again

std::string_view base_name(BaseType type) {
  switch (type) {
    case BaseType::kBoolean:
      return "boolean";
    case BaseType::kByte:
      return "byte";
    case BaseType::kChar:
      return "char";
    case BaseType::kWChar:
      return "wchar_t";
    case BaseType::kInt8:
      return "small";
    case BaseType::kUInt8:
      return "unsigned char";
    case BaseType::kInt16:
      return "short";
    case BaseType::kUInt16:
      return "unsigned short";
    case BaseType::kInt32:
      return "long";
    case BaseType::kUInt32:
      return "unsigned long";
    case BaseType::kInt64:
      return "hyper";
    case BaseType::kUInt64:
      return "unsigned hyper";
    case BaseType::kInt3264:
      return "__int3264";
    case BaseType::kUInt3264:
      return "unsigned __int3264";
    case BaseType::kFloat:
      return "float";
    case BaseType::kDouble:
      return "double";
    case BaseType::kErrorStatus:
      return "error_status_t";
  }
  return "long";
}

/// Names that need no declaration because every file knows them.
bool is_predeclared(std::string_view name) {
  static const std::set<std::string_view> kNames = [] {
    std::set<std::string_view> names{"WCHAR", "OLECHAR"};
    Lexer lexer(prelude_text(), 0);
    for (Token token = lexer.next(); !token.is_end(); token = lexer.next()) {
      if (token.is_identifier()) names.insert(token.text);
    }
    return names;
  }();
  return kNames.contains(name);
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string annotation_text(const Annotations& annotations) {
  if (annotations.items.empty()) return {};
  std::string out = "/*@";
  for (std::size_t i = 0; i < annotations.items.size(); ++i) {
    if (i) out += ", ";
    out += annotations.items[i].name;
    if (annotations.items[i].arguments.empty()) continue;
    out += '(';
    for (std::size_t k = 0; k < annotations.items[i].arguments.size(); ++k) {
      out += (k ? ", " : "") + quote(annotations.items[i].arguments[k]);
    }
    out += ')';
  }
  return out + "*/ ";
}

std::string_view operator_text(Expression::Op op) {
  using Op = Expression::Op;
  switch (op) {
    case Op::kMultiply:
      return "*";
    case Op::kDivide:
      return "/";
    case Op::kModulo:
      return "%";
    case Op::kAdd:
      return "+";
    case Op::kSubtract:
      return "-";
    case Op::kShiftLeft:
      return "<<";
    case Op::kShiftRight:
      return ">>";
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    case Op::kGreater:
      return ">";
    case Op::kGreaterEqual:
      return ">=";
    case Op::kEqual:
      return "==";
    case Op::kNotEqual:
      return "!=";
    case Op::kAnd:
      return "&";
    case Op::kXor:
      return "^";
    case Op::kOr:
      return "|";
    case Op::kLogicalAnd:
      return "&&";
    default:
      return "||";
  }
}

/// From postfix back to infix, every operation in parentheses but the last.
std::string infix(const Expression& expression) {
  using Op = Expression::Op;
  std::vector<std::string> stack;
  const auto pop = [&] {
    if (stack.empty()) return std::string("0");
    std::string top = std::move(stack.back());
    stack.pop_back();
    return top;
  };
  for (const Expression::Node& node : expression.nodes) {
    switch (node.op) {
      case Op::kConstant:
        stack.push_back(std::to_string(node.value));
        break;
      case Op::kName:
        stack.push_back(node.name);
        break;
      case Op::kDereference:
        stack.push_back("*" + pop());
        break;
      case Op::kNegate:
        stack.push_back("(-" + pop() + ")");
        break;
      case Op::kNot:
        stack.push_back("(!" + pop() + ")");
        break;
      case Op::kComplement:
        stack.push_back("(~" + pop() + ")");
        break;
      case Op::kConditional: {
        const std::string no = pop(), yes = pop(), condition = pop();
        stack.push_back("(" + condition + " ? " + yes + " : " + no + ")");
        break;
      }
      default: {
        const std::string right = pop(), left = pop();
        stack.push_back("(" + left + " " + std::string(operator_text(node.op)) + " " + right + ")");
      }
    }
  }
  std::string out = pop();
  return out.starts_with('(') && out.ends_with(')') ? out.substr(1, out.size() - 2) : out;
}

/// As written, unless it names constants that the printed text would not define.
std::string expression_text(const Expression& expression) {
  if (expression.nodes.empty()) return {};
  Lexer lexer(expression.text, 0);
  bool closed = !expression.text.empty();
  for (Token token = lexer.next(); !token.is_end(); token = lexer.next()) {
    if (!token.is_identifier()) continue;
    closed = closed && std::ranges::any_of(expression.nodes, [&](const Expression::Node& node) {
               return node.op == Expression::Op::kName && node.name == token.text;
             });
  }
  return closed ? expression.text : infix(expression);
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i) out += separator;
    out += parts[i];
  }
  return out;
}

std::string range_text(const Range& range) {
  return "range(" + std::to_string(range.low) + ", " + std::to_string(range.high) + ")";
}

/// `size_is(a,,b)` with empty entries at the end left off; nothing when all are empty.
void add_counts(std::vector<std::string>& attributes, std::string_view name,
                std::vector<std::string> counts) {
  while (!counts.empty() && counts.back().empty()) counts.pop_back();
  if (!counts.empty()) attributes.push_back(std::string(name) + "(" + join(counts, ",") + ")");
}

std::string_view kind_name(PointerKind kind) {
  return kind == PointerKind::kRef ? "ref" : kind == PointerKind::kUnique ? "unique" : "ptr";
}

bool is_named_body(const Type& type) {
  return !type.name.empty() && (std::holds_alternative<StructShape>(type.shape) ||
                                std::holds_alternative<UnionShape>(type.shape) ||
                                std::holds_alternative<EnumShape>(type.shape));
}

class Printer {
 public:
  explicit Printer(const PrintOptions& options, PointerKind usual = PointerKind::kUnique)
      : options_(options), usual_(usual) {}

  struct Declaration {
    std::vector<std::string> attributes;
    std::string type;
    std::string declarator;
    std::string text() const {
      std::string out = attributes.empty() ? "" : "[" + join(attributes, ", ") + "] ";
      out += type;
      if (!declarator.empty()) out += (type.empty() || type.back() == '*' ? "" : " ") + declarator;
      return out;
    }
  };

  /// Layers outermost first, as C writes them, then the leaf.
  Declaration declare(const Type& outermost, std::string name, bool parameter, std::size_t indent,
                      std::size_t depth) {
    Declaration out;
    std::vector<std::string> sizes, lengths;
    std::string kind;
    bool string = false, first_pointer = true, first_layer = true;
    std::string declarator = std::move(name);
    std::optional<Range> range;
    const Type* type = &outermost;
    while (true) {
      const ArrayShape* array = std::get_if<ArrayShape>(&type->shape);
      if (const auto* pointer = std::get_if<PointerShape>(&type->shape)) {
        const PointerKind usual = parameter && first_layer ? PointerKind::kRef : usual_;
        if (pointer->kind != usual) {
          // On a parameter that is an array the attribute would make the array a pointer.
          if (first_pointer && (first_layer || !parameter)) {
            kind = kind_name(pointer->kind);
          } else {
            ++inexpressible_;
            declarator = "/*" + std::string(kind_name(pointer->kind)) + "*/ " + declarator;
          }
        }
        declarator = "*" + declarator;
        first_pointer = first_layer = false;
        type = pointer->target;
        const auto* counted = std::get_if<ArrayShape>(&type->shape);
        // `[size_is(n)] T* p` and `[string] wchar_t* p`, rather than a pointer to an array.
        const bool merge = counted && counted->dimensions.size() == 1 &&
                           counted->dimensions[0].conformant &&
                           (counted->string || !counted->dimensions[0].size_is.empty());
        if (!merge) {
          sizes.emplace_back();
          lengths.emplace_back();
          continue;
        }
        array = counted;
        sizes.push_back(expression_text(array->dimensions[0].size_is));
        lengths.push_back(expression_text(array->dimensions[0].length_is));
      } else if (array) {
        if (declarator.starts_with('*')) declarator = "(" + declarator + ")";
        for (const Dimension& dimension : array->dimensions) {
          declarator += dimension.conformant ? "[]" : "[" + std::to_string(dimension.fixed) + "]";
          sizes.push_back(dimension.conformant ? expression_text(dimension.size_is) : "");
          lengths.push_back(expression_text(dimension.length_is));
        }
        first_layer = false;
      } else {
        break;
      }
      string = string || array->string;
      if (array->range) range = array->range;
      type = array->element;
    }
    if (string) out.attributes.emplace_back("string");
    if (!kind.empty()) out.attributes.push_back(kind);
    add_counts(out.attributes, "size_is", sizes);
    add_counts(out.attributes, "length_is", lengths);
    if (range) out.attributes.push_back(range_text(*range));
    out.declarator = std::move(declarator);
    leaf(*type, out, indent, depth);
    return out;
  }

  void leaf(const Type& type, Declaration& out, std::size_t indent, std::size_t depth) {
    const auto starred = [&] { out.declarator = "*" + out.declarator; };
    if (std::holds_alternative<VoidShape>(type.shape)) {
      out.type = "void";
    } else if (const auto* base = std::get_if<BaseShape>(&type.shape)) {
      out.type = type.name.empty() ? base_name(base->type) : std::string_view(type.name);
    } else if (is_named_body(type)) {
      out.type = type.name;
    } else if (std::holds_alternative<ContextHandleShape>(type.shape)) {
      if (type.name.empty() || is_predeclared(type.name)) {
        out.attributes.emplace_back("context_handle");
        out.type = "void";
        starred();
      } else {
        out.type = type.name;
      }
    } else if (std::holds_alternative<BindingHandleShape>(type.shape)) {
      out.type = "handle_t";
    } else if (const auto* interface = std::get_if<InterfacePointerShape>(&type.shape)) {
      out.type = interface->interface_name.empty() ? "void" : interface->interface_name;
      starred();
    } else if (const auto* pipe = std::get_if<PipeShape>(&type.shape)) {
      out.type = type.name.empty()
                     ? "pipe " + declare(*pipe->element, "", false, indent, depth + 1).text()
                     : type.name;
    } else if (const auto* automation = std::get_if<AutomationShape>(&type.shape)) {
      out.type = automation->kind == AutomationKind::kBstr      ? "BSTR"
                 : automation->kind == AutomationKind::kVariant ? "VARIANT"
                                                                : "LPSAFEARRAY";
    } else if (const auto* unknown = std::get_if<UnknownShape>(&type.shape)) {
      out.type = "/* " + comment_safe(unknown->why) + " */ unknown";
    } else if (depth < kInlineDepth && ++inline_bodies_ < kInlineBodies) {
      out.type = body(type, indent, depth + 1);
    } else {
      out.type = "/* too much to print */ unknown";
    }
  }

  static std::string comment_safe(std::string text) {
    for (std::size_t at; (at = text.find("*/")) != std::string::npos;) text.replace(at, 2, "* ");
    return text;
  }

  std::string field(const Field& field, bool parameter, std::vector<std::string> before,
                    std::size_t indent, std::size_t depth) {
    Declaration declaration = declare(*field.type, field.name, parameter, indent, depth);
    std::vector<std::string> attributes = std::move(before);
    for (std::string& attribute : declaration.attributes)
      attributes.push_back(std::move(attribute));
    if (field.range) attributes.push_back(range_text(*field.range));
    if (!field.switch_is.empty())
      attributes.push_back("switch_is(" + expression_text(field.switch_is) + ")");
    if (!field.iid_is.empty())
      attributes.push_back("iid_is(" + expression_text(field.iid_is) + ")");
    if (field.ignore) attributes.emplace_back("ignore");
    declaration.attributes = std::move(attributes);
    return (options_.annotations ? annotation_text(field.annotations) : "") + declaration.text();
  }

  /// `struct NAME {...}` without what stands around it.
  std::string body(const Type& type, std::size_t indent, std::size_t depth) {
    const std::string inner(indent + 2, ' ');
    const std::string tag = type.name.empty() ? "" : " " + type.name;
    std::string out;
    if (const auto* enumeration = std::get_if<EnumShape>(&type.shape)) {
      out = "enum" + tag + " {\n";
      for (const EnumValue& value : enumeration->values)
        out += inner + value.name + " = " + std::to_string(value.value) + ",\n";
      if (!enumeration->values.empty()) out.erase(out.size() - 2, 1);
    } else if (const auto* s = std::get_if<StructShape>(&type.shape)) {
      out = "struct" + tag + " {\n";
      for (const Field& member : s->fields)
        out += inner + field(member, false, {}, indent + 2, depth) + ";\n";
    } else if (const auto* u = std::get_if<UnionShape>(&type.shape)) {
      out = "union" + tag;
      if (u->encapsulated) {
        out += " switch (" +
               declare(*u->discriminant, u->discriminant_name, false, indent, depth).text() + ") " +
               u->union_name;
      }
      out += " {\n";
      for (const UnionArm& arm : u->arms) {
        std::vector<std::string> cases;
        for (std::int64_t value : arm.cases) cases.push_back(std::to_string(value));
        std::vector<std::string> labels;
        if (!cases.empty()) labels.push_back("case(" + join(cases, ", ") + ")");
        if (arm.is_default) labels.emplace_back("default");
        out += inner +
               (arm.field.type ? field(arm.field, false, labels, indent + 2, depth)
                               : "[" + join(labels, ", ") + "] ") +
               ";\n";
      }
    }
    return out + std::string(indent, ' ') + "}";
  }

  std::string definition(const Type& type) {
    std::vector<std::string> attributes;
    std::string out;
    if (const auto* base = std::get_if<BaseShape>(&type.shape)) {
      out = std::string(base_name(base->type)) + " " + type.name;
    } else if (std::holds_alternative<ContextHandleShape>(type.shape)) {
      attributes.emplace_back("context_handle");
      out = "void *" + type.name;
    } else if (const auto* pipe = std::get_if<PipeShape>(&type.shape)) {
      out = "pipe " + declare(*pipe->element, "", false, 0, 0).text() + " " + type.name;
    } else {
      if (const auto* e = std::get_if<EnumShape>(&type.shape); e && e->v1)
        attributes.emplace_back("v1_enum");
      if (const auto* u = std::get_if<UnionShape>(&type.shape); u && !u->encapsulated) {
        attributes.push_back("switch_type(" + declare(*u->discriminant, "", false, 0, 0).text() +
                             ")");
        if (u->ms_union) attributes.emplace_back("ms_union");
      }
      out = body(type, 0, 0) + " " + type.name;
    }
    const std::string notes = options_.annotations ? annotation_text(type.annotations) : "";
    return "typedef " + notes + (attributes.empty() ? "" : "[" + join(attributes, ", ") + "] ") +
           out + ";\n";
  }

  /// Definitions of the named types that `roots` need, what is needed first. An explicit stack:
  /// types may refer to each other in long chains.
  std::string definitions(const std::vector<const Type*>& roots) {
    struct Visit {
      const Type* type;
      std::vector<const Type*> children;
      std::size_t next = 0;
    };
    std::string out;
    std::set<const Type*> seen;
    std::set<std::string> names;
    for (const Type* root : roots) {
      if (!root || !seen.insert(root).second) continue;
      std::vector<Visit> stack{{root, children(*root)}};
      while (!stack.empty()) {
        Visit& top = stack.back();
        if (top.next < top.children.size()) {
          const Type* child = top.children[top.next++];
          if (child && seen.insert(child).second) stack.push_back({child, children(*child)});
          continue;
        }
        const Type& type = *top.type;
        const bool named =
            is_named_body(type) ||
            (!type.name.empty() && (std::holds_alternative<BaseShape>(type.shape) ||
                                    std::holds_alternative<ContextHandleShape>(type.shape) ||
                                    std::holds_alternative<PipeShape>(type.shape)));
        if (const auto* interface = std::get_if<InterfacePointerShape>(&type.shape);
            interface && !interface->interface_name.empty() &&
            !is_predeclared(interface->interface_name) &&
            names.insert(interface->interface_name).second) {
          out += "interface " + interface->interface_name + ";\n";
        }
        if (named && !is_predeclared(type.name) && names.insert(type.name).second) {
          out += definition(type) + (std::holds_alternative<BaseShape>(type.shape) ? "" : "\n");
        }
        stack.pop_back();
      }
    }
    return out;
  }

  std::string procedure(const Procedure& procedure) {
    std::string out;
    out += "  // opnum " + std::to_string(procedure.opnum);
    if (procedure.reserved) out += ", reserved";
    if (!procedure.typed) out += ", not typed: " + procedure.untyped_why;
    out += '\n';
    const std::string notes = options_.annotations ? annotation_text(procedure.annotations) : "";
    if (!notes.empty()) out += "  " + notes + "\n";
    out += "  ";
    if (procedure.callback) out += "[callback] ";
    out += declare(*procedure.result, procedure.name, false, 2, 0).text();
    if (procedure.parameters.empty()) return out + "();\n";
    out += "(\n";
    for (std::size_t i = 0; i < procedure.parameters.size(); ++i) {
      const Parameter& parameter = procedure.parameters[i];
      std::vector<std::string> attributes;
      if (parameter.in) attributes.emplace_back("in");
      if (parameter.out) attributes.emplace_back("out");
      if (parameter.retval) attributes.emplace_back("retval");
      out += "      " + field(parameter.field, true, std::move(attributes), 6, 0);
      out += i + 1 < procedure.parameters.size() ? ",\n" : ");\n";
    }
    return out;
  }

  std::size_t inexpressible() const { return inexpressible_; }

  std::string head(const Interface& interface) const {
    std::string out = "[uuid(" + interface.id.uuid.to_string() + "), version(" +
                      std::to_string(interface.id.major) + "." +
                      std::to_string(interface.id.minor) + "), pointer_default(" +
                      std::string(kind_name(usual_)) + ")";
    if (interface.object) out += ", object";
    if (!interface.endpoints.empty()) {
      std::vector<std::string> endpoints;
      for (const std::string& endpoint : interface.endpoints) endpoints.push_back(quote(endpoint));
      out += ",\n endpoint(" + join(endpoints, ", ") + ")";
    }
    out += "]\n";
    if (options_.annotations && !interface.annotations.items.empty())
      out += annotation_text(interface.annotations) + "\n";
    out += "interface " + interface.name;
    if (!interface.base.empty())
      out += " /* : " + interface.base + ", whose procedures come first */";
    return out;
  }

 private:
  static std::vector<const Type*> children(const Type& type) {
    std::vector<const Type*> out;
    if (const auto* s = std::get_if<StructShape>(&type.shape)) {
      for (const Field& f : s->fields) out.push_back(f.type);
    } else if (const auto* u = std::get_if<UnionShape>(&type.shape)) {
      out.push_back(u->discriminant);
      for (const UnionArm& arm : u->arms) out.push_back(arm.field.type);
    } else if (const auto* p = std::get_if<PointerShape>(&type.shape)) {
      out.push_back(p->target);
    } else if (const auto* a = std::get_if<ArrayShape>(&type.shape)) {
      out.push_back(a->element);
    } else if (const auto* pipe = std::get_if<PipeShape>(&type.shape)) {
      out.push_back(pipe->element);
    }
    return out;
  }

  const PrintOptions& options_;
  const PointerKind usual_;  // the printed pointer_default
  std::size_t inline_bodies_ = 0;
  std::size_t inexpressible_ = 0;  // pointers whose kind no attribute can say
};

void add_roots(const Procedure& procedure, std::vector<const Type*>& roots) {
  roots.push_back(procedure.result);
  for (const Parameter& parameter : procedure.parameters) roots.push_back(parameter.field.type);
}

/// Prints with the pointer_default under which all pointers, or the most, can be said.
std::string print(const Interface& interface, const std::vector<const Procedure*>& procedures,
                  const PrintOptions& options) {
  std::string best;
  std::size_t fewest = SIZE_MAX;
  for (const PointerKind usual : {PointerKind::kUnique, PointerKind::kFull, PointerKind::kRef}) {
    Printer printer(options, usual);
    std::string out = printer.head(interface) + " {\n";
    if (options.types) {  // inside the braces, where pointer_default counts
      std::vector<const Type*> roots;
      for (const Procedure* procedure : procedures) add_roots(*procedure, roots);
      const std::string types = printer.definitions(roots);
      if (!types.empty()) out += "\n" + types + (types.ends_with("\n\n") ? "" : "\n");
    }
    for (const Procedure* procedure : procedures) out += printer.procedure(*procedure);
    out += "}\n";
    if (printer.inexpressible() < fewest) {
      fewest = printer.inexpressible();
      best = std::move(out);
    }
    if (fewest == 0) break;
  }
  return best;
}

}  // namespace

std::string print_interface(const Interface& interface, const PrintOptions& options) {
  std::vector<const Procedure*> procedures;
  for (const Procedure& procedure : interface.procedures) procedures.push_back(&procedure);
  for (const Procedure& callback : interface.callbacks) procedures.push_back(&callback);
  return print(interface, procedures, options);
}

std::string print_procedure(const Interface& interface, const Procedure& procedure,
                            const PrintOptions& options) {
  return print(interface, {&procedure}, options);
}

std::string print_signature(const Procedure& procedure) {
  const PrintOptions plain{false, false};
  Printer printer(plain);
  const auto bare = [&](const Type& type, const std::string& name) {
    Printer::Declaration declaration = printer.declare(type, name, true, 0, kInlineDepth);
    declaration.attributes.clear();
    return declaration.text();
  };
  std::string out = bare(*procedure.result, procedure.name) + "(";
  for (std::size_t i = 0; i < procedure.parameters.size(); ++i) {
    out += (i ? ", " : "") +
           bare(*procedure.parameters[i].field.type, procedure.parameters[i].field.name);
  }
  return out + ")";
}

std::string print_type(const Type& type, const PrintOptions& options) {
  return Printer(options).definition(type);
}

}  // namespace rpcmarshal::idl
