// The event pipe: takes connections of hooks, and gives what comes on them to the collector. One
// thread does all of it (overlapped reads), so that the collector needs no lock of its own; who
// wants its counters from outside takes the mutex.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "agent/service/collector.h"
#include "agent/service/windows/system.h"

namespace rpcmarshal::agent {

class PipeServer {
 public:
  /// `is_target` says whether a process is one that is protected. Makes the pipe; throws
  /// SystemError when it cannot, or when the pipe is there already (another agent runs, or somebody
  /// tries to be it).
  PipeServer(Collector& collector, std::mutex& collector_mutex,
             std::function<bool(std::uint32_t)> is_target);
  /// Ends the connections.
  ~PipeServer();
  PipeServer(const PipeServer&) = delete;
  PipeServer& operator=(const PipeServer&) = delete;

  /// The access list of the pipe, as it is in force.
  std::wstring dacl() const;

 private:
  struct Client;
  void run();
  void listen();
  void connected();
  void start_read(Client& client);
  bool finish_read(Client& client);

  Collector& collector_;
  std::mutex& mutex_;
  const std::function<bool(std::uint32_t)> is_target_;
  Handle port_;           // I/O completion port
  Handle pipe_;           // the instance that waits for a client
  OVERLAPPED waiting_{};  // of that instance
  std::vector<std::unique_ptr<Client>> clients_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace rpcmarshal::agent
