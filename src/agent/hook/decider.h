// Asks a policy about a call before it reaches the server. Rules may speak of what handles and
// objects were opened on, which only earlier calls told; so a decider sees each call twice, and
// learns from its end before the client has the answer and can use what it was given.
#pragma once

#include <memory>

#include "agent/hook/record.h"

namespace rpcmarshal::agent {

class Decider {
 public:
  virtual ~Decider() = default;
  /// Any thread. False: the decider itself failed (memory); the caller then fails open or closed.
  virtual bool decide(const CallRecord& record, Verdict& verdict) noexcept = 0;
  /// A call that was let through has ended.
  virtual void learn(const CallRecord& record) noexcept = 0;
  /// Whether local calls are its business.
  virtual bool local_calls() const { return false; }
};

}  // namespace rpcmarshal::agent
