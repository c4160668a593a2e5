#include "match/fold.h"

#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace rpcmarshal::match {
namespace {

char32_t fold_rune(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
  if (c == 0xB5) return 0x3BC;  // micro sign is a Greek mu
  if (c >= 0xC0 && c <= 0xDE) return c == 0xD7 ? c : c + 0x20;
  if (c >= 0x100 && c <= 0x137) return c == 0x130 ? c : c | 1;
  if (c >= 0x139 && c <= 0x148) return (c & 1) != 0 ? c + 1 : c;
  if (c >= 0x14A && c <= 0x177) return c | 1;
  if (c == 0x178) return 0xFF;
  if (c >= 0x179 && c <= 0x17E) return (c & 1) != 0 ? c + 1 : c;
  if (c == 0x17F) return 's';  // long s
  if (c == 0x386) return 0x3AC;
  if (c >= 0x388 && c <= 0x38A) return c + 37;
  if (c == 0x38C) return 0x3CC;
  if (c == 0x38E || c == 0x38F) return c + 63;
  if (c >= 0x391 && c <= 0x3AB) return c + 0x20;
  if (c == 0x3C2) return 0x3C3;  // final sigma
  if (c >= 0x400 && c <= 0x40F) return c + 0x50;
  if (c >= 0x410 && c <= 0x42F) return c + 0x20;
  if (c >= 0x460 && c <= 0x481) return c | 1;
  if (c >= 0x48A && c <= 0x4BF) return c | 1;
  if (c >= 0x4D0 && c <= 0x52F) return c | 1;
  if (c >= 0x531 && c <= 0x556) return c + 0x30;
  if (c >= 0x1E00 && c <= 0x1E95) return c | 1;
  if (c >= 0x1EA0 && c <= 0x1EFF) return c | 1;
  if (c == 0x212A) return 'k';   // Kelvin sign
  if (c == 0x212B) return 0xE5;  // Angstrom sign
  if (c >= 0xFF21 && c <= 0xFF3A) return c + 0x20;
  return c;
}

void append_rune(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

bool continuation(char c) { return (static_cast<std::uint8_t>(c) & 0xC0) == 0x80; }

/// Folds the characters beyond ASCII where they stand. False when one would change its length (the
/// text is then partly folded).
bool fold_in_place(char* text, std::size_t size) {
  std::size_t i = 0;
  while (i < size) {
    const auto c = static_cast<std::uint8_t>(text[i]);
    if (c < 0x80) {
      ++i;
      continue;
    }
    char32_t rune = 0;
    std::size_t length = 1;
    if (c >= 0xC2 && c < 0xE0 && i + 1 < size && continuation(text[i + 1])) {
      rune = static_cast<char32_t>((c & 0x1F) << 6 | (text[i + 1] & 0x3F));
      length = 2;
    } else if (c >= 0xE0 && c < 0xF0 && i + 2 < size && continuation(text[i + 1]) &&
               continuation(text[i + 2])) {
      rune = static_cast<char32_t>((c & 0x0F) << 12 | (text[i + 1] & 0x3F) << 6 |
                                   (text[i + 2] & 0x3F));
      length = 3;
    }
    const char32_t lower = length == 1 ? rune : fold_rune(rune);
    if (lower != rune) {
      const std::size_t needed = lower < 0x80 ? 1 : lower < 0x800 ? 2 : 3;
      if (needed != length) return false;
      if (length == 2) {
        text[i] = static_cast<char>(0xC0 | (lower >> 6));
      } else {
        text[i] = static_cast<char>(0xE0 | (lower >> 12));
        text[i + 1] = static_cast<char>(0x80 | ((lower >> 6) & 0x3F));
      }
      text[i + length - 1] = static_cast<char>(0x80 | (lower & 0x3F));
    }
    i += length;
  }
  return true;
}

}  // namespace

bool fold_ascii(std::string_view text, char* to) {
  const char* from = text.data();
  const std::size_t size = text.size();
#ifdef __SSE2__
  // Sixteen letters at a time, the last ones together with some of those before.
  if (size >= 16) {
    __m128i seen = _mm_setzero_si128();
    const auto fold = [&](std::size_t at) {
      const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at));
      seen = _mm_or_si128(seen, x);
      // As signed bytes, A to Z are moved to the lower end, where one comparison finds them.
      const __m128i moved = _mm_add_epi8(x, _mm_set1_epi8(static_cast<char>(0x80 - 'A')));
      const __m128i upper = _mm_cmplt_epi8(moved, _mm_set1_epi8(static_cast<char>(0x80 + 26)));
      const __m128i lower = _mm_or_si128(x, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at), lower);
    };
    std::size_t at = 0;
    for (; at + 16 <= size; at += 16) fold(at);
    if (at < size) fold(size - 16);
    return _mm_movemask_epi8(seen) == 0;
  }
#endif
  // Eight letters at a time: bytes from A to Z get bit 5.
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const auto lower = [](std::uint64_t x) {
    const std::uint64_t low = x & kOnes * 0x7F;
    const std::uint64_t from_a = low + kOnes * (0x80 - 'A'), behind_z = low + kOnes * (0x7F - 'Z');
    return x | (~x & (from_a ^ behind_z) & kOnes * 0x80) >> 2;
  };
  std::uint64_t seen = 0;
  const auto fold = [&]<typename Word>(Word, std::size_t at) {
    Word x;
    std::memcpy(&x, from + at, sizeof x);
    seen |= x;
    x = static_cast<Word>(lower(x));
    std::memcpy(to + at, &x, sizeof x);
  };
  if (size >= 8) {
    std::size_t at = 0;
    for (; at + 8 <= size; at += 8) fold(std::uint64_t{}, at);
    if (at < size) fold(std::uint64_t{}, size - 8);
  } else if (size >= 4) {
    fold(std::uint32_t{}, 0);
    fold(std::uint32_t{}, size - 4);
  } else {
    for (std::size_t at = 0; at < size; ++at) fold(std::uint8_t{}, at);
  }
  return (seen & kOnes * 0x80) == 0;
}

void append_folded(std::string& out, std::string_view utf8) {
  const std::size_t start = out.size();
  out.resize(start + utf8.size());
  char* to = out.data() + start;
  if (fold_ascii(utf8, to)) return;  // which is nearly always
  if (fold_in_place(to, utf8.size())) return;

  out.resize(start);
  for (std::size_t i = 0; i < utf8.size();) {
    const auto c = static_cast<std::uint8_t>(utf8[i]);
    const std::size_t left = utf8.size() - i;
    if (c < 0x80) {
      append_rune(out, fold_rune(c));
      i += 1;
    } else if (c >= 0xC2 && c < 0xE0 && left > 1 && continuation(utf8[i + 1])) {
      append_rune(out, fold_rune(static_cast<char32_t>((c & 0x1F) << 6 | (utf8[i + 1] & 0x3F))));
      i += 2;
    } else if (c >= 0xE0 && c < 0xF0 && left > 2 && continuation(utf8[i + 1]) &&
               continuation(utf8[i + 2])) {
      const auto rune = static_cast<char32_t>((c & 0x0F) << 12 | (utf8[i + 1] & 0x3F) << 6 |
                                              (utf8[i + 2] & 0x3F));
      const char32_t lower = fold_rune(rune);
      if (lower == rune) {
        out.append(utf8.substr(i, 3));
      } else {
        append_rune(out, lower);
      }
      i += 3;
    } else {
      out += utf8[i++];
    }
  }
}

std::string folded(std::string_view utf8) {
  std::string out;
  append_folded(out, utf8);
  return out;
}

}  // namespace rpcmarshal::match
