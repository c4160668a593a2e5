// The session key of a Netlogon secure channel ([MS-NRPC] 3.1.4.3): made of the machine account's
// NT hash and the two challenges of NetrServerReqChallenge, as NetrServerAuthenticate's flags
// agree.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "security/learned_keys.h"

namespace rpcmarshal {

class Secrets;

struct NetlogonChallenges {
  std::array<std::byte, 8> client{}, server{};
};

/// NegotiateFlags ([MS-NRPC] 3.1.4.2).
inline constexpr std::uint32_t kNetlogonStrongKeys = 0x00004000;
inline constexpr std::uint32_t kNetlogonAes = 0x01000000;

NetlogonKey netlogon_session_key(Bytes nt_hash16, const NetlogonChallenges& challenges,
                                 std::uint32_t flags);
/// ComputeNetlogonCredential ([MS-NRPC] 3.1.4.4) of a challenge.
std::array<std::byte, 8> netlogon_credential(const NetlogonKey& key, Bytes challenge8);

/// NetrServerAuthenticate and its newer forms succeeded: the key that made `client_credential` (8
/// bytes) is learned for the computer. False when none of the account's keys did.
bool learn_netlogon_key(const Secrets& secrets, std::string_view account, std::string_view computer,
                        const NetlogonChallenges& challenges, Bytes client_credential,
                        std::uint32_t flags);

/// The name under which a computer's keys are learned: upper case, without its domain.
std::string netlogon_computer(std::string_view name);

}  // namespace rpcmarshal
