// Kerberos V5 messages ([RFC4120] 5) as far as they travel in clear: AP-REQ and its ticket, AP-REP,
// KRB-ERROR, and the AS and TGS exchanges, which name the client that the ticket hides. The sealed
// parts are kept as views for a later keytab. Views point into the input.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace rpcmarshal {

/// Message types ([RFC4120] 7.5.7), which are also the application tags.
enum class KerberosType : std::uint8_t {
  kNone = 0,
  kAsReq = 10,
  kAsRep = 11,
  kTgsReq = 12,
  kTgsRep = 13,
  kApReq = 14,
  kApRep = 15,
  kError = 30
};

/// EncryptedData ([RFC4120] 5.2.9).
struct KerberosSealed {
  std::int32_t etype = 0;
  std::optional<std::uint32_t> kvno;
  Bytes cipher;
};

struct KerberosTicket {
  std::string realm;    ///< UTF-8 as sent
  std::string service;  ///< sname's components joined with "/": "cifs/fs1.lab.test"
  KerberosSealed sealed;
};

struct KerberosApReq {
  std::uint32_t options =
      0;  ///< bit 0 is the most significant: 0x40000000 use-session-key, 0x20000000 mutual
  KerberosTicket ticket;
  KerberosSealed authenticator;
};

struct KerberosApRep {
  KerberosSealed sealed;
};

/// AS-REQ and TGS-REQ.
struct KerberosKdcRequest {
  KerberosType type = KerberosType::kNone;
  std::string client;   ///< cname; empty in a TGS-REQ
  std::string realm;    ///< of the server, and of the client in an AS-REQ
  std::string service;  ///< sname
  /// TGS-REQ: the AP-REQ in PA-TGS-REQ, whose ticket ties this exchange to the AS exchange.
  Bytes ap_req;
};

/// AS-REP and TGS-REP: whose ticket for what. The ticket's cipher is the same bytes that the client
/// then presents in its AP-REQ, so it links that AP-REQ to this client.
struct KerberosKdcReply {
  KerberosType type = KerberosType::kNone;
  std::string client;
  std::string client_realm;
  KerberosTicket ticket;
  KerberosSealed sealed;
  std::string salt;  ///< for the client's password, when told
  /// FAST ([RFC6113] 5.4.3): what strengthens the reply's key, sealed with the armor key.
  std::optional<KerberosSealed> fast;
};

struct KerberosError {
  std::int32_t code = 0;  ///< error-code ([RFC4120] 7.5.9)
  std::string client, client_realm, service, realm;
};

/// The type by the application tag alone, kNone when it is no Kerberos message.
KerberosType kerberos_type(Bytes message);

/// Each gives nullopt when `message` is of another type, malformed, or lacks a mandatory field.
/// `message` starts at the application tag: no GSS-API framing, no TCP length.
std::optional<KerberosApReq> parse_ap_req(Bytes message);
std::optional<KerberosApRep> parse_ap_rep(Bytes message);
std::optional<KerberosKdcRequest> parse_kdc_request(Bytes message);
std::optional<KerberosKdcReply> parse_kdc_reply(Bytes message);
std::optional<KerberosError> parse_kerberos_error(Bytes message);

}  // namespace rpcmarshal
