// The part of Smb2Parser that has to do with keys: negotiation and session set-up, out of which
// they come, encrypted messages, and signatures.
#include <algorithm>

#include "smb/smb2_parser.h"
#include "smb/smb2_wire.h"

namespace rpcmarshal {

using namespace smb2;

/// A NEGOTIATE, either way: what was agreed on, and the start of the pre-authentication hash.
void Smb2Parser::negotiated(const Header& header, Bytes message, std::size_t length) {
  if (message.size() == length) {
    preauth_.add(message);
  } else {
    preauth_.lose();
  }
  if (!(header.flags & kFlagResponse)) return;
  if (message.size() >= kBody + 6 && u16(message, kBody + 4) != 0x02ff)
    state_->set_dialect(u16(message, kBody + 4));
  if (message.size() >= kBody + 24)
    std::ranges::copy(message.subspan(kBody + 8, server_.size()), server_.begin());
  if (const auto agreed = parse_negotiated(message)) negotiated_ = *agreed;
}

void Smb2Parser::session_setup_request(const Header& header, Bytes message, std::size_t length,
                                       Request& r) {
  Bytes token = payload_at(message, u16(message, kBody + 12), u16(message, kBody + 14)).data;
  r.binding = (u8(message, kBody + 2) & kSessionBinding) != 0;
  if (header.session != 0) {
    SmbSessionState& session = state_->session(header.session);
    if (!session.in_progress) {
      session.in_progress = make_auth_exchange(AuthService::kSpnego, secrets_);
      session.setup.reset();
    }
    r.auth = session.in_progress;
    r.setup = session.setup;
  } else {
    r.auth = make_auth_exchange(AuthService::kSpnego, secrets_);  // the response names the session
  }
  if (r.auth && !token.empty()) r.auth->token(true, token);
  if (!secrets_) return;
  if (!r.setup) {
    r.setup = std::make_shared<SmbSetup>(SmbSetup{preauth_, header.session == 0});
    if (header.session != 0) state_->session(header.session).setup = r.setup;
  }
  if (message.size() == length) {
    r.setup->preauth.add(message);
  } else {
    r.setup->preauth.lose();
  }
}

void Smb2Parser::session_setup_response(const Header& header, Bytes message, std::size_t length,
                                        Request* request, Timestamp time) {
  bool success = header.status == 0;
  if (!success && header.status != kStatusMoreProcessing) {
    SmbSessionState& session = state_->session(header.session);
    session.in_progress.reset();
    session.setup.reset();
  } else {
    SmbSessionState& session = state_->session(header.session);
    std::shared_ptr<AuthExchange> auth = request ? request->auth : session.in_progress;
    std::shared_ptr<SmbSetup> setup = request ? request->setup : nullptr;
    Bytes token = payload_at(message, u16(message, kBody + 4), u16(message, kBody + 6)).data;
    if (auth && !token.empty()) auth->token(false, token);
    if (!success) {
      session.in_progress = auth;
      session.setup = setup;
      if (setup && message.size() == length) {
        setup->preauth.add(message);
      } else if (setup) {
        setup->preauth.lose();
      }
    } else {
      std::uint16_t flags = u16(message, kBody + 2);
      if (request && request->binding) {
        established(header.session, true, time);
        if (setup && auth) derive_keys(header.session, *setup, auth->session_key(), true);
        return;
      }
      session.session->auth = auth ? auth : session.session->auth;
      session.session->guest = (flags & kSessionGuest) != 0;
      session.session->anonymous = (flags & kSessionNull) != 0;
      if (flags & kSessionEncrypt) session.session->encrypted = true;
      session.in_progress.reset();
      session.setup.reset();
      if (setup && auth) derive_keys(header.session, *setup, auth->session_key(), false);
      established(header.session, false, time);
    }
  }
  if (header.status != kStatusMoreProcessing)
    state_->tell(SmbFileEvent::Action::kSessionSetup, time, "", "", header.status);
}

/// A session's keys come from the authentication that made it; a channel bound to it later has a
/// signing key of its own and encrypts with the session's ([MS-SMB2] 3.3.5.5.3).
void Smb2Parser::derive_keys(std::uint64_t id, const SmbSetup& setup, Bytes key, bool binding) {
  if (const auto* given = given_keys(id); given && key.empty() && !binding)
    key = given->session.bytes();
  if (key.empty()) return;
  if (binding) {
    if (bound_signers_.size() >= kMaxBound) {
      ++state_->statistics.limits;
      return;
    }
    const SmbKeys keys = derive_smb_keys(negotiated_, key, setup.preauth);
    bound_signers_[id] = std::make_unique<MessageSigner>(negotiated_.signing, keys.signing.bytes());
    return;
  }
  if (!setup.fresh) return;
  SmbSessionState& session = state_->session(id);
  if (session.session->guest) return;  // guests have no key ([MS-SMB2] 3.3.5.5.3)
  session.protection = std::make_shared<SmbProtection>(
      negotiated_, derive_smb_keys(negotiated_, key, setup.preauth));
}

const Secrets::SmbSessionKeys* Smb2Parser::given_keys(std::uint64_t id) const {
  return secrets_ ? secrets_->smb_session(id) : nullptr;
}

/// The session's protection; or, when cipher keys were given for it and nothing was seen of its
/// set-up, the one that opens `message`, which is whole.
SmbProtection* Smb2Parser::protection(std::uint64_t id, bool from_client, Bytes message) {
  if (SmbProtection* known = state_->find_protection(id)) return known;
  const auto* given = given_keys(id);
  if (!given || given->from_client.empty()) return nullptr;
  const bool long_keys = given->from_client.bytes().size() == 32;
  std::vector<std::byte> opened(message.size() - kTransformSize);
  for (const SmbCipher cipher : {SmbCipher::kAes128Gcm, SmbCipher::kAes128Ccm,
                                 SmbCipher::kAes256Gcm, SmbCipher::kAes256Ccm}) {
    if ((key_size(cipher) == 32) != long_keys) continue;
    SmbNegotiated negotiated = negotiated_;
    negotiated.cipher = cipher;
    // "In" and "out" mean different things to those who write keys down: the tag decides.
    for (const bool swapped : {false, true}) {
      SmbKeys keys;
      keys.from_client = SmbKey((swapped ? given->from_server : given->from_client).bytes());
      keys.from_server = SmbKey((swapped ? given->from_client : given->from_server).bytes());
      auto tried = std::make_shared<SmbProtection>(negotiated, keys);
      if (!tried->cipher(from_client).open(message, opened)) continue;
      SmbSessionState& session = state_->session(id);
      session.protection = std::move(tried);
      return session.protection.get();
    }
  }
  return nullptr;
}

bool Smb2Parser::can_open(Bytes head) {
  const std::uint64_t id = u64(head, kTransformSession);
  select(id);
  if (state_->find_protection(id)) return true;
  const auto* given = given_keys(id);
  return given && !given->from_client.empty();
}

bool Smb2Parser::wants_whole_sealed(bool from_client, Bytes head) {
  const std::uint64_t id = u64(head, kTransformSession);
  select(id);
  SmbProtection* protection = state_->find_protection(id);
  if (!protection) return setting_up() || can_open(head);
  std::byte inside[256];
  const std::size_t size = protection->cipher(from_client).peek(head, inside);
  const Bytes start(inside, size);
  // What is no message is read to its end, to see whether the tag says so too.
  if (size < kHeaderSize || u32(start, 0) != kMagic) return true;
  return wants_whole(start);
}

std::optional<std::size_t> Smb2Parser::open(bool from_client, Bytes data, std::size_t length,
                                            std::vector<std::byte>& out) {
  ++state_->statistics.encrypted;
  if (data.size() < kTransformSize) return std::nullopt;
  const std::uint64_t id = u64(data, kTransformSession);
  select(id);
  SmbProtection* protection = this->protection(id, from_client, data);
  const auto session = state_->find_session(id);
  if (session) session->encrypted = true;
  if (!protection) {
    ++state_->statistics.unopened;
    if (session) ++session->unopened;
    if (secrets_) explain(id, session.get());
    return std::nullopt;
  }
  TransformCipher& cipher = protection->cipher(from_client);
  out.resize(data.size() - kTransformSize);
  if (data.size() < length) {
    // Not wanted whole, or cut by a gap: there is no tag to check.
    ++state_->statistics.passed_over;
    out.resize(cipher.peek(data, out));
    if (u32(out, 0) != kMagic) return std::nullopt;
    return length - kTransformSize;
  }
  if (!cipher.open(data, out)) {
    ++state_->statistics.bad_tags;
    ++session->bad_signatures;
    out.clear();
    return std::nullopt;
  }
  ++state_->statistics.decrypted;
  session->decrypted = session->verified = true;
  return out.size();
}

/// Why there is no key for a session's messages.
void Smb2Parser::explain(std::uint64_t id, const SmbSession* session) {
  std::string& why = state_->statistics.unopened_reason;
  if (const auto* given = given_keys(id)) {
    why = given->from_client.empty()
              ? "a key was given for this session, but its NEGOTIATE and set-up were not seen whole"
              : "the cipher keys given for this session are not its keys";
  } else if (!session || !session->auth) {
    why = "the session's set-up was not seen";
  } else if (session->guest) {
    why = "a guest's session has no key";
  } else if (session->auth->session_key().empty()) {
    why = session->auth->key_status().text;
  } else {
    why = "the key of this session is that of its first authentication, which was not seen";
  }
}

/// Interim answers and notifications are not checked by clients either ([MS-SMB2] 3.2.5.1.3).
void Smb2Parser::check_signature(const Header& header, Bytes message, std::size_t length,
                                 bool from_client) {
  if (!(header.flags & kFlagSigned) || message.size() < length) return;
  if (header.message_id == ~std::uint64_t{0}) return;
  if (header.status == kStatusPending && !from_client) return;
  SmbProtection* protection = state_->find_protection(header.session);
  if (!protection) return;
  const auto bound = bound_signers_.find(header.session);
  MessageSigner& signer = bound != bound_signers_.end() ? *bound->second : protection->signer();
  if (!signer.usable()) return;
  const auto session = state_->find_session(header.session);
  if (session->anonymous) return;  // signs nothing, whatever the flag says
  if (signer.verify(message, from_client)) {
    ++state_->statistics.signatures;
    session->verified = true;
  } else {
    ++state_->statistics.bad_signatures;
    ++session->bad_signatures;
  }
}

}  // namespace rpcmarshal
