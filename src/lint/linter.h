// Finds what is wrong with Sigma rules about RPC before they ship: names that do not exist, values
// in the wrong field, parts that can never match, what the rule forgot, and what it says of itself
// that is not true. docs/rules.md lists the checks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lint/finding.h"
#include "lint/operations.h"

namespace rpcmarshal::lint {

/// Findings of one file with any number of documents, by line. What the parser says is among them.
std::vector<Finding> lint_text(std::string_view text, const std::string& file,
                               const Operations& operations);

}  // namespace rpcmarshal::lint
