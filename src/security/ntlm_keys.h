// NTLM's keys ([MS-NLMP] 3.3, 3.4.5): from an account's NT hash and the messages of an exchange to
// the exported session key, and from that to the keys of each direction.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "security/crypto.h"
#include "security/ntlm.h"

namespace rpcmarshal {

/// What of an exchange the keys depend on.
struct NtlmExchange {
  std::array<std::byte, 8> server_challenge{};
  std::uint32_t flags = 0;  ///< as agreed: the AUTHENTICATE's, else the CHALLENGE's
};

enum class NtlmVerdict : std::uint8_t {
  kFits,         ///< the hash made this response; the key is the session's
  kDoesNotFit,   ///< another hash did
  kUnsupported,  ///< the key comes from the LM hash
};

/// The exported session key of `message` under an account's NT hash (16 bytes). An anonymous
/// session needs no hash: give an empty one.
NtlmVerdict ntlm_session_key(const NtlmExchange& exchange, const NtlmAuthenticate& message,
                             Bytes nt_hash, crypto::Block16& key);

/// SIGNKEY and SEALKEY ([MS-NLMP] 3.4.5.2, 3.4.5.3) of one direction.
struct NtlmDirectionKeys {
  crypto::Block16 sign{};  ///< with extended session security only
  crypto::Block16 seal{};
  std::size_t seal_size = 16;
};
NtlmDirectionKeys ntlm_direction_keys(std::uint32_t flags, Bytes session_key, bool from_client);

}  // namespace rpcmarshal
