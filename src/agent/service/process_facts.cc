#include "agent/service/process_facts.h"

#include <string_view>

#include "base/unicode.h"

namespace rpcmarshal::agent {
namespace {

constexpr char kFilters[] =
    "; cover it with Windows' own RPC filters: rpcmarshal policy export --netsh";

// Processes whose end is the system's end, or that have no RPC server worth the risk.
constexpr std::string_view kCritical[] = {"lsass.exe",   "services.exe", "csrss.exe", "smss.exe",
                                          "wininit.exe", "winlogon.exe", "lsaiso.exe"};
constexpr std::string_view kNoUserMode[] = {"system", "registry", "memory compression",
                                            "secure system", "[system process]"};

}  // namespace

const char* to_string(Protection protection) {
  switch (protection) {
    case Protection::kWinTcbLight:
      return "WinTcb-Light";
    case Protection::kWindows:
      return "Windows";
    case Protection::kWindowsLight:
      return "Windows-Light";
    case Protection::kAntimalwareLight:
      return "Antimalware-Light";
    case Protection::kLsaLight:
      return "Lsa-Light";
    case Protection::kWinTcb:
      return "WinTcb";
    case Protection::kCodegenLight:
      return "CodeGen-Light";
    case Protection::kAuthenticode:
      return "Authenticode";
    case Protection::kAppLight:
      return "App-Light";
    case Protection::kNone:
      return "none";
    case Protection::kUnknown:
      break;
  }
  return "unknown";
}

std::optional<std::string> why_not_enter(const ProcessFacts& process, std::uint32_t own_pid,
                                         bool even_critical) {
  if (process.pid == own_pid) return "it is the agent itself";
  const std::string name = to_lower(process.name);
  for (const std::string_view kernel : kNoUserMode) {
    if (process.pid == 0 || process.pid == 4 || name == kernel)
      return "it has no user-mode code of its own";
  }
  if (process.protection != Protection::kNone && process.protection != Protection::kUnknown)
    return std::string("Windows protects it (") + to_string(process.protection) +
           ") and lets no code in" + kFilters;
  if (process.machine == Machine::kX86)
    return std::string("it is a 32-bit process, and the hook is 64-bit") + kFilters;
  if (process.machine == Machine::kArm64 || process.machine == Machine::kArm)
    return std::string("it is an ") + to_string(process.machine) + " process, and the hook is x64" +
           kFilters;
  if (even_critical) return std::nullopt;
  for (const std::string_view critical : kCritical) {
    if (name == critical)
      return std::string("a failure in ") + std::string(critical) + " stops Windows" + kFilters;
  }
  if (process.critical) return std::string("Windows stops when it fails") + kFilters;
  return std::nullopt;
}

}  // namespace rpcmarshal::agent
