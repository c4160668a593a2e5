#include "agent/service/windows/processes.h"

#include <tlhelp32.h>

#include <algorithm>

#include "base/unicode.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::size_t kMaxProcesses = 65536, kMaxModules = 4096, kMaxServices = 16384;

// Not in every system (Wine 8 has neither), nor in every import library.
using GetProcessInformationFn = BOOL(WINAPI*)(HANDLE, int, void*, DWORD);
using IsWow64Process2Fn = BOOL(WINAPI*)(HANDLE, USHORT*, USHORT*);
using IsProcessCriticalFn = BOOL(WINAPI*)(HANDLE, BOOL*);
constexpr int kProtectionLevelInfo = 7;  // PROCESS_INFORMATION_CLASS ProcessProtectionLevelInfo

template <typename Function>
Function kernel_function(const char* name) {
  return reinterpret_cast<Function>(
      reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"kernel32.dll"), name)));
}

Machine machine_of(HANDLE process) {
  static const auto is_wow64_2 = kernel_function<IsWow64Process2Fn>("IsWow64Process2");
  USHORT machine = 0, native = 0;
  if (is_wow64_2 && is_wow64_2(process, &machine, &native)) {
    // An x64 process on ARM64 is not WOW64 to this call; what it is, its image says.
    if (machine != 0) return static_cast<Machine>(machine);
    if (native != static_cast<USHORT>(Machine::kArm64)) return static_cast<Machine>(native);
    return Machine::kUnknown;
  }
  BOOL wow64 = FALSE;
  if (!IsWow64Process(process, &wow64)) return Machine::kUnknown;
  return wow64 ? Machine::kX86 : Machine::kX64;
}

}  // namespace

std::vector<ProcessFacts> list_process_names() {
  const Handle snapshot(CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0));
  if (!snapshot) throw SystemError("cannot list processes", GetLastError());
  std::vector<ProcessFacts> all;
  PROCESSENTRY32W entry{};
  entry.dwSize = sizeof entry;
  for (BOOL more = Process32FirstW(snapshot.get(), &entry); more && all.size() < kMaxProcesses;
       more = Process32NextW(snapshot.get(), &entry)) {
    ProcessFacts process;
    process.pid = entry.th32ProcessID;
    process.parent = entry.th32ParentProcessID;
    process.name = utf8(entry.szExeFile);
    all.push_back(std::move(process));
  }
  return all;
}

void complete_facts(ProcessFacts& process) {
  const Handle handle(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, process.pid));
  if (!handle) return;
  std::wstring path(32768, L'\0');
  DWORD size = static_cast<DWORD>(path.size());
  if (QueryFullProcessImageNameW(handle.get(), 0, path.data(), &size))
    process.path = utf8(std::wstring_view(path.data(), size));
  FILETIME created, exited, kernel, user;
  if (GetProcessTimes(handle.get(), &created, &exited, &kernel, &user))
    process.started = to_number(created);
  process.machine = machine_of(handle.get());
  if (process.machine == Machine::kUnknown && !process.path.empty()) {
    const FileHeaders headers(process.path);
    if (const auto image = read_pe(headers, 0)) process.machine = image->machine;
  }
  static const auto get_information =
      kernel_function<GetProcessInformationFn>("GetProcessInformation");
  DWORD level = 0;
  if (get_information && get_information(handle.get(), kProtectionLevelInfo, &level, sizeof level))
    process.protection = static_cast<Protection>(level);
  static const auto is_critical = kernel_function<IsProcessCriticalFn>("IsProcessCritical");
  BOOL critical = FALSE;
  if (is_critical && is_critical(handle.get(), &critical)) process.critical = critical;
}

std::map<std::uint32_t, std::vector<std::string>> list_services() {
  std::map<std::uint32_t, std::vector<std::string>> all;
  SC_HANDLE manager = OpenSCManagerW(nullptr, nullptr, SC_MANAGER_ENUMERATE_SERVICE);
  if (!manager) return all;
  std::vector<std::byte> buffer(64u << 10);
  DWORD resume = 0;
  std::size_t count = 0;
  for (int round = 0; round < 64; ++round) {
    DWORD needed = 0, returned = 0;
    const BOOL whole = EnumServicesStatusExW(manager, SC_ENUM_PROCESS_INFO, SERVICE_WIN32,
                                             SERVICE_ACTIVE, reinterpret_cast<BYTE*>(buffer.data()),
                                             static_cast<DWORD>(buffer.size()), &needed, &returned,
                                             &resume, nullptr);
    const DWORD error = GetLastError();
    if (!whole && error != ERROR_MORE_DATA) break;
    const auto* services = reinterpret_cast<const ENUM_SERVICE_STATUS_PROCESSW*>(buffer.data());
    for (DWORD i = 0; i < returned && count < kMaxServices; ++i, ++count) {
      if (services[i].ServiceStatusProcess.dwProcessId != 0)
        all[services[i].ServiceStatusProcess.dwProcessId].push_back(
            utf8(services[i].lpServiceName));
    }
    if (whole) break;
    if (returned == 0) buffer.resize(std::min<std::size_t>(buffer.size() + needed, 16u << 20));
  }
  CloseServiceHandle(manager);
  return all;
}

std::vector<ProcessFacts> list_processes() {
  std::vector<ProcessFacts> all = list_process_names();
  auto services = list_services();
  for (ProcessFacts& process : all) {
    complete_facts(process);
    if (const auto found = services.find(process.pid); found != services.end())
      process.services = std::move(found->second);
  }
  return all;
}

std::optional<std::vector<LoadedModule>> list_modules(std::uint32_t pid, std::string& error) {
  // The list changes while it is read; Windows then asks for another try.
  Handle snapshot;
  for (int attempt = 0; attempt < 5; ++attempt) {
    snapshot = Handle(CreateToolhelp32Snapshot(TH32CS_SNAPMODULE, pid));
    if (snapshot || GetLastError() != ERROR_BAD_LENGTH) break;
  }
  if (!snapshot) {
    error = error_text(GetLastError());
    return std::nullopt;
  }
  std::vector<LoadedModule> modules;
  MODULEENTRY32W entry{};
  entry.dwSize = sizeof entry;
  for (BOOL more = Module32FirstW(snapshot.get(), &entry); more && modules.size() < kMaxModules;
       more = Module32NextW(snapshot.get(), &entry)) {
    modules.push_back({reinterpret_cast<std::uint64_t>(entry.modBaseAddr), entry.modBaseSize,
                       utf8(entry.szExePath)});
  }
  if (modules.empty()) {
    error = "its modules are not listed";
    return std::nullopt;
  }
  return modules;
}

const LoadedModule* find_module(const std::vector<LoadedModule>& modules, std::string_view name) {
  for (const LoadedModule& module : modules) {
    if (equal_ignoring_case(module.file_name(), name)) return &module;
  }
  return nullptr;
}

std::unique_ptr<ProcessMemory> ProcessMemory::open(std::uint32_t pid, std::string& error) {
  Handle process(OpenProcess(PROCESS_VM_READ | PROCESS_QUERY_INFORMATION, FALSE, pid));
  if (!process) {
    error = error_text(GetLastError());
    return nullptr;
  }
  return std::unique_ptr<ProcessMemory>(new ProcessMemory(std::move(process)));
}

bool ProcessMemory::read(std::uint64_t address, std::span<std::byte> out) const {
  SIZE_T done = 0;
  return ReadProcessMemory(process_.get(), reinterpret_cast<const void*>(address), out.data(),
                           out.size(), &done) &&
         done == out.size();
}

bool ProcessMemory::executable(std::uint64_t address) const {
  if (address - known_base_ >= known_size_) {
    MEMORY_BASIC_INFORMATION region;
    if (VirtualQueryEx(process_.get(), reinterpret_cast<const void*>(address), &region,
                       sizeof region) != sizeof region)
      return false;
    constexpr DWORD kExecutable =
        PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    known_base_ = reinterpret_cast<std::uint64_t>(region.BaseAddress);
    known_size_ = region.RegionSize;
    known_executable_ = region.State == MEM_COMMIT && (region.Protect & kExecutable) != 0;
  }
  return known_executable_;
}

}  // namespace rpcmarshal::agent
