// Short ways for IDL tests: parse a body inside one interface, find what is in it, and say a type
// in one line so that a test compares one string.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "idl/parser.h"

namespace rpcmarshal::idl {

/// `[uuid(...)] interface test { body }`. The body begins on line 2.
inline ParseResult parse_body(const std::string& body, const std::string& attributes = "") {
  return parse_text("[uuid(12345678-1234-1234-1234-123456789abc), version(1.0)" + attributes +
                        "] interface test {\n" + body + "\n}\n",
                    "t.idl");
}

inline std::string messages(const ParseResult& result) {
  std::string out;
  for (const Diagnostic& d : result.diagnostics) out += d.to_string() + "\n";
  return out;
}

inline const Procedure* procedure_named(const ParseResult& result, std::string_view name) {
  for (const Interface& interface : result.module.interfaces) {
    for (const Procedure& procedure : interface.procedures) {
      if (procedure.name == name) return &procedure;
    }
  }
  return nullptr;
}

inline std::string base_text(BaseType type) {
  static constexpr const char* kNames[] = {"boolean", "byte",  "char",  "wchar",  "i8",   "u8",
                                           "i16",     "u16",   "i32",   "u32",    "i64",  "u64",
                                           "i3264",   "u3264", "float", "double", "error"};
  return kNames[static_cast<std::size_t>(type)];
}

/// "unique(array[size n](u8))" and the like; named structs and unions by name only below the top.
inline std::string shape_text(const Type* type, int depth = 0) {
  if (!type) return "none";
  struct Visitor {
    const Type& type;
    int depth;
    std::string operator()(const VoidShape&) const { return "void"; }
    std::string operator()(const BaseShape& s) const { return base_text(s.type); }
    std::string operator()(const EnumShape& s) const { return s.v1 ? "enum32" : "enum16"; }
    std::string operator()(const StructShape& s) const {
      if (depth && !type.name.empty()) return type.name;
      std::string out = "struct{";
      for (const Field& f : s.fields)
        out += (out.back() == '{' ? "" : " ") + f.name + ":" + shape_text(f.type, depth + 1);
      return out + "}";
    }
    std::string operator()(const UnionShape& s) const {
      if (depth && !type.name.empty()) return type.name;
      std::string out = (s.encapsulated ? "switch " + s.discriminant_name + ":" : "union ") +
                        shape_text(s.discriminant, 1) + "{";
      for (const UnionArm& arm : s.arms) {
        if (out.back() != '{') out += ' ';
        for (std::int64_t value : arm.cases) out += std::to_string(value) + ",";
        out += (arm.is_default ? "default " : "") + arm.field.name + ":" +
               shape_text(arm.field.type, depth + 1);
      }
      return out + "}";
    }
    std::string operator()(const PointerShape& s) const {
      return std::string(s.kind == PointerKind::kRef      ? "ref("
                         : s.kind == PointerKind::kUnique ? "unique("
                                                          : "full(") +
             shape_text(s.target, depth + 1) + ")";
    }
    std::string operator()(const ArrayShape& s) const {
      std::string out = s.string ? "string" : "array";
      for (const Dimension& d : s.dimensions) {
        out += "[" +
               (d.conformant ? d.size_is.empty() ? "*" : d.size_is.text : std::to_string(d.fixed));
        out += d.varying ? ":" + d.length_is.text + "]" : "]";
      }
      return out + "(" + shape_text(s.element, depth + 1) + ")";
    }
    std::string operator()(const ContextHandleShape&) const { return "context"; }
    std::string operator()(const BindingHandleShape&) const { return "binding"; }
    std::string operator()(const InterfacePointerShape& s) const {
      return "interface " + s.interface_name;
    }
    std::string operator()(const PipeShape& s) const {
      return "pipe(" + shape_text(s.element, depth + 1) + ")";
    }
    std::string operator()(const AutomationShape& s) const {
      return s.kind == AutomationKind::kBstr      ? "BSTR"
             : s.kind == AutomationKind::kVariant ? "VARIANT"
                                                  : "SAFEARRAY";
    }
    std::string operator()(const UnknownShape&) const { return "unknown"; }
  };
  return std::visit(Visitor{*type, depth}, type->shape);
}

inline std::string named(const ParseResult& result, std::string_view name) {
  const auto it = result.module.named_types.find(name);
  return it == result.module.named_types.end() ? "undefined" : shape_text(it->second);
}

/// All parameters of a procedure: "in a:u32, out b:ref(context) -> u32".
inline std::string signature(const ParseResult& result, std::string_view name) {
  const Procedure* procedure = procedure_named(result, name);
  if (!procedure) return "no such procedure";
  std::string out;
  for (const Parameter& p : procedure->parameters) {
    if (!out.empty()) out += ", ";
    out += std::string(p.in ? "in" : "") + (p.out ? "out" : "") + " " + p.field.name + ":" +
           shape_text(p.field.type, 1);
  }
  return out + " -> " + shape_text(procedure->result, 1);
}

}  // namespace rpcmarshal::idl
