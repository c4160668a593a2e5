// RpcFw.conf, the configuration of Zero Networks' RPC Firewall, read as that program reads it, and
// said as policies. A rule does here what it does there; where that cannot have been meant (a value
// lost to a space, an unedited placeholder), it does what the line says, or decides nothing, and a
// warning tells both. Facts: the documented grammar and the observable behaviour of version 2.
#pragma once

#include <string>
#include <string_view>

#include "lint/operations.h"
#include "sigma/diagnostic.h"

namespace rpcmarshal::policy {

struct RpcFwPolicy {
  std::string firewall;  ///< of the fw: lines, as YAML: decided in the hooked process
  std::string filters;   ///< of the flt: lines, as YAML: for `policy export --netsh`
};

/// `text` may be anything. Findings have line and column; none of them is an error.
RpcFwPolicy read_rpcfw(std::string_view text, const std::string& file,
                       const lint::Operations& operations, sigma::Diagnostics& diagnostics);

}  // namespace rpcmarshal::policy
