// Turns recorded calls into events as JSON (docs/event.md), with the same builder and writer as the
// sensor on the wire, so that the same call gives the same event. Remembers what handles and
// objects were opened on. One thread at a time.
#pragma once

#include <string>
#include <string_view>

#include "agent/hook/record.h"
#include "event/builder.h"
#include "sink/sink.h"

namespace rpcmarshal::agent {

/// The process that is hooked.
struct ProcessFacts {
  std::uint32_t pid = 0;
  std::string image;  ///< UTF-8 path
};

class EventMaker {
 public:
  /// All outlive it.
  EventMaker(const Catalogue& catalogue, const ProcessFacts& process)
      : builder_(catalogue), process_(process) {}

  /// The event of a call that has ended; valid until the next call of either. `record` too must
  /// stay.
  const Event& finished(const CallRecord& record);
  /// What a policy may see of a call before it is served: the request, and no answer yet.
  const Event& before(const CallRecord& record);
  /// finished() or before() as JSON, appended without a line end.
  void append_json(std::string& out, const Event& event) { json_.append(out, event); }

 private:
  const Event& build(const CallRecord& record, Call call);

  EventBuilder builder_;
  EventJson json_;
  const ProcessFacts& process_;
  HostFacts host_;
  CallContext context_;
};

}  // namespace rpcmarshal::agent
