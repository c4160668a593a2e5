#include "agent/service/windows/agent.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "agent/service/status_board.h"
#include "agent/service/windows/injector.h"
#include "agent/service/windows/pipe_server.h"
#include "agent/service/windows/processes.h"
#include "agent/service/windows/protection.h"
#include "base/unicode.h"
#include "log_events.h"

namespace rpcmarshal::agent {
namespace {

constexpr int kTries = 3;
constexpr std::uint64_t kRetryMilliseconds = 10000;
constexpr std::uint32_t kLetGoMilliseconds = 5000;
constexpr DWORD kTickMilliseconds = 1000;
// So long a process may take to get modules that can be listed; FILETIME.
constexpr std::uint64_t kYoung = 10 * 10'000'000ull;

MappedSection make_status_section() {
  bool fresh = false;
  MappedSection section =
      MappedSection::create(kBoardName, kAdministratorsSddl, sizeof(StatusBoard), fresh);
  make_board(*static_cast<StatusBoard*>(section.memory()));
  return section;
}

// The folder events go to. They hold arguments: nobody but SYSTEM and administrators reads them.
void make_folder(const std::string& utf8_file) {
  namespace fs = std::filesystem;
  const std::u8string name(utf8_file.begin(), utf8_file.end());
  const fs::path folder = fs::path(name).parent_path();
  std::error_code error;
  if (folder.empty() || fs::exists(folder, error)) return;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  SecurityAttributes attributes(L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)");
  if (!CreateDirectoryW(folder.wstring().c_str(), attributes.get()))
    throw SystemError("cannot make the folder of " + utf8_file, GetLastError());
}

}  // namespace

Agent::Agent(Config config, std::string config_path)
    : config_(std::move(config)),
      config_path_(std::move(config_path)),
      hook_(checked_hook_path()),
      control_(Control::create()),
      board_(make_status_section()),
      collector_(*this) {
  // The pipe's first instance says so too, but not on every system (Wine 8).
  const std::uint32_t other = control_.block().agent_pid;
  if (other != 0 && other != GetCurrentProcessId() && still_runs(other, 0))
    throw SystemError("another agent runs, process " + std::to_string(other), ERROR_ALREADY_EXISTS);
  enable_privilege(L"SeDebugPrivilege");
  for (const std::string& name : config_.processes) names_.insert(to_lower(name));
  if (!config_.file.empty()) {
    make_folder(config_.file);
    files_ = std::make_unique<EventFiles>(
        EventFileOptions{config_.file, config_.rotate_bytes, config_.rotate_seconds, config_.keep});
  }
  ControlSettings settings;
  settings.flags = (config_.local_calls ? kLocalCalls : 0u) |
                   (config_.fail_closed ? kFailClosed : 0u) |
                   (config_.release_alone ? kReleaseAlone : 0u);
  settings.stale_seconds = config_.stale_seconds;
  settings.max_stub = config_.max_stub;
  settings.queue_bytes = config_.queue_bytes;
  PolicyFile policy;
  if (!config_.policy.empty()) policy = load_policy_file(config_.policy);
  control_.set_settings(settings);
  if (!config_.policy.empty()) {
    const std::uint32_t revision = control_.set_policy(policy.bytes);
    log_.write(kLogPolicy,
               {config_.policy, std::to_string(revision), std::to_string(policy.rules)});
  }
}

Agent::~Agent() = default;

void Agent::run(HANDLE stop) {
  {
    PipeServer pipe(collector_, mutex_,
                    [this](std::uint32_t pid) { return control_.is_target(pid); });
    control_.set_agent(GetCurrentProcessId());
    log_.write(kLogStarted, {RPCMARSHAL_VERSION, config_path_});
    ULONGLONG next_look = 0, next_tick = 0;
    for (;;) {
      const ULONGLONG now = GetTickCount64();
      if (now >= next_look) {
        next_look = now + config_.poll_milliseconds;
        try {
          look_for_processes();
        } catch (const std::exception& error) {
          problem(error.what());
        }
      }
      if (now >= next_tick) {
        next_tick = now + kTickMilliseconds;
        control_.heartbeat();
        {
          const std::lock_guard lock(mutex_);
          if (files_) files_->tick(unix_now());
        }
        write_status();
      }
      const ULONGLONG next = std::min(next_look, next_tick), after = GetTickCount64();
      const DWORD wait = next > after ? static_cast<DWORD>(next - after) : 0;
      if (WaitForSingleObject(stop, wait) == WAIT_OBJECT_0) break;
    }
    let_go();
    write_status();
  }
  control_.set_agent(0);
  const std::lock_guard lock(mutex_);
  flush();
  log_.write(kLogStopped, {});
}

// With the pipe still open, so that the last events and counters arrive.
void Agent::let_go() {
  control_.remove_all_targets();
  const ULONGLONG end = GetTickCount64() + kLetGoMilliseconds;
  while (GetTickCount64() < end) {
    {
      const std::lock_guard lock(mutex_);
      const auto hooks = collector_.hooks();
      if (std::none_of(hooks.begin(), hooks.end(),
                       [](const HookStatus& hook) { return hook.state != HookState::kReleased; }))
        return;
    }
    Sleep(50);
  }
  problem("not every hook has let go in time; they do as soon as they look");
}

bool Agent::wanted(const ProcessFacts& process) const {
  if (names_.contains(to_lower(process.name))) return true;
  const bool all = names_.contains("*");
  const auto services = services_.find(process.pid);
  if (services == services_.end()) return false;
  if (all) return true;
  return std::any_of(services->second.begin(), services->second.end(), [&](const auto& running) {
    return std::any_of(config_.services.begin(), config_.services.end(),
                       [&](const auto& wanted) { return equal_ignoring_case(running, wanted); });
  });
}

void Agent::look_for_processes() {
  std::vector<ProcessFacts> processes = list_process_names();
  if (!config_.services.empty() || names_.contains("*")) services_ = list_services();
  // Numbers are used again: what was known of a process that is gone is forgotten.
  std::erase_if(known_, [&](const auto& entry) {
    return std::none_of(processes.begin(), processes.end(), [&](const ProcessFacts& process) {
      return process.pid == entry.first.first;
    });
  });
  for (ProcessFacts& process : processes) {
    if (process.pid != GetCurrentProcessId() && wanted(process)) consider(process);
  }
}

void Agent::consider(ProcessFacts& process) {
  Known& known = known_[{process.pid, start_time(process.pid)}];
  if (known.done || GetTickCount64() < known.retry_at) return;
  complete_facts(process);
  const std::string who = process.name + " (process " + std::to_string(process.pid) + ")";
  if (const auto refusal = why_not_enter(process, GetCurrentProcessId(), false)) {
    known.done = true;
    problem(who + " cannot be protected: " + *refusal);
    return;
  }
  // Without rpcrt4 it is no server yet, and it may not even have begun to run.
  std::string why;
  const auto modules = list_modules(process.pid, why);
  if (modules && !find_module(*modules, "rpcrt4.dll")) return;
  if (!modules && process.started != 0 && filetime_now() - process.started < kYoung) return;
  try {
    protect(control_, process, hook_);
    known.done = true;
  } catch (const SystemError& error) {
    if (!still_runs(process.pid, process.started)) return;  // it ended meanwhile
    known.retry_at = GetTickCount64() + kRetryMilliseconds;
    known.done = ++known.failures == kTries;
    problem(who + ": " + error.what() + (known.done ? "; not tried again" : "; tried again"));
  }
}

void Agent::event(std::uint32_t pid, std::string_view json,
                  const std::vector<std::string>& fields) {
  if (files_) {
    pending_ += json;
    pending_ += '\n';
  }
  const std::string& action = fields[kFieldAction];
  const bool decided = action == "block" || action == "audit";
  if (config_.event_log == LogChoice::kOff ||
      (config_.event_log == LogChoice::kDecisions && !decided))
    return;
  const std::string& endpoint =
      fields[kFieldPipe].empty() ? fields[kFieldEndpoint] : fields[kFieldPipe];
  const bool blocked = action == "block";
  log_.write(blocked ? kLogBlocked : kLogCall,
             {fields[kFieldOperation], fields[kFieldInterface], fields[kFieldUuid],
              fields[kFieldOpnum], fields[kFieldOutcome], action, fields[kFieldRule],
              fields[kFieldClientAddress], fields[kFieldClientPort], fields[kFieldClientPid],
              fields[kFieldUserDomain], fields[kFieldUserName], fields[kFieldUserSid],
              fields[kFieldSequence], endpoint, std::to_string(pid), json});
}

void Agent::flush() {
  if (pending_.empty() || !files_) return;
  files_->write(pending_, unix_now());
  pending_.clear();
}

void Agent::note(std::uint32_t pid, std::string_view text) {
  last_problem_ = "process " + std::to_string(pid) + ": " + std::string(text);
  std::fprintf(stderr, "%s\n", last_problem_.c_str());
  if (config_.event_log != LogChoice::kOff) log_.write(kLogProblem, {last_problem_});
}

void Agent::hooked(const HookStatus& status) {
  ProcessFacts process;
  process.pid = status.pid;
  complete_facts(process);
  if (config_.event_log != LogChoice::kOff)
    log_.write(kLogProtected, {process.path, std::to_string(status.pid),
                               std::to_string(status.interfaces), std::to_string(status.entries)});
}

void Agent::released(const HookStatus& status) {
  if (config_.event_log == LogChoice::kOff) return;
  ProcessFacts process;
  process.pid = status.pid;
  complete_facts(process);
  log_.write(kLogReleased, {process.path, std::to_string(status.pid), std::to_string(status.calls),
                            std::to_string(status.events), std::to_string(status.dropped),
                            std::to_string(status.blocked)});
}

void Agent::problem(const std::string& text) {
  const std::lock_guard lock(mutex_);
  last_problem_ = text;
  std::fprintf(stderr, "%s\n", text.c_str());
  if (config_.event_log != LogChoice::kOff) log_.write(kLogProblem, {text});
}

void Agent::write_status() {
  const std::lock_guard lock(mutex_);
  AgentStatus status;
  status.pid = GetCurrentProcessId();
  status.started = started_;
  status.heartbeat = filetime_now();
  const CollectorCounters& counters = collector_.counters();
  status.events = counters.events;
  status.malformed = counters.malformed;
  status.refused = counters.refused;
  status.broken = counters.broken;
  status.connections = counters.connections;
  if (files_) {
    status.lines_written = files_->lines_written();
    status.lines_lost = files_->lines_lost();
    status.rotations = files_->rotations();
  }
  status.logged = log_.written();
  status.log_failures = log_.failed();
  const std::string& text = files_ && !files_->error().empty() ? files_->error() : last_problem_;
  const std::size_t size = std::min(text.size(), sizeof status.last_problem - 1);
  std::memcpy(status.last_problem, text.data(), size);
  write_board(*static_cast<StatusBoard*>(board_.memory()), status, collector_.hooks());
}

}  // namespace rpcmarshal::agent
