// The thread that turns recorded calls into messages for the agent. Takes what waits, makes events,
// writes them to an EventChannel (the pipe; tests have their own). When there is no agent, calls
// are dropped and counted: the process that is watched must not fill up with its own history.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "agent/common/protocol.h"
#include "agent/hook/event_maker.h"
#include "agent/hook/hook.h"

namespace rpcmarshal::agent {

class EventChannel {
 public:
  virtual ~EventChannel() = default;
  /// Writes whole messages; waits a bounded time. False: not written, and not to be tried again.
  virtual bool write(std::string_view messages) noexcept = 0;
  /// True when write() may succeed; tries to connect when it is time to. `connected_now` says that
  /// this is a new connection, which starts with a hello.
  virtual bool connect(bool& connected_now) noexcept = 0;
};

class Reporter {
 public:
  /// Starts the thread. All outlive the reporter. `status` fills in what counters do not know.
  Reporter(Session& session, Counters& counters, const Catalogue& catalogue,
           const ProcessFacts& process, EventChannel& channel, std::function<HookStatus()> status);
  /// Writes what waits, within a second, and ends the thread.
  ~Reporter();

  /// Something an administrator should know; sent when the agent is there.
  void note(std::string text);

 private:
  void run();
  bool flush(std::uint64_t events);
  void tell_status(MessageType type);

  Session& session_;
  Counters& counters_;
  EventMaker maker_;
  EventChannel& channel_;
  std::function<HookStatus()> status_;
  std::string out_, json_;
  std::mutex mutex_;
  std::vector<std::string> notes_;
  std::thread thread_;
};

}  // namespace rpcmarshal::agent
