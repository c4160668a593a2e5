// Text with wildcards against text: `*` is any number of characters, `?` exactly one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rpcmarshal::match {

enum class PartKind : std::uint8_t { kText, kMany, kOne, kPlaceholder };

/// Bytes of the UTF-8 character at `at` (a byte that begins none counts as one).
inline std::size_t rune_size(std::string_view text, std::size_t at) {
  std::size_t size = 1;
  while (at + size < text.size() && size < 4 &&
         (static_cast<std::uint8_t>(text[at + size]) & 0xC0) == 0x80) {
    ++size;
  }
  return size;
}

/// Matches the parts [first, last) (text and `?` only) at `at`; the offset behind, or npos.
template <typename Parts>
std::size_t match_here(const Parts& parts, std::size_t first, std::size_t last,
                       std::string_view text, std::size_t at) {
  for (std::size_t i = first; i < last; ++i) {
    const auto& part = parts[i];
    if (part.kind == PartKind::kOne) {
      if (at >= text.size()) return std::string_view::npos;
      at += rune_size(text, at);
    } else {
      if (text.compare(at, part.text.size(), part.text) != 0) return std::string_view::npos;
      at += part.text.size();
    }
  }
  return at;
}

/// Whether `text` as a whole matches `parts`: anything with size() and [i] that has `kind` and
/// `text`; no placeholders. Bytes are compared as they are (fold both for comparison without case);
/// `?` stands for one UTF-8 character. Takes at most about parts x text steps, no recursion.
template <typename Parts>
bool wildcard_match(const Parts& parts, std::string_view text) {
  // Between two `*` stands a run of text and `?`; each run is placed as early as possible, which is
  // never wrong, and the last one at the end.
  const auto many = [&](std::size_t from) {
    while (from < parts.size() && parts[from].kind != PartKind::kMany) ++from;
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
        const auto& part = parts[i];
        least += part.kind == PartKind::kOne ? 1 : part.text.size();
        most += part.kind == PartKind::kOne ? 4 : part.text.size();
      }
      if (text.size() - at < least) return false;
      const std::size_t earliest = text.size() - at > most ? text.size() - most : at;
      for (std::size_t start = text.size() - least;; --start) {
        const bool inside_rune = start < text.size() &&
                                 (static_cast<std::uint8_t>(text[start]) & 0xC0) == 0x80 &&
                                 parts[first].kind == PartKind::kOne && start > at;
        if (!inside_rune && match_here(parts, first, run_end, text, start) == text.size())
          return true;
        if (start == earliest) return false;
      }
    }
    if (first == run_end) continue;  // "**"
    while (true) {
      const auto& part = parts[first];
      if (part.kind == PartKind::kText) {
        at = text.find(part.text, at);
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

}  // namespace rpcmarshal::match
