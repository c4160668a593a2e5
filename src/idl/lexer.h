// Tokens of IDL text. Comments vanish, except `/*@ ... */`, whose words come out between an
// annotation-open and an annotation-close token. Tokens are views into the text, which must outlive
// them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "idl/reporter.h"

namespace rpcmarshal::idl {

struct Token {
  enum class Kind : std::uint8_t {
    kEnd,
    kIdentifier,
    kNumber,  ///< also the pieces of a UUID: a digit and every letter, digit, '_' or '.' after it
    kString,  ///< with its quotes, and L if it has one
    kCharacter,  ///< with its quotes
    kPunctuation,
    kAnnotationOpen,
    kAnnotationClose,
    kBad,  ///< a character that means nothing, or an unterminated string or comment
  };
  Kind kind = Kind::kEnd;
  bool first_on_line = false;
  Place place;
  std::string_view text;

  bool is(std::string_view what) const {
    return text == what && (kind == Kind::kPunctuation || kind == Kind::kIdentifier);
  }
  bool is_identifier() const { return kind == Kind::kIdentifier; }
  bool is_end() const { return kind == Kind::kEnd; }
};

class Lexer {
 public:
  Lexer(std::string_view text, std::uint32_t file);
  /// The next token; kEnd for ever after the last.
  Token next();

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void advance(std::size_t count);
  bool skip_space(Token& bad);
  Token make(Token::Kind kind, std::size_t length);
  Token quoted(char quote, std::size_t prefix);

  std::string_view text_;
  std::size_t at_ = 0;
  Place place_;
  bool fresh_line_ = true;
  bool in_annotation_ = false;
};

/// The characters of a string token, escapes resolved (\n, \t, \\, \", \xNN, octal), without
/// quotes.
std::string unquote(std::string_view literal);

}  // namespace rpcmarshal::idl
