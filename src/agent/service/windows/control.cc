#include "agent/service/windows/control.h"

#include <algorithm>
#include <cstring>

#include "agent/service/status_board.h"

namespace rpcmarshal::agent {
namespace {

constexpr DWORD kLockMilliseconds = 10000;

}  // namespace

MappedSection MappedSection::create(const wchar_t* name, const wchar_t* sddl, std::size_t size,
                                    bool& fresh) {
  SecurityAttributes attributes(sddl);
  Handle section(CreateFileMappingW(INVALID_HANDLE_VALUE, attributes.get(), PAGE_READWRITE,
                                    static_cast<DWORD>(std::uint64_t{size} >> 32),
                                    static_cast<DWORD>(size), name));
  const DWORD error = GetLastError();
  if (!section)
    throw SystemError("cannot make the section " + utf8(name) + " (run as administrator)", error);
  fresh = error != ERROR_ALREADY_EXISTS;
  if (!fresh && read_dacl(section.get(), kSectionMapping) != expected_dacl(sddl, kSectionMapping))
    throw SystemError(
        "the section " + utf8(name) + " was made by somebody else, with other access rights",
        ERROR_INVALID_OWNER);
  void* memory = MapViewOfFile(section.get(), FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, size);
  if (!memory) throw SystemError("cannot map the section " + utf8(name), GetLastError());
  return MappedSection(std::move(section), memory);
}

std::optional<MappedSection> MappedSection::open(const wchar_t* name, std::size_t size,
                                                 bool write) {
  const DWORD access = write ? FILE_MAP_READ | FILE_MAP_WRITE : FILE_MAP_READ;
  Handle section(OpenFileMappingW(access | READ_CONTROL, FALSE, name));
  if (!section) {
    const DWORD error = GetLastError();
    if (error == ERROR_FILE_NOT_FOUND) return std::nullopt;
    throw SystemError("cannot open the section " + utf8(name) + " (run as administrator)", error);
  }
  void* memory = MapViewOfFile(section.get(), access, 0, 0, size);
  if (!memory) throw SystemError("cannot map the section " + utf8(name), GetLastError());
  return MappedSection(std::move(section), memory);
}

MappedSection::~MappedSection() {
  if (memory_) UnmapViewOfFile(memory_);
}

std::uint64_t start_time(std::uint32_t pid) {
  const Handle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
  FILETIME created, exited, kernel, user;
  if (!process || !GetProcessTimes(process.get(), &created, &exited, &kernel, &user)) return 0;
  return to_number(created);
}

bool still_runs(std::uint32_t pid, std::uint64_t started) {
  const Handle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
  // One that may not be opened runs; one that is not there is no valid parameter.
  if (!process) return GetLastError() != ERROR_INVALID_PARAMETER;
  DWORD code = 0;
  if (GetExitCodeProcess(process.get(), &code) && code != STILL_ACTIVE) return false;
  FILETIME created, exited, kernel, user;
  return started == 0 || !GetProcessTimes(process.get(), &created, &exited, &kernel, &user) ||
         to_number(created) == started;
}

/// Holds the mutex. A holder that died leaves it abandoned, and it is ours like any other: what it
/// left half-written, ControlWriter's next change completes.
class Control::Lock {
 public:
  explicit Lock(HANDLE mutex) : mutex_(mutex) {
    const DWORD got = WaitForSingleObject(mutex, kLockMilliseconds);
    if (got != WAIT_OBJECT_0 && got != WAIT_ABANDONED)
      throw SystemError("another program keeps the control section locked", ERROR_BUSY);
  }
  ~Lock() { ReleaseMutex(mutex_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  HANDLE mutex_;
};

Control::Control(MappedSection section, Handle mutex)
    : section_(std::move(section)),
      mutex_(std::move(mutex)),
      block_(static_cast<ControlBlock*>(section_.memory())) {}

Control Control::create() {
  SecurityAttributes attributes(kAdministratorsSddl);
  Handle mutex(CreateMutexW(attributes.get(), FALSE, kControlMutex));
  if (!mutex)
    throw SystemError("cannot make the mutex " + utf8(kControlMutex) + " (run as administrator)",
                      GetLastError());
  bool fresh = false;
  MappedSection section =
      MappedSection::create(kSectionName, kSectionSddl, sizeof(ControlBlock), fresh);
  Control control(std::move(section), std::move(mutex));
  const Lock lock(control.mutex_.get());
  // Fresh memory is zero. The magic goes in last, for hooks may be looking.
  if (control.block_->magic == 0) {
    ControlBlock& block = *control.block_;
    block.version = kProtocolVersion;
    block.size = sizeof block;
    block.stale_seconds = 60;
    block.max_stub = 256 << 10;
    block.queue_bytes = 16 << 20;
    std::atomic_ref<std::uint32_t>(block.magic).store(kControlMagic, std::memory_order_release);
  }
  if (control.block_->magic != kControlMagic || control.block_->version != kProtocolVersion)
    throw SystemError("hooks of another version are still loaded; restart their processes",
                      ERROR_REVISION_MISMATCH);
  return control;
}

std::optional<Control> Control::open() {
  auto section = MappedSection::open(kSectionName, sizeof(ControlBlock), true);
  if (!section) return std::nullopt;
  section.reset();
  return create();
}

// Asking Windows takes its time, and hooks wait while a change is being written: so this comes
// first.
std::vector<ControlTarget> Control::running_targets() const {
  const std::uint32_t count = std::min<std::uint32_t>(block_->target_count, kMaxTargets);
  std::vector<ControlTarget> running(block_->targets, block_->targets + count);
  std::erase_if(running, [](const ControlTarget& t) { return !still_runs(t.pid, t.started); });
  return running;
}

void Control::put_targets(const std::vector<ControlTarget>& targets) {
  const ControlWriter writer(*block_);
  std::copy(targets.begin(), targets.end(), block_->targets);
  block_->target_count = static_cast<std::uint32_t>(targets.size());
}

bool Control::add_target(std::uint32_t pid, std::uint64_t started) {
  const Lock lock(mutex_.get());
  std::vector<ControlTarget> all = running_targets();
  std::erase_if(all, [&](const ControlTarget& t) { return t.pid == pid; });
  if (all.size() >= kMaxTargets) return false;
  all.push_back({pid, 0, started});
  put_targets(all);
  return true;
}

bool Control::remove_target(std::uint32_t pid) {
  const Lock lock(mutex_.get());
  std::vector<ControlTarget> all = running_targets();
  const bool was = std::erase_if(all, [&](const ControlTarget& t) { return t.pid == pid; }) > 0;
  put_targets(all);
  return was;
}

void Control::remove_all_targets() {
  const Lock lock(mutex_.get());
  const ControlWriter writer(*block_);
  block_->target_count = 0;
}

std::vector<ControlTarget> Control::targets() const {
  const Lock lock(mutex_.get());
  const std::uint32_t count = std::min<std::uint32_t>(block_->target_count, kMaxTargets);
  return {block_->targets, block_->targets + count};
}

bool Control::is_target(std::uint32_t pid) const {
  const auto all = targets();
  return std::any_of(all.begin(), all.end(), [&](const ControlTarget& t) { return t.pid == pid; });
}

void Control::set_settings(const ControlSettings& settings) {
  const Lock lock(mutex_.get());
  const ControlWriter writer(*block_);
  block_->flags = settings.flags;
  block_->stale_seconds = settings.stale_seconds;
  block_->max_stub = settings.max_stub;
  block_->queue_bytes = settings.queue_bytes;
}

void Control::set_agent(std::uint32_t pid) {
  const Lock lock(mutex_.get());
  const ControlWriter writer(*block_);
  block_->agent_pid = pid;
  block_->heartbeat = filetime_now();
}

void Control::heartbeat() {
  std::atomic_ref<std::uint64_t>(block_->heartbeat)
      .store(filetime_now(), std::memory_order_relaxed);
}

std::uint32_t Control::set_policy(Bytes policy) {
  if (policy.size() > kMaxPolicy)
    throw SystemError("the policy is larger than " + std::to_string(kMaxPolicy) + " bytes",
                      ERROR_FILE_TOO_LARGE);
  const Lock lock(mutex_.get());
  const ControlWriter writer(*block_);
  std::copy(policy.begin(), policy.end(), block_->policy);
  block_->policy_size = static_cast<std::uint32_t>(policy.size());
  // 0 means that there never was one.
  if (++block_->policy_revision == 0) ++block_->policy_revision;
  return block_->policy_revision;
}

}  // namespace rpcmarshal::agent
