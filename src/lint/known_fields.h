// The fields of the logs that the linter knows.
#pragma once

#include <span>
#include <string_view>

#include "lint/operations.h"

namespace rpcmarshal::lint {

/// Names, for suggestions; empty: the log is not known, and any field may be there.
std::span<const std::string_view> known_fields(View view);
/// Also what has names of its own below (request.X, fields of JSON objects).
bool is_known_field(View view, std::string_view field);

}  // namespace rpcmarshal::lint
