// Asks Windows in public calls who listens where (agent/service/endpoints.h).
#pragma once

#include <string>
#include <vector>

#include "agent/service/endpoints.h"

namespace rpcmarshal::agent {

/// Listening sockets of all processes; servers of `pipes`, and of every pipe where the system lists
/// them; the endpoint mapper's elements; the interfaces that local TCP ports and pipes of `pids`
/// name when they are asked (RpcMgmtInqIfIds), when `ask` is set. What the system cannot do
/// is in `unavailable`.
EndpointFacts query_endpoints(const std::vector<std::string>& pipes,
                              const std::vector<std::uint32_t>& pids, bool ask);

}  // namespace rpcmarshal::agent
