// A policy as its author wrote it: ordered rules, each a Sigma detection with an action. The parser
// (parser.h) makes it from YAML, RpcFw.conf (rpcfw.h) and what was seen (learn.h) are turned into
// it, and from it come the compiled policy (compile.h), findings (check.h) and native filters
// (netsh.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "sigma/diagnostic.h"
#include "sigma/rule.h"

namespace rpcmarshal::policy {

struct RuleModel {
  std::string id, title, reason;
  Action action = Action::kAllow;
  Unknown unknown = Unknown::kPolicy;
  bool learn = false;
  std::optional<std::uint32_t> fault;  ///< else the policy's
  std::int64_t expires = 0;            ///< seconds since 1970; 0: never
  bool any = false;                    ///< matches every call; no detection
  sigma::Detection detection;
  sigma::Location at;       ///< of the rule
  sigma::Location when_at;  ///< of what it matches
};

struct PolicyModel {
  std::string file, name;
  bool learn = false, local_calls = false;
  Action default_action = Action::kAllow;
  Action unknown_action = Action::kAudit;
  std::uint32_t fault = 5;
  std::vector<RuleModel> rules;
};

}  // namespace rpcmarshal::policy
