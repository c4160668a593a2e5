// From the model to the compiled policy (policy/format.h).
#pragma once

#include <cstddef>
#include <vector>

#include "policy/compiler/model.h"

namespace rpcmarshal::policy {

/// What the agent's section has room for (agent/common/protocol.h).
inline constexpr std::size_t kAgentMaxPolicy = std::size_t{1} << 20;

/// The block, or nothing and diagnostics: regular expressions that are no wildcards, rules that are
/// too large. The result always loads (Policy::load).
std::vector<std::byte> compile_policy(const PolicyModel& policy, sigma::Diagnostics& diagnostics);

}  // namespace rpcmarshal::policy
