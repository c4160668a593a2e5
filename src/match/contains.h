// Whether a word stands in a text: many places at once, by the word's first and last byte. (The C++
// library looks for the first byte alone, which in a long text is often there.)
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace rpcmarshal::match {

inline bool contains(std::string_view text, std::string_view word) {
#ifdef __SSE2__
  if (word.size() < 2 || text.size() < word.size() + 15)
    return text.find(word) != std::string_view::npos;
  const __m128i first = _mm_set1_epi8(word.front()), last = _mm_set1_epi8(word.back());
  const std::size_t places = text.size() - word.size() + 1;
  for (std::size_t block = 0;;) {
    const char* at = text.data() + block;
    const __m128i begins =
        _mm_cmpeq_epi8(first, _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
    const __m128i ends = _mm_cmpeq_epi8(
        last, _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + word.size() - 1)));
    auto found = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_and_si128(begins, ends)));
    for (; found != 0; found &= found - 1) {
      if (std::memcmp(at + std::countr_zero(found), word.data(), word.size()) == 0) return true;
    }
    if (block + 16 == places) return false;
    // The last block goes with some places before it.
    block = block + 32 <= places ? block + 16 : places - 16;
  }
#else
  return text.find(word) != std::string_view::npos;
#endif
}

}  // namespace rpcmarshal::match
