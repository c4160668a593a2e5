// rpcmarshal-agent as a Windows service: registering it, and being run by the service manager.
#pragma once

#include <functional>
#include <string>

#include "agent/service/windows/system.h"

namespace rpcmarshal::agent {

inline constexpr wchar_t kServiceName[] = L"rpcmarshal-agent";

/// Registers the service (automatic start, as SYSTEM, restarted when it fails) with this program
/// and that configuration, and the event source. Refuses, unless `anywhere`, folders (the
/// program's, the configuration's) into which others than administrators may write: they could
/// replace what SYSTEM runs. Gives what the user should know besides (the event log without names),
/// or empty. Throws SystemError.
std::string install_service(const std::string& config_path, bool anywhere);
/// Stops and removes it. False when there is none.
bool uninstall_service();

/// Who besides SYSTEM, administrators and TrustedInstaller may change files in `folder`: a SID; or
/// empty. Throws SystemError when it cannot be read.
std::string writable_by(const std::wstring& folder);

/// Runs `work(stop)` under the service manager; it gets an event that is signalled when the service
/// is to stop, and throws std::exception when it cannot start. False when the service manager did
/// not start this program.
bool run_as_service(const std::function<void(HANDLE stop)>& work);

}  // namespace rpcmarshal::agent
