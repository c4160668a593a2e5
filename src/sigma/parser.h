// From YAML documents to rules, correlations and filters (Sigma specification 2.1.0, and pySigma
// where its text is silent). A document with an error is reported and left out.
#pragma once

#include <string>
#include <string_view>

#include "sigma/rule.h"
#include "sigma/yaml.h"

namespace rpcmarshal::sigma {

/// All documents of one file, appended to `out`. Collections ("action: global", "repeat", "reset")
/// are resolved here; references between rules are not (loader.h).
void parse_rules(std::string_view text, const std::string& file, RuleSet& out,
                 Diagnostics& diagnostics);

/// "5m" in nanoseconds, or 0 when it is none. Units s m h d w M y, as pySigma.
std::int64_t parse_timespan(std::string_view text);

}  // namespace rpcmarshal::sigma
