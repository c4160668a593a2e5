// Messages of the Netlogon secure channel ([MS-NRPC] 3.3.4.2): sealed with AES in CFB8 mode or RC4,
// each by itself under its sequence number.
#pragma once

#include <memory>
#include <vector>

#include "security/learned_keys.h"
#include "security/security_context.h"

namespace rpcmarshal {

/// `keys`: the computer's channels; the first message shows which one this is. Null when empty.
std::unique_ptr<SecurityContext> make_netlogon_security(std::vector<NetlogonKey> keys);

}  // namespace rpcmarshal
