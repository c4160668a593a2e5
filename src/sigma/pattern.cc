#include "sigma/pattern.h"

#include <algorithm>

namespace rpcmarshal::sigma {
namespace {

using Kind = PatternPart::Kind;

std::size_t rune_size(std::string_view text, std::size_t at) {
  std::size_t size = 1;
  while (at + size < text.size() && size < 4 &&
         (static_cast<std::uint8_t>(text[at + size]) & 0xC0) == 0x80) {
    ++size;
  }
  return size;
}

/// Matches the parts [first, last) (text and `?` only) at `at`; the offset behind, or npos.
std::size_t match_here(const std::vector<PatternPart>& parts, std::size_t first, std::size_t last,
                       std::string_view text, std::size_t at) {
  for (std::size_t i = first; i < last; ++i) {
    if (parts[i].kind == Kind::kOne) {
      if (at >= text.size()) return std::string_view::npos;
      at += rune_size(text, at);
    } else {
      if (text.compare(at, parts[i].text.size(), parts[i].text) != 0) return std::string_view::npos;
      at += parts[i].text.size();
    }
  }
  return at;
}

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

std::string Pattern::to_string() const {
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
          if (c == '*' || c == '?' || c == '\\') out += '\\';
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

bool wildcard_match(const std::vector<PatternPart>& parts, std::string_view text) {
  // Between two `*` stands a run of text and `?`; each run is placed as early as possible, which is
  // never wrong, and the last one at the end.
  const auto many = [&](std::size_t from) {
    while (from < parts.size() && parts[from].kind != Kind::kMany) ++from;
    return from;
  };
  std::size_t run_end = many(0);
  std::size_t at = match_here(parts, 0, run_end, text, 0);
  if (at == std::string_view::npos) return false;
  if (run_end == parts.size()) return at == text.size();
  while (true) {
    const std::size_t first = run_end + 1;
    run_end = many(first);
    if (run_end == parts.size()) {
      if (first == parts.size()) return true;
      // The last run ends the text. Only its `?` have a size that depends on where it begins, so
      // it is tried from the latest possible start backwards.
      std::size_t least = 0, most = 0;
      for (std::size_t i = first; i < run_end; ++i) {
        least += parts[i].kind == Kind::kOne ? 1 : parts[i].text.size();
        most += parts[i].kind == Kind::kOne ? 4 : parts[i].text.size();
      }
      if (text.size() - at < least) return false;
      const std::size_t earliest = text.size() - at > most ? text.size() - most : at;
      for (std::size_t start = text.size() - least;; --start) {
        const bool inside_rune = start < text.size() &&
                                 (static_cast<std::uint8_t>(text[start]) & 0xC0) == 0x80 &&
                                 parts[first].kind == Kind::kOne && start > at;
        if (!inside_rune && match_here(parts, first, run_end, text, start) == text.size())
          return true;
        if (start == earliest) return false;
      }
    }
    if (first == run_end) continue;  // "**"
    while (true) {
      if (parts[first].kind == Kind::kText) {
        at = text.find(parts[first].text, at);
        if (at == std::string_view::npos) return false;
      } else if (at > text.size()) {
        return false;
      }
      const std::size_t end = match_here(parts, first, run_end, text, at);
      if (end != std::string_view::npos) {
        at = end;
        break;
      }
      if (at >= text.size()) return false;
      at += rune_size(text, at);
    }
  }
}

}  // namespace rpcmarshal::sigma
