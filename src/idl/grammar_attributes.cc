#include "idl/grammar_rules.h"

namespace rpcmarshal::idl {

void Grammar::skip_group() {
  std::size_t depth = 0;
  do {
    const Token& token = peek();
    if (token.is("(") || token.is("[") || token.is("{")) ++depth;
    if (token.is(")") || token.is("]") || token.is("}")) --depth;
    ++at_;
  } while (depth && !peek().is_end());
}

void Grammar::skip_declaration() {
  std::size_t depth = 0;
  while (!peek().is_end()) {
    if (at("{")) ++depth;
    if (at("}")) {
      if (depth == 0) return;
      --depth;
    }
    const bool last = depth == 0 && at(";");
    ++at_;
    if (last) return;
  }
}

void Grammar::expect_semicolon(std::string_view after) {
  if (accept(";")) return;
  warn(behind(), "';' is missing after " + std::string(after), "it is read as if it were there",
       "add ';'");
}

AttributeList Grammar::attributes() {
  AttributeList list;
  while (at_attributes()) {
    if (at("[")) {
      attribute_block(list);
    } else {
      annotation_block(list);
    }
  }
  return list;
}

void Grammar::attribute_block(AttributeList& list) {
  const Place open = here();
  ++at_;
  while (!at("]")) {
    if (peek().is_end() || at(";") || at("{") || at("}")) {
      error(open, "'[' is never closed", "the attributes up to here are used", "add ']'");
      return;
    }
    if (peek().kind == Kind::kAnnotationOpen) {
      annotation_block(list);
      continue;
    }
    if (accept(",")) continue;
    if (index() > 0 && !tokens_[at_ - 1].is(",") && !tokens_[at_ - 1].is("[") && begins_type()) {
      error(behind(), "']' is missing after the attributes", "it is read as if it were there",
            "add ']'");
      return;
    }
    if (!peek().is_identifier()) {
      error(here(), "an attribute's name is expected, " + found(), "it is skipped", "remove it");
      if (at("(")) {
        skip_group();
      } else {
        ++at_;
      }
      continue;
    }
    Attribute attribute{peek().text, here(), {}};
    ++at_;
    if (at("(")) attribute.arguments = arguments(attribute);
    if (list.items.size() < kLimits.attributes) {
      list.items.push_back(attribute);
    } else if (list.items.size() == kLimits.attributes) {
      error(attribute.place, "too many attributes on one declaration", "the rest is not used");
      list.items.push_back({"", attribute.place, {}});
    }
  }
  ++at_;
}

bool Grammar::begins_type() const {
  if (one_of(peek(), kParameterWords)) return false;
  return is_base_word(peek()) || at("void") || at("struct") || at("union") || at("enum") ||
         (peek().is_identifier() && (peek(1).is("*") || peek(1).is_identifier()));
}

TokenRange Grammar::arguments(const Attribute& attribute) {
  const std::uint32_t begin = index() + 1;
  std::size_t depth = 0;
  while (!peek().is_end() && !at(";") && !at("{") && !at("}")) {
    if (at("(")) ++depth;
    if (at(")") && --depth == 0) {
      ++at_;
      return {begin, index() - 1};
    }
    ++at_;
  }
  error(attribute.place, "'(' after " + std::string(attribute.name) + " is never closed",
        "the attribute is not used", "add ')'");
  return {begin, begin};
}

void Grammar::annotation_block(AttributeList& list) {
  ++at_;
  while (!peek().is_end() && peek().kind != Kind::kAnnotationClose) {
    if (!peek().is_identifier()) {
      if (!at(",")) warn(here(), "an annotation's name is expected, " + found(), "it is skipped");
      ++at_;
      continue;
    }
    Annotation annotation{std::string(peek().text), {}};
    ++at_;
    if (accept("(")) {
      while (!peek().is_end() && !at(")") && peek().kind != Kind::kAnnotationClose) {
        if (accept(",")) continue;
        annotation.arguments.push_back(annotation_argument());
      }
      accept(")");
    }
    if (list.annotations.items.size() < kLimits.attributes) {
      list.annotations.items.push_back(std::move(annotation));
    }
  }
  if (peek().kind == Kind::kAnnotationClose) ++at_;
}

std::string Grammar::annotation_argument() {
  std::string out;
  while (!peek().is_end() && !at(",") && !at(")") && peek().kind != Kind::kAnnotationClose) {
    const Token& token = peek();
    if (token.kind == Kind::kString) {
      out += unquote(token.text);  // neighbouring strings join, as in C
    } else {
      out += token.text;
    }
    ++at_;
  }
  return out;
}

void Grammar::append(AttributeList& to, AttributeList from) {
  to.items.insert(to.items.end(), from.items.begin(), from.items.end());
  for (Annotation& a : from.annotations.items) to.annotations.items.push_back(std::move(a));
}

bool Grammar::bracket_begins_attributes() const {
  return one_of(peek(1), kParameterWords) &&
         (peek(2).is(",") || peek(2).is("(") ||
          (peek(2).is("]") && (peek(3).is_identifier() || peek(3).is("["))));
}

}  // namespace rpcmarshal::idl
