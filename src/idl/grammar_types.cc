#include "idl/grammar_rules.h"

namespace rpcmarshal::idl {

TypeSyntax Grammar::type_name() {
  TypeSyntax type = this->type(0, nullptr);
  if (!peek().is_end()) type.kind = TypeSyntax::Kind::kBroken;
  return type;
}

TypeSyntax Grammar::type(std::size_t depth, const AttributeList* attributes) {
  while (one_of(peek(), kNoise)) ++at_;
  TypeSyntax out;
  out.place = here();
  if (depth > kLimits.nesting) {
    error(here(), "types are nested too deeply", "the declaration is not read");
    return out;
  }
  if (at("struct") || at("union") || at("enum")) {
    out = tagged(depth, attributes);
  } else if (is_base_word(peek())) {
    out = base_type();
  } else if (accept("void")) {
    out.kind = TypeSyntax::Kind::kVoid;
  } else if (at("pipe")) {
    ++at_;
    unit_.types.push_back(type(depth + 1, nullptr));
    out.kind = unit_.types.back().kind == TypeSyntax::Kind::kBroken ? TypeSyntax::Kind::kBroken
                                                                    : TypeSyntax::Kind::kPipe;
    out.element = &unit_.types.back();
  } else if (at("SAFEARRAY") && peek(1).is("(")) {
    ++at_;
    skip_group();
    out.kind = TypeSyntax::Kind::kSafearray;
  } else if (at("interface") && peek(1).is_identifier()) {
    ++at_;
    out.kind = TypeSyntax::Kind::kNamed;
    out.name = peek().text;
    ++at_;
  } else if (peek().is_identifier()) {
    out.kind = TypeSyntax::Kind::kNamed;
    out.name = peek().text;
    ++at_;
  }
  while (one_of(peek(), kNoise)) ++at_;
  return out;
}

TypeSyntax Grammar::base_type() {
  TypeSyntax out;
  out.kind = TypeSyntax::Kind::kBase;
  out.place = here();
  bool is_unsigned = false, is_signed = false;
  int longs = 0;
  std::string_view word;
  for (; is_base_word(peek()) || at("const") || at("volatile"); ++at_) {
    if (at("unsigned")) {
      is_unsigned = true;
    } else if (at("signed")) {
      is_signed = true;
    } else if (at("long")) {
      ++longs;
    } else if (at("int") || at("const") || at("volatile")) {
      // adds nothing to short, long or nothing
    } else {
      word = peek().text;
    }
  }
  if (word.empty() && longs == 0 && (at("byte") || at("wchar_t")) && (is_unsigned || is_signed)) {
    word = peek().text;  // `unsigned byte`, seen in the wild
    ++at_;
  }
  const auto pick = [&](BaseType s, BaseType u) { return is_unsigned ? u : s; };
  if (word == "hyper" || word == "__int64" || longs > 1) {
    out.base = pick(BaseType::kInt64, BaseType::kUInt64);
  } else if (word == "double" || word == "float") {
    out.base = word == "double" ? BaseType::kDouble : BaseType::kFloat;
  } else if (word == "__int3264") {
    out.base = pick(BaseType::kInt3264, BaseType::kUInt3264);
  } else if (word == "short" || word == "__int16") {
    out.base = pick(BaseType::kInt16, BaseType::kUInt16);
  } else if (word == "char") {
    // MIDL's char is unsigned; `signed char` is a small.
    out.base = is_unsigned ? BaseType::kUInt8 : is_signed ? BaseType::kInt8 : BaseType::kChar;
  } else if (word == "small" || word == "__int8") {
    out.base = pick(BaseType::kInt8, BaseType::kUInt8);
  } else if (word == "byte") {
    out.base = BaseType::kByte;
  } else if (word == "wchar_t") {
    out.base = BaseType::kWChar;
  } else {
    out.base = pick(BaseType::kInt32, BaseType::kUInt32);
  }
  return out;
}

TypeSyntax Grammar::tagged(std::size_t depth, const AttributeList* outer) {
  TypeSyntax out;
  out.kind = TypeSyntax::Kind::kTagged;
  out.place = here();
  Body body;
  body.kind = at("struct")  ? Body::Kind::kStruct
              : at("union") ? Body::Kind::kUnion
                            : Body::Kind::kEnum;
  body.place = here();
  if (outer) body.attributes = *outer;
  ++at_;
  if (at_attributes()) append(body.attributes, attributes());
  if (peek().is_identifier() && !(body.kind == Body::Kind::kUnion && at("switch"))) {
    body.tag = out.name = peek().text;
    ++at_;
  }
  if (body.kind == Body::Kind::kUnion && at("switch")) switch_header(body, depth);
  if (!at("{")) {
    if (out.name.empty()) {
      error(here(), "a name or '{' is expected, " + found(), "the declaration is not read");
      out.kind = TypeSyntax::Kind::kBroken;
    }
    return out;
  }
  const Place open = here();
  ++at_;
  while (!at("}") && !peek().is_end()) {
    const std::size_t before = at_;
    if (body.kind == Body::Kind::kEnum) {
      if (!enumerator(body)) break;
    } else {
      field(body, depth);
    }
    if (at_ == before) ++at_;
  }
  if (!accept("}")) {
    error(open, "'{' is never closed", "the members up to here are used", "add '}'");
  }
  unit_.bodies.push_back({interface_, std::move(body)});
  out.body = &unit_.bodies.back().syntax;
  return out;
}

void Grammar::switch_header(Body& body, std::size_t depth) {
  ++at_;
  body.encapsulated = true;
  if (accept("(")) {
    body.discriminant = type(depth + 1, nullptr);
    if (peek().is_identifier()) body.discriminant_name = tokens_[at_++].text;
    if (!accept(")")) error(here(), "')' is expected after the discriminant, " + found());
  }
  if (peek().is_identifier()) body.union_name = tokens_[at_++].text;
}

bool Grammar::enumerator(Body& body) {
  if (at_attributes()) attributes();
  if (accept(",")) return true;
  if (at(";")) {
    error(here(), "';' is found in an enumeration", "it is read as ','", "replace it by ','");
    ++at_;
    return true;
  }
  if (!peek().is_identifier()) {
    error(here(), "an enumerator's name is expected, " + found(), "it is skipped", "remove it");
    while (!peek().is_end() && !at(",") && !at("}") && !at(";")) ++at_;
    return !at(";");
  }
  EnumeratorSyntax value{peek().text, {}, false, here()};
  ++at_;
  if (accept("=")) {
    value.has_value = true;
    value.value.begin = index();
    std::size_t parentheses = 0;
    while (!peek().is_end() && !at("}") && !at(";") && !(at(",") && parentheses == 0)) {
      if (at("(")) ++parentheses;
      if (at(")") && parentheses) --parentheses;
      ++at_;
    }
    value.value.end = index();
  }
  body.values.push_back(value);
  if (peek().is_identifier()) {
    warn(behind(), "',' is missing between enumerators", "it is read as if it were there",
         "add ','");
  }
  return true;
}

void Grammar::case_labels(FieldSyntax& field) {
  while (at("case") || (at("default") && peek(1).is(":"))) {
    if (accept("default")) {
      field.is_default = true;
    } else {
      ++at_;
      TokenRange label{index(), index()};
      std::size_t questions = 0;
      while (!peek().is_end() && !at(";") && !at("}") && !(at(":") && questions == 0)) {
        if (at("?")) ++questions;
        if (at(":")) --questions;
        ++at_;
      }
      label.end = index();
      field.cases.push_back(label);
    }
    accept(":");
  }
}

void Grammar::case_attributes(FieldSyntax& field) {
  for (const Attribute& attribute : field.attributes->items) {
    if (attribute.name == "default") field.is_default = true;
    if (attribute.name != "case") continue;
    TokenRange label{attribute.arguments.begin, attribute.arguments.begin};
    std::size_t depth = 0;
    for (std::uint32_t i = attribute.arguments.begin; i < attribute.arguments.end; ++i) {
      if (tokens_[i].is("(")) ++depth;
      if (tokens_[i].is(")") && depth) --depth;
      if (depth == 0 && tokens_[i].is(",")) {
        label.end = i;
        field.cases.push_back(label);
        label.begin = i + 1;
      }
    }
    label.end = attribute.arguments.end;
    if (!label.empty()) field.cases.push_back(label);
  }
}

void Grammar::field(Body& body, std::size_t depth) {
  if (accept(";") && body.kind == Body::Kind::kStruct) return;
  FieldSyntax first;
  if (at_ && tokens_[at_ - 1].is(";") && body.kind == Body::Kind::kUnion) {
    // An arm may be a lone ';' after its labels only; the one consumed above was a stray.
  }
  if (body.kind == Body::Kind::kUnion) case_labels(first);
  AttributeList list = attributes();
  if (body.kind == Body::Kind::kUnion) {
    case_labels(first);
    if (at_attributes()) append(list, attributes());
  }
  first.attributes = std::make_shared<const AttributeList>(std::move(list));
  if (body.kind == Body::Kind::kUnion) {
    case_attributes(first);
    if (accept(";") || (at("}") && (first.is_default || !first.cases.empty()))) {
      first.empty_arm = true;
      if (first.is_default || !first.cases.empty()) body.fields.push_back(std::move(first));
      return;
    }
  }
  if (at("}")) return;
  if (body.kind == Body::Kind::kStruct && at("case")) {
    error(here(), "a case label outside a union", "it is skipped");
    skip_declaration();
    return;
  }
  const Place start = here();
  first.type = type(depth + 1, first.attributes.get());
  if (first.type.kind == TypeSyntax::Kind::kBroken)
    return broken_field(body, std::move(first), start);
  if (at(";") &&
      (first.type.body || body.kind == Body::Kind::kUnion)) {  // struct {...}; or `[case(1)] long;`
    ++at_;
    body.fields.push_back(std::move(first));
    return;
  }
  while (true) {
    FieldSyntax next = first;
    first.cases.clear();  // an arm has one declarator; the labels are not copied to more
    if (!declarator(next.declarator, depth + 1)) return broken_field(body, std::move(next), start);
    if (accept(":")) {
      next.broken = "bit fields have no wire form";
      error(here(), "'" + std::string(next.declarator.name) + "' is a bit field",
            "values after it cannot be decoded", "declare the whole integer");
      ++at_;
    }
    body.fields.push_back(std::move(next));
    if (accept(",")) continue;
    if (accept(";")) return;
    if (at("}") || one_of(peek(), kNoise) || is_base_word(peek()) || at_attributes() ||
        peek().is_identifier()) {
      warn(behind(),
           "';' is missing after '" + std::string(body.fields.back().declarator.name) + "'",
           "it is read as if it were there", "add ';'");
      return;
    }
    body.fields.back().broken = "the declaration could not be read";
    error(here(), "';' is expected, " + found(), "this member and those after it cannot be decoded",
          "correct the declaration");
    skip_declaration();
    return;
  }
}

void Grammar::broken_field(Body& body, FieldSyntax field, Place start) {
  error(here(), "a member's type and name are expected, " + found(),
        "this member and those after it cannot be decoded", "correct the declaration");
  field.broken = "the declaration at line " + std::to_string(start.line) + " could not be read";
  body.fields.push_back(std::move(field));
  skip_declaration();
}

bool Grammar::declarator(Declarator& out, std::size_t depth) {
  if (depth > kLimits.nesting) return false;
  std::vector<LayerSyntax> pointers;
  while (true) {
    if (at("*")) {
      pointers.push_back({true, {}, here()});
      ++at_;
    } else if (one_of(peek(), kNoise)) {
      ++at_;
    } else if (at_attributes() && !out.layers.empty() && pointers.empty()) {
      break;
    } else {
      break;
    }
  }
  out.place = here();
  if (at("(") && (peek(1).is("*") || peek(1).is("(") || one_of(peek(1), kNoise) ||
                  (peek(1).is_identifier() && peek(2).is(")") && peek(3).is("[")))) {
    ++at_;
    if (!declarator(out, depth + 1) || !accept(")")) return false;
  } else if (peek().is_identifier()) {
    out.name = peek().text;
    ++at_;
  } else if (pointers.empty() && !at("[")) {
    return false;
  }
  while (at("[") && !bracket_begins_attributes()) {
    LayerSyntax array{false, {}, here()};
    ++at_;
    array.bound.begin = index();
    while (!at("]")) {
      if (peek().is_end() || at(";") || at("{") || at("}")) return false;
      ++at_;
    }
    array.bound.end = index();
    if (array.bound.end == array.bound.begin + 1 && tokens_[array.bound.begin].is("*")) {
      array.bound.end = array.bound.begin;
    }
    ++at_;
    out.layers.push_back(array);
  }
  out.layers.insert(out.layers.end(), pointers.begin(), pointers.end());
  return out.layers.size() <= kLimits.type_layers;
}

}  // namespace rpcmarshal::idl
