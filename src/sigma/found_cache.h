// What scanning a text has found, kept for the next event: names of processes, users, pipes and
// channels come again and again, and finding them here costs a fraction of scanning them. Of what
// does not come again, the cost is one look-up. A ring of fixed size; what is oldest is
// overwritten.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "sigma/predicate.h"

namespace rpcmarshal::sigma {

class FoundCache {
 public:
  /// Longer texts seldom repeat, and are no more to scan than to compare.
  static constexpr std::size_t kMaxText = 256;
  static constexpr std::size_t kMaxFound = 64;

  struct Key {
    std::uint32_t scanner;  ///< Plan::Scanner::serial
    std::uint32_t kind;     ///< of the value: 1 and "1" are kept apart
    std::string_view bytes;
    std::uint32_t hash;

    Key(std::uint32_t of, std::uint32_t value_kind, std::string_view of_bytes)
        : scanner(of),
          kind(value_kind),
          bytes(of_bytes),
          hash(hash_of(of * 0x9E3779B97F4A7C15 + value_kind, of_bytes)) {}
  };

  FoundCache();

  /// The predicates found when put() was last called for `key`, or nothing. Valid until put().
  struct Found {
    bool known = false;
    std::span<const PredicateId> predicates;
  };
  Found find(const Key& key) const {
    const Slot& slot = slots_[key.hash & (kSlots - 1)];
    if (slot.hash != key.hash || written_ - slot.at > kWords) return {};
    const std::uint32_t* at = ring_.get() + (slot.at & (kWords - 1));
    Header header;
    std::memcpy(&header, at, sizeof header);
    if (header.scanner != key.scanner || header.kind != key.kind ||
        header.size != key.bytes.size() ||
        !equal(reinterpret_cast<const char*>(at + kHeaderWords + header.found), key.bytes))
      return {};
    return {true, {at + kHeaderWords, header.found}};
  }
  /// `found`, of at most kMaxFound predicates, for a text of at most kMaxText bytes.
  void put(const Key& key, std::span<const PredicateId> found);

 private:
  static constexpr std::uint32_t kSlots = 1u << 12;
  static constexpr std::uint32_t kWords = 1u << 16;
  struct Header {
    std::uint32_t scanner, kind;
    std::uint16_t size, found;
  };
  static constexpr std::uint32_t kHeaderWords = sizeof(Header) / 4;
  struct Slot {
    std::uint64_t at = 0;
    std::uint32_t hash = 0;
  };

  template <typename Word>
  static Word load(const char* at) {
    Word out;
    std::memcpy(&out, at, sizeof out);
    return out;
  }
  /// Eight bytes at a time, the last ones together with some of those before.
  static std::uint32_t hash_of(std::uint64_t seed, std::string_view bytes) {
    constexpr std::uint64_t kMul = 0x9E3779B97F4A7C15;
    std::uint64_t h = (seed ^ bytes.size()) * kMul;
    const char* data = bytes.data();
    const std::size_t size = bytes.size();
    const auto mix = [&h](std::uint64_t x) { h = std::rotl((h ^ x) * kMul, 29); };
    if (size > 8) {
      std::size_t at = 0;
      do mix(load<std::uint64_t>(data + at));
      while ((at += 8) + 8 < size);
      mix(load<std::uint64_t>(data + size - 8));
    } else if (size >= 4) {
      mix(std::uint64_t{load<std::uint32_t>(data)} << 32 | load<std::uint32_t>(data + size - 4));
    } else if (size != 0) {
      mix(static_cast<std::uint64_t>(static_cast<std::uint8_t>(data[0])) << 16 |
          static_cast<std::uint64_t>(static_cast<std::uint8_t>(data[size / 2])) << 8 |
          static_cast<std::uint8_t>(data[size - 1]));
    }
    h *= kMul;
    return static_cast<std::uint32_t>(h >> 32);
  }
  static bool equal(const char* a, std::string_view b) {
    const std::size_t size = b.size();
    if (size > 32 || size < 8) return std::memcmp(a, b.data(), size) == 0;
    std::uint64_t differ = load<std::uint64_t>(a + size - 8) ^ load<std::uint64_t>(&b[size - 8]);
    for (std::size_t at = 0; at + 8 < size; at += 8)
      differ |= load<std::uint64_t>(a + at) ^ load<std::uint64_t>(&b[at]);
    return differ == 0;
  }

  std::unique_ptr<Slot[]> slots_;
  std::unique_ptr<std::uint32_t[]> ring_;
  /// Words so far, of which the last kWords are there. Slots that were never used are out of reach.
  std::uint64_t written_ = 2 * kWords;
};

}  // namespace rpcmarshal::sigma
