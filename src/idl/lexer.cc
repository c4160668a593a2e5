#include "idl/lexer.h"

#include <array>

namespace rpcmarshal::idl {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr std::size_t kLongestName = 1024;  // messages and nodes repeat names

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Text copied out of published documents brings these along: byte order mark, no-break space, zero
// width space.
constexpr std::array<std::string_view, 3> kBlankSequences{"\xEF\xBB\xBF", "\xC2\xA0",
                                                          "\xE2\x80\x8B"};
constexpr std::array<std::string_view, 11> kPairs{
    "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "->", "##", "::"};

}  // namespace

Lexer::Lexer(std::string_view text, std::uint32_t file) : text_(text), place_{file, 1, 1} {}

void Lexer::advance(std::size_t count) {
  for (; count && at_ < text_.size(); --count, ++at_) {
    if (text_[at_] == '\n') {
      ++place_.line;
      place_.column = 1;
      fresh_line_ = true;
    } else {
      ++place_.column;
    }
  }
}

Token Lexer::make(Token::Kind kind, std::size_t length) {
  const Token token{kind, fresh_line_, place_, text_.substr(at_, length)};
  advance(length);
  fresh_line_ = false;
  return token;
}

/// Skips blanks and comments. False, with the token in `bad`, for a comment that never ends.
bool Lexer::skip_space(Token& bad) {
  while (at_ < text_.size()) {
    const char c = peek();
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v') {
      advance(1);
    } else if (c == '\\' && (peek(1) == '\n' || (peek(1) == '\r' && peek(2) == '\n'))) {
      const bool fresh = fresh_line_;  // a continued line is still one line
      advance(peek(1) == '\n' ? 2 : 3);
      fresh_line_ = fresh;
    } else if (c == '/' && peek(1) == '/') {
      const std::size_t end = text_.find('\n', at_);
      advance((end == std::string_view::npos ? text_.size() : end) - at_);
    } else if (c == '/' && peek(1) == '*' && (peek(2) != '@' || in_annotation_)) {
      const std::size_t end = text_.find("*/", at_ + 2);
      if (end == std::string_view::npos) {
        bad = make(Token::Kind::kBad, 2);
        advance(text_.size() - at_);
        return false;
      }
      const bool fresh = fresh_line_;
      advance(end + 2 - at_);
      fresh_line_ = fresh_line_ || fresh;
    } else {
      std::size_t blank = 0;
      for (std::string_view sequence : kBlankSequences) {
        if (text_.substr(at_).starts_with(sequence)) blank = sequence.size();
      }
      if (!blank) return true;
      advance(blank);
    }
  }
  return true;
}

Token Lexer::quoted(char quote, std::size_t prefix) {
  for (std::size_t i = at_ + prefix + 1; i < text_.size() && text_[i] != '\n'; ++i) {
    if (text_[i] == '\\' && i + 1 < text_.size() && text_[i + 1] != '\n') {
      ++i;
    } else if (text_[i] == quote) {
      return make(quote == '"' ? Token::Kind::kString : Token::Kind::kCharacter, i + 1 - at_);
    }
  }
  return make(Token::Kind::kBad, prefix + 1);
}

Token Lexer::next() {
  Token bad;
  if (!skip_space(bad)) return bad;
  if (at_ >= text_.size()) return {Token::Kind::kEnd, true, place_, {}};
  const char c = peek();
  if (c == '/' && peek(1) == '*') {
    in_annotation_ = true;
    return make(Token::Kind::kAnnotationOpen, 3);
  }
  if (in_annotation_ && c == '*' && peek(1) == '/') {
    in_annotation_ = false;
    return make(Token::Kind::kAnnotationClose, 2);
  }
  if (c == '"' || (c == 'L' && peek(1) == '"')) return quoted('"', c == 'L');
  if (c == '\'' || (c == 'L' && peek(1) == '\'')) return quoted('\'', c == 'L');
  if (is_letter(c) || is_digit(c) || (c == '.' && is_digit(peek(1)))) {
    const bool number = !is_letter(c);
    std::size_t length = 1;
    while (is_letter(peek(length)) || is_digit(peek(length)) || (number && peek(length) == '.'))
      ++length;
    if (length > kLongestName) return make(Token::Kind::kBad, length);
    return make(number ? Token::Kind::kNumber : Token::Kind::kIdentifier, length);
  }
  const std::string_view rest = text_.substr(at_);
  if (rest.starts_with("...")) return make(Token::Kind::kPunctuation, 3);
  for (std::string_view pair : kPairs) {
    if (rest.starts_with(pair)) return make(Token::Kind::kPunctuation, 2);
  }
  if (std::string_view("()[]{};,:*=+-/%&|^~!<>?.#").find(c) != std::string_view::npos) {
    return make(Token::Kind::kPunctuation, 1);
  }
  // One token for a whole multi-byte character, so that it is reported once.
  std::size_t length = 1;
  while (length < 4 && (static_cast<unsigned char>(peek(length)) & 0xC0) == 0x80) ++length;
  return make(Token::Kind::kBad, length);
}

std::string unquote(std::string_view literal) {
  if (!literal.empty() && literal.front() == 'L') literal.remove_prefix(1);
  if (literal.size() < 2) return {};
  literal = literal.substr(1, literal.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    if (literal[i] != '\\' || i + 1 == literal.size()) {
      out += literal[i];
      continue;
    }
    const char c = literal[++i];
    switch (c) {
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case 'x': {
        unsigned value = 0;
        while (i + 1 < literal.size() && hex_digit(literal[i + 1]) >= 0) {
          value = (value << 4 | static_cast<unsigned>(hex_digit(literal[++i]))) & 0xFF;
        }
        out += static_cast<char>(value);
        break;
      }
      default:
        if (c >= '0' && c <= '7') {
          unsigned value = static_cast<unsigned>(c - '0');
          for (int n = 0;
               n < 2 && i + 1 < literal.size() && literal[i + 1] >= '0' && literal[i + 1] <= '7';
               ++n) {
            value = value * 8 + static_cast<unsigned>(literal[++i] - '0');
          }
          out += static_cast<char>(value & 0xFF);
        } else {
          out += c;
        }
    }
  }
  return out;
}

}  // namespace rpcmarshal::idl
