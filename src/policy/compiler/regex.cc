// Reads an expression into alternatives: the strings of atoms (text, any character, anchors) it
// stands for. What has no such form - classes that are not a few characters, repetition of anything
// but '.', look-around, back references, word boundaries - ends the reading with an error.
#include "policy/compiler/regex.h"

namespace rpcmarshal::policy {
namespace {

using sigma::Pattern;
using sigma::PatternPart;

constexpr std::size_t kMaxAlternatives = 256;
constexpr std::size_t kMaxLength = 4096;  ///< atoms of all alternatives together
constexpr int kMaxDepth = 16;

struct Atom {
  enum class Kind : std::uint8_t {
    kText,
    kOne,       ///< any character, newlines too
    kMany,      ///< any number of them
    kLineMany,  ///< any number of characters other than newlines
    kBegin,
    kEnd,
  } kind = Kind::kText;
  std::string text;  ///< one character (UTF-8)
};
using Sequence = std::vector<Atom>;
using Alternatives = std::vector<Sequence>;

class Reader {
 public:
  Reader(std::string_view text, bool ignore_case, bool dot_all, bool multiline)
      : text_(text), ignore_case_(ignore_case), dot_all_(dot_all), multiline_(multiline) {}

  Alternatives read() {
    if (text_.starts_with("(?")) {
      const std::size_t end = text_.find(')');
      const std::string_view flags = text_.substr(2, end == std::string_view::npos ? 0 : end - 2);
      if (!flags.empty() && flags.find_first_not_of("ims") == std::string_view::npos) {
        for (const char flag : flags)
          (flag == 'i' ? ignore_case_ : flag == 's' ? dot_all_ : multiline_) = true;
        at_ = end + 1;
      }
    }
    Alternatives out = alternation(0);
    if (error_.empty() && at_ < text_.size()) fail("')' without '('");
    return out;
  }
  bool ignore_case() const { return ignore_case_; }
  const std::string& error() const { return error_; }

 private:
  void fail(std::string why) {
    if (error_.empty()) error_ = std::move(why);
    at_ = text_.size();
  }
  bool more() const { return at_ < text_.size(); }

  Alternatives alternation(int depth) {
    if (depth > kMaxDepth) {
      fail("groups are nested too deeply");
      return {};
    }
    Alternatives out = sequence(depth);
    while (more() && text_[at_] == '|') {
      ++at_;
      for (Sequence& one : sequence(depth)) out.push_back(std::move(one));
      check(out);
    }
    return out;
  }

  Alternatives sequence(int depth) {
    Alternatives out(1);
    while (more() && text_[at_] != '|' && text_[at_] != ')') {
      const Alternatives next = repeated(depth);
      Alternatives product;
      std::size_t length = 0;
      for (const Sequence& a : out) {
        for (const Sequence& b : next) {
          length += a.size() + b.size();
          if (product.size() >= kMaxAlternatives || length > kMaxLength) {
            fail("it stands for too many alternatives");
            return {};
          }
          product.push_back(a);
          product.back().insert(product.back().end(), b.begin(), b.end());
        }
      }
      out = std::move(product);
    }
    return out;
  }

  void check(const Alternatives& all) {
    std::size_t length = 0;
    for (const Sequence& one : all) length += one.size();
    if (all.size() > kMaxAlternatives || length > kMaxLength)
      fail("it stands for too many alternatives");
  }

  Alternatives repeated(int depth) {
    const bool dot = text_[at_] == '.';
    Alternatives out;
    if (dot) {
      ++at_;
    } else {
      out = atom(depth);
    }
    const char next = more() ? text_[at_] : '\0';
    if (next == '*' || next == '+' || next == '?' || next == '{') {
      ++at_;
      if (more() && text_[at_] == '?' && next != '{') ++at_;  // lazy: matches the same
      if (next == '{') {
        fail("counted repetition '{'");
      } else if (dot && next == '*') {
        out = {{{dot_all_ ? Atom::Kind::kMany : Atom::Kind::kLineMany, {}}}};
      } else if (dot && next == '+' && dot_all_) {
        out = {{{Atom::Kind::kOne, {}}, {Atom::Kind::kMany, {}}}};
      } else if (dot && next == '?' && dot_all_) {
        out = {{{Atom::Kind::kOne, {}}}, {}};
      } else if (!dot && next == '?') {
        out.emplace_back();
      } else if (dot) {
        fail("'.' stops at line ends, which '?' does not: add the modifier 's'");
      } else {
        fail("repetition of anything but '.'");
      }
    } else if (dot) {
      if (!dot_all_) fail("'.' stops at line ends, which '?' does not: add the modifier 's'");
      out = {{{Atom::Kind::kOne, {}}}};
    }
    return out;
  }

  static Alternatives text(std::string_view character) {
    return {{{Atom::Kind::kText, std::string(character)}}};
  }

  Alternatives atom(int depth) {
    const char c = text_[at_];
    switch (c) {
      case '(': {
        ++at_;
        if (text_.substr(at_, 2) == "?:") {
          at_ += 2;
        } else if (more() && text_[at_] == '?') {
          fail("'(?' other than '(?:'");
          return {};
        }
        Alternatives out = alternation(depth + 1);
        if (!more() || text_[at_] != ')') {
          fail("'(' without ')'");
          return {};
        }
        ++at_;
        return out;
      }
      case '[':
        ++at_;
        return characters();
      case '\\':
        ++at_;
        return escape();
      case '^':
      case '$':
        ++at_;
        if (multiline_) fail("'^' and '$' at line ends (modifier 'm')");
        return {{{c == '^' ? Atom::Kind::kBegin : Atom::Kind::kEnd, {}}}};
      case '*':
      case '+':
      case '?':
      case '{':
        fail("repetition of nothing");
        return {};
      default: {
        std::size_t size = 1;
        while (at_ + size < text_.size() &&
               (static_cast<std::uint8_t>(text_[at_ + size]) & 0xC0) == 0x80) {
          ++size;
        }
        const std::string_view one = text_.substr(at_, size);
        at_ += size;
        return text(one);
      }
    }
  }

  Alternatives escape() {
    if (!more()) {
      fail("'\\' at its end");
      return {};
    }
    const char c = text_[at_++];
    switch (c) {
      case 'A':
        return {{{Atom::Kind::kBegin, {}}}};
      case 'z':
        return {{{Atom::Kind::kEnd, {}}}};
      case 't':
        return text("\t");
      case 'n':
        return text("\n");
      case 'r':
        return text("\r");
      case 'd': {
        Alternatives out;
        for (char digit = '0'; digit <= '9'; ++digit) out.push_back(text({&digit, 1})[0]);
        return out;
      }
      default:
        break;
    }
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || static_cast<std::uint8_t>(c) >= 0x80;
    if (letter) fail(std::string("'\\") + c + "'");
    return text({&c, 1});
  }

  Alternatives characters() {
    Alternatives out;
    if (more() && text_[at_] == '^') {
      fail("a negated class '[^'");
      return {};
    }
    bool first = true;
    while (more() && (first || text_[at_] != ']')) {
      first = false;
      char low = text_[at_++];
      const bool escaped = low == '\\' && more();
      if (escaped) low = text_[at_++];
      const bool letter =
          (low >= 'a' && low <= 'z') || (low >= 'A' && low <= 'Z') || (low >= '0' && low <= '9');
      if (static_cast<std::uint8_t>(low) >= 0x80 || (escaped ? letter : low == '[')) {
        fail("a class like this");
        return {};
      }
      char high = low;
      if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        high = text_[at_ + 1];
        at_ += 2;
        if (high < low || static_cast<std::uint8_t>(high) >= 0x80 || high == '\\') {
          fail("a class like this");
          return {};
        }
      }
      if (high - low >= 16) {
        fail("a class of more than 16 characters");
        return {};
      }
      for (int c = low; c <= high; ++c) {
        const char one = static_cast<char>(c);
        out.push_back(text({&one, 1})[0]);
      }
    }
    if (!more() || out.empty()) {
      fail("'[' without ']'");
      return {};
    }
    ++at_;
    check(out);
    return out;
  }

  std::string_view text_;
  bool ignore_case_, dot_all_, multiline_;
  std::size_t at_ = 0;
  std::string error_;
};

/// The sequence as a pattern over the whole text; false when it has none.
bool pattern_of(const Sequence& sequence, bool ignore_case, Pattern& out, std::string& error) {
  std::size_t first = 0, last = sequence.size();
  bool begin = false, end = false;
  while (first < last && sequence[first].kind == Atom::Kind::kBegin) ++first, begin = true;
  while (last > first && sequence[last - 1].kind == Atom::Kind::kEnd) --last, end = true;
  // At an open end, "as many as there are" asks for nothing.
  while (!begin && first < last && sequence[first].kind == Atom::Kind::kLineMany) ++first;
  while (!end && last > first && sequence[last - 1].kind == Atom::Kind::kLineMany) --last;
  if (!begin) out.prepend_many();
  for (std::size_t i = first; i < last; ++i) {
    switch (sequence[i].kind) {
      case Atom::Kind::kText:
        if (ignore_case && static_cast<std::uint8_t>(sequence[i].text[0]) >= 0x80) {
          error = "letters beyond ASCII without case";
          return false;
        }
        out.append({PatternPart::Kind::kText, sequence[i].text});
        break;
      case Atom::Kind::kOne:
        out.append({PatternPart::Kind::kOne, {}});
        break;
      case Atom::Kind::kMany:
        out.append_many();
        break;
      case Atom::Kind::kLineMany:
        error = "'.*' stops at line ends, which '*' does not: add the modifier 's'";
        return false;
      case Atom::Kind::kBegin:
      case Atom::Kind::kEnd:
        error = "'^' or '$' inside";
        return false;
    }
  }
  if (!end) out.append_many();
  return true;
}

}  // namespace

RegexPatterns patterns_of(const sigma::Value& value) {
  RegexPatterns out;
  const std::string text = value.pattern.plain();
  Reader reader(text, value.ignore_case, value.dot_all, value.multiline);
  Alternatives alternatives = reader.read();
  out.error = reader.error();
  for (Sequence& sequence : alternatives) {
    if (!out.error.empty()) break;
    if (value.at_start) sequence.insert(sequence.begin(), Atom{Atom::Kind::kBegin, {}});
    if (value.at_end) sequence.push_back(Atom{Atom::Kind::kEnd, {}});
    sigma::Value& one = out.any.emplace_back();
    one.kind = sigma::Value::Kind::kString;
    one.at = value.at;
    one.cased = !reader.ignore_case();
    pattern_of(sequence, reader.ignore_case(), one.pattern, out.error);
  }
  if (!out.error.empty()) {
    out.any.clear();
    out.error =
        "this regular expression cannot be said with wildcards, and the agent has no other "
        "(" +
        out.error + "); use contains, startswith, endswith, '*' and '?'";
  }
  return out;
}

}  // namespace rpcmarshal::policy
