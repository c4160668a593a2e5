// What `rpcmarshal-agent list` shows: processes with RPC servers, their endpoints, interfaces and
// operations, as text and as one JSON object per process. Text that comes out of other processes is
// made harmless for a terminal.
#pragma once

#include <string>
#include <vector>

#include "agent/service/endpoints.h"

namespace rpcmarshal::agent {

/// `operations` adds a line per operation.
void append_text(std::string& out, const ProcessReport& report, bool operations);
/// One line. Always with operations.
void append_json(std::string& out, const ProcessReport& report);

}  // namespace rpcmarshal::agent
