// The agent's side of the control section (agent/common/protocol.h): which processes are to be
// protected, and the policy. Several programs of administrators may change it, the service and
// command lines; a mutex lets one at a time. The section lives as long as the service or a hook has
// it open.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/common/protocol.h"
#include "agent/service/windows/system.h"

namespace rpcmarshal::agent {

inline constexpr wchar_t kControlMutex[] = L"Global\\RpcMarshalControlLock";

/// A named section mapped for writing or reading.
class MappedSection {
 public:
  /// Makes it, or opens one that is there already when its access list is the one of `sddl`: a
  /// section that somebody else made under our name is refused (SystemError).
  static MappedSection create(const wchar_t* name, const wchar_t* sddl, std::size_t size,
                              bool& fresh);
  /// nullopt when there is none; SystemError when it may not be opened.
  static std::optional<MappedSection> open(const wchar_t* name, std::size_t size, bool write);

  MappedSection(MappedSection&& other) noexcept
      : section_(std::move(other.section_)), memory_(std::exchange(other.memory_, nullptr)) {}
  MappedSection& operator=(MappedSection&&) = delete;
  ~MappedSection();

  void* memory() const { return memory_; }
  HANDLE handle() const { return section_.get(); }

 private:
  MappedSection(Handle section, void* memory) : section_(std::move(section)), memory_(memory) {}
  Handle section_;
  void* memory_ = nullptr;
};

struct ControlSettings {
  std::uint32_t flags = 0;  ///< ControlFlags
  std::uint32_t stale_seconds = 60, max_stub = 256 << 10, queue_bytes = 16 << 20;
};

class Control {
 public:
  /// Makes the section or joins the one that is there.
  static Control create();
  /// Joins it, for changes; nullopt when there is none.
  static std::optional<Control> open();

  /// False when there are kMaxTargets already. Targets that ended are dropped on the way.
  bool add_target(std::uint32_t pid, std::uint64_t started);
  /// False when it was none.
  bool remove_target(std::uint32_t pid);
  void remove_all_targets();
  bool is_target(std::uint32_t pid) const;
  std::vector<ControlTarget> targets() const;

  /// The service's: settings, and that it serves the pipe (0: no more).
  void set_settings(const ControlSettings& settings);
  void set_agent(std::uint32_t pid);
  void heartbeat();

  /// Puts a compiled policy in force, an empty one takes it away. The caller has verified it.
  /// Returns its revision; throws when it is larger than kMaxPolicy.
  std::uint32_t set_policy(Bytes policy);

  const ControlBlock& block() const { return *block_; }
  HANDLE handle() const { return section_.handle(); }

 private:
  class Lock;
  explicit Control(MappedSection section, Handle mutex);
  std::vector<ControlTarget> running_targets() const;
  void put_targets(const std::vector<ControlTarget>& targets);

  MappedSection section_;
  Handle mutex_;
  ControlBlock* block_;
};

/// Whether the process `pid` that started at `started` (0: any) still runs.
bool still_runs(std::uint32_t pid, std::uint64_t started);
/// When `pid` started; 0 when it cannot be asked.
std::uint64_t start_time(std::uint32_t pid);

}  // namespace rpcmarshal::agent
