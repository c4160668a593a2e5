// `list`: looks into every process that has loaded rpcrt4.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/service/endpoints.h"

namespace rpcmarshal::agent {

struct ListOptions {
  std::optional<std::uint32_t> pid;  ///< this one only
  std::string name;                  ///< those of this name only; empty: all
  bool ask = true;                   ///< ask endpoints what is registered (makes RPC calls)
};

struct ListResult {
  std::vector<ProcessReport> processes;  ///< with RPC servers, or asked for by pid or name
  std::vector<std::string> unavailable;
};

ListResult list_servers(const ListOptions& options, const Catalogue& catalogue);

/// The interfaces compiled into a process, and how many operations lead into the hook. `error`
/// says why nothing is there.
struct ProcessScan {
  std::vector<FoundInterface> interfaces;
  bool rpc = false;          ///< it has loaded rpcrt4
  bool hook_loaded = false;  ///< the hook DLL is in it
  std::uint32_t hooked = 0;  ///< operations
  std::string error;
};
/// With a catalogue, the interpreted interfaces that it does not describe get their signatures.
ProcessScan scan_process(std::uint32_t pid, const Catalogue* catalogue = nullptr);

}  // namespace rpcmarshal::agent
