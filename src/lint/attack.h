// What of MITRE ATT&CK the linter and the layer need: the tags of rules, and the tactics of the
// techniques that RPC operations have.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rpcmarshal::lint {

/// "attack.t1053.005" -> "T1053.005"; empty when the tag names no technique.
std::string technique_of_tag(std::string_view tag);
/// "attack.credential-access" (or with underscores) -> "credential-access"; empty when the tag
/// names no tactic.
std::string tactic_of_tag(std::string_view tag);
/// Tactics of a technique of the catalogue, or of its parent; empty when not known.
std::vector<std::string_view> tactics_of(std::string_view technique);
/// Whether the two are the same, or one is the other's sub-technique.
bool related(std::string_view a, std::string_view b);

}  // namespace rpcmarshal::lint
