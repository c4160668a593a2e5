// One document's text to its tree, by libyaml's events: no recursion, no exceptions, and what a
// document may cost is bounded (values, depth, what aliases repeat). Of this room's own use;
// others: yaml.h.
#pragma once

#include <string_view>
#include <vector>

#include "sigma/yaml.h"

namespace rpcmarshal::sigma {

/// What is wrong with a document.
struct YamlProblem {
  Location at;
  std::string message;  ///< empty: nothing
};

/// The documents of `text`, UTF-8 (parse_yaml() gives one at a time), appended to `out`, without
/// empty ones; none when there is a problem. `lines_before`: of the file, before `text`.
YamlProblem read_yaml(std::string_view text, std::uint32_t lines_before, std::vector<Yaml>& out);

/// Decides what a scalar without quotes is, by its text.
void set_yaml_type(Yaml& scalar);

}  // namespace rpcmarshal::sigma
