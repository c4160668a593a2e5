// Whether the fields a policy names exist, before the call, and in the calls its rules are for.
#pragma once

#include "interface/model.h"
#include "lint/operations.h"
#include "policy/compiler/model.h"

namespace rpcmarshal::policy {

/// Reports unknown fields and those that exist only after the call (errors), and arguments that no
/// operation a rule matches has (errors; warnings when definitions are missing).
void check_fields(const PolicyModel& policy, const lint::Operations& operations,
                  sigma::Diagnostics& diagnostics);

}  // namespace rpcmarshal::policy
