#include "sigma/condition.h"

#include "base/unicode.h"
#include "sigma/pattern.h"

namespace rpcmarshal::sigma {
namespace {

constexpr std::size_t kMaxLength = 64 * 1024;
constexpr int kMaxDepth = 64;

bool name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '*' || static_cast<std::uint8_t>(c) >= 0x80;
}

class Parser {
 public:
  Parser(std::string_view text, const ConditionNames& names, std::vector<Node>& nodes)
      : text_(text), names_(names), nodes_(nodes) {}

  ConditionResult parse() {
    if (text_.size() > kMaxLength) return fail(0, "the condition is longer than 64 kB");
    if (const std::size_t pipe = text_.find('|'); pipe != std::string_view::npos) {
      return fail(pipe,
                  "conditions with '|' (count and the like) were removed from Sigma: write a "
                  "correlation instead");
    }
    advance();
    const std::uint32_t node = any(0);
    if (result_.error.empty() && !token_.empty()) {
      const std::string lower = to_lower(token_);
      if (lower != token_ && (lower == "and" || lower == "or" || lower == "not")) {
        fail(at_, "operators are written in lower case: '" + lower + "'");
      } else {
        fail(at_, token_ == ")"
                      ? "this ')' closes nothing"
                      : "expected 'and', 'or' or the end before '" + std::string(token_) + "'");
      }
    }
    result_.node = node;
    return result_;
  }

 private:
  ConditionResult fail(std::size_t at, std::string message) {
    if (result_.error.empty()) {
      result_.error = std::move(message);
      result_.at = at;
    }
    token_ = {};
    next_ = text_.size();
    return result_;
  }

  void advance() {
    while (next_ < text_.size() && (text_[next_] == ' ' || text_[next_] == '\t' ||
                                    text_[next_] == '\n' || text_[next_] == '\r')) {
      ++next_;
    }
    at_ = next_;
    if (next_ == text_.size()) {
      token_ = {};
    } else if (text_[next_] == '(' || text_[next_] == ')') {
      token_ = text_.substr(next_++, 1);
    } else if (name_character(text_[next_])) {
      while (next_ < text_.size() && name_character(text_[next_])) ++next_;
      token_ = text_.substr(at_, next_ - at_);
    } else {
      fail(at_, std::string("the character '") + text_[next_] + "' has no meaning in a condition");
    }
  }

  std::uint32_t add(Node::Kind kind, std::vector<std::uint32_t> children) {
    if (children.size() == 1 && kind != Node::Kind::kNot) return children[0];
    nodes_.push_back({kind, std::move(children), 0});
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }

  std::uint32_t any(int depth) {
    std::vector<std::uint32_t> children{every(depth)};
    while (token_ == "or") {
      advance();
      children.push_back(every(depth));
    }
    return add(Node::Kind::kOr, std::move(children));
  }

  std::uint32_t every(int depth) {
    std::vector<std::uint32_t> children{negation(depth)};
    while (token_ == "and") {
      advance();
      children.push_back(negation(depth));
    }
    return add(Node::Kind::kAnd, std::move(children));
  }

  std::uint32_t negation(int depth) {
    bool negated = false;
    while (token_ == "not") {
      negated = !negated;
      advance();
    }
    const std::uint32_t operand = primary(depth);
    return negated ? add(Node::Kind::kNot, {operand}) : operand;
  }

  std::uint32_t primary(int depth) {
    if (!result_.error.empty()) return 0;
    if (token_.empty()) {
      fail(text_.size(), text_.find_first_not_of(" \t\r\n") == std::string_view::npos
                             ? "the condition is empty"
                             : "the condition ends where a selection is expected");
      return 0;
    }
    if (token_ == "(") {
      if (depth >= kMaxDepth) {
        fail(at_, "parentheses are nested too deeply");
        return 0;
      }
      const std::size_t opened = at_;
      advance();
      const std::uint32_t inner = any(depth + 1);
      if (token_ != ")") {
        fail(opened, "this '(' is not closed");
        return 0;
      }
      advance();
      return inner;
    }
    const std::string_view name = token_;
    const std::size_t place = at_;
    if (name == ")" || name == "and" || name == "or") {
      fail(at_, "expected a selection before '" + std::string(name) + "'");
      return 0;
    }
    advance();
    if (token_ == "of") return quantified(name, place);
    if (name.find('*') != std::string_view::npos) {
      fail(place, "a pattern needs '1 of' or 'all of' before it");
      return 0;
    }
    const auto node = names_.find(name);
    if (!node) fail(place, "there is no selection '" + std::string(name) + "'");
    return node.value_or(0);
  }

  std::uint32_t quantified(std::string_view quantifier, std::size_t place) {
    Node::Kind kind = Node::Kind::kOr;
    if (quantifier == "all") {
      kind = Node::Kind::kAnd;
    } else if (quantifier != "1" && quantifier != "any") {
      fail(place,
           "only '1 of', 'any of' and 'all of' exist, not '" + std::string(quantifier) + " of'");
      return 0;
    }
    advance();
    const std::string_view pattern = token_;
    if (pattern.empty() || pattern == "(" || pattern == ")") {
      fail(at_, "expected a pattern or 'them' after 'of'");
      return 0;
    }
    std::vector<std::uint32_t> children = names_.match(pattern);
    if (children.empty()) {
      fail(at_, "no selection matches '" + std::string(pattern) + "'");
      return 0;
    }
    advance();
    return add(kind, std::move(children));
  }

  std::string_view text_;
  const ConditionNames& names_;
  std::vector<Node>& nodes_;
  ConditionResult result_;
  std::string_view token_;
  std::size_t at_ = 0, next_ = 0;
};

}  // namespace

ConditionResult parse_condition(std::string_view text, const ConditionNames& names,
                                std::vector<Node>& nodes) {
  return Parser(text, names, nodes).parse();
}

bool name_matches(std::string_view pattern, std::string_view name) {
  Pattern p;
  while (!pattern.empty()) {
    const std::size_t star = pattern.find('*');
    p.append({PatternPart::Kind::kText, std::string(pattern.substr(0, star))});
    if (star == std::string_view::npos) break;
    p.append({PatternPart::Kind::kMany, {}});
    pattern.remove_prefix(star + 1);
  }
  return wildcard_match(p.parts(), name);
}

}  // namespace rpcmarshal::sigma
