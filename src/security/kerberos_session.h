// The keys of one Kerberos authentication: its ticket is opened with a key of the service, or its
// session key is known from the KDC's reply; then subkeys follow from the authenticator and the
// AP-REP ([RFC4120] 3.2).
#pragma once

#include <cstdint>

#include "security/identity.h"
#include "security/kerberos.h"
#include "security/secret_memory.h"

namespace rpcmarshal {

class Secrets;

struct KerberosKeys {
  SecretKey session, initiator, acceptor;  ///< of the ticket; subkeys, empty when there are none

  /// The one that protects messages.
  const SecretKey& best() const {
    return !acceptor.empty() ? acceptor : !initiator.empty() ? initiator : session;
  }
  void clear() {
    session.clear();
    initiator.clear();
    acceptor.clear();
  }
};

/// Finds the keys of an AP-REQ; with kReady `keys` has them, and `identity` what the ticket says
/// about the client. `digest` is ticket_digest() of its ticket.
KeyStatus open_ap_req(const Secrets& secrets, const KerberosApReq& request, std::uint64_t digest,
                      KerberosKeys& keys, Identity& identity);
/// Adds the AP-REP's subkey. False when it cannot be opened.
bool open_ap_rep(const KerberosApRep& reply, KerberosKeys& keys);

/// What is known of a client's talk with its KDC, from message to message.
struct KdcTalk {
  std::uint64_t shown = 0;  ///< ticket_digest() of the ticket in the last TGS request
  SecretKey reply_key;      ///< subkey of its authenticator; empty when it has none
  SecretKey armor_key;      ///< of FAST, which clients use with a subkey ([RFC6113] 5.4.1.1)
};
/// A message of that talk: learns the session keys of tickets, from the client's key or the
/// ticket-granting ticket's. `talk.shown` is TicketNames::learn()'s.
void learn_kdc_keys(const Secrets& secrets, Bytes message, KdcTalk& talk);

}  // namespace rpcmarshal
