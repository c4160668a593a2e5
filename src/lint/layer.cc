#include "lint/layer.h"

#include <algorithm>
#include <map>
#include <vector>

#include "builtin/describe.h"
#include "lint/attack.h"
#include "lint/finding.h"

namespace rpcmarshal::lint {

std::string navigator_layer(const sigma::RuleSet& rules) {
  std::map<std::string, std::vector<std::string>> titles;
  const auto add = [&](const sigma::Metadata& about) {
    for (const std::string& tag : about.tags) {
      const std::string technique = technique_of_tag(tag);
      if (technique.empty()) continue;
      auto& list = titles[technique];
      if (std::ranges::find(list, about.title) == list.end()) list.push_back(about.title);
    }
  };
  for (const sigma::Rule& rule : rules.rules) add(rule.about);
  for (const sigma::Correlation& correlation : rules.correlations) add(correlation.about);
  std::size_t most = 1;
  for (const auto& [technique, list] : titles) most = std::max(most, list.size());

  std::string out = "{\"name\":\"RPC Marshal rules\",\"versions\":{\"attack\":";
  append_json(out, kAttackVersion.substr(1));
  out +=
      ",\"navigator\":\"5.1.0\",\"layer\":\"4.5\"},\"domain\":\"enterprise-attack\","
      "\"description\":\"Techniques that the loaded rules are tagged with; score: number of "
      "rules\","
      "\"gradient\":{\"colors\":[\"#d6eaf8\",\"#1b4f72\"],\"minValue\":1,\"maxValue\":" +
      std::to_string(most) + "},\"techniques\":[";
  for (const auto& [technique, list] : titles) {
    if (out.back() != '[') out += ',';
    out += "\n{\"techniqueID\":";
    append_json(out, technique);
    out += ",\"score\":" + std::to_string(list.size()) + ",\"enabled\":true,\"comment\":";
    std::string comment;
    for (const std::string& title : list) comment += (comment.empty() ? "" : "; ") + title;
    append_json(out, comment);
    out += ",\"showSubtechniques\":";
    out += technique.size() > 5 ? "true}" : "false}";
  }
  return out + "\n]}\n";
}

}  // namespace rpcmarshal::lint
