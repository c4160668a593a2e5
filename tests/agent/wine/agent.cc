// Plays the agent for the hook's tests: makes the section and the pipe of agent/common/protocol.h,
// loads the hook into processes, writes what hooks send to files. Commands on standard input, one
// line each, answered by one line:
//
//   - inject PID DLL: loads the DLL; pid NAME: process ids of a program by its name
//   - protect PID, release PID: makes it a target, or none
//   - toggle PID N MS: releases and protects, N times, every MS milliseconds
//   - flags N, stale SECONDS, policy FILE: what the section says
//   - status PID: the counters that the hook sent last
//   - deaf SECONDS: does not read the pipe for so long
//   - alive 0 or 1: the heartbeat; quit

#include <atomic>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include "agent/common/protocol.h"
#include "agent/hook/windows/sdk.h"

using namespace rpcmarshal::agent;

namespace {

std::mutex g_mutex;
std::map<std::uint32_t, HookStatus> g_status;
std::FILE* g_events;
std::atomic<bool> g_alive{true};
std::atomic<ULONGLONG> g_deaf_until{0};

SECURITY_ATTRIBUTES attributes_of(const wchar_t* sddl) {
  SECURITY_ATTRIBUTES attributes{sizeof(SECURITY_ATTRIBUTES), nullptr, FALSE};
  // Wine has no integrity labels in descriptors of objects: the part before "S:" serves there.
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
          sddl, SDDL_REVISION_1, &attributes.lpSecurityDescriptor, nullptr))
    std::printf("SDDL refused: %lu\n", GetLastError());
  return attributes;
}

void serve(HANDLE pipe) {
  ULONG client = 0;
  GetNamedPipeClientProcessId(pipe, &client);
  MessageReader reader;
  static thread_local std::byte buffer[1 << 16];
  for (;;) {
    while (GetTickCount64() < g_deaf_until) Sleep(10);
    DWORD size = 0;
    if (!ReadFile(pipe, buffer, sizeof buffer, &size, nullptr) || size == 0) break;
    reader.feed({buffer, size});
    while (const auto message = reader.next()) {
      const std::lock_guard lock(g_mutex);
      if (message->type == MessageType::kEvent) {
        std::fprintf(g_events, "%.*s\n", static_cast<int>(message->payload.size()),
                     message->payload.data());
        std::fflush(g_events);
      } else if (message->type == MessageType::kNote) {
        std::fprintf(stderr, "note from %lu: %.*s\n", client,
                     static_cast<int>(message->payload.size()), message->payload.data());
      } else if (const auto status = message->status()) {
        g_status[status->pid] = *status;
      }
    }
    if (reader.failed()) {
      std::fprintf(stderr, "nonsense from %lu\n", client);
      break;
    }
  }
  DisconnectNamedPipe(pipe);
  CloseHandle(pipe);
}

void serve_pipe() {
  SECURITY_ATTRIBUTES attributes = attributes_of(kPipeSddl);
  for (bool first = true;; first = false) {
    const HANDLE pipe = CreateNamedPipeW(
        kPipeName, PIPE_ACCESS_INBOUND | (first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT, PIPE_UNLIMITED_INSTANCES, 1 << 16, 1 << 16,
        0, &attributes);
    if (pipe == INVALID_HANDLE_VALUE) {
      std::printf("pipe: %lu\n", GetLastError());
      return;
    }
    if (ConnectNamedPipe(pipe, nullptr) || GetLastError() == ERROR_PIPE_CONNECTED) {
      std::thread(serve, pipe).detach();
    } else {
      CloseHandle(pipe);
    }
  }
}

ControlBlock* make_section() {
  SECURITY_ATTRIBUTES attributes = attributes_of(kSectionSddl);
  const HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE,
                                            attributes.lpSecurityDescriptor ? &attributes : nullptr,
                                            PAGE_READWRITE, 0, sizeof(ControlBlock), kSectionName);
  if (!section) return nullptr;
  auto* block = static_cast<ControlBlock*>(MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0));
  if (!block) return nullptr;
  *reinterpret_cast<std::uint32_t*>(block) = 0;
  const auto fresh = std::make_unique<ControlBlock>();
  fresh->size = sizeof(ControlBlock);
  fresh->agent_pid = GetCurrentProcessId();
  std::memcpy(static_cast<void*>(block), fresh.get(), sizeof *block);
  return block;
}

std::string inject(DWORD pid, const std::string& dll) {
  const HANDLE process = OpenProcess(PROCESS_ALL_ACCESS, FALSE, pid);
  if (!process) return "no process: " + std::to_string(GetLastError());
  void* const remote =
      VirtualAllocEx(process, nullptr, dll.size() + 1, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
  WriteProcessMemory(process, remote, dll.c_str(), dll.size() + 1, nullptr);
  const auto load = reinterpret_cast<LPTHREAD_START_ROUTINE>(
      reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "LoadLibraryA")));
  const HANDLE thread = CreateRemoteThread(process, nullptr, 0, load, remote, 0, nullptr);
  if (!thread) return "no thread: " + std::to_string(GetLastError());
  WaitForSingleObject(thread, 20000);
  DWORD module = 0;
  GetExitCodeThread(thread, &module);
  CloseHandle(thread);
  VirtualFreeEx(process, remote, 0, MEM_RELEASE);
  CloseHandle(process);
  return module ? "ok" : "not loaded";
}

std::string pids_of(const std::string& name) {
  const HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
  PROCESSENTRY32 entry{};
  entry.dwSize = sizeof entry;
  std::string pids;
  for (BOOL more = Process32First(snapshot, &entry); more; more = Process32Next(snapshot, &entry)) {
    if (_stricmp(entry.szExeFile, name.c_str()) == 0)
      pids += std::to_string(entry.th32ProcessID) + " ";
  }
  CloseHandle(snapshot);
  return pids;
}

void set_target(ControlBlock& block, std::uint32_t pid, bool wanted) {
  ControlWriter change(block);
  std::uint32_t at = 0;
  while (at < block.target_count && block.targets[at].pid != pid) ++at;
  if (wanted && at == block.target_count && at < kMaxTargets) {
    block.targets[block.target_count++] = {pid, 0, 0};
  } else if (!wanted && at < block.target_count) {
    block.targets[at] = block.targets[--block.target_count];
  }
}

std::string status_of(std::uint32_t pid) {
  const std::lock_guard lock(g_mutex);
  const auto found = g_status.find(pid);
  if (found == g_status.end()) return "unknown";
  const HookStatus& s = found->second;
  std::ostringstream out;
  out << "state=" << static_cast<unsigned>(s.state) << " interfaces=" << s.interfaces
      << " entries=" << s.entries << " calls=" << s.calls << " events=" << s.events
      << " dropped=" << s.dropped << " blocked=" << s.blocked << " audited=" << s.audited
      << " unknown=" << s.unknown << " failures=" << s.failures << " exceptions=" << s.exceptions
      << " policy=" << s.policy_revision << " active=" << s.active;
  return out.str();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || !(g_events = std::fopen(argv[1], "ab"))) return 2;
  ControlBlock* block = make_section();
  if (!block) {
    std::printf("section: %lu\n", GetLastError());
    return 1;
  }
  std::thread(serve_pipe).detach();
  std::thread([block] {
    for (;; Sleep(500)) {
      FILETIME now;
      GetSystemTimeAsFileTime(&now);
      if (g_alive)
        std::atomic_ref<std::uint64_t>(block->heartbeat)
            .store(std::uint64_t{now.dwHighDateTime} << 32 | now.dwLowDateTime);
    }
  }).detach();
  std::printf("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command, text, answer = "ok";
    std::uint32_t pid = 0;
    words >> command;
    if (command == "inject") {
      words >> pid;
      std::getline(words >> std::ws, text);
      answer = inject(pid, text);
    } else if (command == "protect" || command == "release") {
      words >> pid;
      set_target(*block, pid, command == "protect");
    } else if (command == "toggle") {
      int times = 0, pause = 0;
      words >> pid >> times >> pause;
      for (int i = 0; i < times; ++i) {
        set_target(*block, pid, false);
        Sleep(static_cast<DWORD>(pause));
        set_target(*block, pid, true);
        Sleep(static_cast<DWORD>(pause));
      }
    } else if (command == "flags") {
      ControlWriter change(*block);
      words >> block->flags;
    } else if (command == "stale") {
      ControlWriter change(*block);
      words >> block->stale_seconds;
    } else if (command == "policy") {
      words >> text;
      std::ifstream file(text, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), {});
      ControlWriter change(*block);
      block->policy_size = static_cast<std::uint32_t>(std::min(bytes.size(), kMaxPolicy));
      std::memcpy(block->policy, bytes.data(), block->policy_size);
      ++block->policy_revision;
    } else if (command == "status") {
      words >> pid;
      answer = status_of(pid);
    } else if (command == "pid") {
      words >> text;
      answer = pids_of(text);
    } else if (command == "deaf") {
      int seconds = 0;
      words >> seconds;
      g_deaf_until = GetTickCount64() + static_cast<ULONGLONG>(seconds) * 1000;
    } else if (command == "alive") {
      int alive = 1;
      words >> alive;
      g_alive = alive != 0;
    } else if (command == "quit") {
      std::printf("ok\n");
      std::fflush(stdout);
      ExitProcess(0);
    } else {
      answer = "what?";
    }
    std::printf("%s\n", answer.c_str());
    std::fflush(stdout);
  }
  return 0;
}
