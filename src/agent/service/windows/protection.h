// Protecting one process and letting go of it, as the service and the command line both do.
#pragma once

#include <cstdint>
#include <string>

#include "agent/service/process_facts.h"
#include "agent/service/windows/control.h"

namespace rpcmarshal::agent {

/// Makes `process` a target and loads the hook into it. Throws SystemError, and then it is no
/// target. Whether anything was hooked shows a little later (wait_until_hooked).
void protect(Control& control, const ProcessFacts& process, const std::wstring& hook);

struct HookedState {
  std::uint32_t interfaces = 0, operations = 0;  ///< that lead into the hook
  bool loaded = false;
};
/// Looks into the process's memory.
HookedState hooked_state(std::uint32_t pid);
/// Looks until something is hooked (`wanted`) or nothing is any more, for so long at most.
HookedState wait_for_hooks(std::uint32_t pid, bool wanted, std::uint32_t milliseconds);

/// A compiled policy from a file, verified (policy/policy.h). Throws std::runtime_error with the
/// file's name and what is wrong.
struct PolicyFile {
  std::vector<std::byte> bytes;
  std::string name;
  std::size_t rules = 0;
};
PolicyFile load_policy_file(const std::string& utf8_path);

}  // namespace rpcmarshal::agent
