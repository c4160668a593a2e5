// Starts programs from a test and reads what they print.
#pragma once

#include <string>
#include <vector>

#include "agent/service/windows/system.h"

namespace rpcmarshal::agent {

struct Ran {
  int code = -1;
  std::string out;  ///< standard output and error, mixed
};

/// A program that runs beside the test; it is ended with this.
class Program {
 public:
  Program(const std::string& path, const std::vector<std::string>& arguments);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  DWORD pid() const { return pid_; }
  bool running() const;
  /// Until `text` has been printed. False when it ends or the time is over before.
  bool wait_for(const std::string& text, DWORD milliseconds = 20000);
  /// Until it ends.
  Ran finish(DWORD milliseconds = 60000);
  void end();

 private:
  void drain();
  Handle process_, output_;
  DWORD pid_ = 0;
  std::string text_;
};

/// A program beside the test program, e.g. "rpcmarshal-agent.exe".
std::string built(const std::string& name);

inline Ran run_agent(const std::vector<std::string>& arguments) {
  return Program(built("rpcmarshal-agent.exe"), arguments).finish();
}

}  // namespace rpcmarshal::agent
