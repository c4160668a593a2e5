#include "agent/service/json_fields.h"

#include <algorithm>
#include <cstdint>

#include "base/code_point.h"

namespace rpcmarshal::agent {
namespace {

class Scanner {
 public:
  Scanner(std::string_view text, const std::vector<std::string_view>& paths,
          std::vector<std::string>& values)
      : text_(text), paths_(paths), values_(values) {}

  // A machine with a stack of brackets; path_ holds the names that lead to the current value.
  bool run() {
    skip_space();
    if (!take('{')) return false;
    stack_.push_back({'{', 0});
    bool first = true;  // nothing of the innermost bracket was read yet
    while (!stack_.empty()) {
      const char open = stack_.back().bracket, close = open == '{' ? '}' : ']';
      skip_space();
      if (peek() == close) {
        ++at_;
        stack_.pop_back();
        if (!stack_.empty()) path_.resize(stack_.back().path);
        first = false;
        continue;
      }
      if (!first) {
        if (!take(',')) return false;
        skip_space();
        if (peek() == close) return false;
      }
      first = false;
      path_.resize(stack_.back().path);
      if (open == '{') {
        std::string_view name;
        if (!string(name)) return false;
        if (!path_.empty()) path_ += '.';
        path_ += name;
        if (path_.size() > 512) path_.resize(512);
        skip_space();
        if (!take(':')) return false;
        skip_space();
      } else {
        path_ += "[]";
        if (path_.size() > 512) path_.resize(512);
      }
      const char c = peek();
      if (c == '{' || c == '[') {
        if (stack_.size() == kMaxJsonDepth) return false;
        ++at_;
        stack_.push_back({c, path_.size()});
        first = true;
      } else if (!scalar()) {
        return false;
      }
    }
    skip_space();
    return at_ == text_.size();
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }

  // The text between the quotes, escapes and all.
  bool string(std::string_view& raw) {
    if (!take('"')) return false;
    const std::size_t start = at_;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c < 0x20) return false;
      if (c == '"') {
        raw = text_.substr(start, at_ - start);
        ++at_;
        return true;
      }
      if (c == '\\' && at_ + 1 < text_.size() && static_cast<unsigned char>(text_[at_ + 1]) < 0x20)
        return false;
      at_ += c == '\\' ? 2 : 1;
    }
    return false;
  }

  bool scalar() {
    const auto wanted = std::find(paths_.begin(), paths_.end(), std::string_view(path_));
    std::string* value = wanted == paths_.end()
                             ? nullptr
                             : &values_[static_cast<std::size_t>(wanted - paths_.begin())];
    if (peek() == '"') {
      std::string_view raw;
      if (!string(raw)) return false;
      if (value) *value = unescape(raw);
      return true;
    }
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ']' &&
           text_[at_] != ' ' && text_[at_] != '\t') {
      const char c = text_[at_];
      const bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' ||
                        c == '.' || c == 'E';
      if (!fits) return false;
      ++at_;
    }
    const std::string_view raw = text_.substr(start, at_ - start);
    const bool word = raw == "true" || raw == "false" || raw == "null";
    const bool number = !raw.empty() && (raw[0] == '-' || (raw[0] >= '0' && raw[0] <= '9'));
    if (!word && !number) return false;
    if (value) *value = raw;
    return true;
  }

  static std::uint32_t hex(std::string_view digits) {
    std::uint32_t value = 0;
    for (const char c : digits) {
      value <<= 4;
      if (c >= '0' && c <= '9') value |= static_cast<std::uint32_t>(c - '0');
      if (c >= 'a' && c <= 'f') value |= static_cast<std::uint32_t>(c - 'a' + 10);
      if (c >= 'A' && c <= 'F') value |= static_cast<std::uint32_t>(c - 'A' + 10);
    }
    return value;
  }

  static std::string unescape(std::string_view raw) {
    std::string out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '\\' || i + 1 == raw.size()) {
        out += raw[i];
        continue;
      }
      const char c = raw[++i];
      switch (c) {
        case 'b':
          out += '\b';
          break;
        case 'f':
          out += '\f';
          break;
        case 'n':
          out += '\n';
          break;
        case 'r':
          out += '\r';
          break;
        case 't':
          out += '\t';
          break;
        case 'u': {
          std::uint32_t unit = hex(raw.substr(i + 1, 4));
          i += 4;
          // A high surrogate and the low one that follows it are one character.
          if (unit >= 0xD800 && unit < 0xDC00 &&
              raw.substr(std::min(i + 1, raw.size()), 2) == "\\u") {
            const std::uint32_t low = hex(raw.substr(std::min(i + 3, raw.size()), 4));
            if (low >= 0xDC00 && low < 0xE000) {
              unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
              i += 6;
            }
          }
          if (unit >= 0xD800 && unit < 0xE000) unit = 0xFFFD;
          append_code_point(out, unit);
          break;
        }
        default:
          out += c;
      }
    }
    return out;
  }

  struct Open {
    char bracket;
    std::size_t path;  // length of path_ that leads to it
  };
  std::string_view text_;
  const std::vector<std::string_view>& paths_;
  std::vector<std::string>& values_;
  std::size_t at_ = 0;
  std::vector<Open> stack_;
  std::string path_;
};

}  // namespace

bool json_fields(std::string_view line, const std::vector<std::string_view>& paths,
                 std::vector<std::string>& values) {
  values.assign(paths.size(), {});
  return Scanner(line, paths, values).run();
}

}  // namespace rpcmarshal::agent
