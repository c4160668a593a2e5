// A test-only NDR encoder: makes up random values of given types, writes them by the rules of
// [C706] 14 and [MS-RPCE] 2.2.5, and says what a decoder should show. Written as plain recursion
// over the model, unlike the decoder, so that the two have no mistakes in common but mine.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ndr/build.h"

namespace rpcmarshal::ndr::test {

/// What show() should print: text, or a bracketed list of further expectations.
struct Expect {
  std::string before, after;
  bool separated = true;  ///< commas between children
  std::vector<std::unique_ptr<Expect>> children;
  std::string text() const;
  Expect* add() { return children.emplace_back(std::make_unique<Expect>()).get(); }
};

class Encoder {
 public:
  Encoder(Syntax syntax, ByteOrder order, std::uint32_t seed)
      : syntax_(syntax), order_(order), random_(seed), wire_(order) {}

  /// All parameters of one half.
  std::string encode(const Procedure& procedure, Half half);
  const Wire& wire() const { return wire_; }

 private:
  struct Later {
    const Type* type;
    Expect* expect;
  };
  struct Counts {
    std::vector<std::uint64_t> maxima;
    std::size_t next = 0;
  };

  std::uint64_t pick(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(random_);
  }
  std::size_t word() const { return syntax_ == Syntax::kNdr64 ? 8 : 4; }
  bool wide() const { return syntax_ == Syntax::kNdr64; }
  void put_word(std::uint64_t v) {
    wire_.align(word());
    if (wide()) {
      wire_.u64(v);
    } else {
      wire_.u32(static_cast<std::uint32_t>(v));
    }
  }
  void put(std::size_t size, std::uint64_t v);
  std::size_t alignment(const Type* type) const;
  void conformance(const Type* type, Counts& counts);
  void construct(const Type* type, Expect* expect);
  void body(const Type* type, Expect* expect, Counts& counts, std::vector<Later>& later,
            bool embedded, std::size_t gap_before_array = 1);
  void array(const ArrayShape& shape, Expect* expect, Counts& counts, std::vector<Later>& later,
             std::size_t gap);
  void elements(const ArrayShape& shape, const std::vector<std::uint64_t>& counts,
                std::size_t level, Expect* expect, std::vector<Later>& later);
  void scalar(BaseType type, Expect* expect);
  void variant(Expect* expect, std::vector<Later>& later);

  Syntax syntax_;
  ByteOrder order_;
  std::mt19937 random_;
  Wire wire_;
  std::uint32_t ids_ = 0;
  int budget_ = 300;  ///< pointers still to be non-null
};

}  // namespace rpcmarshal::ndr::test
