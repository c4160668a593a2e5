#include "idl/grammar_rules.h"

namespace rpcmarshal::idl {

void Grammar::run() {
  while (!peek().is_end()) {
    const std::size_t before = at_;
    declaration();
    if (at_ == before) ++at_;  // whatever it is, it was reported
  }
  if (interface_) {
    error(interface_->place, "interface " + std::string(interface_->name) + " is never closed",
          "everything to the end of the file counts as part of it", "add '}'");
  }
}

void Grammar::declaration() {
  if (accept(";")) return;
  if (at("}")) return close();
  if (at("import")) return import();
  if (peek().is_identifier() && peek(1).is("(") &&
      (at("cpp_quote") || at("midl_pragma") || at("importlib") || at("midl_echo") ||
       at("declspec") || at("__declspec") || at("pragma"))) {
    ++at_;
    skip_group();
    accept(";");
    return;
  }
  AttributeList list = attributes();
  if (at("interface") && peek(1).is_identifier()) return interface(std::move(list));
  if (at("library") || at("namespace")) {
    ++at_;
    if (peek().is_identifier()) ++at_;
    if (accept("{")) ++libraries_;
    return;
  }
  if (at("coclass") || at("dispinterface") || at("module") || at("midl_pragma")) {
    while (!peek().is_end() && !at("{") && !at(";") && !at("}")) ++at_;
    if (at("{")) skip_group();
    accept(";");
    return;
  }
  if (at("typedef")) return type_definition(std::move(list));
  const std::size_t start = at_;
  if (at("const") || (at("static") && peek(1).is("const")) ||
      (at("extern") && peek(1).is("const"))) {
    if (constant()) return;
    at_ = start;
  }
  procedure_or_type(std::move(list), start);
}

void Grammar::close() {
  if (interface_) {
    interface_ = nullptr;
  } else if (libraries_) {
    --libraries_;
  } else {
    error(here(), "'}' closes nothing", "it is skipped",
          "remove it, or look for a '}' too many before it");
  }
  ++at_;
  accept(";");
}

void Grammar::import() {
  ++at_;
  while (!peek().is_end() && !at(";")) {
    if (peek().kind == Kind::kString) {
      unit_.imports.push_back({unquote(peek().text), here()});
    } else if (!at(",")) {
      warn(behind(), "';' is missing after import", "it is read as if it were there", "add ';'");
      return;
    }
    ++at_;
  }
  accept(";");
}

void Grammar::interface(AttributeList list) {
  ++at_;
  InterfaceSyntax syntax;
  syntax.name = peek().text;
  syntax.place = here();
  syntax.attributes = std::move(list);
  ++at_;
  if (accept(";")) {
    unit_.forward_interfaces.push_back(syntax.name);
    return;
  }
  if (at_attributes()) append(syntax.attributes, attributes());
  if (accept(":")) {
    if (peek().is_identifier()) {
      syntax.base = peek().text;
      ++at_;
    } else {
      error(here(), "the name of the inherited interface is expected, " + found(),
            "its procedures are missing");
    }
    while (at(",") || (peek().is_identifier() && !at("interface"))) ++at_;
  }
  if (accept(";")) return;
  if (!accept("{")) {
    error(here(), "'{' is expected after interface " + std::string(syntax.name) + ", " + found(),
          "it is read as if it were there", "add '{'");
  }
  if (interface_) {
    error(syntax.place,
          "interface " + std::string(interface_->name) + " is not closed before this one",
          "it ends here", "add '}'");
  }
  unit_.interfaces.push_back(std::move(syntax));
  interface_ = &unit_.interfaces.back();
}

void Grammar::type_definition(AttributeList list) {
  ++at_;
  append(list, attributes());
  unit_.attribute_lists.push_back(std::move(list));
  const AttributeList* attributes = &unit_.attribute_lists.back();
  const TypeSyntax type = this->type(0, attributes);
  if (type.kind == TypeSyntax::Kind::kBroken) {
    error(here(), "a type is expected after typedef, " + found(),
          "the name it would define stays unknown", "correct the declaration");
    return skip_declaration();
  }
  if (accept(";")) return;  // `typedef struct X {...};` defines the tag
  while (true) {
    Declarator name;
    if (!declarator(name, 1) || name.name.empty()) {
      error(here(), "the new type's name is expected, " + found(),
            "the name it would define stays unknown", "correct the declaration");
      return skip_declaration();
    }
    if (at("(")) {  // a pointer to a function: it never travels
      skip_group();
    }
    if (type.body && name.layers.empty() && type.body->typedef_name.empty()) {
      const_cast<Body*>(type.body)->typedef_name = name.name;
    }
    unit_.typedefs.push_back({interface_, {attributes, type, std::move(name)}});
    if (!accept(",")) break;
  }
  if (accept(";")) return;
  const bool fits = at("typedef") || at("[") || at("}") || peek().is_identifier() ||
                    peek().is_end() || peek().kind == Kind::kAnnotationOpen;
  if (fits)
    return expect_semicolon("typedef " + std::string(unit_.typedefs.back().syntax.declarator.name));
  error(here(), "';' is expected, " + found(), "what follows up to ';' is skipped",
        "correct the declaration");
  skip_declaration();
}

bool Grammar::constant() {
  const std::size_t start = at_;
  while (one_of(peek(), kNoise)) ++at_;
  while (!peek().is_end() && !at(";") && !at("=") && !at("(") && !at("{") && !at("}")) ++at_;
  if (!at("=") || at_ == start || !tokens_[at_ - 1].is_identifier()) return false;
  ConstantSyntax constant{tokens_[at_ - 1].text, {}, tokens_[at_ - 1].place};
  ++at_;
  constant.value.begin = index();
  while (!peek().is_end() && !at(";") && !at("}") && !at("const")) ++at_;
  constant.value.end = index();
  unit_.constants.push_back(constant);
  expect_semicolon("const " + std::string(constant.name));
  return true;
}

void Grammar::procedure_or_type(AttributeList list, std::size_t start) {
  const Place place = here();
  ProcedureSyntax procedure;
  procedure.result = type(0, &list);
  // Attributes may stand behind the result's type too.
  if (at_attributes()) append(list, attributes());
  if (procedure.result.kind == TypeSyntax::Kind::kTagged && (at(";") || at("}"))) {
    accept(";");
    return;
  }
  procedure.attributes = std::move(list);
  const bool named = procedure.result.kind != TypeSyntax::Kind::kBroken;
  if (named && at("(") && procedure.result.kind == TypeSyntax::Kind::kNamed) {
    // `Foo([in] long x);`: no result type.
    procedure.declarator.name = procedure.result.name;
    procedure.declarator.place = place;
    procedure.result = {TypeSyntax::Kind::kBase, BaseType::kInt32, {}, nullptr, nullptr, place};
    warn(place, "'" + std::string(procedure.declarator.name) + "' has no result type",
         "it is taken as int", "write the type in front of the name");
  } else if (!named || !declarator(procedure.declarator, 1)) {
    return salvage(std::move(procedure), start, here(), "a declaration is expected, " + found());
  }
  if (!accept("(")) {
    const std::string name(procedure.declarator.name);
    if (at(";") && !interface_) {
      ++at_;
      return;
    }
    return salvage(std::move(procedure), start, here(),
                   "'(' is expected after '" + name + "', " + found());
  }
  parameters(procedure);
  add(std::move(procedure));
}

void Grammar::add(ProcedureSyntax procedure) {
  if (interface_) {
    interface_->procedures.push_back(std::move(procedure));
  } else {
    warn(procedure.declarator.place,
         "procedure '" + std::string(procedure.declarator.name) + "' stands outside an interface",
         "it has no opnum and is left out", "move it into the interface's braces");
  }
}

void Grammar::salvage(ProcedureSyntax procedure, std::size_t start, Place place,
                      std::string message) {
  at_ = std::max(at_, start);
  const std::size_t failed = at_;
  skip_declaration();
  const Token* name = nullptr;
  std::size_t brackets = 0;
  for (std::size_t i = start; i + 1 < at_ && !name; ++i) {
    if (tokens_[i].is("[")) ++brackets;
    if (tokens_[i].is("]") && brackets) --brackets;
    if (tokens_[i].is("{")) break;
    if (brackets == 0 && tokens_[i].is_identifier() && tokens_[i + 1].is("(")) name = &tokens_[i];
  }
  // An unbalanced '[' hides the name; the procedure's own '(' is then the last word before one.
  for (std::size_t i = failed; i + 1 < at_ && !name; ++i) {
    if (tokens_[i].is_identifier() && tokens_[i + 1].is("(") &&
        !one_of(tokens_[i], kParameterWords))
      name = &tokens_[i];
  }
  if (name && interface_) {
    error(place, std::move(message),
          "'" + std::string(name->text) + "' keeps its name and opnum, without parameters",
          "correct the declaration");
    procedure.declarator.name = name->text;
    procedure.declarator.place = name->place;
    procedure.parameters.clear();
    procedure.broken =
        "its declaration at line " + std::to_string(place.line) + " could not be read";
    add(std::move(procedure));
  } else {
    error(place, std::move(message), "the declaration is skipped", "correct the declaration");
  }
}

void Grammar::parameters(ProcedureSyntax& procedure) {
  if (at("void") && peek(1).is(")")) ++at_;
  while (!at(")")) {
    if (peek().is_end() || at(";") || at("}") || at("{")) {
      error(here(),
            "')' is expected after the parameters of '" + std::string(procedure.declarator.name) +
                "', " + found(),
            "the parameters up to here are used", "add ')'");
      break;
    }
    if (at(",")) {
      warn(here(), "a parameter is missing before ','", "the comma is skipped", "remove it");
      ++at_;
      continue;
    }
    if (accept("...")) continue;
    parameter(procedure);
    if (at(",")) {
      ++at_;
      if (at(")")) warn(behind(), "',' before ')'", "it is skipped", "remove it");
    }
  }
  accept(")");
  while (one_of(peek(), kNoise)) ++at_;
  if (accept(";")) return;
  if (at("}") || at("[") || peek().is_identifier() || peek().is_end() ||
      peek().kind == Kind::kAnnotationOpen) {
    return expect_semicolon("'" + std::string(procedure.declarator.name) + "(...)'");
  }
  error(here(), "';' is expected, " + found(), "what follows up to ';' is skipped",
        "correct the declaration");
  skip_declaration();
}

void Grammar::parameter(ProcedureSyntax& procedure) {
  FieldSyntax parameter;
  const Place start = here();
  AttributeList list = attributes();
  parameter.type = type(1, &list);
  bool fine = parameter.type.kind != TypeSyntax::Kind::kBroken;
  if (fine && at_attributes() && !at("[")) append(list, attributes());
  parameter.attributes = std::make_shared<const AttributeList>(std::move(list));
  if (fine && !at(",") && !at(")")) fine = declarator(parameter.declarator, 1);
  if (fine && at("(")) {  // a pointer to a function
    skip_group();
    parameter.broken = "a pointer to a function has no wire form";
  }
  if (fine && !at(",") && !at(")") && !at(";") && !peek().is_end()) {
    if (at("[") || peek().kind == Kind::kAnnotationOpen) {
      warn(behind(), "',' is missing between parameters", "it is read as if it were there",
           "add ','");
    } else {
      fine = false;
    }
  }
  if (!fine) {
    error(here(), "a parameter's type and name are expected, " + found(),
          "'" + std::string(procedure.declarator.name) +
              "' keeps its name and opnum; the stub can be decoded up to here",
          "correct the declaration");
    parameter.broken = "the parameter at line " + std::to_string(start.line) + " could not be read";
    std::size_t depth = 0;
    while (!peek().is_end() && !at(";") && !at("{") && !at("}")) {
      if (depth == 0 && (at(",") || at(")"))) break;
      if (at("(") || at("[")) ++depth;
      if ((at(")") || at("]")) && depth) --depth;
      ++at_;
    }
  }
  procedure.parameters.push_back(std::move(parameter));
}

Unit parse_unit(std::vector<Token> tokens, std::uint32_t file, Reporter& reporter) {
  Unit unit;
  unit.file = file;
  unit.tokens = std::move(tokens);
  Grammar(unit, &reporter).run();
  return unit;
}

TypeSyntax parse_type_name(std::span<const Token> tokens) {
  Unit scratch;
  TypeSyntax type = Grammar(scratch, tokens).type_name();
  if (type.body || type.kind == TypeSyntax::Kind::kPipe) type.kind = TypeSyntax::Kind::kBroken;
  type.body = nullptr;
  type.element = nullptr;
  return type;
}

}  // namespace rpcmarshal::idl
