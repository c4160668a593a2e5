#include "agent/service/windows/protection.h"

#include <filesystem>
#include <fstream>

#include "agent/service/windows/injector.h"
#include "agent/service/windows/list.h"
#include "policy/policy.h"

namespace rpcmarshal::agent {
namespace {

constexpr DWORD kLookMilliseconds = 100;

}  // namespace

void protect(Control& control, const ProcessFacts& process, const std::wstring& hook) {
  // The hook looks for its process among the targets as soon as it is loaded.
  if (!control.add_target(process.pid, process.started))
    throw SystemError("more than " + std::to_string(kMaxTargets) + " processes",
                      ERROR_TOO_MANY_NAMES);
  try {
    inject(process.pid, hook, control.handle());
  } catch (...) {
    control.remove_target(process.pid);
    throw;
  }
}

HookedState hooked_state(std::uint32_t pid) {
  const ProcessScan scan = scan_process(pid);
  HookedState state;
  state.loaded = scan.hook_loaded;
  for (const FoundInterface& one : scan.interfaces) {
    state.interfaces += one.hooked > 0;
    state.operations += one.hooked;
  }
  return state;
}

HookedState wait_for_hooks(std::uint32_t pid, bool wanted, std::uint32_t milliseconds) {
  const ULONGLONG end = GetTickCount64() + milliseconds;
  for (;;) {
    const HookedState state = hooked_state(pid);
    if ((state.operations > 0) == wanted || GetTickCount64() >= end) return state;
    Sleep(kLookMilliseconds);
  }
}

PolicyFile load_policy_file(const std::string& utf8_path) {
  const std::u8string name(utf8_path.begin(), utf8_path.end());
  std::ifstream in(std::filesystem::path(name), std::ios::binary);
  if (!in) throw std::runtime_error(utf8_path + ": cannot be read");
  PolicyFile file;
  file.bytes.resize(kMaxPolicy + 1);
  in.read(reinterpret_cast<char*>(file.bytes.data()),
          static_cast<std::streamsize>(file.bytes.size()));
  file.bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  if (file.bytes.size() > kMaxPolicy)
    throw std::runtime_error(utf8_path + ": larger than " + std::to_string(kMaxPolicy) + " bytes");
  const auto loaded = policy::Policy::load(file.bytes);
  if (!loaded.policy)
    throw std::runtime_error(utf8_path + ": " + loaded.error +
                             "; make it with `rpcmarshal policy compile POLICY -o FILE`");
  file.name = loaded.policy->name();
  file.rules = loaded.policy->rule_count();
  return file;
}

}  // namespace rpcmarshal::agent
