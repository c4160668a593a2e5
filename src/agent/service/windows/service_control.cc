#include "agent/service/windows/service_control.h"

#include <aclapi.h>
#include <sddl.h>

#include <cstdio>

#include "agent/service/windows/event_log.h"
#include "log_events.h"

namespace rpcmarshal::agent {
namespace {

constexpr DWORD kStopMilliseconds = 30000;

class ServiceHandle {
 public:
  explicit ServiceHandle(SC_HANDLE handle) : handle_(handle) {}
  ~ServiceHandle() {
    if (handle_) CloseServiceHandle(handle_);
  }
  ServiceHandle(const ServiceHandle&) = delete;
  ServiceHandle& operator=(const ServiceHandle&) = delete;
  SC_HANDLE get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  SC_HANDLE handle_;
};

// The service manager calls without a context; there is one service in a program.
struct Running {
  const std::function<void(HANDLE)>* work = nullptr;
  SERVICE_STATUS_HANDLE status = nullptr;
  Handle stop;
};
Running* running = nullptr;

void report(DWORD state, DWORD service_error = 0) {
  SERVICE_STATUS status{};
  status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
  status.dwCurrentState = state;
  status.dwControlsAccepted =
      state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0;
  status.dwWin32ExitCode = service_error ? ERROR_SERVICE_SPECIFIC_ERROR : NO_ERROR;
  status.dwServiceSpecificExitCode = service_error;
  status.dwWaitHint =
      state == SERVICE_STOP_PENDING || state == SERVICE_START_PENDING ? kStopMilliseconds : 0;
  SetServiceStatus(running->status, &status);
}

DWORD WINAPI control(DWORD code, DWORD, void*, void*) {
  if (code == SERVICE_CONTROL_STOP || code == SERVICE_CONTROL_SHUTDOWN) {
    report(SERVICE_STOP_PENDING);
    SetEvent(running->stop.get());
  }
  return code == SERVICE_CONTROL_STOP || code == SERVICE_CONTROL_SHUTDOWN ||
                 code == SERVICE_CONTROL_INTERROGATE
             ? NO_ERROR
             : ERROR_CALL_NOT_IMPLEMENTED;
}

void WINAPI service_main(DWORD, wchar_t**) {
  running->status = RegisterServiceCtrlHandlerExW(kServiceName, control, nullptr);
  if (!running->status) return;
  report(SERVICE_RUNNING);
  DWORD error = 0;
  try {
    (*running->work)(running->stop.get());
  } catch (const std::exception& problem) {
    EventLog().write(kLogProblem, {problem.what()});
    error = 1;
  }
  report(SERVICE_STOPPED, error);
}

bool is_trusted(PSID sid) {
  if (IsWellKnownSid(sid, WinLocalSystemSid) || IsWellKnownSid(sid, WinBuiltinAdministratorsSid) ||
      IsWellKnownSid(sid, WinCreatorOwnerSid))
    return true;
  wchar_t* text = nullptr;
  if (!ConvertSidToStringSidW(sid, &text)) return false;
  // NT SERVICE\TrustedInstaller.
  const bool trusted =
      std::wstring_view(text) == L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
  LocalFree(text);
  return trusted;
}

}  // namespace

std::string writable_by(const std::wstring& folder) {
  ACL* acl = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  const DWORD error =
      GetNamedSecurityInfoW(folder.c_str(), SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, nullptr,
                            nullptr, &acl, nullptr, &descriptor);
  if (error != ERROR_SUCCESS)
    throw SystemError("cannot read who may write to " + utf8(folder), error);
  constexpr DWORD kWrites = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_DELETE_CHILD | WRITE_DAC |
                            WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL;
  std::string who = acl ? "" : "S-1-1-0";  // without a list everybody may
  for (DWORD i = 0; acl && i < acl->AceCount && who.empty(); ++i) {
    void* entry = nullptr;
    if (!GetAce(acl, i, &entry)) break;
    const auto* ace = static_cast<const ACCESS_ALLOWED_ACE*>(entry);
    if (ace->Header.AceType != ACCESS_ALLOWED_ACE_TYPE || (ace->Mask & kWrites) == 0) continue;
    auto* sid = const_cast<DWORD*>(&ace->SidStart);
    wchar_t* text = nullptr;
    if (is_trusted(sid) || !ConvertSidToStringSidW(sid, &text)) continue;
    who = utf8(text);
    LocalFree(text);
  }
  LocalFree(descriptor);
  return who;
}

std::string install_service(const std::string& config_path, bool anywhere) {
  const std::wstring config = wide(config_path);
  if (!anywhere) {
    for (const std::wstring& folder :
         {program_folder(), config.substr(0, config.find_last_of(L'\\') + 1)}) {
      if (const std::string who = writable_by(folder); !who.empty())
        throw SystemError("others than administrators (" + who + ") may write to " + utf8(folder) +
                              ", and could replace what SYSTEM would run or read; move it to "
                              "C:\\Program Files, or say --anywhere",
                          ERROR_ACCESS_DENIED);
    }
  }
  std::wstring program(32768, L'\0');
  program.resize(GetModuleFileNameW(nullptr, program.data(), static_cast<DWORD>(program.size())));
  if (config_path.find('"') != std::string::npos)
    throw SystemError("a path cannot hold a quotation mark", ERROR_INVALID_NAME);
  const std::wstring command = L"\"" + program + L"\" run --service --config \"" + config + L"\"";

  const ServiceHandle manager(
      OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE));
  if (!manager)
    throw SystemError("cannot open the service manager (run as administrator)", GetLastError());
  const ServiceHandle service(
      CreateServiceW(manager.get(), kServiceName, L"RPC Marshal agent", SERVICE_ALL_ACCESS,
                     SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL,
                     command.c_str(), nullptr, nullptr, L"RpcSs\0", nullptr, nullptr));
  if (!service) throw SystemError("cannot make the service", GetLastError());
  wchar_t text[] =
      L"Watches remote procedure calls inside protected processes, and refuses those that its "
      L"policy forbids.";
  SERVICE_DESCRIPTIONW description{text};
  ChangeServiceConfig2W(service.get(), SERVICE_CONFIG_DESCRIPTION, &description);
  SC_ACTION restart[] = {{SC_ACTION_RESTART, 5000}, {SC_ACTION_RESTART, 60000}};
  SERVICE_FAILURE_ACTIONSW failure{};
  failure.dwResetPeriod = 86400;
  failure.cActions = 2;
  failure.lpsaActions = restart;
  ChangeServiceConfig2W(service.get(), SERVICE_CONFIG_FAILURE_ACTIONS, &failure);
  return register_event_log();
}

bool uninstall_service() {
  const ServiceHandle manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
  if (!manager)
    throw SystemError("cannot open the service manager (run as administrator)", GetLastError());
  const ServiceHandle service(
      OpenServiceW(manager.get(), kServiceName, SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE));
  if (!service) {
    if (GetLastError() == ERROR_SERVICE_DOES_NOT_EXIST) return false;
    throw SystemError("cannot open the service", GetLastError());
  }
  SERVICE_STATUS status{};
  if (ControlService(service.get(), SERVICE_CONTROL_STOP, &status)) {
    const ULONGLONG end = GetTickCount64() + kStopMilliseconds;
    while (QueryServiceStatus(service.get(), &status) && status.dwCurrentState != SERVICE_STOPPED &&
           GetTickCount64() < end)
      Sleep(100);
  }
  if (!DeleteService(service.get())) throw SystemError("cannot remove the service", GetLastError());
  unregister_event_log();
  return true;
}

bool run_as_service(const std::function<void(HANDLE stop)>& work) {
  Running here;
  here.work = &work;
  here.stop = Handle(CreateEventW(nullptr, TRUE, FALSE, nullptr));
  running = &here;
  wchar_t name[] = L"rpcmarshal-agent";
  const SERVICE_TABLE_ENTRYW table[] = {{name, service_main}, {nullptr, nullptr}};
  const bool started = StartServiceCtrlDispatcherW(table);
  running = nullptr;
  return started;
}

}  // namespace rpcmarshal::agent
