// SPNEGO negotiation tokens ([RFC4178], [MS-SPNG]) and the GSS-API framing ([RFC2743] 3.1) around
// them and around Kerberos: which mechanisms are offered, which was chosen, and the mechanism's own
// token. Views point into the input.
#pragma once

#include <optional>

#include "base/bytes.h"

namespace rpcmarshal {

/// Security mechanisms by object identifier.
enum class Mechanism : std::uint8_t {
  kUnknown,
  kNtlm,         ///< 1.3.6.1.4.1.311.2.2.10
  kKerberos,     ///< 1.2.840.113554.1.2.2, and 1.2.840.48018.1.2.2 as Windows also writes it
  kKerberosU2U,  ///< 1.2.840.113554.1.2.2.3
  kNegoEx,       ///< 1.3.6.1.4.1.311.2.2.30
  kSpnego        ///< 1.3.6.1.5.5.2
};
/// `oid` is the content of a DER OBJECT IDENTIFIER.
Mechanism mechanism_of(Bytes oid);

/// A token framed as InitialContextToken: [APPLICATION 0] { OID, inner token }.
struct GssToken {
  Mechanism mechanism = Mechanism::kUnknown;
  Bytes inner;  ///< what follows the OID
};
std::optional<GssToken> parse_gss(Bytes token);

struct SpnegoToken {
  bool init = false;  ///< NegTokenInit, else NegTokenResp
  /// NegTokenInit: the mechanisms offered, in order, at most kMaxMechanisms (others are dropped).
  static constexpr std::size_t kMaxMechanisms = 8;
  Mechanism offered[kMaxMechanisms] = {};
  std::size_t offered_count = 0;
  Mechanism supported = Mechanism::kUnknown;  ///< NegTokenResp: supportedMech
  /// NegTokenResp: accept-completed 0, accept-incomplete 1, reject 2, request-mic 3; -1 absent.
  int state = -1;
  Bytes mechanism_token;  ///< mechToken or responseToken; empty when absent
};
/// Parses a NegTokenInit with or without GSS-API framing, or a NegTokenResp; nullopt when malformed
/// or something else.
std::optional<SpnegoToken> parse_spnego(Bytes token);

}  // namespace rpcmarshal
