// The Windows event log. Where `install` could register the manifest of events/ (wevtutil), events
// go to the provider's own channel, each value with its name; where not, to a classic source, the
// same values in the same order without names. Which of the two it is, the registry says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/service/event_record.h"
#include "agent/service/windows/system.h"
// After windows.h:
#include <evntprov.h>

namespace rpcmarshal::agent {

/// Of the classic source.
inline constexpr wchar_t kLogName[] = L"RPC Marshal";
inline constexpr wchar_t kLogSource[] = L"rpcmarshal-agent";

class EventLog {
 public:
  using Write = decltype(&EventWrite);

  EventLog();
  /// For tests: to `to`, as if the manifest were registered.
  explicit EventLog(Write to) : write_(to) {}
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  /// Values are UTF-8, one for each of the event's fields; log_values() makes them fit. Any thread.
  void write(const LogEvent& event, const std::vector<std::string_view>& values);

  /// Whether values have names.
  bool named() const { return write_ != nullptr; }
  std::uint64_t written() const { return written_; }
  std::uint64_t failed() const { return failed_; }

 private:
  Write write_ = nullptr;
  REGHANDLE provider_ = 0;
  HANDLE source_ = nullptr;  // classic
  std::uint64_t written_ = 0, failed_ = 0;
};

/// Registers the manifest, which is written beside this program; where that fails, the classic
/// source. Gives what to tell the user when it failed, else empty. Throws SystemError when neither
/// is possible.
std::string register_event_log();
void unregister_event_log();

}  // namespace rpcmarshal::agent
