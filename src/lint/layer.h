// An ATT&CK Navigator layer (format 4.5): which techniques a set of rules covers.
#pragma once

#include <string>

#include "sigma/rule.h"

namespace rpcmarshal::lint {

/// Each technique that a tag of a rule or correlation names; score: how many do, the comment: their
/// titles.
std::string navigator_layer(const sigma::RuleSet& rules);

}  // namespace rpcmarshal::lint
