// A Decider by a compiled policy (src/policy). The policy sees the event's own JSON, so it means in
// a hooked server what `rpcmarshal policy simulate` says it means; where what is quickly known of a
// call settles the matter (quick_fields.h) the event is not made. One lock for all threads: a
// decision takes about a microsecond, some six with an event, and only while a policy is loaded.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "agent/hook/decider.h"
#include "agent/hook/event_maker.h"
#include "agent/hook/quick_fields.h"
#include "policy/evaluator.h"
#include "policy/json_fields.h"
#include "policy/policy.h"

namespace rpcmarshal::agent {

class PolicyDecider final : public Decider {
 public:
  /// Null, and why in `error`, when `compiled` is refused. `catalogue` and `process` outlive it.
  static std::shared_ptr<PolicyDecider> make(Bytes compiled, const Catalogue& catalogue,
                                             const ProcessFacts& process, std::string& error);

  bool decide(const CallRecord& record, Verdict& verdict) noexcept override;
  void learn(const CallRecord& record) noexcept override;
  bool local_calls() const override { return policy_->local_calls(); }
  const policy::Policy& policy() const { return *policy_; }

 private:
  PolicyDecider(std::unique_ptr<const policy::Policy> policy, const Catalogue& catalogue,
                const ProcessFacts& process)
      : policy_(std::move(policy)),
        maker_(catalogue, process),
        quick_(*policy_, catalogue),
        fields_(*policy_),
        evaluator_(*policy_) {}

  std::shared_ptr<const policy::Policy> policy_;
  std::mutex mutex_;  ///< all below
  EventMaker maker_;
  QuickFields quick_;
  policy::JsonFields fields_;
  policy::Evaluator evaluator_;
  std::string json_;
};

}  // namespace rpcmarshal::agent
