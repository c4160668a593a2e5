// What libyaml refused, said to who wrote the file: where it went wrong in their eyes (an opening
// quotation mark rather than the end of the file) and what they probably meant.
#pragma once

#include <yaml.h>

#include <string_view>

#include "sigma/yaml_reader.h"

namespace rpcmarshal::sigma {

/// Why yaml_parser_parse() failed on `text`, before which `lines_before` lines of the file stand.
YamlProblem explain(const yaml_parser_t& parser, std::string_view text, std::uint32_t lines_before);

}  // namespace rpcmarshal::sigma
