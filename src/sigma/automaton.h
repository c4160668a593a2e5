// Finds every occurrence of many words in a text in one pass (Aho and Corasick, "Efficient string
// matching", 1975). The states next to the root, where a scan spends its time, have a full row of
// transitions; the deeper ones keep only their edges and where to fall back to, so that memory
// grows with the words and not with the alphabet.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace rpcmarshal::sigma {

class Automaton {
 public:
  /// Words are numbered by their index. Empty words never occur.
  void build(const std::vector<std::string>& words);
  bool empty() const { return states_.empty(); }
  std::size_t memory() const;

  /// Calls found(word, end) for each occurrence, `end` being the offset behind it.
  template <typename Found>
  void scan(std::string_view text, Found&& found) const {
    const std::size_t size = text.size();
    std::size_t at = 0;
    while (true) {
      at = next_start(text, at);
      if (at >= size) return;
      // A word may begin at `start`, the latest such place.
      std::size_t start = at;
      std::uint32_t state = 0;
      while (true) {
        state = step(state, static_cast<std::uint8_t>(text[at]));
        ++at;
        for (std::uint32_t out = outputs_[state]; out != kNone; out = out_list_[out].next)
          found(out_list_[out].word, at);
        if (at - depth_[state] > start) break;
        if (at >= size) return;
        if (may_start(text, at)) start = at;
      }
    }
  }

  /// Calls found(word) for each word that `text` begins with; with `kBackwards`, for each word
  /// that, reversed, it ends with.
  template <bool kBackwards, typename Found>
  void scan_edge(std::string_view text, Found&& found) const {
    std::uint32_t state = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<std::uint8_t>(text[kBackwards ? text.size() - 1 - i : i]);
      const State& s = states_[state];
      std::uint32_t e = s.first_edge;
      const std::uint32_t end = s.first_edge + s.edges;
      while (e < end && edges_[e].letter != byte) ++e;
      if (e == end) return;
      state = edges_[e].to;
      // Words that end here are those of this length; shorter ones in the list end here, too, but
      // begin later.
      for (std::uint32_t out = outputs_[state]; out != kNone; out = out_list_[out].next) {
        if (out_list_[out].size == i + 1) found(out_list_[out].word);
      }
    }
  }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  struct State {
    std::uint32_t first_edge = 0, edges = 0;
    std::uint32_t fail = 0;
  };
  struct Edge {
    std::uint8_t letter;
    std::uint32_t to;
  };
  struct Out {
    std::uint32_t word, next, size;
  };

  void build_filter(const std::vector<std::string>& words, const std::vector<std::uint32_t>& order);
  std::uint32_t gram_bit(std::uint32_t gram) const { return gram * 0x9E3779B1u >> gram_shift_; }
  static std::uint32_t load4(const char* at) {
    std::uint32_t out;
    std::memcpy(&out, at, 4);
    return out;
  }
  bool may_start(std::string_view text, std::size_t at) const {
    if (at + 4 > text.size()) return true;  // the last three places are not worth a look
    const std::uint32_t gram = load4(text.data() + at), bit = gram_bit(gram);
    if ((grams_[bit >> 6] >> (bit & 63) & 1) != 0) return true;
    const std::uint32_t pair = gram & 0xFFFF;
    return has_short_ && (pairs_[pair >> 6] >> (pair & 63) & 1) != 0;
  }
  /// The first place from `at` on where a word may begin; the end when there is none.
  std::size_t next_start(std::string_view text, std::size_t at) const {
    const std::size_t size = text.size();
    if (has_short_) {
      for (; at + 4 <= size; ++at) {
        const std::uint32_t gram = load4(text.data() + at), bit = gram_bit(gram);
        const std::uint32_t pair = gram & 0xFFFF;
        if (((grams_[bit >> 6] >> (bit & 63) | pairs_[pair >> 6] >> (pair & 63)) & 1) != 0)
          return at;
      }
      return at;  // the last three places are not worth a look
    }
    for (; at + 4 <= size; ++at) {
      if (few_) at = skip_blocks(text, at);
      if (at + 4 > size) break;
      const std::uint32_t bit = gram_bit(load4(text.data() + at));
      if ((grams_[bit >> 6] >> (bit & 63) & 1) != 0) return at;
    }
    return size;  // every word has four letters at least
  }
  /// With few words: passes over blocks of 16 places at none of which a word may begin.
  std::size_t skip_blocks(std::string_view text, std::size_t at) const;
  std::size_t skip_large_blocks(std::string_view text, std::size_t at) const;

  std::uint32_t step(std::uint32_t state, std::uint8_t byte) const {
    while (state >= dense_) {
      const State& s = states_[state];
      for (std::uint32_t e = s.first_edge; e < s.first_edge + s.edges; ++e) {
        if (edges_[e].letter == byte) return edges_[e].to;
      }
      state = s.fail;
    }
    return rows_[state * letters_ + letter_[byte]];
  }

  std::vector<std::uint64_t> grams_;  // bit per hash of a word's first four letters
  std::uint32_t gram_shift_ = 31;
  std::vector<std::uint64_t> pairs_;  // bit per first two letters of words shorter than four
  bool has_short_ = false;
  /// With few words, all of four letters at least, sixteen places are looked at together. The words
  /// are dealt into eight groups; for each of the first four letters and each half of its byte, a
  /// bit per group says whether a word of the group has it there. (The idea is Hyperscan's Teddy.)
  bool few_ = false;
  bool wide_ = false;  ///< the processor can do 32 at a time
  alignas(16) std::uint8_t low_half_[4][16] = {}, high_half_[4][16] = {};
  std::vector<std::uint32_t> depth_;  // state -> letters since the root

  std::array<std::uint8_t, 256> letter_{};  // byte -> column; 0 is "in no word"
  std::uint32_t letters_ = 1;
  std::uint32_t dense_ = 0;  // states below this have a row
  std::vector<std::uint32_t> rows_;
  std::vector<State> states_;  // in order of depth
  std::vector<Edge> edges_;
  std::vector<std::uint32_t> outputs_;  // state -> list in out_list_, or kNone
  std::vector<Out> out_list_;
};

}  // namespace rpcmarshal::sigma
