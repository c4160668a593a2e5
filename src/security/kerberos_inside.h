// What is inside the sealed parts of Kerberos messages ([RFC4120] 5.3 to 5.5), once they are open:
// session keys, subkeys, client names, the PAC. Views point into the input.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace rpcmarshal {

struct KerberosKey {
  std::int32_t etype = 0;
  Bytes value;
};

/// EncTicketPart.
struct TicketInside {
  KerberosKey key;
  std::string client, realm;
  Bytes pac;  ///< AD-WIN2K-PAC ([MS-KILE] 2.2.10) inside AD-IF-RELEVANT; empty without one
};
std::optional<TicketInside> parse_ticket_inside(Bytes data);

/// Authenticator and EncAPRepPart: the subkey, when there is one. nullopt when malformed.
struct SubkeyInside {
  std::optional<KerberosKey> subkey;
};
std::optional<SubkeyInside> parse_authenticator_inside(Bytes data);
std::optional<SubkeyInside> parse_ap_rep_inside(Bytes data);

/// EncASRepPart and EncTGSRepPart: the new ticket's session key. (Some write either's tag in both.)
std::optional<KerberosKey> parse_kdc_reply_inside(Bytes data);

/// KrbFastResponse ([RFC6113] 5.4.3): strengthen-key; nullopt without one.
std::optional<KerberosKey> parse_fast_response(Bytes data);

}  // namespace rpcmarshal
