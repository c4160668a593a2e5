// Loads the hook DLL into a running process: CreateRemoteThread(LoadLibraryW). Which processes, the
// caller has decided (process_facts.h); here is only how, and that it worked.
#pragma once

#include <cstdint>
#include <string>

#include "agent/service/windows/system.h"

namespace rpcmarshal::agent {

/// Path of the hook DLL beside this program. Throws SystemError when it is not there, is not for
/// x64 or is not of this program's version.
std::wstring checked_hook_path();

/// Loads `dll` into process `pid`; one that has it already is left as it is (the hook looks at the
/// control section by itself). The process also gets a handle to `section`, good for reading only
/// and never closed: a section keeps its name no longer than somebody has it open, and an agent
/// that starts later must find this one. Throws SystemError; the process goes on either way.
void inject(std::uint32_t pid, const std::wstring& dll, HANDLE section);

}  // namespace rpcmarshal::agent
