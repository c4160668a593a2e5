#include "sigma/automaton.h"

#include <algorithm>
#include <bit>
#include <numeric>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define RPCM_SSSE3 __attribute__((target("ssse3")))
#define RPCM_AVX2 __attribute__((target("avx2")))
#endif

namespace rpcmarshal::sigma {
namespace {

/// Entries of the table of full rows: 4 MB, so that the part in use stays in the caches.
constexpr std::size_t kMaxRowEntries = 1u << 20;
/// With more words, nearly every block of sixteen places has a false alarm.
constexpr std::size_t kFewWords = 96;

}  // namespace

void Automaton::build(const std::vector<std::string>& words) {
  *this = Automaton();
  std::array<bool, 256> seen{};
  for (const std::string& word : words) {
    for (const char c : word) seen[static_cast<std::uint8_t>(c)] = true;
  }
  std::uint32_t letters = 1;
  for (std::size_t b = 0; b < 256; ++b) {
    // With all 256 bytes in use the last one shares column 0, which then has edges of its own; the
    // edges are kept by byte, so nothing is lost but one column.
    if (seen[b] && letters < 256) letter_[b] = static_cast<std::uint8_t>(letters++);
  }
  letters_ = letters;

  // Words in order share their beginnings with their neighbours: the tree is made level by level,
  // each state standing for a range of words, which numbers states by depth.
  std::vector<std::uint32_t> order(words.size());
  std::iota(order.begin(), order.end(), 0);
  std::erase_if(order, [&](std::uint32_t w) { return words[w].empty(); });
  if (order.empty()) return;
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return words[a] < words[b]; });
  struct Range {
    std::uint32_t first, last;
  };
  build_filter(words, order);
  std::vector<Range> level{{0, static_cast<std::uint32_t>(order.size())}};
  states_.emplace_back();
  outputs_.push_back(kNone);
  depth_.push_back(0);
  std::uint32_t level_first = 0;
  for (std::size_t depth = 0; !level.empty(); ++depth) {
    std::vector<Range> next;
    for (std::size_t s = 0; s < level.size(); ++s) {
      const auto state = static_cast<std::uint32_t>(level_first + s);
      states_[state].first_edge = static_cast<std::uint32_t>(edges_.size());
      std::uint32_t at = level[s].first;
      for (; at < level[s].last && words[order[at]].size() == depth; ++at) {
        out_list_.push_back({order[at], outputs_[state], static_cast<std::uint32_t>(depth)});
        outputs_[state] = static_cast<std::uint32_t>(out_list_.size() - 1);
      }
      while (at < level[s].last) {
        const char letter = words[order[at]][depth];
        std::uint32_t end = at;
        while (end < level[s].last && words[order[end]][depth] == letter) ++end;
        edges_.push_back({static_cast<std::uint8_t>(letter),
                          static_cast<std::uint32_t>(level_first + level.size() + next.size())});
        next.push_back({at, end});
        at = end;
      }
      states_[state].edges = static_cast<std::uint32_t>(edges_.size()) - states_[state].first_edge;
    }
    level_first += static_cast<std::uint32_t>(level.size());
    for (std::size_t i = 0; i < next.size(); ++i) {
      states_.emplace_back();
      outputs_.push_back(kNone);
      depth_.push_back(static_cast<std::uint32_t>(depth + 1));
    }
    level = std::move(next);
  }

  // Fall-backs, from the root outwards; a state's list of words continues with its fall-back's.
  const auto edge = [&](std::uint32_t state, std::uint8_t byte) {
    const State& s = states_[state];
    for (std::uint32_t e = s.first_edge; e < s.first_edge + s.edges; ++e) {
      if (edges_[e].letter == byte) return edges_[e].to;
    }
    return kNone;
  };
  for (std::uint32_t state = 0; state < states_.size(); ++state) {
    for (std::uint32_t e = 0; e < states_[state].edges; ++e) {
      const Edge& to = edges_[states_[state].first_edge + e];
      std::uint32_t fail = 0;
      if (state != 0) {
        for (std::uint32_t from = states_[state].fail;; from = states_[from].fail) {
          const std::uint32_t there = edge(from, to.letter);
          if (there != kNone) {
            fail = there;
            break;
          }
          if (from == 0) break;
        }
      }
      states_[to.to].fail = fail;
      if (outputs_[to.to] == kNone) {
        outputs_[to.to] = outputs_[fail];
      } else {
        std::uint32_t last = outputs_[to.to];
        while (out_list_[last].next != kNone) last = out_list_[last].next;
        out_list_[last].next = outputs_[fail];
      }
    }
  }

  // A full row is the fall-back's row with this state's own edges. The root always has one.
  dense_ = static_cast<std::uint32_t>(
      std::min<std::size_t>(states_.size(), std::max<std::size_t>(kMaxRowEntries / letters_, 1)));
  rows_.assign(std::size_t{dense_} * letters_, 0);
  for (std::uint32_t state = 0; state < dense_; ++state) {
    std::uint32_t* row = rows_.data() + std::size_t{state} * letters_;
    if (state != 0) {
      const std::uint32_t* from = rows_.data() + std::size_t{states_[state].fail} * letters_;
      std::copy(from, from + letters_, row);
    }
    for (std::uint32_t e = 0; e < states_[state].edges; ++e) {
      const Edge& to = edges_[states_[state].first_edge + e];
      row[letter_[to.letter]] = to.to;
    }
  }
}

namespace {

bool can_shuffle() {
#ifdef RPCM_SSSE3
  return __builtin_cpu_supports("ssse3") != 0;
#else
  return false;
#endif
}

}  // namespace

void Automaton::build_filter(const std::vector<std::string>& words,
                             const std::vector<std::uint32_t>& order) {
  // About 32 bits a word keep false alarms near three in a hundred; at most 32 kB, for the cache.
  unsigned bits = 10;
  while (bits < 18 && (std::size_t{1} << bits) < order.size() * 32) ++bits;
  gram_shift_ = 32 - bits;
  grams_.assign((std::size_t{1} << bits) / 64, 0);
  std::size_t dealt = 0, in_group = 0;
  for (const std::uint32_t w : order) {
    const std::string& word = words[w];
    if (word.size() >= 4) {
      for (std::size_t letter = 0; letter < 4; ++letter) {
        const auto byte = static_cast<std::uint8_t>(word[letter]);
        const auto group = static_cast<std::uint8_t>(1u << (dealt & 7));
        low_half_[letter][byte & 15] |= group;
        high_half_[letter][byte >> 4] |= group;
      }
      // Neighbours in order begin alike: they share a group.
      if (++in_group == order.size() / 8 + 1) {
        in_group = 0;
        ++dealt;
      }
      const std::uint32_t bit = gram_bit(load4(word.data()));
      grams_[bit >> 6] |= std::uint64_t{1} << (bit & 63);
      continue;
    }
    has_short_ = true;
    pairs_.resize(1024);
    // The first letter is the low byte of a pair as it is loaded.
    const std::uint32_t first = static_cast<std::uint8_t>(word[0]);
    for (std::uint32_t second = 0; second < 256; ++second) {
      if (word.size() > 1 && second != static_cast<std::uint8_t>(word[1])) continue;
      const std::uint32_t pair = second << 8 | first;
      pairs_[pair >> 6] |= std::uint64_t{1} << (pair & 63);
    }
  }
  few_ = !has_short_ && order.size() <= kFewWords && can_shuffle();
#ifdef RPCM_SSSE3
  wide_ = few_ && __builtin_cpu_supports("avx2") != 0;
#endif
}

#ifdef RPCM_SSSE3
// As skip_blocks() below, which goes on where this ends, with blocks twice as large.
RPCM_AVX2 std::size_t Automaton::skip_large_blocks(std::string_view text, std::size_t at) const {
  const __m256i half = _mm256_set1_epi8(0x0F);
  const __m256i zero = _mm256_setzero_si256();
  __m256i low[4], high[4];
  for (int letter = 0; letter < 4; ++letter) {
    low[letter] = _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(low_half_[letter])));
    high[letter] = _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(high_half_[letter])));
  }
  for (; at + 32 + 3 <= text.size(); at += 32) {
    __m256i groups = _mm256_set1_epi8(-1);
    for (int letter = 0; letter < 4; ++letter) {
      const __m256i bytes = _mm256_loadu_si256(
          reinterpret_cast<const __m256i*>(text.data() + at + static_cast<std::size_t>(letter)));
      const __m256i by_low = _mm256_shuffle_epi8(low[letter], _mm256_and_si256(bytes, half));
      const __m256i by_high =
          _mm256_shuffle_epi8(high[letter], _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half));
      groups = _mm256_and_si256(groups, _mm256_and_si256(by_low, by_high));
    }
    const auto none =
        static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(groups, zero)));
    if (none != 0xFFFFFFFF) return at + static_cast<std::size_t>(std::countr_one(none));
  }
  return at;
}

RPCM_SSSE3 std::size_t Automaton::skip_blocks(std::string_view text, std::size_t at) const {
  if (wide_) {
    at = skip_large_blocks(text, at);
    if (at + 32 + 3 <= text.size()) return at;
  }
  const __m128i half = _mm_set1_epi8(0x0F);
  const __m128i zero = _mm_setzero_si128();
  __m128i low[4], high[4];
  for (int letter = 0; letter < 4; ++letter) {
    low[letter] = _mm_load_si128(reinterpret_cast<const __m128i*>(low_half_[letter]));
    high[letter] = _mm_load_si128(reinterpret_cast<const __m128i*>(high_half_[letter]));
  }
  for (; at + 16 + 3 <= text.size(); at += 16) {
    __m128i groups = _mm_set1_epi8(-1);
    for (int letter = 0; letter < 4; ++letter) {
      const __m128i bytes = _mm_loadu_si128(
          reinterpret_cast<const __m128i*>(text.data() + at + static_cast<std::size_t>(letter)));
      const __m128i by_low = _mm_shuffle_epi8(low[letter], _mm_and_si128(bytes, half));
      const __m128i by_high =
          _mm_shuffle_epi8(high[letter], _mm_and_si128(_mm_srli_epi16(bytes, 4), half));
      groups = _mm_and_si128(groups, _mm_and_si128(by_low, by_high));
    }
    const auto none = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(groups, zero)));
    if (none != 0xFFFF) return at + static_cast<std::size_t>(std::countr_one(none));
  }
  return at;
}
#else
std::size_t Automaton::skip_blocks(std::string_view, std::size_t at) const { return at; }
#endif

std::size_t Automaton::memory() const {
  return grams_.size() * sizeof grams_[0] + pairs_.size() * sizeof pairs_[0] +
         depth_.size() * sizeof depth_[0] + rows_.size() * sizeof rows_[0] +
         states_.size() * sizeof states_[0] + edges_.size() * sizeof edges_[0] +
         outputs_.size() * sizeof outputs_[0] + out_list_.size() * sizeof out_list_[0];
}

}  // namespace rpcmarshal::sigma
