// The DLL: one thread that looks at the agent's section and does what it says. Loading it starts
// the thread and nothing else, because DllMain runs under the loader's lock. When there is no
// section or the process is no target, and nothing was ever hooked, the DLL unloads itself; once it
// has hooked something its code stays mapped for the life of the process, since a thread may have
// read an entry just before it was restored. Released, it holds the code and one sleeping thread.

#include <new>
#include <optional>

#include "agent/hook/policy_decider.h"
#include "agent/hook/reporter.h"
#include "agent/hook/windows/caller_windows.h"
#include "agent/hook/windows/entries.h"
#include "agent/hook/windows/machine.h"
#include "builtin/builtin.h"

namespace rpcmarshal::agent {
namespace {

constexpr int kDrainMilliseconds = 5000;
constexpr int kLookAgain = 30'000 / static_cast<int>(kPollMilliseconds);

/// The folder "interfaces" beside the DLL, when there is one: definitions of the user's own.
std::vector<std::string> own_definitions() {
  HMODULE self = nullptr;
  GetModuleHandleExW(
      GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
      reinterpret_cast<const wchar_t*>(&own_definitions), &self);
  char path[1024];
  const DWORD size = GetModuleFileNameA(self, path, sizeof path);
  if (size == 0 || size == sizeof path) return {};
  std::string folder(path, size);
  folder.erase(folder.find_last_of("\\/") + 1);
  folder += "interfaces";
  const DWORD attributes = GetFileAttributesA(folder.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES || !(attributes & FILE_ATTRIBUTE_DIRECTORY)) return {};
  return {folder};
}

/// Everything that exists while the process is protected.
struct Protection {
  Protection(Session& of, Counters& counters, const ProcessFacts& process, PipeChannel& channel,
             std::function<HookStatus()> status)
      : loaded(load_catalogue(own_definitions())),
        reporter(of, counters, loaded.catalogue, process, channel, std::move(status)) {}
  LoadedCatalogue loaded;
  Reporter reporter;
};

class Controller {
 public:
  Controller() : hook_(platform_, callers_), entries_(hook_) {
    process_ = {GetCurrentProcessId(), image_of(GetCurrentProcess())};
    set_entry_hook(&hook_);
  }

  /// False: there is nothing to do here, and the DLL may go.
  bool run() {
    if (!platform_.ok()) return false;
    for (int tick = 0;; ++tick) {
      const ControlView* control = read();
      const bool alone = control && stale(*section_.block(), control->stale_seconds);
      if (control && control->target && !(alone && (control->flags & kReleaseAlone))) {
        if (!protection_ && !alone) protect(*control);
        if (protection_) {
          channel_.set_agent(control->agent_pid);
          load_policy(*control);
          entries_.replace(tick % kLookAgain == 0);
          if (std::exchange(heap_due_, false)) look_at_heap();
          hook_.expire(*hook_.session());
        }
      } else if (protection_) {
        release();
      }
      if (!ever_) return false;
      Sleep(kPollMilliseconds);
    }
  }

 private:
  /// What the section says now; null when there is none. Copied only when it changed.
  const ControlView* read() {
    // An agent that died leaves its section as it was; a new one has another under the same name.
    if (section_.block() && view_ && stale(*section_.block(), view_->stale_seconds)) {
      ControlSection other;
      if (other.open() && !stale(*other.block(), view_->stale_seconds)) {
        section_.swap(other);
        view_.reset();
      }
    }
    if (!section_.open()) return nullptr;
    if (!view_ || view_->sequence != control_sequence(*section_.block())) {
      if (auto view = read_control(section_.block(), section_.size(), process_.pid, started_))
        view_ = std::move(view);
    }
    return view_ ? &*view_ : nullptr;
  }

  static bool stale(const ControlBlock& block, std::uint32_t seconds) {
    const std::uint64_t beat =
        std::atomic_ref<std::uint64_t>(const_cast<std::uint64_t&>(block.heartbeat))
            .load(std::memory_order_relaxed);
    const std::uint64_t now = filetime_now();
    return beat != 0 && now > beat && (now - beat) / 10'000'000 > seconds;
  }

  void protect(const ControlView& control) {
    HMODULE self = nullptr;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                       reinterpret_cast<const wchar_t*>(&own_definitions), &self);
    SessionOptions options;
    options.local_calls = control.flags & kLocalCalls;
    options.fail_closed = control.flags & kFailClosed;
    options.max_stub = control.max_stub;
    options.queue_bytes = control.queue_bytes;
    auto session = std::make_unique<Session>(options);
    channel_.set_agent(control.agent_pid);
    protection_ = std::make_unique<Protection>(*session, hook_.counters(), process_, channel_,
                                               [this] { return status(); });
    hook_.start(std::move(session));
    load_policy(control);  // before the first entry is replaced
    ever_ = heap_due_ = true;
  }

  /// After the modules, which take no time: calls of what is found there are seen meanwhile.
  void look_at_heap() {
    const HeapScan scan = entries_.replace_on_heap();
    if (scan.whole) return;
    protection_->reporter.note("interfaces in private memory: only " +
                               std::to_string(scan.bytes >> 20) +
                               " MB were looked at; COM's may be missing until they are registered "
                               "again");
  }

  /// Puts the section's policy in force. One that is refused changes nothing: the one before stays.
  void load_policy(const ControlView& control) {
    if (control.policy_revision == seen_revision_) return;
    seen_revision_ = control.policy_revision;
    std::shared_ptr<Decider> decider;
    if (!control.policy.empty()) {
      std::string error;
      decider = PolicyDecider::make(control.policy, protection_->loaded.catalogue, process_, error);
      if (!decider) {
        protection_->reporter.note("policy refused, the one before stays: " + error);
        return;
      }
    }
    hook_.session()->decider = std::move(decider);
    revision_ = control.policy.empty() ? 0 : control.policy_revision;
  }

  void release() {
    seen_revision_ = revision_ = 0;
    entries_.restore();
    std::unique_ptr<Session> session = hook_.stop(kDrainMilliseconds);
    if (session) {
      protection_.reset();  // writes what waits
    } else {
      static_cast<void>(protection_.release());  // a call is inside: all of it stays
    }
  }

  HookStatus status() {
    const Counters& counters = hook_.counters();
    HookStatus status;
    status.pid = process_.pid;
    status.state = hook_.session() ? HookState::kHooked : HookState::kReleased;
    status.started = started_;
    status.policy_revision = revision_;
    status.interfaces = entries_.interfaces();
    status.entries = entries_.entries();
    status.active = hook_.active();
    status.calls = counters.calls;
    status.events = counters.events;
    status.dropped = counters.dropped;
    status.blocked = counters.blocked;
    status.audited = counters.audited;
    status.unknown = counters.unknown;
    status.failures = counters.failures;
    status.exceptions = counters.exceptions;
    return status;
  }

  WindowsPlatform platform_;
  WindowsCallerRuntime runtime_;
  CallerReader callers_{runtime_};
  Hook hook_;
  Entries entries_;
  ProcessFacts process_;
  std::uint64_t started_ = own_start();
  ControlSection section_;
  std::optional<ControlView> view_;
  PipeChannel channel_;
  std::unique_ptr<Protection> protection_;
  std::uint32_t seen_revision_ = 0;
  std::atomic<std::uint32_t> revision_{0};  ///< in force; the reporter reads it
  bool ever_ = false;
  bool heap_due_ = false;
};

DWORD WINAPI control_thread(void* module) {
  // Not destroyed when something was hooked: entries lead here for ever.
  Controller* controller = new (std::nothrow) Controller;
  if (controller && !controller->run()) delete controller;
  FreeLibraryAndExitThread(static_cast<HMODULE>(module), 0);
}

}  // namespace
}  // namespace rpcmarshal::agent

extern "C" BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void*) {
  if (reason == DLL_PROCESS_ATTACH) {
    DisableThreadLibraryCalls(module);
    // The reference of whoever loaded the DLL is the thread's from here on: when there is nothing
    // to do it gives it back, and the next LoadLibrary starts anew.
    const HANDLE thread =
        CreateThread(nullptr, 0, &rpcmarshal::agent::control_thread, module, 0, nullptr);
    if (!thread) return FALSE;
    CloseHandle(thread);
  }
  return TRUE;
}
