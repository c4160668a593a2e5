#include "security/netlogon_security.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "security/crypto.h"

namespace rpcmarshal {
namespace {

// NL_AUTH_SIGNATURE and NL_AUTH_SHA2_SIGNATURE ([MS-NRPC] 2.2.1.3.2, 2.2.1.3.3): two algorithms,
// pad, flags (8 bytes), sequence number (8), checksum (8), confounder
// (8, when sealed); with SHA-2 24 bytes of nothing follow.
constexpr std::uint16_t kHmacMd5 = 0x0077, kHmacSha256 = 0x0013;
constexpr std::uint16_t kRc4 = 0x007a, kAes = 0x001a, kNotSealed = 0xffff;

using Block8 = std::array<std::byte, 8>;
constexpr std::array<std::byte, 4> kZero{};

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

/// The key with each byte exclusive-or 0xf0.
std::array<std::byte, 16> turned(Bytes key) {
  std::array<std::byte, 16> out{};
  std::copy_n(key.begin(), std::min<std::size_t>(16, key.size()), out.begin());
  for (std::byte& b : out) b ^= std::byte{0xf0};
  return out;
}

class NetlogonSecurity final : public SecurityContext {
 public:
  explicit NetlogonSecurity(std::vector<NetlogonKey> keys)
      : keys_(std::move(keys)), cipher_(EVP_CIPHER_CTX_new()) {}

  OpenResult open(bool from_client, const ProtectedPdu& message) override {
    const Bytes token = message.token();
    const auto u16 = [&](std::size_t at) {
      return load<std::uint16_t>(token.data() + at, ByteOrder::kLittle);
    };
    if (token.size() < 24) return OpenResult::kMalformed;
    const bool aes = u16(0) == kHmacSha256;
    if (!aes && u16(0) != kHmacMd5) return OpenResult::kUnsupported;
    const bool sealed = u16(2) != kNotSealed;
    if (sealed && u16(2) != (aes ? kAes : kRc4)) return OpenResult::kUnsupported;
    if (sealed != message.sealed) return OpenResult::kMalformed;
    constexpr std::size_t kConfounderAt = 24;
    if (sealed && token.size() < kConfounderAt + 8) return OpenResult::kMalformed;
    Token parts{.header = token.first(8),
                .number = token.subspan(8, 8),
                .sum = token.subspan(16, 8),
                .confounder = sealed ? token.subspan(kConfounderAt, 8) : Bytes()};
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i].aes != aes || !attempt(keys_[i], from_client, message, parts)) continue;
      if (keys_.size() > 1) keys_ = {NetlogonKey(keys_[i])};
      return OpenResult::kGood;
    }
    return OpenResult::kBadSignature;
  }

 private:
  struct Token {
    Bytes header, number, sum, confounder;
  };

  bool attempt(const NetlogonKey& key, bool from_client, const ProtectedPdu& message,
               const Token& token) {
    Block8 number, confounder{};
    std::ranges::copy(token.number, number.begin());
    const Bytes session = key.key.bytes();
    if (key.aes) {
      cfb8(session, token.sum, false, {std::span(number)});
    } else {
      const auto first = crypto::hmac_md5(session, {kZero});
      crypto::Rc4(crypto::hmac_md5(first, {token.sum})).apply(number);
    }
    // The first bit of the second half says that the client sent it.
    if (((number[4] & std::byte{0x80}) != std::byte{0}) != from_client) return false;
    const bool sealed = !token.confounder.empty();
    if (sealed) std::ranges::copy(token.confounder, confounder.begin());
    if (sealed) apply(key, number, false, confounder, message.body());
    const Bytes checked = sealed ? Bytes(confounder) : Bytes();
    for (int form = 0; form < 2; ++form) {
      const bool body_only = body_only_ != (form == 1);
      const Bytes covered =
          body_only ? Bytes(message.body()) : Bytes(message.pdu.first(message.verifier_at + 8));
      if (!crypto::same(checksum(key, token.header, checked, covered), token.sum)) continue;
      body_only_ = body_only;
      return true;
    }
    if (sealed) apply(key, number, true, confounder, message.body());
    return false;
  }

  static Block8 checksum(const NetlogonKey& key, Bytes header, Bytes confounder, Bytes covered) {
    Block8 out;
    if (key.aes) {
      const auto made = crypto::hmac_sha256(key.key.bytes(), {header, confounder, covered});
      std::copy_n(made.begin(), 8, out.begin());
    } else {
      const auto digest = crypto::md5({kZero, header, confounder, covered});
      const auto made = crypto::hmac_md5(key.key.bytes(), {digest});
      std::copy_n(made.begin(), 8, out.begin());
    }
    return out;
  }

  /// Opens, or with `back` seals again, confounder and body.
  void apply(const NetlogonKey& key, const Block8& number, bool back,
             std::span<std::byte> confounder, std::span<std::byte> body) {
    auto sealing = turned(key.key.bytes());
    if (key.aes) {
      cfb8(sealing, number, back, {confounder, body});
    } else {
      const auto first = crypto::hmac_md5(sealing, {kZero});
      const crypto::Rc4 start(crypto::hmac_md5(first, {number}));
      crypto::Rc4(start).apply(confounder);  // each from the key stream's beginning
      crypto::Rc4(start).apply(body);
    }
    wipe(sealing.data(), sealing.size());
  }

  /// AES-128 in CFB8 mode; the vector is `half` twice.
  void cfb8(Bytes key, Bytes half, bool encrypt,
            std::initializer_list<std::span<std::byte>> parts) {
    std::array<unsigned char, 16> vector;
    for (std::size_t i = 0; i < 16; ++i) vector[i] = std::to_integer<unsigned char>(half[i % 8]);
    EVP_CipherInit_ex(cipher_.get(), EVP_aes_128_cfb8(), nullptr,
                      reinterpret_cast<const unsigned char*>(key.data()), vector.data(), encrypt);
    for (const std::span<std::byte> part : parts) {
      int length = 0;
      auto* bytes = reinterpret_cast<unsigned char*>(part.data());
      EVP_CipherUpdate(cipher_.get(), bytes, &length, bytes, static_cast<int>(part.size()));
    }
  }

  std::vector<NetlogonKey> keys_;
  std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> cipher_;
  bool body_only_ = true;
};

}  // namespace

std::unique_ptr<SecurityContext> make_netlogon_security(std::vector<NetlogonKey> keys) {
  if (keys.empty()) return nullptr;
  return std::make_unique<NetlogonSecurity>(std::move(keys));
}

}  // namespace rpcmarshal
