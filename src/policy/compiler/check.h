// What is wrong with a policy beyond its grammar: rules that can never match, rules that an earlier
// one leaves nothing to, rules that have expired, texts that do not mean what they look like.
#pragma once

#include <cstdint>

#include "lint/operations.h"
#include "policy/compiler/model.h"

namespace rpcmarshal::policy {

/// Fields (fields.h) and logic; adds errors and warnings. `now`: seconds since 1970.
void check_policy(const PolicyModel& policy, const lint::Operations& operations, std::int64_t now,
                  sigma::Diagnostics& diagnostics);

}  // namespace rpcmarshal::policy
