#include "agent/hook/policy_decider.h"

#include "policy/event_action.h"

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
    verdict.action = policy::event_action(*policy_, decision);
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
