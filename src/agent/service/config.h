// The agent's configuration file: what to protect, where events go, what a hook does when it fails.
// Sections in brackets, `key = value` lines, comments behind # or ; at the beginning of a line:
//
//     [protect]
//     process = spoolsv.exe
//     service = Schedule
//     [events]
//     file = C:\ProgramData\RPC Marshal\events.jsonl
//
// UTF-8, with or without a byte order mark, lines ending either way. docs/windows.md lists the
// keys. Anything that is not understood is an error with its line and column: a protection that
// silently does not happen is worse than a service that does not start.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "idl/diagnostic.h"

namespace rpcmarshal::agent {

enum class LogChoice : std::uint8_t {
  kOff,
  kDecisions,  ///< calls that the policy blocked or audited, and what happens to the agent
  kAll,
};

struct Config {
  // [protect]
  std::vector<std::string> processes;  ///< file names of programs, without a folder; "*": all
  std::vector<std::string> services;   ///< short names of Windows services
  std::uint32_t poll_milliseconds = 1000;

  // [hook]
  bool local_calls = false;    ///< events for ncalrpc calls too
  bool fail_closed = false;    ///< a failure inside the hook refuses the call
  bool release_alone = false;  ///< hooks leave when the agent has been gone for `stale_seconds`
  std::uint32_t stale_seconds = 60;
  std::uint32_t queue_bytes = 16u << 20;
  std::uint32_t max_stub = 256u << 10;

  // [events]
  std::string file;                             ///< empty: no file
  std::uint64_t rotate_bytes = 100u << 20;      ///< 0: never
  std::uint64_t rotate_seconds = 86400;         ///< 0: never
  std::uint32_t keep = 30;                      ///< so many finished files; 0: all
  LogChoice event_log = LogChoice::kDecisions;  ///< what goes into the Windows event log

  // [policy]
  std::string policy;  ///< compiled policy; empty: everything is allowed
};

struct ParsedConfig {
  Config config;
  std::vector<idl::Diagnostic> diagnostics;
  bool ok() const;  ///< no errors; warnings may stand
};

/// Bounds: 1 MiB of text, 256 processes and services; `file` is for messages.
ParsedConfig parse_config(std::string_view text, const std::string& file);

/// Reads and parses; a file that cannot be read is a diagnostic at line 0.
ParsedConfig load_config(const std::string& utf8_path);

/// The keys with their sections and defaults, as an example file that parse_config accepts.
std::string example_config();

}  // namespace rpcmarshal::agent
