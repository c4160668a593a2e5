#include "security/kerberos_session.h"

#include "security/kerberos_crypto.h"
#include "security/kerberos_inside.h"
#include "security/learned_keys.h"
#include "security/pac.h"
#include "security/secrets.h"
#include "security/ticket_names.h"

namespace rpcmarshal {
namespace {

constexpr std::uint32_t kUseSessionKey = 0x40000000;  // AP-REQ: user to user

SecretKey keep(const KerberosKey& key) { return SecretKey(key.value, key.etype); }

std::string ticket_text(const KerberosTicket& ticket) {
  std::string out = ticket.service + '@' + ticket.realm;
  if (out.size() > 256) out.resize(256);
  return out;
}

/// Why no key was found or fitted.
KeyStatus explain(const KeyMatch& match, const KerberosTicket& ticket) {
  using Code = KeyStatus::Code;
  const std::string type = kerberos_etype_name(ticket.sealed.etype);
  const std::string version =
      ticket.sealed.kvno ? ", version " + std::to_string(*ticket.sealed.kvno) : std::string();
  switch (match.why) {
    case KeyMatch::Why::kNoAccount:
      return {Code::kNoKey,
              "no key for service " + ticket_text(ticket) + " (" + type + version + ')'};
    case KeyMatch::Why::kNoKvno:
      return {Code::kKvno, "the ticket for " + ticket_text(ticket) +
                               " is sealed with another key (" + type + version +
                               "); the newest given is version " + std::to_string(match.kvno)};
    case KeyMatch::Why::kNoEtype:
      return {Code::kEtype, "the ticket for " + ticket_text(ticket) + " is sealed with " + type +
                                version + ", for which no key is given"};
    case KeyMatch::Why::kFound:
      break;
  }
  return {Code::kWrongKey,
          "the key given for service " + ticket_text(ticket) + " does not open its ticket"};
}

/// The ticket's session key and what it says of the client, from what was learned or by a key.
KeyStatus open_ticket(const Secrets& secrets, const KerberosTicket& ticket, std::uint64_t digest,
                      OpenedTicket& out) {
  const bool known = secrets.learned().find_ticket(digest, out);
  if (known && !out.sid.empty()) return {KeyStatus::Code::kReady, {}};
  if (!kerberos_etype_supported(ticket.sealed.etype)) {
    if (known) return {KeyStatus::Code::kReady, {}};
    return {KeyStatus::Code::kUnsupported,
            "the ticket for " + ticket_text(ticket) + " is sealed with " +
                kerberos_etype_name(ticket.sealed.etype) + ", which cannot be opened"};
  }
  const KeyMatch match =
      secrets.service_keys(ticket.service, ticket.realm, ticket.sealed.etype, ticket.sealed.kvno);
  KerberosPlain plain;
  for (std::size_t i = 0; i < match.count; ++i) {
    if (!plain.open(match.keys[i], KerberosUsage::kTicket, ticket.sealed.cipher)) continue;
    const auto inside = parse_ticket_inside(plain.bytes());
    if (!inside) break;
    out.key = keep(inside->key);
    out.client = inside->client;
    out.realm = inside->realm;
    if (auto pac = parse_pac(inside->pac)) {
      out.sid = std::move(pac->sid);
      out.groups = std::move(pac->groups);
    }
    secrets.learned().put_ticket(digest, out);
    return {KeyStatus::Code::kReady, {}};
  }
  if (known) return {KeyStatus::Code::kReady, {}};
  return explain(match, ticket);
}

/// With FAST the KDC may add to the key of its reply.
void strengthen(const KerberosKdcReply& reply, KdcTalk& talk) {
  KerberosPlain plain;
  if (!reply.fast || talk.armor_key.empty() ||
      !plain.open(talk.armor_key, KerberosUsage::kFastReply, reply.fast->cipher))
    return;
  if (const auto key = parse_fast_response(plain.bytes()))
    talk.reply_key = combine_keys(keep(*key), "strengthenkey", talk.reply_key, "replykey");
}

}  // namespace

KeyStatus open_ap_req(const Secrets& secrets, const KerberosApReq& request, std::uint64_t digest,
                      KerberosKeys& keys, Identity& identity) {
  keys.clear();
  if (request.options & kUseSessionKey)
    return {KeyStatus::Code::kUnsupported, "Kerberos from user to user"};
  OpenedTicket ticket;
  KeyStatus status = open_ticket(secrets, request.ticket, digest, ticket);
  if (status.code != KeyStatus::Code::kReady) return status;
  KerberosPlain plain;
  const auto inside =
      plain.open(ticket.key, KerberosUsage::kApAuthenticator, request.authenticator.cipher)
          ? parse_authenticator_inside(plain.bytes())
          : std::nullopt;
  if (!inside)
    return {KeyStatus::Code::kWrongKey,
            "the authenticator for " + ticket_text(request.ticket) + " does not open"};
  keys.session = ticket.key;
  if (inside->subkey) keys.initiator = keep(*inside->subkey);
  constexpr std::size_t kMaxName = 1024;
  if (!ticket.client.empty() && ticket.client.size() <= kMaxName &&
      ticket.realm.size() <= kMaxName) {
    identity.user = std::move(ticket.client);
    identity.domain = std::move(ticket.realm);
    identity.sid = std::move(ticket.sid);
    identity.groups = std::move(ticket.groups);
  }
  return status;
}

bool open_ap_rep(const KerberosApRep& reply, KerberosKeys& keys) {
  if (keys.session.empty()) return false;
  KerberosPlain plain;
  if (!plain.open(keys.session, KerberosUsage::kApReply, reply.sealed.cipher)) return false;
  const auto inside = parse_ap_rep_inside(plain.bytes());
  if (!inside) return false;
  if (inside->subkey) keys.acceptor = keep(*inside->subkey);
  return true;
}

void learn_kdc_keys(const Secrets& secrets, Bytes message, KdcTalk& talk) {
  const KerberosType type = kerberos_type(message);
  KerberosPlain plain;
  if (type == KerberosType::kTgsReq) {
    talk.reply_key.clear();
    talk.armor_key.clear();
    const auto request = parse_kdc_request(message);
    const auto ap_req = request ? parse_ap_req(request->ap_req) : std::nullopt;
    OpenedTicket ticket;
    if (!ap_req ||
        !secrets.learned().find_ticket(ticket_digest(ap_req->ticket.sealed.cipher), ticket))
      return;
    if (!plain.open(ticket.key, KerberosUsage::kTgsAuthenticator, ap_req->authenticator.cipher))
      return;
    const auto inside = parse_authenticator_inside(plain.bytes());
    if (!inside || !inside->subkey) return;
    talk.reply_key = keep(*inside->subkey);
    talk.armor_key = combine_keys(talk.reply_key, "subkeyarmor", ticket.key, "ticketarmor");
    return;
  }
  if (type != KerberosType::kAsRep && type != KerberosType::kTgsRep) return;
  const auto reply = parse_kdc_reply(message);
  if (!reply) return;
  bool open = false;
  OpenedTicket ticket;
  if (type == KerberosType::kAsRep) {
    const KeyMatch match = secrets.client_keys(
        reply->client, reply->client_realm, reply->sealed.etype, reply->sealed.kvno, reply->salt);
    for (std::size_t i = 0; i < match.count && !open; ++i)
      open = plain.open(match.keys[i], KerberosUsage::kAsReply, reply->sealed.cipher);
  } else if (!talk.reply_key.empty()) {
    strengthen(*reply, talk);
    open = plain.open(talk.reply_key, KerberosUsage::kTgsReplySubkey, reply->sealed.cipher);
  } else if (secrets.learned().find_ticket(talk.shown, ticket)) {
    open = plain.open(ticket.key, KerberosUsage::kTgsReplySession, reply->sealed.cipher);
  }
  const auto key = open ? parse_kdc_reply_inside(plain.bytes()) : std::nullopt;
  if (!key) return;
  OpenedTicket made;
  made.key = keep(*key);
  made.client = reply->client;
  made.realm = reply->client_realm;
  if (made.client == kHiddenClient) {  // it is that of the ticket which the request showed
    const bool shown = secrets.learned().find_ticket(talk.shown, ticket);
    made.client = shown ? ticket.client : std::string();
    made.realm = shown ? ticket.realm : std::string();
  }
  secrets.learned().put_ticket(ticket_digest(reply->ticket.sealed.cipher), std::move(made));
}

}  // namespace rpcmarshal
