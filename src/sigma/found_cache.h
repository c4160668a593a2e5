// What scanning a text has found, kept for the next event: names of processes, users, pipes and
// channels come again and again, and finding them here costs a fraction of scanning them. Of what
// does not come again, the cost is one look-up. A ring of fixed size; what is oldest is
// overwritten.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "sigma/predicate.h"
#include "sigma/text_hash.h"

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
          hash(static_cast<std::uint32_t>(
              text::hash(of * text::kMultiplier + value_kind, of_bytes) >> 32)) {}
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
        !text::equal(reinterpret_cast<const char*>(at + kHeaderWords + header.found), key.bytes))
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

  std::unique_ptr<Slot[]> slots_;
  std::unique_ptr<std::uint32_t[]> ring_;
  /// Words so far, of which the last kWords are there. Slots that were never used are out of reach.
  std::uint64_t written_ = 2 * kWords;
};

}  // namespace rpcmarshal::sigma
