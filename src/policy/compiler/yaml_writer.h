// Text of policies that the program writes itself (convert, learn): quoting, and Sigma's escapes.
#pragma once

#include <string>
#include <string_view>

#include "sigma/pattern.h"

namespace rpcmarshal::policy {

/// A YAML scalar for any text on one line: plain when that is safe, else quoted.
std::string yaml_text(std::string_view text);

/// A value that matches exactly `text`: wildcards and backslashes escaped, then quoted.
inline std::string yaml_literal(std::string_view text) {
  return yaml_text(sigma::Pattern::literal(text).to_string());
}

}  // namespace rpcmarshal::policy
