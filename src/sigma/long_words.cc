#include "sigma/long_words.h"

#include <algorithm>
#include <unordered_map>

namespace rpcmarshal::sigma {
namespace {

/// Bits of the filter for each group: about one place in forty is a false alarm. At most 64 kB, for
/// the cache; with a byte instead of a bit for each, 16 kB.
constexpr std::size_t kBitsPerGram = 40;
constexpr unsigned kLeastBits = 10, kMostBits = 19, kMostByteBits = 14;

}  // namespace

void LongWords::build(const std::vector<std::string>& words) {
  *this = LongWords();
  if (words.empty()) return;
  std::unordered_map<std::uint32_t, std::uint32_t> frequency;
  for (const std::string& word : words) {
    words_.push_back(static_cast<std::uint32_t>(text_.size()));
    text_ += word;
    for (std::size_t i = 0; i + 4 <= word.size(); ++i) ++frequency[load4(word.data() + i)];
  }
  words_.push_back(static_cast<std::uint32_t>(text_.size()));

  std::vector<std::pair<std::uint32_t, Place>> grams;
  for (std::uint32_t w = 0; w < words.size(); ++w) {
    const std::string& word = words[w];
    std::uint64_t least = UINT64_MAX;
    std::size_t best = 0;
    for (std::size_t from = 0; from + kLeast <= word.size(); ++from) {
      std::uint64_t sum = 0;
      for (std::size_t i = from; i < from + 4; ++i) {
        const std::uint64_t n = frequency[load4(word.data() + i)];
        sum += n * n;
      }
      if (sum < least) {
        least = sum;
        best = from;
      }
    }
    for (std::size_t i = best; i < best + 4; ++i)
      grams.push_back({load4(word.data() + i), {w, static_cast<std::uint32_t>(i)}});
  }
  std::sort(grams.begin(), grams.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second.word < b.second.word;
  });

  unsigned bits = kLeastBits;
  while (bits < kMostBits && (std::size_t{1} << bits) < grams.size() * kBitsPerGram) ++bits;
  filter_shift_ = 32 - bits;
  if (bits <= kMostByteBits) {
    bytes_.assign(std::size_t{1} << bits, 0);
  } else {
    filter_.assign((std::size_t{1} << bits) / 64, 0);
  }
  unsigned slot_bits = 4;
  while ((std::size_t{1} << slot_bits) < grams.size() * 2) ++slot_bits;
  slot_shift_ = 32 - slot_bits;
  slot_mask_ = static_cast<std::uint32_t>((std::size_t{1} << slot_bits) - 1);
  slots_.resize(std::size_t{1} << slot_bits);
  for (std::size_t i = 0; i < grams.size();) {
    const std::uint32_t gram = grams[i].first, hash = gram * kMultiplier;
    const std::uint32_t bit = hash >> filter_shift_;
    if (bytes_.empty()) {
      filter_[bit >> 6] |= std::uint64_t{1} << (bit & 63);
    } else {
      bytes_[bit] = 1;
    }
    std::uint32_t slot = hash >> slot_shift_;
    while (slots_[slot].count != 0) slot = (slot + 1) & slot_mask_;
    slots_[slot] = {gram, static_cast<std::uint32_t>(places_.size()), 0};
    for (; i < grams.size() && grams[i].first == gram; ++i) {
      places_.push_back(grams[i].second);
      ++slots_[slot].count;
    }
  }
}

std::size_t LongWords::memory() const {
  return filter_.size() * sizeof filter_[0] + bytes_.size() + slots_.size() * sizeof slots_[0] +
         places_.size() * sizeof places_[0] + text_.size() + words_.size() * sizeof words_[0];
}

}  // namespace rpcmarshal::sigma
