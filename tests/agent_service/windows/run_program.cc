#include "run_program.h"

namespace rpcmarshal::agent {

Program::Program(const std::string& path, const std::vector<std::string>& arguments) {
  SECURITY_ATTRIBUTES inherit{sizeof inherit, nullptr, TRUE};
  HANDLE read = nullptr, write = nullptr;
  if (!CreatePipe(&read, &write, &inherit, 1 << 20)) throw SystemError("no pipe", GetLastError());
  SetHandleInformation(read, HANDLE_FLAG_INHERIT, 0);
  output_ = Handle(read);
  const Handle theirs(write);
  std::wstring command = L"\"" + wide(path) + L"\"";
  for (const std::string& argument : arguments) command += L" \"" + wide(argument) + L"\"";
  STARTUPINFOW startup{};
  startup.cb = sizeof startup;
  startup.dwFlags = STARTF_USESTDHANDLES;
  startup.hStdOutput = startup.hStdError = write;
  PROCESS_INFORMATION information{};
  if (!CreateProcessW(nullptr, command.data(), nullptr, nullptr, TRUE, CREATE_NO_WINDOW, nullptr,
                      nullptr, &startup, &information))
    throw SystemError("cannot start " + path, GetLastError());
  CloseHandle(information.hThread);
  process_ = Handle(information.hProcess);
  pid_ = information.dwProcessId;
}

Program::~Program() { end(); }

void Program::end() {
  if (running()) {
    TerminateProcess(process_.get(), 99);
    WaitForSingleObject(process_.get(), 5000);
  }
}

bool Program::running() const { return WaitForSingleObject(process_.get(), 0) == WAIT_TIMEOUT; }

void Program::drain() {
  DWORD there = 0;
  while (PeekNamedPipe(output_.get(), nullptr, 0, nullptr, &there, nullptr) && there > 0) {
    char piece[4096];
    DWORD size = 0;
    if (!ReadFile(output_.get(), piece, sizeof piece, &size, nullptr) || size == 0) return;
    text_.append(piece, size);
  }
}

bool Program::wait_for(const std::string& text, DWORD milliseconds) {
  const ULONGLONG end = GetTickCount64() + milliseconds;
  for (;;) {
    const bool alive = running();
    drain();
    if (text_.find(text) != std::string::npos) return true;
    if (!alive || GetTickCount64() > end) return false;
    Sleep(20);
  }
}

Ran Program::finish(DWORD milliseconds) {
  const ULONGLONG end = GetTickCount64() + milliseconds;
  Ran ran;
  while (running() && GetTickCount64() < end) {
    drain();
    Sleep(10);
  }
  DWORD code = 0;
  if (!running() && GetExitCodeProcess(process_.get(), &code)) ran.code = static_cast<int>(code);
  drain();
  ran.out = text_;
  return ran;
}

std::string built(const std::string& name) { return utf8(program_folder()) + name; }

}  // namespace rpcmarshal::agent
