// Conditions: any text is parsed or refused.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sigma/condition.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal::sigma;
  std::vector<Node> nodes(3);
  ConditionNames names;
  names.find = [](std::string_view name) -> std::optional<std::uint32_t> {
    if (name == "a") return 0;
    if (name == "b") return 1;
    return std::nullopt;
  };
  names.match = [](std::string_view pattern) {
    std::vector<std::uint32_t> out;
    if (name_matches(pattern, "filter_main")) out.push_back(2);
    if (pattern == "them") out = {0, 1, 2};
    return out;
  };
  const ConditionResult result =
      parse_condition({reinterpret_cast<const char*>(data), size}, names, nodes);
  if (result.error.empty() && result.node >= nodes.size()) std::abort();
  for (const Node& node : nodes) {
    for (const std::uint32_t child : node.children) {
      if (child >= nodes.size()) std::abort();
    }
  }
  return 0;
}
