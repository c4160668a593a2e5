// Regular expressions in a policy: the agent has no regular-expression engine, for one inside a
// service's call path is a risk of its own. Those that say no more than wildcards can are turned
// into wildcard patterns that match exactly the same text; all others are refused with the reason.
#pragma once

#include <string>
#include <vector>

#include "sigma/value.h"

namespace rpcmarshal::policy {

struct RegexPatterns {
  std::vector<sigma::Value> any;  ///< kString values: the expression matches when one of them does
  std::string error;              ///< not empty: it cannot be said with wildcards, and why
};

/// `value` is of kind kRegex.
RegexPatterns patterns_of(const sigma::Value& value);

}  // namespace rpcmarshal::policy
