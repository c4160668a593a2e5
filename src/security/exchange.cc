// AuthExchange: recognises each token by its content, so that it does not matter whether the layer
// above named the mechanism, and keeps what the tokens say about the client.
#include <algorithm>

#include "base/unicode.h"
#include "security/identity.h"
#include "security/kerberos.h"
#include "security/netlogon.h"
#include "security/ntlm.h"
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
  explicit Exchange(AuthService service) : service_(service) {}

  void token(bool from_client, Bytes token) override {
    if (token.empty()) return;
    if (!accept(from_client, token)) ++malformed_;
  }
  const Identity& identity() const override { return identity_; }
  std::uint64_t malformed_tokens() const override { return malformed_; }
  std::uint64_t kerberos_errors() const override { return kerberos_errors_; }

 private:
  bool accept(bool from_client, Bytes token) {
    if (is_ntlm(token)) return ntlm(token);
    if (service_ == AuthService::kNetlogon) return netlogon(from_client, token);
    switch (std::to_integer<unsigned>(token[0])) {
      case 0x60: {
        auto gss = parse_gss(token);
        if (!gss) return false;
        if (gss->mechanism == Mechanism::kSpnego) return spnego(token);
        return mechanism_token(gss->mechanism, gss->inner);
      }
      case 0xa0:
      case 0xa1:
        return spnego(token);
      default:
        return bare(token);
    }
  }

  bool spnego(Bytes token) {
    auto parsed = parse_spnego(token);
    if (!parsed) return false;
    if (parsed->supported == Mechanism::kNtlm) identity_.mechanism = AuthService::kNtlm;
    if (parsed->supported == Mechanism::kKerberos) identity_.mechanism = AuthService::kKerberos;
    Bytes inner = parsed->mechanism_token;
    if (inner.empty()) return true;
    if (is_ntlm(inner)) return ntlm(inner);
    if (auto gss = parse_gss(inner)) return mechanism_token(gss->mechanism, gss->inner);
    if (kerberos_type(inner) != KerberosType::kNone) return kerberos(inner);
    // Mechanisms not known here, NegoEx first of all, are not malformed.
    return true;
  }

  /// The inside of GSS-API framing: for Kerberos a two-byte token id, then the message
  /// ([RFC4121] 4.1); for NTLM the bare message.
  bool mechanism_token(Mechanism mechanism, Bytes inner) {
    if (mechanism == Mechanism::kKerberos || mechanism == Mechanism::kKerberosU2U) {
      return inner.size() > 2 && kerberos(inner.subspan(2));
    }
    if (mechanism == Mechanism::kNtlm) return ntlm(inner);
    return true;
  }

  bool bare(Bytes token) {
    if (kerberos_type(token) != KerberosType::kNone) return kerberos(token);
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
        challenge_flags_ = challenge->flags;
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
    std::uint32_t flags = message.has_flags ? message.flags : challenge_flags_;
    restart(AuthService::kNtlm, "ntlm authenticate");
    identity_.domain = ntlm_text(bounded(message.domain), flags);
    identity_.user = ntlm_text(bounded(message.user), flags);
    identity_.workstation = ntlm_text(bounded(message.workstation), flags);
    // An anonymous AUTHENTICATE has no user and no NT response, and an LM response of one zero byte
    // or none ([MS-NLMP] 3.2.5.1.2).
    identity_.anonymous =
        (flags & kNtlmAnonymous) != 0 ||
        (message.user.empty() && message.nt_response.empty() && message.lm_response.size() <= 1);
  }

  bool kerberos(Bytes message) {
    switch (kerberos_type(message)) {
      case KerberosType::kApReq: {
        auto request = parse_ap_req(message);
        if (!request) return false;
        restart(AuthService::kKerberos, "kerberos ticket");
        identity_.service = std::move(request->ticket.service);
        bound(identity_.service);
        bound(request->ticket.realm);
        identity_.ticket = ticket_digest(request->ticket.sealed.cipher);
        if (!request->ticket.realm.empty()) identity_.service += '@' + request->ticket.realm;
        return true;
      }
      case KerberosType::kApRep:
        return parse_ap_rep(message).has_value();
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
  }

  AuthService service_;
  Identity identity_;
  std::uint32_t challenge_flags_ = 0;
  std::uint64_t malformed_ = 0;
  std::uint64_t kerberos_errors_ = 0;
};

}  // namespace

std::unique_ptr<AuthExchange> make_auth_exchange(AuthService service) {
  return std::make_unique<Exchange>(service);
}

}  // namespace rpcmarshal
