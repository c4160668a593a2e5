#include "agent/hook/windows/machine.h"

#include <algorithm>
#include <new>

#include "base/unicode.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::int64_t kUnixEpoch = 116444736000000000;  ///< 1970 in units of FILETIME
constexpr DWORD kWriteMilliseconds = 2000;
constexpr DWORD kCancelMilliseconds = 500;
constexpr ULONGLONG kRetryMilliseconds = 1000;

std::uint64_t number(const FILETIME& time) {
  return std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime;
}

}  // namespace

WindowsPlatform::WindowsPlatform() : slot_(TlsAlloc()) {
  void* precise = reinterpret_cast<void*>(
      GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "GetSystemTimePreciseAsFileTime"));
  system_time_ = precise ? reinterpret_cast<SystemTime>(precise) : &GetSystemTimeAsFileTime;
  LARGE_INTEGER frequency;
  if (QueryPerformanceFrequency(&frequency)) frequency_ = frequency.QuadPart;
}

Timestamp WindowsPlatform::now() noexcept {
  FILETIME time;
  system_time_(&time);
  return (static_cast<std::int64_t>(number(time)) - kUnixEpoch) * 100;
}

Timestamp WindowsPlatform::ticks() noexcept {
  LARGE_INTEGER now;
  QueryPerformanceCounter(&now);
  const std::int64_t seconds = now.QuadPart / frequency_, rest = now.QuadPart % frequency_;
  return seconds * 1'000'000'000 + rest * 1'000'000'000 / frequency_;
}

PipeChannel::PipeChannel() : done_(CreateEventW(nullptr, TRUE, FALSE, nullptr)) {}

PipeChannel::~PipeChannel() {
  disconnect();
  if (done_) CloseHandle(done_);
}

void PipeChannel::disconnect() {
  if (pipe_ != INVALID_HANDLE_VALUE) CloseHandle(pipe_);
  pipe_ = INVALID_HANDLE_VALUE;
}

bool PipeChannel::connect(bool& connected_now) noexcept {
  if (pipe_ != INVALID_HANDLE_VALUE) return true;
  const std::uint32_t agent = agent_.load(std::memory_order_relaxed);
  if (agent == 0 || GetTickCount64() < retry_) return false;
  retry_ = GetTickCount64() + kRetryMilliseconds;
  // Anonymous: whoever serves the pipe cannot act as the hooked process.
  pipe_ = CreateFileW(kPipeName, FILE_WRITE_DATA | FILE_READ_ATTRIBUTES | SYNCHRONIZE, 0, nullptr,
                      OPEN_EXISTING,
                      FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, nullptr);
  if (pipe_ == INVALID_HANDLE_VALUE) return false;
  ULONG server = 0;
  if (!GetNamedPipeServerProcessId(pipe_, &server) || server != agent) {
    disconnect();  // somebody else took the name
    return false;
  }
  connected_now = true;
  return true;
}

bool PipeChannel::write(std::string_view messages) noexcept {
  while (!messages.empty()) {
    if (pipe_ == INVALID_HANDLE_VALUE) return false;
    if (!write_) write_.reset(new (std::nothrow) PendingWrite);
    if (!write_ || !done_) return false;
    const std::size_t size = std::min(messages.size(), sizeof write_->buffer);
    std::memcpy(write_->buffer, messages.data(), size);
    write_->overlapped = {};
    write_->overlapped.hEvent = done_;  // WriteFile resets it
    DWORD written = 0;
    bool ok = WriteFile(pipe_, write_->buffer, static_cast<DWORD>(size), nullptr,
                        &write_->overlapped) != 0;
    if (ok || GetLastError() == ERROR_IO_PENDING) {
      ok = (ok || WaitForSingleObject(done_, kWriteMilliseconds) == WAIT_OBJECT_0) &&
           GetOverlappedResult(pipe_, &write_->overlapped, &written, FALSE) && written != 0;
      if (!ok && !HasOverlappedIoCompleted(&write_->overlapped)) {
        CancelIoEx(pipe_, &write_->overlapped);
        // Until it is told, the system may still read the buffer: then that is no longer ours.
        if (WaitForSingleObject(done_, kCancelMilliseconds) != WAIT_OBJECT_0)
          static_cast<void>(write_.release());
      }
    }
    if (!ok) {  // half a message may be there: this connection is of no use any more
      disconnect();
      return false;
    }
    messages.remove_prefix(written);
  }
  return true;
}

bool ControlSection::open() {
  if (block_) return true;
  const HANDLE section = OpenFileMappingW(FILE_MAP_READ, FALSE, kSectionName);
  if (!section) return false;
  const void* view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
  // A view is enough to read, and only handles keep the name taken: an agent that starts anew can
  // make its own section.
  CloseHandle(section);
  MEMORY_BASIC_INFORMATION info{};
  if (!view || VirtualQuery(view, &info, sizeof info) == 0 ||
      info.RegionSize < sizeof(ControlBlock)) {
    if (view) UnmapViewOfFile(view);
    return false;
  }
  block_ = static_cast<const ControlBlock*>(view);
  size_ = info.RegionSize;
  return true;
}

void ControlSection::close() {
  if (block_) UnmapViewOfFile(block_);
  block_ = nullptr;
}

std::string image_of(HANDLE process) {
  wchar_t path[32768 / 8];
  DWORD size = static_cast<DWORD>(std::size(path));
  if (!QueryFullProcessImageNameW(process, 0, path, &size)) return {};
  return utf16_to_utf8(std::as_bytes(std::span(path, size)));
}

std::uint64_t own_start() {
  FILETIME created{}, exited, kernel, user;
  GetProcessTimes(GetCurrentProcess(), &created, &exited, &kernel, &user);
  return number(created);
}

std::uint64_t filetime_now() {
  FILETIME time;
  GetSystemTimeAsFileTime(&time);
  return number(time);
}

}  // namespace rpcmarshal::agent
