// Opening protected messages: after the authentication exchange, each direction's DCE/RPC PDUs are
// sealed or signed under the session key. One SecurityContext belongs to one exchange.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace rpcmarshal {

/// One DCE/RPC PDU with a verifier ([MS-RPCE] 2.2.2.11), whole: header, body, padding, the
/// verifier's eight bytes, token. 0 <= body_at <= verifier_at <= pdu.size() - 8.
struct ProtectedPdu {
  std::span<std::byte> pdu;     ///< the sealed part is decrypted in place
  std::size_t body_at = 0;      ///< where the stub starts
  std::size_t verifier_at = 0;  ///< where stub and padding end
  bool sealed = false;          ///< level privacy; else only signed

  std::span<std::byte> body() const { return pdu.subspan(body_at, verifier_at - body_at); }
  Bytes before() const { return pdu.first(body_at); }
  Bytes verifier() const { return pdu.subspan(verifier_at, 8); }
  Bytes token() const { return pdu.subspan(verifier_at + 8); }
};

enum class OpenResult : std::uint8_t {
  kGood,          ///< the signature verifies; what was sealed is open
  kBadSignature,  ///< it does not: the body is garbage when it was sealed
  kMalformed,     ///< the token is none
  kLost,          ///< the key stream is lost: messages before this one are missing
  kNoSubkey,      ///< it is under a subkey of the server's answer, which was not seen
  kUnsupported    ///< an algorithm that cannot be opened
};

class SecurityContext {
 public:
  virtual ~SecurityContext() = default;
  /// Every message of each direction, in order. Never throws; allocates nothing once warm.
  virtual OpenResult open(bool from_client, const ProtectedPdu& message) = 0;
  /// Messages of this direction were missed.
  virtual void lost(bool /*from_client*/) {}
};

}  // namespace rpcmarshal
