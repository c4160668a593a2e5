// Sigma's conditions: "selection and not 1 of filter_*". Precedence, weakest first: or, and, not,
// "x of", parentheses.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sigma/rule.h"

namespace rpcmarshal::sigma {

/// What a name in a condition stands for.
struct ConditionNames {
  /// Node of the selection called this, or nothing.
  std::function<std::optional<std::uint32_t>(std::string_view)> find;
  /// Nodes of the selections a pattern ("selection_*", or "them") stands for.
  std::function<std::vector<std::uint32_t>(std::string_view)> match;
};

struct ConditionResult {
  std::uint32_t node = 0;
  std::string error;   ///< not empty: the condition cannot be used
  std::size_t at = 0;  ///< byte offset of the error
};

/// Parses `text` and adds its nodes to `nodes`. Nesting and length are bounded.
ConditionResult parse_condition(std::string_view text, const ConditionNames& names,
                                std::vector<Node>& nodes);

/// "selection_*" against "selection_cmd": `*` is any number of characters.
bool name_matches(std::string_view pattern, std::string_view name);

}  // namespace rpcmarshal::sigma
