// What a rule or a correlation does, as text: the same for two of them exactly when they find the
// same, whatever their titles, levels and places are. After placeholders, filters and pipelines,
// so that a changed values file changes the fingerprints of the rules that use it.
#pragma once

#include <string>

#include "sigma/rule.h"

namespace rpcmarshal::sigma {

/// Of a rule: its log source, and the conditions over its items.
std::string fingerprint(const Rule& rule);
/// Of a correlation itself, not of the rules it refers to.
std::string fingerprint(const Correlation& correlation);

}  // namespace rpcmarshal::sigma
