// What goes into the Windows event log, without Windows: which events there are is generated from
// events/events.json (log_events.h), and their values are made fit here, for both ways of writing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rpcmarshal::agent {

/// Laid out as Windows' GUID.
struct LogGuid {
  std::uint32_t data1;
  std::uint16_t data2, data3;
  std::uint8_t data4[8];
};

struct LogProvider {
  const char* name;
  const wchar_t* key;  ///< "{...}", as Windows' registry has it
  LogGuid guid;
};

struct LogEvent {
  std::uint16_t id;
  std::uint8_t level;    ///< 2 error, 3 warning, 4 information
  std::uint8_t channel;  ///< the provider's, of the manifest
  std::uint64_t keywords;
  std::span<const char* const> fields;  ///< names of its values, in their order

  bool blocked() const { return (keywords & 2) != 0; }
  bool allowed() const { return (keywords & 1) != 0; }
};

/// Characters of one value; the last of an event, which may be a whole call as JSON, has what is
/// left of the total.
inline constexpr std::size_t kMaxLogValue = 1000;
/// ETW takes 64 KB with its headers, ReportEvent 31,839 characters in one string.
inline constexpr std::size_t kMaxLogTotal = 30000;

/// UTF-8 to what is written: cut where too long (and marked so, never within a surrogate pair), and
/// without NUL, which would end the text and hide what follows.
std::vector<std::u16string> log_values(const std::vector<std::string_view>& values);

}  // namespace rpcmarshal::agent
