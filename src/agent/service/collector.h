// What arrives on the event pipe, from all hooks: messages are cut, checked and given to the sinks,
// and the hooks' counters are kept. Knows no Windows; the pipe server (pipe_server.h) feeds it. Not
// for several threads at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/common/protocol.h"

namespace rpcmarshal::agent {

/// Fields of an event that sinks other than files want, in this order (docs/event.md).
enum EventField : std::size_t {
  kFieldTime,
  kFieldOperation,
  kFieldInterface,
  kFieldUuid,
  kFieldOpnum,
  kFieldOutcome,
  kFieldAction,
  kFieldRule,
  kFieldClientAddress,
  kFieldClientPort,
  kFieldClientPid,
  kFieldUserDomain,
  kFieldUserName,
  kFieldUserSid,
  kFieldSequence,
  kFieldPipe,
  kFieldEndpoint,
  kEventFieldCount,
};

/// Takes what the collector lets through.
class EventSink {
 public:
  virtual ~EventSink() = default;
  /// `json` without a line end; `fields` by EventField. Valid during the call.
  virtual void event(std::uint32_t pid, std::string_view json,
                     const std::vector<std::string>& fields) = 0;
  /// After the events of one piece of input.
  virtual void flush() {}
  virtual void note(std::uint32_t pid, std::string_view text) = 0;
  virtual void hooked(const HookStatus& status) = 0;
  virtual void released(const HookStatus& status) = 0;
};

struct CollectorCounters {
  std::uint64_t events = 0;       ///< given to the sinks
  std::uint64_t malformed = 0;    ///< messages that were no event, status or note
  std::uint64_t refused = 0;      ///< connections of processes that are not targets
  std::uint64_t broken = 0;       ///< connections ended because of what came on them
  std::uint64_t connections = 0;  ///< open now
};

class Collector {
 public:
  explicit Collector(EventSink& sink) : sink_(sink) {}

  /// A process connected; `target` says whether it is one that is to be protected. The connection's
  /// number, or nullopt: close it.
  std::optional<std::uint32_t> open(std::uint32_t pid, bool target);
  /// False: what came is not the protocol, close it.
  bool feed(std::uint32_t connection, Bytes bytes);
  void close(std::uint32_t connection);

  const CollectorCounters& counters() const { return counters_; }
  /// The last status of each open connection that sent one.
  std::vector<HookStatus> hooks() const;

 private:
  struct Connection {
    std::uint32_t pid = 0;
    MessageReader reader;
    std::optional<HookStatus> status;
  };
  bool take(Connection& connection, const MessageReader::Message& message);

  EventSink& sink_;
  std::map<std::uint32_t, Connection> connections_;
  std::uint32_t next_ = 1;
  CollectorCounters counters_;
  std::vector<std::string> fields_;
};

}  // namespace rpcmarshal::agent
