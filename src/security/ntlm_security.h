// Messages protected by NTLM ([MS-NLMP] 3.4): RC4 key streams that go on from message to message,
// and signatures of sixteen bytes. What is not seen breaks the stream of its direction for good.
#pragma once

#include <memory>

#include "security/security_context.h"

namespace rpcmarshal {

/// `flags` as agreed in the exchange; `session_key` is the exported one, 16 bytes.
std::unique_ptr<SecurityContext> make_ntlm_security(std::uint32_t flags, Bytes session_key);

}  // namespace rpcmarshal
