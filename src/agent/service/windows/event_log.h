// The Windows event log: a classic source with its message table in this program (messages.mc).
// Each record has its values as insertion strings in the fixed order of docs/windows.md, and the
// whole event as JSON in the last one, so that nobody need parse text. (A manifest provider with
// named fields needs Microsoft's mc.exe to build.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/service/windows/system.h"

namespace rpcmarshal::agent {

inline constexpr wchar_t kLogName[] = L"RPC Marshal";
inline constexpr wchar_t kLogSource[] = L"rpcmarshal-agent";
/// Of one insertion string; ReportEventW allows 31,839 characters.
inline constexpr std::size_t kMaxLogString = 30000;

class EventLog {
 public:
  EventLog();
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  enum class Kind { kInformation, kWarning, kError, kAllowed, kBlocked };
  /// `id` is one of messages.mc's. Strings are UTF-8; what is too long is cut and marked.
  void write(Kind kind, std::uint32_t id, const std::vector<std::string_view>& strings);

  std::uint64_t written() const { return written_; }
  std::uint64_t failed() const { return failed_; }

 private:
  HANDLE source_ = nullptr;
  std::uint64_t written_ = 0, failed_ = 0;
};

/// Registers the log and the source in the registry, with this program as message file. Throws
/// SystemError.
void register_event_source();
void unregister_event_source();

}  // namespace rpcmarshal::agent
