#include "agent/service/windows/injector.h"

#include <cstdio>
#include <vector>

#include "agent/common/protocol.h"
#include "agent/service/pe_image.h"
#include "agent/service/windows/processes.h"

namespace rpcmarshal::agent {
namespace {

constexpr DWORD kLoadMilliseconds = 15000;

/// Memory of another process, given back unless it is still in use.
class RemoteText {
 public:
  RemoteText(HANDLE process, const std::wstring& text) : process_(process) {
    const std::size_t size = (text.size() + 1) * sizeof(wchar_t);
    memory_ = VirtualAllocEx(process, nullptr, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (!memory_) throw SystemError("cannot allocate memory in the process", GetLastError());
    SIZE_T done = 0;
    if (!WriteProcessMemory(process, memory_, text.c_str(), size, &done) || done != size) {
      const DWORD error = GetLastError();
      VirtualFreeEx(process_, memory_, 0, MEM_RELEASE);
      throw SystemError("cannot write into the process", error);
    }
  }
  ~RemoteText() {
    if (memory_) VirtualFreeEx(process_, memory_, 0, MEM_RELEASE);
  }
  RemoteText(const RemoteText&) = delete;
  RemoteText& operator=(const RemoteText&) = delete;
  void* address() const { return memory_; }
  void leave() { memory_ = nullptr; }

 private:
  HANDLE process_;
  void* memory_ = nullptr;
};

// LoadLibraryW as the process itself has it: nothing says that modules lie where ours do.
std::uint64_t find_load_library(std::uint32_t pid) {
  std::string error;
  const auto modules = list_modules(pid, error);
  if (!modules)
    throw SystemError("cannot list the modules of process " + std::to_string(pid), GetLastError());
  const LoadedModule* kernel32 = find_module(*modules, "kernel32.dll");
  const auto memory = ProcessMemory::open(pid, error);
  if (kernel32 && memory) {
    if (const auto image = read_pe(*memory, kernel32->base)) {
      if (const auto at = find_export(*memory, kernel32->base, *image, "LoadLibraryW")) return *at;
    }
  }
  throw SystemError("LoadLibraryW is not found in process " + std::to_string(pid),
                    ERROR_PROC_NOT_FOUND);
}

// The file version in a file's resources; 0: none.
std::uint64_t file_version(const std::wstring& path) {
  DWORD ignored = 0;
  const DWORD size = GetFileVersionInfoSizeW(path.c_str(), &ignored);
  if (size == 0 || size > (1u << 20)) return 0;
  std::vector<std::byte> block(size);
  void* found = nullptr;
  UINT length = 0;
  if (!GetFileVersionInfoW(path.c_str(), 0, size, block.data()) ||
      !VerQueryValueW(block.data(), L"\\", &found, &length) || length < sizeof(VS_FIXEDFILEINFO))
    return 0;
  const auto* info = static_cast<const VS_FIXEDFILEINFO*>(found);
  return std::uint64_t{info->dwFileVersionMS} << 32 | info->dwFileVersionLS;
}

std::string version_text(std::uint64_t version) {
  return std::to_string(version >> 48) + "." + std::to_string(version >> 32 & 0xFFFF) + "." +
         std::to_string(version >> 16 & 0xFFFF);
}

}  // namespace

std::wstring checked_hook_path() {
  const std::wstring path = program_folder() + wide(kHookFile);
  const FileHeaders headers(utf8(path));
  if (headers.empty()) throw SystemError("cannot read " + utf8(path), ERROR_FILE_NOT_FOUND);
  const auto image = read_pe(headers, 0);
  if (!image || !image->dll || image->machine != Machine::kX64)
    throw SystemError(utf8(path) + " is not a DLL for x64", ERROR_BAD_EXE_FORMAT);
  int major = 0, minor = 0, patch = 0;
  std::sscanf(RPCMARSHAL_VERSION, "%d.%d.%d", &major, &minor, &patch);
  const std::uint64_t own = static_cast<std::uint64_t>(major) << 48 |
                            static_cast<std::uint64_t>(minor) << 32 |
                            static_cast<std::uint64_t>(patch) << 16;
  if (const std::uint64_t version = file_version(path); version != own)
    throw SystemError(utf8(path) + " is of version " + version_text(version) +
                          ", this program of " + RPCMARSHAL_VERSION,
                      ERROR_REVISION_MISMATCH);
  return path;
}

void inject(std::uint32_t pid, const std::wstring& dll, HANDLE section) {
  const std::string who = "process " + std::to_string(pid);
  std::string why;
  const auto modules = list_modules(pid, why);
  if (!modules) throw SystemError("cannot list the modules of " + who, GetLastError());
  if (find_module(*modules, kHookFile)) return;

  const Handle process(OpenProcess(PROCESS_CREATE_THREAD | PROCESS_QUERY_INFORMATION |
                                       PROCESS_VM_OPERATION | PROCESS_VM_WRITE | PROCESS_VM_READ |
                                       PROCESS_DUP_HANDLE,
                                   FALSE, pid));
  if (!process) throw SystemError("cannot open " + who, GetLastError());
  const std::uint64_t load_library = find_load_library(pid);
  HANDLE theirs = nullptr;
  if (!DuplicateHandle(GetCurrentProcess(), section, process.get(), &theirs,
                       SECTION_MAP_READ | SECTION_QUERY, FALSE, 0))
    throw SystemError("cannot give a handle to " + who, GetLastError());
  RemoteText path(process.get(), dll);
  const Handle thread(CreateRemoteThread(process.get(), nullptr, 0,
                                         reinterpret_cast<LPTHREAD_START_ROUTINE>(load_library),
                                         path.address(), 0, nullptr));
  if (!thread) throw SystemError("cannot start a thread in " + who, GetLastError());
  if (WaitForSingleObject(thread.get(), kLoadMilliseconds) != WAIT_OBJECT_0) {
    path.leave();  // the thread may yet read it
    throw SystemError(who + " does not load the hook; it may be suspended", WAIT_TIMEOUT);
  }
  // The thread's exit code is half a handle, and may be nought by chance: look.
  const auto after = list_modules(pid, why);
  if (!after || !find_module(*after, kHookFile))
    throw SystemError(who + " refused to load " + utf8(dll) +
                          " (code integrity, or the file may not be read by its user)",
                      ERROR_DLL_INIT_FAILED);
}

}  // namespace rpcmarshal::agent
