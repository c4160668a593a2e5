// Messages protected by Kerberos the way DCE/RPC does it (GSS_WrapEx of DCE style,
// [MS-KILE] 3.4.5.4, [RFC4121] 4.2, [RFC4757] 7): the sealed stub stays in its place, and
// everything else (header, confounder, trailer, checksum) is in the verifier's token, rotated.
// Messages do not depend on each other, so losses cost nothing more.
#pragma once

#include <memory>

#include "security/kerberos_session.h"
#include "security/security_context.h"

namespace rpcmarshal {

/// Null when no key is there.
std::unique_ptr<SecurityContext> make_kerberos_security(const KerberosKeys& keys);

}  // namespace rpcmarshal
