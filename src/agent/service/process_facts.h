// What the agent knows of a process, and whether it may be entered at all. No hook goes where a
// failure would stop Windows, nor where Windows lets nobody in: those are covered by Windows' own
// RPC filters (`rpcmarshal policy export --netsh`).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/service/pe_image.h"

namespace rpcmarshal::agent {

/// PROCESS_PROTECTION_LEVEL_INFORMATION, as GetProcessInformation gives it (processthreadsapi.h).
enum class Protection : std::uint32_t {
  kWinTcbLight = 0,
  kWindows = 1,
  kWindowsLight = 2,
  kAntimalwareLight = 3,
  kLsaLight = 4,
  kWinTcb = 5,
  kCodegenLight = 6,
  kAuthenticode = 7,
  kAppLight = 8,
  kNone = 0xFFFFFFFE,
  kUnknown = 0xFFFFFFFF,  ///< the system does not say (Wine; Windows before 8.1)
};
const char* to_string(Protection protection);

struct ProcessFacts {
  std::uint32_t pid = 0;
  std::uint32_t parent = 0;
  std::uint64_t started = 0;  ///< FILETIME as one number; 0: not readable
  std::string name;           ///< of the file, UTF-8
  std::string path;           ///< empty: not readable
  Machine machine = Machine::kUnknown;
  Protection protection = Protection::kUnknown;
  bool critical = false;  ///< Windows stops when it ends (IsProcessCritical)
  std::vector<std::string> services;
};

/// Why this process is not entered, with what to do instead; nullopt when it may be.
/// `even_critical` lifts what is only prudence, never what Windows enforces.
std::optional<std::string> why_not_enter(const ProcessFacts& process, std::uint32_t own_pid,
                                         bool even_critical);

}  // namespace rpcmarshal::agent
