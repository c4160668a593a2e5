// Looks at one line of JSON that a hook sent: whether it is one whole object on one line, and what
// stands at a few paths of it. The process it comes from may be anybody's by now, so a line is
// checked before it goes among the others. No recursion, no copies but of what is asked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rpcmarshal::agent {

inline constexpr std::size_t kMaxJsonDepth = 128;

/// For each of `paths` ("interface.name") the value there: a string without its escapes, anything
/// else as it is written; empty when absent. Members of objects only, not elements of arrays.
/// False when `line` is not one JSON object, or nests deeper than kMaxJsonDepth, or
/// contains control characters or escapes that JSON does not know.
bool json_fields(std::string_view line, const std::vector<std::string_view>& paths,
                 std::vector<std::string>& values);

}  // namespace rpcmarshal::agent
