#include "agent/service/json_fields.h"

#include <algorithm>
#include <cctype>

#include "base/json_text.h"

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
      if (c == '\\' && !escape()) return false;
      ++at_;
    }
    return false;
  }

  // Whether JSON knows the escape that begins here; goes to its last character.
  bool escape() {
    const char kind = at_ + 1 < text_.size() ? text_[++at_] : '\0';
    if (kind != 'u')
      return kind != '\0' && std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos;
    for (int i = 0; i < 4; ++i) {
      if (++at_ >= text_.size() || !std::isxdigit(static_cast<unsigned char>(text_[at_])))
        return false;
    }
    return true;
  }

  bool scalar() {
    const auto wanted = std::find(paths_.begin(), paths_.end(), std::string_view(path_));
    std::string* value = wanted == paths_.end()
                             ? nullptr
                             : &values_[static_cast<std::size_t>(wanted - paths_.begin())];
    if (peek() == '"') {
      std::string_view raw;
      if (!string(raw)) return false;
      if (!value) return true;
      value->clear();
      return append_json_text(*value, raw);
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
