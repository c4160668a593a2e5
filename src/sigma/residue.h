// What is left of rules when part of the event is known (partial.h): which match already, which may
// still match, and of those the expression that must hold yet, without the parts that are decided.
// For events of which much is known beforehand, that is little or nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sigma/partial.h"
#include "sigma/program.h"

namespace rpcmarshal::sigma {

/// Why a rule matched: a value of the event that the rule asked for.
struct MatchedField {
  std::string_view field;  ///< empty: a keyword
  std::string value;
};

struct Residue : Expressions {
  struct Certain {
    std::uint32_t rule = 0;  ///< index into program.rules
    std::vector<MatchedField> matched;
  };
  std::vector<Certain> certain;      ///< match whatever else the event holds
  std::vector<std::uint32_t> rules;  ///< may match: indexes into program.rules, ascending
  std::vector<std::uint32_t> roots;  ///< of `rules`, in `ops`
  /// What the parts that are known to hold have matched, by the numbers of kTrue.
  std::vector<std::vector<MatchedField>> known;

  /// Adds a rule, unless it cannot match. In ascending order of rules.
  void add(const Program& program, PartialEvent& event, std::uint32_t rule);
  /// Equal for equal rules, roots and expressions.
  std::vector<std::uint32_t> key() const;
};

/// Adds a field and its value, unless it is there.
void add_matched(std::vector<MatchedField>& out, std::string_view field, std::string_view value);

}  // namespace rpcmarshal::sigma
