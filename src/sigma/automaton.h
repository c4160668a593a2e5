// Finds every occurrence of many words in a text in one pass (Aho and Corasick, "Efficient string
// matching", 1975). The states next to the root, where a scan spends its time, have a full row of
// transitions; the deeper ones keep only their edges and where to fall back to, so that memory
// grows with the words and not with the alphabet.
#pragma once

#include <array>
#include <cstdint>
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
    std::uint32_t state = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      state = step(state, static_cast<std::uint8_t>(text[i]));
      if (outputs_[state] == kNone) continue;
      for (std::uint32_t out = outputs_[state]; out != kNone; out = out_list_[out].next)
        found(out_list_[out].word, i + 1);
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
    std::uint32_t word, next;
  };

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
