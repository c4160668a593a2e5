#include "security/netlogon_keys.h"

#include <openssl/evp.h>

#include <algorithm>

#include "security/crypto.h"
#include "security/secrets.h"

namespace rpcmarshal {
namespace {

using Block8 = std::array<std::byte, 8>;

/// Adds two little-endian 32-bit halves each, without carry between them.
Block8 add_halves(const Block8& a, const Block8& b) {
  Block8 out;
  for (std::size_t at = 0; at < 8; at += 4) {
    const std::uint32_t sum = load<std::uint32_t>(a.data() + at, ByteOrder::kLittle) +
                              load<std::uint32_t>(b.data() + at, ByteOrder::kLittle);
    for (std::size_t i = 0; i < 4; ++i) out[at + i] = static_cast<std::byte>(sum >> (8 * i));
  }
  return out;
}

}  // namespace

NetlogonKey netlogon_session_key(Bytes nt_hash16, const NetlogonChallenges& challenges,
                                 std::uint32_t flags) {
  NetlogonKey out;
  if (flags & kNetlogonAes) {
    auto made = crypto::hmac_sha256(nt_hash16, {challenges.client, challenges.server});
    out.key = SecretKey(Bytes(made).first(16));
    out.aes = true;
    wipe(made.data(), made.size());
    return out;
  }
  if (flags & kNetlogonStrongKeys) {
    constexpr std::array<std::byte, 4> kZero{};
    const auto digest = crypto::md5({kZero, challenges.client, challenges.server});
    auto made = crypto::hmac_md5(nt_hash16, {digest});
    out.key = SecretKey(made);
    wipe(made.data(), made.size());
    return out;
  }
  const Block8 sum = add_halves(challenges.client, challenges.server);
  std::array<std::byte, 16> made{};  // DES: 64 bits, then zeros
  std::ranges::copy(
      crypto::des_block7(nt_hash16.subspan(9, 7), crypto::des_block7(nt_hash16.first(7), sum)),
      made.begin());
  out.key = SecretKey(made);
  wipe(made.data(), made.size());
  return out;
}

std::array<std::byte, 8> netlogon_credential(const NetlogonKey& key, Bytes challenge8) {
  if (!key.aes) {
    const Bytes bytes = key.key.bytes();
    return crypto::des_block7(bytes.subspan(7, 7), crypto::des_block7(bytes.first(7), challenge8));
  }
  Block8 out{};
  static constexpr unsigned char kZero[16] = {};
  int length = 0;
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(context, EVP_aes_128_cfb8(), nullptr,
                     reinterpret_cast<const unsigned char*>(key.key.bytes().data()), kZero);
  EVP_EncryptUpdate(context, reinterpret_cast<unsigned char*>(out.data()), &length,
                    reinterpret_cast<const unsigned char*>(challenge8.data()), 8);
  EVP_CIPHER_CTX_free(context);
  return out;
}

std::string netlogon_computer(std::string_view name) {
  while (name.starts_with('\\')) name.remove_prefix(1);
  name = name.substr(0, name.find('.'));
  return upper_case_utf8(name.substr(0, 256));
}

bool learn_netlogon_key(const Secrets& secrets, std::string_view account, std::string_view computer,
                        const NetlogonChallenges& challenges, Bytes client_credential,
                        std::uint32_t flags) {
  const KeyMatch match = secrets.nt_hashes(account, {});
  for (std::size_t i = 0; i < match.count; ++i) {
    if (match.keys[i].bytes().size() != 16) continue;
    const NetlogonKey key = netlogon_session_key(match.keys[i].bytes(), challenges, flags);
    if (!crypto::same(netlogon_credential(key, challenges.client), client_credential)) continue;
    secrets.learned().put_netlogon(netlogon_computer(computer), key);
    return true;
  }
  return false;
}

}  // namespace rpcmarshal
