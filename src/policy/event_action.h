// A decision as the event's `action` group (docs/event.md), for whoever has both a policy and
// events: the agent, and `policy simulate`.
#pragma once

#include "event/event.h"
#include "policy/evaluator.h"

namespace rpcmarshal::policy {

/// Texts are the policy's: they live as long as it does.
inline EventAction event_action(const Policy& policy, const Decision& decision) {
  EventAction out;
  out.decision = action_name(decision.action);
  if (decision.verdict == Action::kBlock && decision.action != Action::kBlock)
    out.would = action_name(Action::kBlock);
  out.policy = policy.name();
  if (decision.rule != Decision::kNoRule) {
    const PolicyRule rule = policy.rule(decision.rule);
    out.rule = rule.id;
    out.reason = rule.reason;
  }
  if (decision.unknown && decision.unknown_field < policy.field_count())
    out.unknown = policy.field_name(decision.unknown_field);
  if (decision.learn_rule != Decision::kNoRule) out.learning = policy.rule(decision.learn_rule).id;
  if (decision.verdict == Action::kBlock) out.fault_status = decision.fault_status;
  return out;
}

}  // namespace rpcmarshal::policy
