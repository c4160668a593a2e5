// Finds which of many words of seven letters or more stand in a text, looking at every fourth place
// only. Of each word four neighbouring groups of four letters are kept: wherever the word stands,
// one of them begins at a place that is looked at. A filter of groups turns nearly all places away;
// a table leads from the others to the words they may belong to, which are then compared. (Wu and
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
    if (bytes_.empty()) {
      scan(text, found, [this](std::uint32_t hash) {
        const std::uint32_t bit = hash >> filter_shift_;
        return filter_[bit >> 6] >> (bit & 63);
      });
    } else {
      scan(text, found, [this](std::uint32_t hash) { return bytes_[hash >> filter_shift_]; });
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
  /// `filter(hash)` is odd when a group with that hash may be there.
  template <typename Found, typename Filter>
  void scan(std::string_view text, Found&& found, Filter&& filter) const {
    const char* data = text.data();
    std::size_t at = 0;
    // Eight places together, at hardly any of which there is something.
    for (; at + 32 <= text.size(); at += 32) {
      decltype(filter(0)) any = 0;
#pragma GCC unroll 8
      for (std::size_t i = 0; i < 32; i += 4) any |= filter(load4(data + at + i) * kMultiplier);
      if ((any & 1) == 0) continue;
      for (std::size_t i = 0; i < 32; i += 4) {
        const std::uint32_t gram = load4(data + at + i), hash = gram * kMultiplier;
        if ((filter(hash) & 1) != 0) look(text, at + i, gram, hash, found);
      }
    }
    for (; at + 4 <= text.size(); at += 4) {
      const std::uint32_t gram = load4(data + at), hash = gram * kMultiplier;
      if ((filter(hash) & 1) != 0) look(text, at, gram, hash, found);
    }
  }
  /// Compares with the words that have `gram`, which stands at `at`.
  template <typename Found>
  void look(std::string_view text, std::size_t at, std::uint32_t gram, std::uint32_t hash,
            Found&& found) const {
    for (std::uint32_t slot = hash >> slot_shift_; slots_[slot].count != 0;
         slot = (slot + 1) & slot_mask_) {
      if (slots_[slot].gram != gram) continue;
      const Place* place = places_.data() + slots_[slot].first;
      for (std::uint32_t i = 0; i < slots_[slot].count; ++i, ++place) {
        if (at < place->offset) continue;
        const std::string_view word = word_at(place->word);
        const std::size_t start = at - place->offset;
        if (text.size() - start >= word.size() &&
            std::memcmp(text.data() + start, word.data(), word.size()) == 0)
          found(place->word);
      }
      return;
    }
  }
  std::string_view word_at(std::uint32_t word) const {
    return std::string_view(text_).substr(words_[word], words_[word + 1] - words_[word]);
  }

  /// One of the two: bits, or, of few words, bytes, which take fewer steps to look at.
  std::vector<std::uint64_t> filter_;
  std::vector<std::uint8_t> bytes_;
  unsigned filter_shift_ = 31, slot_shift_ = 31;
  std::uint32_t slot_mask_ = 0;
  std::vector<Slot> slots_;  // open addressing, a power of two
  std::vector<Place> places_;
  std::string text_;                  // of all words
  std::vector<std::uint32_t> words_;  // where each begins, and the end
};

}  // namespace rpcmarshal::sigma
