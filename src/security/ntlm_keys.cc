#include "security/ntlm_keys.h"

#include <algorithm>
#include <string_view>

#include "base/unicode.h"
#include "security/secrets.h"

namespace rpcmarshal {
namespace {

constexpr std::uint32_t kLmKey = 0x00000080;            // NTLMSSP_NEGOTIATE_LM_KEY
constexpr std::uint32_t kNonNtSessionKey = 0x00400000;  // NTLMSSP_REQUEST_NON_NT_SESSION_KEY

std::u16string wide_text(Bytes name, std::uint32_t flags) {
  return utf8_to_utf16(ntlm_text(name, flags));
}

/// NTLMv2: the response opens with an HMAC that only the right hash makes.
bool version2(const NtlmExchange& exchange, const NtlmAuthenticate& message, Bytes nt_hash,
              std::uint32_t flags, crypto::Block16& base) {
  const Bytes proof = message.nt_response.first(16), blob = message.nt_response.subspan(16);
  const std::u16string name = wide_text(message.user, flags);
  const std::u16string domain = wide_text(message.domain, flags);
  const std::u16string user = upper_case(name);
  // [MS-NLMP] 3.3.2: the user in upper case, the domain as sent.
  crypto::Block16 owf =
      crypto::hmac_md5(nt_hash, {std::as_bytes(std::span(user)), std::as_bytes(std::span(domain))});
  const bool fits = crypto::same(crypto::hmac_md5(owf, {exchange.server_challenge, blob}), proof);
  if (fits) base = crypto::hmac_md5(owf, {proof});
  wipe(owf.data(), owf.size());
  return fits;
}

bool version1(const NtlmExchange& exchange, const NtlmAuthenticate& message, Bytes nt_hash,
              bool extended, crypto::Block16& base) {
  std::array<std::byte, 8> challenge = exchange.server_challenge;
  if (extended) {
    if (message.lm_response.size() < 8) return false;
    const crypto::Block16 mixed =
        crypto::md5({exchange.server_challenge, message.lm_response.first(8)});
    std::copy_n(mixed.begin(), 8, challenge.begin());
  }
  if (!crypto::same(crypto::desl(nt_hash, challenge), message.nt_response)) return false;
  base = crypto::md4(nt_hash);
  if (extended) {  // KXKEY, [MS-NLMP] 3.4.5.1
    base = crypto::hmac_md5(base, {exchange.server_challenge, message.lm_response.first(8)});
  }
  return true;
}

}  // namespace

NtlmVerdict ntlm_session_key(const NtlmExchange& exchange, const NtlmAuthenticate& message,
                             Bytes nt_hash, crypto::Block16& key) {
  const std::uint32_t flags = exchange.flags;
  const bool extended = (flags & kNtlmExtendedSessionSecurity) != 0;
  crypto::Block16 base{};
  if (nt_hash.empty()) {
    // Anonymous: both sides take zeros ([MS-NLMP] 3.2.5.1.2, 3.3.1).
  } else if (nt_hash.size() != 16) {
    return NtlmVerdict::kDoesNotFit;
  } else if (message.nt_response.size() > 24) {
    if (!version2(exchange, message, nt_hash, flags, base)) return NtlmVerdict::kDoesNotFit;
  } else if (message.nt_response.size() == 24) {
    if (!version1(exchange, message, nt_hash, extended, base)) return NtlmVerdict::kDoesNotFit;
    if (!extended && (flags & (kLmKey | kNonNtSessionKey))) return NtlmVerdict::kUnsupported;
  } else {
    return NtlmVerdict::kUnsupported;
  }
  if ((flags & kNtlmKeyExchange) && message.encrypted_session_key.size() == 16) {
    std::ranges::copy(message.encrypted_session_key, key.begin());
    crypto::Rc4(base).apply(key);
  } else {
    key = base;
  }
  wipe(base.data(), base.size());
  return NtlmVerdict::kFits;
}

NtlmDirectionKeys ntlm_direction_keys(std::uint32_t flags, Bytes session_key, bool from_client) {
  using namespace std::string_view_literals;
  NtlmDirectionKeys out;
  const bool strong = (flags & kNtlm128) != 0, medium = (flags & kNtlm56) != 0;
  if (flags & kNtlmExtendedSessionSecurity) {
    const auto sign = from_client
                          ? "session key to client-to-server signing key magic constant\0"sv
                          : "session key to server-to-client signing key magic constant\0"sv;
    const auto seal = from_client
                          ? "session key to client-to-server sealing key magic constant\0"sv
                          : "session key to server-to-client sealing key magic constant\0"sv;
    const std::size_t used = strong ? 16 : medium ? 7 : 5;
    out.sign = crypto::md5({session_key, as_bytes(sign)});
    out.seal = crypto::md5({session_key.first(std::min(used, session_key.size())), as_bytes(seal)});
    return out;
  }
  std::ranges::copy(session_key.first(std::min<std::size_t>(16, session_key.size())),
                    out.seal.begin());
  if (flags & kLmKey) {
    out.seal_size = 8;
    if (medium) {
      out.seal[7] = std::byte{0xa0};
    } else {
      out.seal[5] = std::byte{0xe5};
      out.seal[6] = std::byte{0x38};
      out.seal[7] = std::byte{0xb0};
    }
  }
  return out;
}

}  // namespace rpcmarshal
