// The grammar as a class: one function per rule, over tokens that stand still. Its functions are in
// grammar.cc (declarations and procedures), grammar_types.cc and grammar_attributes.cc. Internal to
// idl/.
#pragma once

#include <algorithm>
#include <array>

#include "idl/grammar.h"

namespace rpcmarshal::idl {

// Words that C headers leave in IDL and that mean nothing on the wire.
inline constexpr std::array<std::string_view, 25> kNoise{"const",
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
inline constexpr std::array<std::string_view, 13> kParameterWords{
    "in",        "out",    "string",    "unique", "ref",    "ptr",   "size_is",
    "length_is", "max_is", "switch_is", "range",  "iid_is", "retval"};

template <std::size_t N>
bool one_of(const Token& token, const std::array<std::string_view, N>& words) {
  return token.is_identifier() && std::ranges::find(words, token.text) != words.end();
}

inline bool is_base_word(const Token& t) {
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

  void run();
  TypeSyntax type_name();

 private:
  using Kind = Token::Kind;

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
  void skip_group();

  /// To behind the next ';' outside braces, or up to a '}' that closes what we are in. A ';' never
  /// stands inside () or [], so unbalanced ones do not carry further than the declaration.
  void skip_declaration();
  void expect_semicolon(std::string_view after);

  // -- attributes ------------------------------------------------------------------------------

  bool at_attributes() const { return at("[") || peek().kind == Kind::kAnnotationOpen; }

  AttributeList attributes();
  void attribute_block(AttributeList& list);

  /// Behind an attribute without a comma: `[in, size_is(n) byte *p` rather than `[in out]`.
  bool begins_type() const;

  /// What is between an attribute's parentheses; at_ is at '('.
  TokenRange arguments(const Attribute& attribute);
  void annotation_block(AttributeList& list);
  std::string annotation_argument();
  static void append(AttributeList& to, AttributeList from);

  // -- types -----------------------------------------------------------------------------------

  /// `attributes` are those in front of the declaration; a body keeps them.
  TypeSyntax type(std::size_t depth, const AttributeList* attributes);
  TypeSyntax base_type();
  TypeSyntax tagged(std::size_t depth, const AttributeList* outer);

  /// `switch (long which) name`; at_ is at `switch`.
  void switch_header(Body& body, std::size_t depth);
  bool enumerator(Body& body);

  /// Case labels in C's way in front of an encapsulated union's arm.
  void case_labels(FieldSyntax& field);
  void case_attributes(FieldSyntax& field);

  /// One field or union arm, with all its declarators.
  void field(Body& body, std::size_t depth);
  void broken_field(Body& body, FieldSyntax field, Place start);

  // -- declarators -----------------------------------------------------------------------------

  /// '*'* (name | '(' declarator ')') ('[' bound ']')*. The name may be missing (parameters).
  bool declarator(Declarator& out, std::size_t depth);

  /// `long a [in] long b`: the comma between two parameters is missing.
  bool bracket_begins_attributes() const;

  // -- declarations ----------------------------------------------------------------------------

  void declaration();
  void close();
  void import();
  void interface(AttributeList list);
  void type_definition(AttributeList list);

  /// `const TYPE NAME = VALUE;`. False when it turns out to be something else.
  bool constant();
  void procedure_or_type(AttributeList list, std::size_t start);
  void add(ProcedureSyntax procedure);

  /// A declaration that could not be read. If it looks like a procedure its name and opnum are
  /// kept: leaving it out would shift every opnum after it.
  void salvage(ProcedureSyntax procedure, std::size_t start, Place place, std::string message);

  /// Everything behind '(' up to and with ';'.
  void parameters(ProcedureSyntax& procedure);
  void parameter(ProcedureSyntax& procedure);

  Unit& unit_;
  std::span<const Token> tokens_;
  Reporter* reporter_;
  std::size_t at_ = 0;
  const Token end_{};
  InterfaceSyntax* interface_ = nullptr;
  std::size_t libraries_ = 0;
};

}  // namespace rpcmarshal::idl
