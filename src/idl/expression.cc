#include "idl/expression.h"

#include <algorithm>
#include <array>

namespace rpcmarshal::idl {
namespace {

using Op = Expression::Op;
constexpr std::size_t kMaximumNodes = 512;
constexpr std::size_t kEvaluationDepth = 32;  // of Expression::evaluate's stack

struct Binary {
  std::string_view text;
  int precedence;
  Op op;
};
constexpr std::array<Binary, 18> kBinary{{{"||", 1, Op::kLogicalOr},
                                          {"&&", 2, Op::kLogicalAnd},
                                          {"|", 3, Op::kOr},
                                          {"^", 4, Op::kXor},
                                          {"&", 5, Op::kAnd},
                                          {"==", 6, Op::kEqual},
                                          {"!=", 6, Op::kNotEqual},
                                          {"<", 7, Op::kLess},
                                          {"<=", 7, Op::kLessEqual},
                                          {">", 7, Op::kGreater},
                                          {">=", 7, Op::kGreaterEqual},
                                          {"<<", 8, Op::kShiftLeft},
                                          {">>", 8, Op::kShiftRight},
                                          {"+", 9, Op::kAdd},
                                          {"-", 9, Op::kSubtract},
                                          {"*", 10, Op::kMultiply},
                                          {"/", 10, Op::kDivide},
                                          {"%", 10, Op::kModulo}}};

constexpr std::array<std::string_view, 20> kTypeWords{
    "unsigned", "signed",  "short",   "long",    "int",     "char",      "hyper",
    "small",    "__int8",  "__int16", "__int32", "__int64", "__int3264", "wchar_t",
    "byte",     "boolean", "float",   "double",  "struct",  "const"};

bool is_type_word(const Token& token) {
  return token.is_identifier() && std::ranges::find(kTypeWords, token.text) != kTypeWords.end();
}

/// The mask that a cast to an unsigned type narrower than 32 bits applies; 0 when it changes
/// nothing that a count or a discriminant could show.
std::int64_t cast_mask(std::span<const Token> type) {
  bool is_unsigned = false, is_char = false, is_short = false;
  for (const Token& token : type) {
    if (token.is("*")) return 0;
    if (token.is("unsigned")) is_unsigned = true;
    if (token.is("char") || token.is("__int8")) is_char = true;
    if (token.is("short") || token.is("__int16")) is_short = true;
    if (token.is("BYTE") || token.is("UCHAR") || token.is("byte")) is_unsigned = is_char = true;
    if (token.is("WORD") || token.is("USHORT")) is_unsigned = is_short = true;
  }
  return !is_unsigned ? 0 : is_char ? 0xFF : is_short ? 0xFFFF : 0;
}

class ExpressionParser {
 public:
  ExpressionParser(std::span<const Token> tokens, const SizeOf& size_of)
      : tokens_(tokens), size_of_(size_of) {}

  std::vector<Expression::Node> run(std::optional<ExpressionError>& error) {
    ternary(0);
    if (!error_ && at_ < tokens_.size())
      fail("'" + std::string(peek().text) + "' is not expected here");
    if (!error_ && deepest() > kEvaluationDepth) fail("the expression is nested too deeply");
    if (error_) {
      nodes_.clear();
      error = std::move(error_);
    }
    return std::move(nodes_);
  }

 private:
  const Token& peek(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : end_;
  }
  bool accept(std::string_view text) {
    if (!peek().is(text)) return false;
    ++at_;
    return true;
  }
  void fail(std::string message) {
    if (error_) return;
    const Place place = at_ < tokens_.size() ? tokens_[at_].place
                        : tokens_.empty()    ? Place{}
                                             : tokens_.back().place;
    error_ = {place, std::move(message)};
  }
  void emit(Op op, std::int64_t value = 0, std::string_view name = {}) {
    if (nodes_.size() >= kMaximumNodes) return fail("the expression is too long");
    nodes_.push_back({op, value, std::string(name)});
  }
  bool too_deep(std::size_t depth) {
    if (depth <= kLimits.nesting) return false;
    fail("the expression is nested too deeply");
    return true;
  }

  void ternary(std::size_t depth) {
    if (too_deep(depth)) return;
    binary(1, depth + 1);
    if (error_ || !accept("?")) return;
    ternary(depth + 1);
    if (!error_ && !accept(":")) return fail("':' is missing after '?'");
    ternary(depth + 1);
    emit(Op::kConditional);
  }

  void binary(int least, std::size_t depth) {
    if (too_deep(depth)) return;
    unary(depth + 1);
    while (!error_) {
      const auto found =
          std::ranges::find_if(kBinary, [&](const Binary& b) { return peek().is(b.text); });
      if (found == kBinary.end() || found->precedence < least) return;
      ++at_;
      binary(found->precedence + 1, depth + 1);
      emit(found->op);
    }
  }

  /// The index of the ')' that closes the '(' at at_, or tokens_.size().
  std::size_t closing() const {
    std::size_t depth = 0;
    for (std::size_t i = at_; i < tokens_.size(); ++i) {
      if (tokens_[i].is("(")) ++depth;
      if (tokens_[i].is(")") && --depth == 0) return i;
    }
    return tokens_.size();
  }

  /// `(long)x`, `(DWORD)(x)`: a type word inside, or one name with an operand right behind it.
  bool at_cast(std::size_t close) const {
    if (close >= tokens_.size() || close == at_ + 1) return false;
    if (is_type_word(tokens_[at_ + 1])) return true;
    if (!tokens_[at_ + 1].is_identifier()) return false;
    for (std::size_t i = at_ + 2; i < close; ++i) {
      if (!tokens_[i].is("*")) return false;
    }
    if (close + 1 >= tokens_.size()) return false;
    const Token& next = tokens_[close + 1];
    if (next.is_identifier() || next.kind == Token::Kind::kNumber || next.is("(")) return true;
    // `(ULONG)-1` is a cast if ULONG is a type, `(n) - 1` a difference.
    return size_of_ && size_of_(tokens_.subspan(at_ + 1, close - at_ - 1)).has_value();
  }

  void unary(std::size_t depth) {
    if (too_deep(depth)) return;
    if (accept("+")) return unary(depth + 1);
    static constexpr std::array<std::pair<std::string_view, Op>, 4> kPrefixes{
        {{"-", Op::kNegate}, {"!", Op::kNot}, {"~", Op::kComplement}, {"*", Op::kDereference}}};
    for (const auto& [text, op] : kPrefixes) {
      if (!accept(text)) continue;
      unary(depth + 1);
      return emit(op);
    }
    if (peek().is("sizeof")) {
      ++at_;
      const std::size_t close = peek().is("(") ? closing() : tokens_.size();
      if (close == tokens_.size()) return fail("sizeof needs a type in parentheses");
      const auto type = tokens_.subspan(at_ + 1, close - at_ - 1);
      const std::optional<std::int64_t> size = size_of_ ? size_of_(type) : std::nullopt;
      if (!size) return fail("the size of '" + spell(type) + "' is not known");
      at_ = close + 1;
      return emit(Op::kConstant, *size);
    }
    if (peek().is("(")) {
      const std::size_t close = closing();
      if (at_cast(close)) {
        const std::int64_t mask = cast_mask(tokens_.subspan(at_ + 1, close - at_ - 1));
        at_ = close + 1;
        unary(depth + 1);
        if (mask) {
          emit(Op::kConstant, mask);
          emit(Op::kAnd);
        }
        return;
      }
      ++at_;
      ternary(depth + 1);
      if (!error_ && !accept(")")) fail("')' is missing");
      return;
    }
    const Token& token = peek();
    if (token.is_identifier()) {
      // Looked at before moving on, so that the message points at the name.
      if (peek(1).is("(")) return fail("'" + std::string(token.text) + "(...)' is a call");
      if (peek(1).is("->") || peek(1).is(".")) {
        return fail("members of '" + std::string(token.text) + "' cannot be named");
      }
      ++at_;
      return emit(Op::kName, 0, token.text);
    }
    if (const std::optional<std::int64_t> value = parse_integer(token)) {
      ++at_;
      return emit(Op::kConstant, *value);
    }
    fail(token.is_end() ? "the expression ends early"
                        : "'" + std::string(token.text) + "' is not an integer or a name");
  }

  std::size_t deepest() const {
    std::size_t depth = 0, most = 0;
    for (const Expression::Node& node : nodes_) {
      switch (node.op) {
        case Op::kConstant:
        case Op::kName:
          most = std::max(most, ++depth);
          break;
        case Op::kDereference:
        case Op::kNegate:
        case Op::kNot:
        case Op::kComplement:
          break;
        case Op::kConditional:
          depth -= 2;
          break;
        default:
          --depth;
      }
    }
    return most;
  }

  std::span<const Token> tokens_;
  const SizeOf& size_of_;
  const Token end_{};
  std::size_t at_ = 0;
  std::vector<Expression::Node> nodes_;
  std::optional<ExpressionError> error_;
};

bool wants_blank(const Token& left, const Token& right) {
  const auto word = [](const Token& t) { return t.kind != Token::Kind::kPunctuation; };
  if (word(left))
    return word(right) ||
           (!right.is(")") && !right.is("(") && !right.is("]") && !right.is("[") && !right.is("."));
  return !left.is("(") && !left.is("[") && !left.is("*") && !left.is("~") && !left.is("!") &&
         !left.is(".") && !right.is(")") && !right.is("]");
}

}  // namespace

Expression parse_expression(std::span<const Token> tokens, const SizeOf& size_of,
                            std::optional<ExpressionError>& error) {
  Expression out;
  out.nodes = ExpressionParser(tokens, size_of).run(error);
  if (!out.nodes.empty()) out.text = spell(tokens);
  return out;
}

std::optional<std::int64_t> parse_integer(const Token& token) {
  std::string_view text = token.text;
  if (token.kind == Token::Kind::kCharacter) {
    const std::string value = unquote(text);
    if (value.size() != 1) return std::nullopt;
    return static_cast<unsigned char>(value[0]);
  }
  if (token.kind != Token::Kind::kNumber) return std::nullopt;
  unsigned base = 10;
  if (text.size() > 1 && text[0] == '0') {
    base = (text[1] == 'x' || text[1] == 'X') ? 16 : 8;
    text.remove_prefix(base == 16 ? 2 : 1);
  }
  std::uint64_t value = 0;
  std::size_t digits = 0;
  for (; digits < text.size(); ++digits) {
    const char c = text[digits];
    const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                           : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A' + 10)
                                                  : 99;
    if (digit >= base) break;
    if (value > (UINT64_MAX - digit) / base) return std::nullopt;
    value = value * base + digit;
  }
  if (digits == 0 && base == 16) return std::nullopt;
  for (char c : text.substr(digits)) {
    if (std::string_view("uUlLiI0123456789").find(c) == std::string_view::npos) return std::nullopt;
  }
  if (base == 8 && digits < text.size() && text[digits] >= '0' && text[digits] <= '9')
    return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::string spell(std::span<const Token> tokens) {
  std::string out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i && wants_blank(tokens[i - 1], tokens[i])) out += ' ';
    out += tokens[i].text;
  }
  return out;
}

std::vector<std::span<const Token>> split_at_commas(std::span<const Token> tokens) {
  std::vector<std::span<const Token>> parts;
  if (tokens.empty()) return parts;
  std::size_t depth = 0, begin = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].is("(") || tokens[i].is("[")) ++depth;
    if ((tokens[i].is(")") || tokens[i].is("]")) && depth) --depth;
    if (depth == 0 && tokens[i].is(",")) {
      parts.push_back(tokens.subspan(begin, i - begin));
      begin = i + 1;
    }
  }
  parts.push_back(tokens.subspan(begin));
  return parts;
}

}  // namespace rpcmarshal::idl
