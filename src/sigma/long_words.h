// Finds which of many words of seven letters or more stand in a text, looking at every fourth place
// only. Of each word four neighbouring groups of four letters are kept: wherever the word stands,
// one of them begins at a place that is looked at. A bit per group turns nearly all places away; a
// table leads from the others to the words they may belong to, which are then compared. (Wu and
// Manber, "A fast algorithm for multi-pattern searching", 1994, skip by the shortest word in the
// same way.) The four groups are those that are rarest among the words, since what many rules name
// ("powershell") is also what texts are full of.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace rpcmarshal::sigma {

class LongWords {
 public:
  static constexpr std::size_t kLeast = 7;  ///< letters of a word

  /// Words are numbered by their index; all have kLeast letters.
  void build(const std::vector<std::string>& words);
  bool empty() const { return words_.empty(); }
  std::size_t memory() const;

  /// Calls found(word) for each occurrence.
  template <typename Found>
  void scan(std::string_view text, Found&& found) const {
    if (text.size() < kLeast) return;
    const char* data = text.data();
    const std::size_t last = text.size() - 4;
    for (std::size_t at = 0; at <= last; at += 4) {
      const std::uint32_t gram = load4(data + at), hash = gram * kMultiplier;
      const std::uint32_t bit = hash >> filter_shift_;
      if ((filter_[bit >> 6] >> (bit & 63) & 1) == 0) continue;
      for (std::uint32_t slot = hash >> slot_shift_; slots_[slot].count != 0;
           slot = (slot + 1) & slot_mask_) {
        if (slots_[slot].gram != gram) continue;
        const Place* place = places_.data() + slots_[slot].first;
        for (std::uint32_t i = 0; i < slots_[slot].count; ++i, ++place) {
          if (at < place->offset) continue;
          const std::string_view word = word_at(place->word);
          const std::size_t start = at - place->offset;
          if (text.size() - start >= word.size() &&
              std::memcmp(data + start, word.data(), word.size()) == 0)
            found(place->word);
        }
        break;
      }
    }
  }

 private:
  static constexpr std::uint32_t kMultiplier = 0x9E3779B1u;
  struct Slot {
    std::uint32_t gram = 0;
    std::uint32_t first = 0, count = 0;  ///< of places_; none: the slot is free
  };
  /// A group of four letters, and where in which word it stands.
  struct Place {
    std::uint32_t word, offset;
  };
  static std::uint32_t load4(const char* at) {
    std::uint32_t out;
    std::memcpy(&out, at, 4);
    return out;
  }
  std::string_view word_at(std::uint32_t word) const {
    return std::string_view(text_).substr(words_[word], words_[word + 1] - words_[word]);
  }

  std::vector<std::uint64_t> filter_;
  unsigned filter_shift_ = 31, slot_shift_ = 31;
  std::uint32_t slot_mask_ = 0;
  std::vector<Slot> slots_;  // open addressing, a power of two
  std::vector<Place> places_;
  std::string text_;                  // of all words
  std::vector<std::uint32_t> words_;  // where each begins, and the end
};

}  // namespace rpcmarshal::sigma
