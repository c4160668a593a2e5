// Compares counts on the wire with what size_is, length_is and range say, once all values are
// known (an expression may name a parameter that comes later, or one of the request). The wire's
// counts have governed the decoding; this only reports.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "ndr/value.h"

namespace rpcmarshal::ndr {

/// Mismatches described; more are only counted.
inline constexpr std::size_t kMismatchesKept = 8;

inline void note_mismatch(std::vector<Mismatch>& kept, std::uint32_t& count, const Mismatch& one) {
  if (kept.size() < kMismatchesKept) kept.push_back(one);
  ++count;
}

class CountChecker {
 public:
  /// `request` may be nullptr.
  CountChecker(const Program& program, const Tape& tape, const Tape* request)
      : program_(program), tape_(tape), request_(request) {}
  void run(std::vector<Mismatch>& kept, std::uint32_t& count) const;

 private:
  std::optional<std::int64_t> lookup(const Node& array, std::uint32_t slot,
                                     std::string_view name) const;

  const Program& program_;
  const Tape& tape_;
  const Tape* request_;
};

}  // namespace rpcmarshal::ndr
