// A program that serves nothing itself: loads and unloads a DLL that does (module.cc) when told to
// on its standard input. Arguments: path of the DLL, TCP port.
#include <windows.h>

#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  std::printf("ready %lu\n", GetCurrentProcessId());
  std::fflush(stdout);
  // rpcrt4 stays, as in any process that agents look at.
  LoadLibraryA("rpcrt4.dll");
  HMODULE module = nullptr;
  char line[64];
  while (std::fgets(line, sizeof line, stdin)) {
    line[std::strcspn(line, "\r\n")] = 0;
    bool done = false;
    if (std::strcmp(line, "load") == 0) {
      module = LoadLibraryA(argv[1]);
      const auto start = reinterpret_cast<long (*)(const char*)>(
          reinterpret_cast<void*>(module ? GetProcAddress(module, "start") : nullptr));
      done = start && start(argv[2]) == 0;
    } else if (std::strcmp(line, "unload") == 0) {
      const auto finish =
          reinterpret_cast<long (*)()>(reinterpret_cast<void*>(GetProcAddress(module, "finish")));
      done = finish && finish() == 0 && FreeLibrary(module);
      done = done && !GetModuleHandleA("hook_module.dll");
    }
    std::printf("%s %s\n", line, done ? "done" : "failed");
    std::fflush(stdout);
  }
  return 0;
}
