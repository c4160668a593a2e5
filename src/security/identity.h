// Who is speaking: what can be learned about the user of a connection from its authentication
// exchange, without or with keys.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace rpcmarshal {

/// Security providers as they stand in auth_verifier.auth_type ([MS-RPCE] 2.2.1.1.7).
enum class AuthService : std::uint8_t {
  kNone = 0,
  kSpnego = 9,
  kNtlm = 10,
  kSchannel = 14,
  kKerberos = 16,
  kNetlogon = 68,
  kDefault = 255
};

/// auth_verifier.auth_level ([MS-RPCE] 2.2.1.1.8).
enum class AuthLevel : std::uint8_t {
  kDefault = 0,
  kNone = 1,
  kConnect = 2,
  kCall = 3,
  kPacket = 4,
  kIntegrity = 5,
  kPrivacy = 6
};

struct Identity {
  std::string domain;  ///< UTF-8; NTLM domain or Kerberos client realm
  std::string user;
  std::string workstation;  ///< as the client claims in NTLM AUTHENTICATE
  std::string
      service;      ///< Kerberos: service principal of the ticket ("cifs/fs1.lab.test@LAB.TEST")
  std::string sid;  ///< when a PAC was opened
  AuthService mechanism = AuthService::kNone;  ///< NTLM or Kerberos even when SPNEGO carried it
  bool anonymous = false;
  bool guest = false;
  /// How it is known: "ntlm authenticate", "kerberos ticket", "netlogon", "smb session", ...
  std::string known_by;
  /// What the server calls itself in the NTLM CHALLENGE: NetBIOS and DNS computer name, or empty.
  std::string server_name;
  std::string server_dns_name;
  std::uint64_t ticket = 0;  ///< Kerberos: ticket_digest() of the ticket presented, for TicketNames
  bool known() const { return !user.empty() || anonymous || guest || !service.empty(); }
};

/// One authentication exchange (one security context): fed with each token in turn, tells the
/// identity. Tokens may be raw NTLMSSP, SPNEGO (NegTokenInit/Resp, any mechanism inside), raw
/// Kerberos AP-REQ/AP-REP (with or without GSS-API framing), Netlogon (NL_AUTH_MESSAGE), TLS.
/// Never throws; malformed tokens are ignored and counted.
class AuthExchange {
 public:
  virtual ~AuthExchange() = default;
  /// A token from the client (`from_client`) or from the server.
  virtual void token(bool from_client, Bytes token) = 0;
  virtual const Identity& identity() const = 0;
  /// Tokens that could not be parsed, and KRB-ERROR messages among the tokens.
  virtual std::uint64_t malformed_tokens() const { return 0; }
  virtual std::uint64_t kerberos_errors() const { return 0; }
};
/// `service` only decides how tokens that do not describe themselves (Netlogon's) are read; with
/// kDefault or kSpnego any mechanism is recognised.
std::unique_ptr<AuthExchange> make_auth_exchange(AuthService service);

}  // namespace rpcmarshal
