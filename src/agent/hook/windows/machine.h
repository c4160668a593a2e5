// Windows for the portable part of the hook: clocks, a value per thread, the pipe to the agent, and
// the section it steers by.
#pragma once

#include <memory>
#include <string>

#include "agent/common/protocol.h"
#include "agent/hook/hook.h"
#include "agent/hook/reporter.h"
#include "agent/hook/windows/sdk.h"

namespace rpcmarshal::agent {

class WindowsPlatform final : public Platform {
 public:
  WindowsPlatform();
  Timestamp now() noexcept override;
  Timestamp ticks() noexcept override;
  void* thread_value() noexcept override { return TlsGetValue(slot_); }
  void set_thread_value(void* value) noexcept override { TlsSetValue(slot_, value); }
  bool ok() const { return slot_ != TLS_OUT_OF_INDEXES; }

 private:
  using SystemTime = void(WINAPI*)(FILETIME*);
  SystemTime system_time_;
  DWORD slot_;  ///< not thread_local: a DLL that is loaded late has no room in every thread
  std::int64_t frequency_ = 1;
};

/// The client end of kPipeName. Connects only to the process that the section names as agent.
class PipeChannel final : public EventChannel {
 public:
  PipeChannel();
  ~PipeChannel() override;
  void set_agent(std::uint32_t pid) { agent_.store(pid, std::memory_order_relaxed); }
  bool write(std::string_view messages) noexcept override;
  bool connect(bool& connected_now) noexcept override;

 private:
  struct PendingWrite {
    OVERLAPPED overlapped;
    char buffer[1 << 16];
  };
  void disconnect();
  HANDLE pipe_ = INVALID_HANDLE_VALUE, done_ = nullptr;
  std::unique_ptr<PendingWrite> write_;  ///< apart from us: a write may outlast everything
  ULONGLONG retry_ = 0;
  std::atomic<std::uint32_t> agent_{0};
};

/// The agent's section, mapped for reading.
class ControlSection {
 public:
  ControlSection() = default;
  ~ControlSection() { close(); }
  ControlSection(const ControlSection&) = delete;
  ControlSection& operator=(const ControlSection&) = delete;
  void swap(ControlSection& other) {
    std::swap(block_, other.block_);
    std::swap(size_, other.size_);
  }
  /// False when there is none (now).
  bool open();
  void close();
  const ControlBlock* block() const { return block_; }
  std::size_t size() const { return size_; }

 private:
  const ControlBlock* block_ = nullptr;
  std::size_t size_ = 0;
};

/// UTF-8 path of a process's program; empty when it may not be asked.
std::string image_of(HANDLE process);
/// Creation time of this process, FILETIME as one number.
std::uint64_t own_start();
std::uint64_t filetime_now();

}  // namespace rpcmarshal::agent
