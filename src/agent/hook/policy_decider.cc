#include "agent/hook/policy_decider.h"

namespace rpcmarshal::agent {

std::shared_ptr<PolicyDecider> PolicyDecider::make(Bytes compiled, const Catalogue& catalogue,
                                                   const ProcessFacts& process,
                                                   std::string& error) {
  policy::Policy::Loaded loaded = policy::Policy::load(compiled);
  if (!loaded.policy) {
    error = std::move(loaded.error);
    return nullptr;
  }
  return std::shared_ptr<PolicyDecider>(
      new PolicyDecider(std::move(loaded.policy), catalogue, process));
}

bool PolicyDecider::decide(const CallRecord& record, Verdict& verdict) noexcept {
  // Local calls may be reported for another reason than the policy's.
  if (record.caller.local && !policy_->local_calls()) return true;
  try {
    const std::lock_guard lock(mutex_);
    json_.clear();
    maker_.append_json(json_, maker_.before(record));
    fields_.parse(json_);  // what it does not take is unknown to the evaluator
    const policy::Decision decision = evaluator_.decide(fields_, record.time / 1'000'000'000);
    verdict.owner = policy_;
    verdict.refuse = decision.action == policy::Action::kBlock;
    verdict.audit = decision.action == policy::Action::kAudit;
    verdict.unknown = decision.unknown;
    verdict.status = decision.fault_status;
    verdict.decision = policy::action_name(decision.action);
    if (decision.verdict != decision.action) verdict.would = policy::action_name(decision.verdict);
    verdict.policy = policy_->name();
    if (decision.rule != policy::Decision::kNoRule) {
      const policy::PolicyRule rule = policy_->rule(decision.rule);
      verdict.rule = rule.id;
      verdict.reason = rule.reason;
    }
    if (decision.unknown && decision.unknown_field < policy_->field_count())
      verdict.unknown_field = policy_->field_name(decision.unknown_field);
    if (decision.learn_rule != policy::Decision::kNoRule)
      verdict.learning = policy_->rule(decision.learn_rule).id;
    return true;
  } catch (...) {  // no memory
    return false;
  }
}

void PolicyDecider::learn(const CallRecord& record) noexcept {
  if (record.exception != 0 || !record.has_reply) return;
  try {
    const std::lock_guard lock(mutex_);
    maker_.finished(record);
  } catch (...) {
  }
}

}  // namespace rpcmarshal::agent
