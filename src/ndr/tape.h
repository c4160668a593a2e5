// The decoder's working memory, kept in the Tape so that it is allocated once.
#pragma once

#include <cstdint>
#include <vector>

#include "ndr/value.h"

namespace rpcmarshal::ndr {

/// Entry::flags: text of a counted string, `link` is the offset of its Length.
inline constexpr std::uint8_t kCountedFlag = 1;

/// An integer at `from`, whose bounds the caller knows; sign-extended by its type.
inline std::int64_t load_scalar(const std::byte* from, Scalar scalar, ByteOrder order) {
  switch (scalar) {
    case Scalar::kBool8:
    case Scalar::kU8:
      return std::to_integer<std::uint8_t>(*from);
    case Scalar::kI8:
      return static_cast<std::int8_t>(*from);
    case Scalar::kVariantBool:
    case Scalar::kI16:
      return load<std::int16_t>(from, order);
    case Scalar::kU16:
      return load<std::uint16_t>(from, order);
    case Scalar::kI32:
      return load<std::int32_t>(from, order);
    case Scalar::kF32:
    case Scalar::kU32:
      return load<std::uint32_t>(from, order);
    case Scalar::kI64:
    case Scalar::kU64:
    case Scalar::kF64:
      return load<std::int64_t>(from, order);
    case Scalar::kPairI64:
    case Scalar::kPairU64:
      return static_cast<std::int64_t>(std::uint64_t{load<std::uint32_t>(from + 4, order)} << 32 |
                                       load<std::uint32_t>(from, order));
    case Scalar::kNone:
      break;
  }
  return 0;
}

/// Referent ids of [ptr] pointers seen so far, with the entry each belongs to: open addressing,
/// emptied by a new generation.
class FullPointers {
 public:
  void clear() {
    ++generation_;
    used_ = 0;
  }
  /// The entry that `id` already has, or kNoNode after giving it `entry`.
  std::uint32_t find_or_add(std::uint64_t id, std::uint32_t entry);

 private:
  struct Place {
    std::uint64_t id = 0;
    std::uint32_t entry = 0;
    std::uint32_t generation = 0;
  };
  std::uint32_t insert(std::uint64_t id, std::uint32_t entry);
  void grow();
  std::vector<Place> places_;
  std::uint32_t generation_ = 1;
  std::uint32_t used_ = 0;
};

struct Tape::Scratch {
  /// A referent yet to come. `extra`: top bit set, offset of a counted string's Length; else the
  /// VARTYPE of the VARIANT this is the content of.
  struct Deferred {
    std::uint32_t slot, node, extra;
  };
  /// A record's fields (step 1) or a list's elements (step 0) being run.
  struct Frame {
    std::uint32_t node, slot, remaining, owner;
    std::uint8_t step, tail_align;
  };
  /// An array whose counts can be compared once all values are known.
  struct Check {
    std::uint32_t slot, node;
    std::uint64_t maximum, actual;
  };
  static constexpr std::size_t kFrames = 64;  ///< inline nesting, bounded by compile.cc

  std::vector<Deferred> deferred;
  std::vector<Check> checks;
  FullPointers full;
  Frame frames[kFrames];
};

}  // namespace rpcmarshal::ndr
