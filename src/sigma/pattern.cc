#include "sigma/pattern.h"

#include <algorithm>

namespace rpcmarshal::sigma {
namespace {

using Kind = PatternPart::Kind;

}  // namespace

Pattern Pattern::parse(std::string_view text) {
  Pattern out;
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) out.append({Kind::kText, plain});
    plain.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size() &&
        (text[i + 1] == '*' || text[i + 1] == '?' || text[i + 1] == '\\')) {
      plain += text[++i];
    } else if (c == '*' || c == '?') {
      flush();
      out.parts_.push_back({c == '*' ? Kind::kMany : Kind::kOne, {}});
    } else {
      plain += c;
    }
  }
  flush();
  return out;
}

Pattern Pattern::literal(std::string_view text) {
  Pattern out;
  out.append({Kind::kText, std::string(text)});
  return out;
}

void Pattern::append(PatternPart part) {
  if (part.kind == Kind::kText) {
    if (part.text.empty()) return;
    if (!parts_.empty() && parts_.back().kind == Kind::kText) {
      parts_.back().text += part.text;
      return;
    }
  }
  parts_.push_back(std::move(part));
}

bool Pattern::has_wildcards() const {
  return std::any_of(parts_.begin(), parts_.end(), [](const PatternPart& p) {
    return p.kind == Kind::kMany || p.kind == Kind::kOne;
  });
}

bool Pattern::has_placeholders() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const PatternPart& p) { return p.kind == Kind::kPlaceholder; });
}

bool Pattern::starts_with_many() const {
  return !parts_.empty() && parts_.front().kind == Kind::kMany;
}

bool Pattern::ends_with_many() const {
  return !parts_.empty() && parts_.back().kind == Kind::kMany;
}

std::string Pattern::plain() const {
  std::string out;
  for (const PatternPart& part : parts_) {
    if (part.kind == Kind::kText) out += part.text;
  }
  return out;
}

std::string Pattern::to_string(Form form) const {
  std::string out;
  for (const PatternPart& part : parts_) {
    switch (part.kind) {
      case Kind::kMany:
        out += '*';
        break;
      case Kind::kOne:
        out += '?';
        break;
      case Kind::kPlaceholder:
        out += '%' + part.text + '%';
        break;
      case Kind::kText:
        for (const char c : part.text) {
          if (c == '*' || c == '?' || (c == '\\' && form == Form::kRule)) out += '\\';
          out += c;
        }
    }
  }
  return out;
}

void Pattern::prepend_many() {
  if (!starts_with_many()) parts_.insert(parts_.begin(), {Kind::kMany, {}});
}

void Pattern::append_many() {
  if (!ends_with_many()) parts_.push_back({Kind::kMany, {}});
}

void Pattern::mark_placeholders() {
  std::vector<PatternPart> old;
  old.swap(parts_);
  for (PatternPart& part : old) {
    if (part.kind != Kind::kText) {
      parts_.push_back(std::move(part));
      continue;
    }
    const std::string& text = part.text;
    std::size_t done = 0;
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t end = text[i] == '%' ? text.find('%', i + 1) : std::string::npos;
      if (end == std::string::npos || end == i + 1 || text.find('\\', i + 1) < end) {
        ++i;
        continue;
      }
      append({Kind::kText, text.substr(done, i - done)});
      parts_.push_back({Kind::kPlaceholder, text.substr(i + 1, end - i - 1)});
      i = done = end + 1;
    }
    append({Kind::kText, text.substr(done)});
  }
}

}  // namespace rpcmarshal::sigma
