// Which Sigma log sources an event belongs to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sigma/rule.h"

namespace rpcmarshal::logs {

/// Of a Windows event: its channel's service, and the category of what it records. `event_type` is
/// Sysmon's field of that name (for registry events). Always at least windows.
std::vector<sigma::LogSource> windows_sources(std::string_view channel, std::string_view provider,
                                              std::string_view event_id,
                                              std::string_view event_type);
/// Of a Zeek log: "dce_rpc", "smb_files".
std::vector<sigma::LogSource> zeek_sources(std::string_view path);
/// Of our own events: rpcmarshal, and what Zeek and the RPC Firewall would have logged for the
/// call.
std::vector<sigma::LogSource> own_sources();
/// "windows/process_creation" or "product=windows,category=process_creation" from a command line;
/// false when it is neither.
bool parse_source(std::string_view text, sigma::LogSource& out);

}  // namespace rpcmarshal::logs
