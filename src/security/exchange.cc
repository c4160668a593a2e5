// AuthExchange: recognises each token by its content, so that it does not matter whether the layer
// above named the mechanism, and keeps what the tokens say about the client.
#include <algorithm>
#include <utility>

#include "base/unicode.h"
#include "security/identity.h"
#include "security/kerberos.h"
#include "security/kerberos_security.h"
#include "security/kerberos_session.h"
#include "security/learned_keys.h"
#include "security/netlogon.h"
#include "security/netlogon_keys.h"
#include "security/netlogon_security.h"
#include "security/ntlm.h"
#include "security/ntlm_keys.h"
#include "security/ntlm_security.h"
#include "security/secrets.h"
#include "security/security_context.h"
#include "security/spnego.h"
#include "security/ticket_names.h"

namespace rpcmarshal {
namespace {

/// Longer names are cut: nothing real comes near, and one session must not hold 64 KiB of name.
constexpr std::size_t kMaxNameBytes = 1024;
Bytes bounded(Bytes name) { return name.first(std::min(name.size(), kMaxNameBytes)); }
void bound(std::string& name) {
  if (name.size() > kMaxNameBytes) name.resize(kMaxNameBytes);
}

/// A TLS record header ([RFC8446] 5.1): content type 20 to 23, major version 3.
bool looks_like_tls(Bytes token) {
  if (token.size() < 5) return false;
  auto type = std::to_integer<unsigned>(token[0]);
  return type >= 20 && type <= 23 && token[1] == std::byte{3} &&
         std::to_integer<unsigned>(token[2]) <= 4;
}

class Exchange final : public AuthExchange {
 public:
  Exchange(AuthService service, const Secrets* secrets) : service_(service), secrets_(secrets) {
    if (secrets_) status_ = {KeyStatus::Code::kMidStream, "the authentication was not seen"};
  }

  void token(bool from_client, Bytes token) override {
    if (token.empty()) return;
    if (!accept(from_client, token)) ++malformed_;
  }
  const Identity& identity() const override { return identity_; }
  std::uint64_t malformed_tokens() const override { return malformed_; }
  std::uint64_t kerberos_errors() const override { return kerberos_errors_; }

  Bytes session_key() const override { return key_.bytes(); }
  std::int32_t session_key_type() const override { return key_.etype(); }
  const KeyStatus& key_status() const override { return status_; }
  std::uint32_t key_generation() const override { return generation_; }
  std::unique_ptr<SecurityContext> make_security_context() const override {
    if (key_.empty()) return nullptr;
    if (identity_.mechanism == AuthService::kNtlm)
      return make_ntlm_security(ntlm_.flags, key_.bytes());
    if (identity_.mechanism == AuthService::kKerberos) return make_kerberos_security(kerberos_);
    if (identity_.mechanism == AuthService::kNetlogon)
      return make_netlogon_security(netlogon_keys_);
    return nullptr;
  }

 private:
  bool accept(bool from_client, Bytes token) {
    if (is_ntlm(token)) return ntlm(token);
    if (service_ == AuthService::kNetlogon) return netlogon(from_client, token);
    switch (std::to_integer<unsigned>(token[0])) {
      case 0x60: {
        auto gss = parse_gss(token);
        if (!gss) return false;
        if (gss->mechanism == Mechanism::kSpnego) return spnego(from_client, token);
        return mechanism_token(from_client, gss->mechanism, gss->inner);
      }
      case 0xa0:
      case 0xa1:
        return spnego(from_client, token);
      default:
        return bare(from_client, token);
    }
  }

  bool spnego(bool from_client, Bytes token) {
    auto parsed = parse_spnego(token);
    if (!parsed) return false;
    if (parsed->supported == Mechanism::kNtlm) identity_.mechanism = AuthService::kNtlm;
    if (parsed->supported == Mechanism::kKerberos) identity_.mechanism = AuthService::kKerberos;
    Bytes inner = parsed->mechanism_token;
    if (inner.empty()) return true;
    if (is_ntlm(inner)) return ntlm(inner);
    if (auto gss = parse_gss(inner))
      return mechanism_token(from_client, gss->mechanism, gss->inner);
    if (kerberos_type(inner) != KerberosType::kNone) return kerberos(from_client, inner);
    // Mechanisms not known here, NegoEx first of all, are not malformed.
    return true;
  }

  /// The inside of GSS-API framing: for Kerberos a two-byte token id, then the message
  /// ([RFC4121] 4.1); for NTLM the bare message.
  bool mechanism_token(bool from_client, Mechanism mechanism, Bytes inner) {
    if (mechanism == Mechanism::kKerberos || mechanism == Mechanism::kKerberosU2U) {
      return inner.size() > 2 && kerberos(from_client, inner.subspan(2));
    }
    if (mechanism == Mechanism::kNtlm) return ntlm(inner);
    return true;
  }

  bool bare(bool from_client, Bytes token) {
    if (kerberos_type(token) != KerberosType::kNone) return kerberos(from_client, token);
    if (looks_like_tls(token)) {
      identity_.mechanism = AuthService::kSchannel;
      identity_.known_by = "schannel";
      return true;
    }
    return false;
  }

  bool ntlm(Bytes token) {
    switch (ntlm_type(token).value_or(NtlmType{})) {
      case NtlmType::kNegotiate:
        if (!parse_ntlm_negotiate(token)) return false;
        identity_.mechanism = AuthService::kNtlm;
        return true;
      case NtlmType::kChallenge: {
        auto challenge = parse_ntlm_challenge(token);
        if (!challenge) return false;
        ntlm_.flags = challenge->flags;
        std::ranges::copy(challenge->server_challenge, ntlm_.server_challenge.begin());
        challenged_ = true;
        auto name = [&](NtlmAv id) {
          return utf16_to_utf8(bounded(find_ntlm_av(challenge->target_info, id)));
        };
        identity_.mechanism = AuthService::kNtlm;
        identity_.server_name = name(NtlmAv::kNetbiosComputer);
        identity_.server_dns_name = name(NtlmAv::kDnsComputer);
        return true;
      }
      case NtlmType::kAuthenticate: {
        auto message = parse_ntlm_authenticate(token);
        if (!message) return false;
        authenticated(*message);
        return true;
      }
    }
    return false;
  }

  void authenticated(const NtlmAuthenticate& message) {
    // The old form has no flags: the challenge's tell the character set.
    std::uint32_t flags = message.has_flags ? message.flags : ntlm_.flags;
    restart(AuthService::kNtlm, "ntlm authenticate");
    identity_.domain = ntlm_text(bounded(message.domain), flags);
    identity_.user = ntlm_text(bounded(message.user), flags);
    identity_.workstation = ntlm_text(bounded(message.workstation), flags);
    // An anonymous AUTHENTICATE has no user and no NT response, and an LM response of one zero byte
    // or none ([MS-NLMP] 3.2.5.1.2).
    identity_.anonymous =
        (flags & kNtlmAnonymous) != 0 ||
        (message.user.empty() && message.nt_response.empty() && message.lm_response.size() <= 1);
    ntlm_.flags = flags;
    find_ntlm_key(message);
  }

  void find_ntlm_key(const NtlmAuthenticate& message) {
    if (!secrets_) return;
    const std::string name =
        identity_.domain.empty() ? identity_.user : identity_.domain + '\\' + identity_.user;
    crypto::Block16 key;
    if (identity_.anonymous) {
      ntlm_session_key(ntlm_, message, {}, key);
      return established(SecretKey(key));
    }
    // Each exchange begins with a challenge of its own; another one's proves nothing.
    if (!std::exchange(challenged_, false))
      return no_key(KeyStatus::Code::kMidStream, "the NTLM challenge was not seen");
    const KeyMatch match = secrets_->nt_hashes(identity_.user, identity_.domain);
    if (match.count == 0) return no_key(KeyStatus::Code::kNoKey, "no key for account " + name);
    for (std::size_t i = 0; i < match.count; ++i) {
      switch (ntlm_session_key(ntlm_, message, match.keys[i].bytes(), key)) {
        case NtlmVerdict::kFits:
          established(SecretKey(key));
          return wipe(key.data(), key.size());
        case NtlmVerdict::kUnsupported:
          return no_key(KeyStatus::Code::kUnsupported, "NTLM with a key made of the LM hash");
        case NtlmVerdict::kDoesNotFit:
          break;
      }
    }
    no_key(KeyStatus::Code::kWrongKey, "the key given for account " + name + " is not its key");
  }

  void established(SecretKey key) {
    key_ = key;
    ++generation_;
    status_ = {KeyStatus::Code::kReady, {}};
  }
  void no_key(KeyStatus::Code code, std::string why) {
    key_.clear();
    status_ = {code, std::move(why)};
  }

  bool kerberos(bool from_client, Bytes message) {
    switch (kerberos_type(message)) {
      case KerberosType::kApReq: {
        auto request = parse_ap_req(message);
        if (!request) return false;
        restart(AuthService::kKerberos, "kerberos ticket");
        identity_.service = request->ticket.service;
        bound(identity_.service);
        bound(request->ticket.realm);
        identity_.ticket = ticket_digest(request->ticket.sealed.cipher);
        if (!request->ticket.realm.empty()) identity_.service += '@' + request->ticket.realm;
        if (secrets_) {
          KeyStatus status =
              open_ap_req(*secrets_, *request, identity_.ticket, kerberos_, identity_);
          if (status.code == KeyStatus::Code::kReady) {
            established(kerberos_.best());
          } else {
            no_key(status.code, std::move(status.text));
          }
        }
        return true;
      }
      case KerberosType::kApRep: {
        const auto reply = parse_ap_rep(message);
        if (!reply) return false;
        // The third leg of DCE style is an AP-REP too, from the client, without a subkey.
        if (!from_client && !kerberos_.session.empty() && open_ap_rep(*reply, kerberos_) &&
            !kerberos_.acceptor.empty())
          established(kerberos_.best());
        return true;
      }
      case KerberosType::kError:
        if (!parse_kerberos_error(message)) return false;
        ++kerberos_errors_;
        return true;
      default:
        return false;
    }
  }

  bool netlogon(bool from_client, Bytes token) {
    auto message = parse_netlogon(token);
    if (!message) return false;
    if (!message->request || !from_client) return true;
    restart(AuthService::kNetlogon, "netlogon");
    identity_.domain =
        message->netbios_domain.empty() ? message->dns_domain : message->netbios_domain;
    identity_.workstation = message->netbios_computer;
    if (identity_.workstation.empty()) identity_.workstation = message->dns_host;
    // The channel authenticates the machine account ([MS-NRPC] 3.1.1), which is the computer's
    // NetBIOS name and a dollar sign.
    if (!message->netbios_computer.empty()) identity_.user = message->netbios_computer + '$';
    if (!secrets_) return true;
    netlogon_keys_ = secrets_->learned().find_netlogon(netlogon_computer(identity_.workstation));
    if (!netlogon_keys_.empty()) {
      established(netlogon_keys_.front().key);
    } else if (secrets_->nt_hashes(identity_.user, {}).count == 0) {
      no_key(KeyStatus::Code::kNoKey, "no key for machine account " + identity_.user);
    } else {
      no_key(KeyStatus::Code::kMidStream,
             "the set-up of the secure channel (NetrServerAuthenticate) was not seen, or not with "
             "the key given for " +
                 identity_.user);
    }
    return true;
  }

  /// Forgets the previous client, not the server.
  void restart(AuthService mechanism, const char* known_by) {
    Identity fresh;
    fresh.server_name = std::move(identity_.server_name);
    fresh.server_dns_name = std::move(identity_.server_dns_name);
    fresh.mechanism = mechanism;
    fresh.known_by = known_by;
    identity_ = std::move(fresh);
    key_.clear();
    kerberos_.clear();
    netlogon_keys_.clear();
  }

  AuthService service_;
  const Secrets* secrets_;
  Identity identity_;
  NtlmExchange ntlm_;
  KerberosKeys kerberos_;
  std::vector<NetlogonKey> netlogon_keys_;
  bool challenged_ = false;  ///< ntlm_ holds the challenge of the exchange under way
  SecretKey key_;
  KeyStatus status_;
  std::uint32_t generation_ = 0;
  std::uint64_t malformed_ = 0;
  std::uint64_t kerberos_errors_ = 0;
};

}  // namespace

const KeyStatus& AuthExchange::key_status() const {
  static const KeyStatus none;
  return none;
}
std::unique_ptr<SecurityContext> AuthExchange::make_security_context() const { return nullptr; }

std::unique_ptr<AuthExchange> make_auth_exchange(AuthService service, const Secrets* secrets) {
  return std::make_unique<Exchange>(service, secrets);
}

}  // namespace rpcmarshal
