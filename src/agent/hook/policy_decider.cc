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
    const std::int64_t now = record.time / 1'000'000'000;
    quick_.start(record);
    const policy::Narrowed& rules = quick_.rules(evaluator_);
    policy::Decision decision = evaluator_.decide(quick_, now, rules);
    if (decision.undecided) {
      json_.clear();
      maker_.append_json(json_, maker_.before(record));
      fields_.parse(json_);  // what it does not take is unknown to the evaluator
      decision = evaluator_.decide(fields_, now, rules);
    }
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
  if (!quick_.needs_history() || record.exception != 0 || !record.has_reply) return;
  try {
    const std::lock_guard lock(mutex_);
    quick_.start(record);
    if (quick_.makes_history()) maker_.finished(record);
  } catch (...) {
  }
}

}  // namespace rpcmarshal::agent
