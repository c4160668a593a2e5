// The agent while it runs (`run`, as a service or on a console): serves the event pipe, writes
// events, and protects the configured processes as they start.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/service/collector.h"
#include "agent/service/config.h"
#include "agent/service/event_files.h"
#include "agent/service/process_facts.h"
#include "agent/service/windows/control.h"
#include "agent/service/windows/event_log.h"

namespace rpcmarshal::agent {

class Agent final : private EventSink {
 public:
  /// Everything that can be wrong is found here: throws std::runtime_error.
  Agent(Config config, std::string config_path);
  ~Agent() override;

  /// Works until `stop` is signalled; then lets go of all processes.
  void run(HANDLE stop);

 private:
  // EventSink; under mutex_, on the pipe's thread.
  void event(std::uint32_t pid, std::string_view json,
             const std::vector<std::string>& fields) override;
  void flush() override;
  void note(std::uint32_t pid, std::string_view text) override;
  void hooked(const HookStatus& status) override;
  void released(const HookStatus& status) override;

  void look_for_processes();
  void consider(ProcessFacts& process);
  bool wanted(const ProcessFacts& process) const;
  void problem(const std::string& text);
  void write_status();
  void let_go();

  /// What became of a process that is to be protected.
  struct Known {
    int failures = 0;            // of injecting
    std::uint64_t retry_at = 0;  // GetTickCount64
    bool done = false;           // protected, refused, or given up
  };

  const Config config_;
  const std::string config_path_;
  std::wstring hook_;
  Control control_;
  MappedSection board_;
  std::set<std::string> names_;                                     // lower case
  std::map<std::pair<std::uint32_t, std::uint64_t>, Known> known_;  // by pid and start
  std::map<std::uint32_t, std::vector<std::string>> services_;

  mutable std::mutex mutex_;  // of all below
  Collector collector_;
  std::unique_ptr<EventFiles> files_;
  EventLog log_;
  std::string pending_;  // lines of one piece of input
  std::string last_problem_;
  const std::uint64_t started_ = filetime_now();
};

}  // namespace rpcmarshal::agent
