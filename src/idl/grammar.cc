#include "idl/grammar.h"

#include <algorithm>
#include <array>

namespace rpcmarshal::idl {
namespace {

using Kind = Token::Kind;

// Words that C headers leave in IDL and that mean nothing on the wire.
constexpr std::array<std::string_view, 25> kNoise{"const",
                                                  "volatile",
                                                  "__stdcall",
                                                  "_stdcall",
                                                  "__cdecl",
                                                  "_cdecl",
                                                  "cdecl",
                                                  "pascal",
                                                  "far",
                                                  "FAR",
                                                  "near",
                                                  "__RPC_FAR",
                                                  "STDMETHODCALLTYPE",
                                                  "WINAPI",
                                                  "APIENTRY",
                                                  "extern",
                                                  "static",
                                                  "inline",
                                                  "__inline",
                                                  "__unaligned",
                                                  "UNALIGNED",
                                                  "__RPC_API",
                                                  "register",
                                                  "__RPC_STUB",
                                                  "RPC_ENTRY"};

// Attributes that tell `[in]` before a parameter from `[in]` as an array's bound.
constexpr std::array<std::string_view, 13> kParameterWords{
    "in",        "out",    "string",    "unique", "ref",    "ptr",   "size_is",
    "length_is", "max_is", "switch_is", "range",  "iid_is", "retval"};

template <std::size_t N>
bool one_of(const Token& token, const std::array<std::string_view, N>& words) {
  return token.is_identifier() && std::ranges::find(words, token.text) != words.end();
}

bool is_base_word(const Token& t) {
  static constexpr std::array<std::string_view, 15> kWords{
      "unsigned", "signed",  "short",   "long",    "int",       "small", "hyper", "char",
      "__int8",   "__int16", "__int32", "__int64", "__int3264", "float", "double"};
  return one_of(t, kWords);
}

class Grammar {
 public:
  Grammar(Unit& unit, Reporter* reporter)
      : unit_(unit), tokens_(unit.tokens), reporter_(reporter) {}
  Grammar(Unit& unit, std::span<const Token> tokens)
      : unit_(unit), tokens_(tokens), reporter_(nullptr) {}

  void run() {
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

  TypeSyntax type_name() {
    TypeSyntax type = this->type(0, nullptr);
    if (!peek().is_end()) type.kind = TypeSyntax::Kind::kBroken;
    return type;
  }

 private:
  // -- tokens ----------------------------------------------------------------------------------

  const Token& peek(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : end_;
  }
  bool at(std::string_view text) const { return peek().is(text); }
  bool accept(std::string_view text) {
    if (!at(text)) return false;
    ++at_;
    return true;
  }
  std::uint32_t index() const { return static_cast<std::uint32_t>(at_); }
  Place here() const {
    return at_ < tokens_.size() ? tokens_[at_].place
           : tokens_.empty()    ? Place{}
                                : tokens_.back().place;
  }
  /// Just behind the token before this one, where something is missing.
  Place behind() const {
    if (at_ == 0) return here();
    Place place = tokens_[at_ - 1].place;
    place.column += static_cast<std::uint32_t>(tokens_[at_ - 1].text.size());
    return place;
  }
  std::string found() const {
    const Token& token = peek();
    return token.is_end() ? "the file ends"
                          : "'" + std::string(token.text.substr(0, 60)) + "' found";
  }

  void error(Place place, std::string message, std::string why = {}, std::string fix = {}) {
    if (reporter_) reporter_->error(place, std::move(message), std::move(why), std::move(fix));
  }
  void warn(Place place, std::string message, std::string why = {}, std::string fix = {}) {
    if (reporter_) reporter_->warn(place, std::move(message), std::move(why), std::move(fix));
  }

  /// Skips a balanced group that begins here with (, [ or {. Braces bound the search for the
  /// others.
  void skip_group() {
    std::size_t depth = 0;
    do {
      const Token& token = peek();
      if (token.is("(") || token.is("[") || token.is("{")) ++depth;
      if (token.is(")") || token.is("]") || token.is("}")) --depth;
      ++at_;
    } while (depth && !peek().is_end());
  }

  /// To behind the next ';' outside braces, or up to a '}' that closes what we are in. A ';' never
  /// stands inside () or [], so unbalanced ones do not carry further than the declaration.
  void skip_declaration() {
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

  void expect_semicolon(std::string_view after) {
    if (accept(";")) return;
    warn(behind(), "';' is missing after " + std::string(after), "it is read as if it were there",
         "add ';'");
  }

  // -- attributes ------------------------------------------------------------------------------

  bool at_attributes() const { return at("[") || peek().kind == Kind::kAnnotationOpen; }

  AttributeList attributes() {
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

  void attribute_block(AttributeList& list) {
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

  /// Behind an attribute without a comma: `[in, size_is(n) byte *p` rather than `[in out]`.
  bool begins_type() const {
    if (one_of(peek(), kParameterWords)) return false;
    return is_base_word(peek()) || at("void") || at("struct") || at("union") || at("enum") ||
           (peek().is_identifier() && (peek(1).is("*") || peek(1).is_identifier()));
  }

  /// What is between an attribute's parentheses; at_ is at '('.
  TokenRange arguments(const Attribute& attribute) {
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

  void annotation_block(AttributeList& list) {
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

  std::string annotation_argument() {
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

  static void append(AttributeList& to, AttributeList from) {
    to.items.insert(to.items.end(), from.items.begin(), from.items.end());
    for (Annotation& a : from.annotations.items) to.annotations.items.push_back(std::move(a));
  }

  // -- types -----------------------------------------------------------------------------------

  /// `attributes` are those in front of the declaration; a body keeps them.
  TypeSyntax type(std::size_t depth, const AttributeList* attributes) {
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

  TypeSyntax base_type() {
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

  TypeSyntax tagged(std::size_t depth, const AttributeList* outer) {
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

  /// `switch (long which) name`; at_ is at `switch`.
  void switch_header(Body& body, std::size_t depth) {
    ++at_;
    body.encapsulated = true;
    if (accept("(")) {
      body.discriminant = type(depth + 1, nullptr);
      if (peek().is_identifier()) body.discriminant_name = tokens_[at_++].text;
      if (!accept(")")) error(here(), "')' is expected after the discriminant, " + found());
    }
    if (peek().is_identifier()) body.union_name = tokens_[at_++].text;
  }

  bool enumerator(Body& body) {
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

  /// Case labels in C's way in front of an encapsulated union's arm.
  void case_labels(FieldSyntax& field) {
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

  void case_attributes(FieldSyntax& field) {
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

  /// One field or union arm, with all its declarators.
  void field(Body& body, std::size_t depth) {
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
    if (at(";") && (first.type.body ||
                    body.kind == Body::Kind::kUnion)) {  // struct {...}; or `[case(1)] long;`
      ++at_;
      body.fields.push_back(std::move(first));
      return;
    }
    while (true) {
      FieldSyntax next = first;
      first.cases.clear();  // an arm has one declarator; the labels are not copied to more
      if (!declarator(next.declarator, depth + 1))
        return broken_field(body, std::move(next), start);
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
      error(here(), "';' is expected, " + found(),
            "this member and those after it cannot be decoded", "correct the declaration");
      skip_declaration();
      return;
    }
  }

  void broken_field(Body& body, FieldSyntax field, Place start) {
    error(here(), "a member's type and name are expected, " + found(),
          "this member and those after it cannot be decoded", "correct the declaration");
    field.broken = "the declaration at line " + std::to_string(start.line) + " could not be read";
    body.fields.push_back(std::move(field));
    skip_declaration();
  }

  // -- declarators -----------------------------------------------------------------------------

  /// '*'* (name | '(' declarator ')') ('[' bound ']')*. The name may be missing (parameters).
  bool declarator(Declarator& out, std::size_t depth) {
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

  /// `long a [in] long b`: the comma between two parameters is missing.
  bool bracket_begins_attributes() const {
    return one_of(peek(1), kParameterWords) &&
           (peek(2).is(",") || peek(2).is("(") ||
            (peek(2).is("]") && (peek(3).is_identifier() || peek(3).is("["))));
  }

  // -- declarations ----------------------------------------------------------------------------

  void declaration() {
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

  void close() {
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

  void import() {
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

  void interface(AttributeList list) {
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

  void type_definition(AttributeList list) {
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
      return expect_semicolon("typedef " +
                              std::string(unit_.typedefs.back().syntax.declarator.name));
    error(here(), "';' is expected, " + found(), "what follows up to ';' is skipped",
          "correct the declaration");
    skip_declaration();
  }

  /// `const TYPE NAME = VALUE;`. False when it turns out to be something else.
  bool constant() {
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

  void procedure_or_type(AttributeList list, std::size_t start) {
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

  void add(ProcedureSyntax procedure) {
    if (interface_) {
      interface_->procedures.push_back(std::move(procedure));
    } else {
      warn(procedure.declarator.place,
           "procedure '" + std::string(procedure.declarator.name) + "' stands outside an interface",
           "it has no opnum and is left out", "move it into the interface's braces");
    }
  }

  /// A declaration that could not be read. If it looks like a procedure its name and opnum are
  /// kept: leaving it out would shift every opnum after it.
  void salvage(ProcedureSyntax procedure, std::size_t start, Place place, std::string message) {
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

  /// Everything behind '(' up to and with ';'.
  void parameters(ProcedureSyntax& procedure) {
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

  void parameter(ProcedureSyntax& procedure) {
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
      parameter.broken =
          "the parameter at line " + std::to_string(start.line) + " could not be read";
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

  Unit& unit_;
  std::span<const Token> tokens_;
  Reporter* reporter_;
  std::size_t at_ = 0;
  const Token end_{};
  InterfaceSyntax* interface_ = nullptr;
  std::size_t libraries_ = 0;
};

}  // namespace

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
