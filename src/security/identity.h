// Who is speaking: what can be learned about the user of a connection from its authentication
// exchange, without or with keys.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace rpcmarshal {

class Secrets;
class SecurityContext;

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
  std::vector<std::string> groups;             ///< SIDs, likewise; at most 64
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

/// Whether the session key of an exchange is known, and if not, why not.
struct KeyStatus {
  enum class Code : std::uint8_t {
    kNoSecrets,    ///< none were given: nothing was tried
    kReady,        ///< the session key is known
    kMidStream,    ///< a part of the exchange was not seen (yet)
    kNoKey,        ///< no key of this account or service
    kWrongKey,     ///< its key does not fit what was seen: the password is another one
    kKvno,         ///< the ticket is sealed with another version of the key
    kEtype,        ///< with another encryption type than the keys that are there
    kUnsupported,  ///< a mechanism or form that cannot be opened
  } code = Code::kNoSecrets;
  std::string text;  ///< for people: "no key for account CONTOSO\jdoe"; empty when kReady
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

  /// The session key that the mechanism hands to its caller, empty while it is not known: NTLM's
  /// exported session key (16 bytes); Kerberos' subkey of the AP-REP, else of the AP-REQ, else the
  /// ticket's session key (so it may change with the AP-REP); Netlogon's. Lives until the next
  /// token().
  virtual Bytes session_key() const { return {}; }
  /// Kerberos: the encryption type of session_key(); else 0.
  virtual std::int32_t session_key_type() const { return 0; }
  virtual const KeyStatus& key_status() const;
  /// Counts the session keys there were: another number means that the exchange began anew.
  virtual std::uint32_t key_generation() const { return 0; }
  /// What protects messages under the session key; null while it is not known. Each message belongs
  /// to one context: NTLM's keeps a key stream.
  virtual std::unique_ptr<SecurityContext> make_security_context() const;
};
/// `service` only decides how tokens that do not describe themselves (Netlogon's) are read; with
/// kDefault or kSpnego any mechanism is recognised. `secrets` outlives the exchange; without them
/// there are no session keys.
std::unique_ptr<AuthExchange> make_auth_exchange(AuthService service,
                                                 const Secrets* secrets = nullptr);

}  // namespace rpcmarshal
