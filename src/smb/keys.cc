#include "smb/keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace rpcmarshal {
namespace {

constexpr std::size_t kBody = 64;  // of a message, behind the SMB2 header
constexpr std::uint16_t kWildcard = 0x02ff;
constexpr int kMaxContexts = 32;

// NEGOTIATE contexts, [MS-SMB2] 2.2.3.1.
constexpr std::uint16_t kEncryptionContext = 2, kSigningContext = 8;
constexpr std::uint32_t kCapabilityEncryption = 0x40;  // 2.2.4

Bytes text(std::string_view s) { return {reinterpret_cast<const std::byte*>(s.data()), s.size()}; }

std::uint16_t u16(Bytes b, std::size_t at) {
  return at + 2 <= b.size() ? load<std::uint16_t>(b.data() + at, ByteOrder::kLittle) : 0;
}
std::uint32_t u32(Bytes b, std::size_t at) {
  return at + 4 <= b.size() ? load<std::uint32_t>(b.data() + at, ByteOrder::kLittle) : 0;
}

// A server answers with one algorithm of those it was offered: a count of 1 and its number.
void read_contexts(Bytes message, SmbNegotiated& out) {
  std::size_t at = u32(message, kBody + 60);
  int count = std::min<int>(u16(message, kBody + 6), kMaxContexts);
  for (; count > 0 && at >= kBody && at + 8 <= message.size(); --count) {
    const std::uint16_t type = u16(message, at), size = u16(message, at + 2);
    if (size > message.size() - at - 8) return;
    const std::uint16_t first = u16(message, at + 10);
    if (size >= 4 && u16(message, at + 8) >= 1) {
      if (type == kEncryptionContext && first <= 4) out.cipher = static_cast<SmbCipher>(first);
      if (type == kSigningContext && first <= 2) out.signing = static_cast<SmbSigning>(first);
    }
    at += (8 + static_cast<std::size_t>(size) + 7) / 8 * 8;
  }
}

}  // namespace

std::optional<SmbNegotiated> parse_negotiated(Bytes message) {
  if (message.size() < kBody + 64) return std::nullopt;
  SmbNegotiated out;
  out.dialect = u16(message, kBody + 4);
  if (out.dialect == kWildcard) return std::nullopt;
  if (out.dialect >= 0x0300) out.signing = SmbSigning::kAesCmac;
  if (out.dialect == 0x0311) {
    read_contexts(message, out);
  } else if (out.dialect >= 0x0300 && (u32(message, kBody + 24) & kCapabilityEncryption)) {
    out.cipher = SmbCipher::kAes128Ccm;
  }
  return out;
}

void PreauthHash::add(Bytes message) {
  struct Free {
    void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
  };
  const std::unique_ptr<EVP_MD_CTX, Free> sha(EVP_MD_CTX_new());
  unsigned int size = 0;
  lost_ |=
      !sha || EVP_DigestInit_ex(sha.get(), EVP_sha512(), nullptr) != 1 ||
      EVP_DigestUpdate(sha.get(), value_.data(), value_.size()) != 1 ||
      EVP_DigestUpdate(sha.get(), message.data(), message.size()) != 1 ||
      EVP_DigestFinal_ex(sha.get(), reinterpret_cast<unsigned char*>(value_.data()), &size) != 1;
}

SmbKey::SmbKey(Bytes key) : size_(std::min(key.size(), bytes_.size())) {
  std::copy_n(key.begin(), size_, bytes_.begin());
}
SmbKey::~SmbKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

SmbKey derive_smb_key(Bytes key, std::string_view label, Bytes context, std::size_t size) {
  // Counter 1, label, a zero byte, context, length in bits; one block is enough.
  std::array<unsigned char, 4 + 32 + 1 + 64 + 4> input{};
  if (label.size() > 32 || context.size() > 64 || size > 32) return {};
  std::size_t n = 0;
  auto add = [&](Bytes part) {
    if (!part.empty()) std::memcpy(input.data() + n, part.data(), part.size());
    n += part.size();
  };
  add(text(std::string_view("\0\0\0\1", 4)));
  add(text(label));
  n += 1;
  add(context);
  const unsigned char bits[4] = {0, 0, static_cast<unsigned char>(size * 8 >> 8),
                                 static_cast<unsigned char>(size * 8)};
  std::memcpy(input.data() + n, bits, 4);
  n += 4;
  std::array<std::byte, 32> mac;
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), input.data(), n,
       reinterpret_cast<unsigned char*>(mac.data()), &length);
  SmbKey out(Bytes(mac).first(size));
  OPENSSL_cleanse(mac.data(), mac.size());
  return out;
}

SmbKeys derive_smb_keys(const SmbNegotiated& negotiated, Bytes session_key,
                        const PreauthHash& preauth) {
  SmbKeys keys;
  if (session_key.empty()) return keys;
  std::array<std::byte, 16> short_key{};
  std::copy_n(session_key.begin(), std::min<std::size_t>(session_key.size(), 16),
              short_key.begin());
  const Bytes full = key_size(negotiated.cipher) == 32 && session_key.size() >= 16
                         ? session_key
                         : Bytes(short_key);
  using namespace std::string_view_literals;
  const std::size_t size = key_size(negotiated.cipher);
  if (negotiated.dialect < 0x0300) {
    keys.signing = SmbKey(short_key);
  } else if (negotiated.dialect < 0x0311) {
    keys.signing = derive_smb_key(short_key, "SMB2AESCMAC\0"sv, text("SmbSign\0"sv), 16);
    keys.from_client = derive_smb_key(short_key, "SMB2AESCCM\0"sv, text("ServerIn \0"sv), 16);
    keys.from_server = derive_smb_key(short_key, "SMB2AESCCM\0"sv, text("ServerOut\0"sv), 16);
  } else if (!preauth.lost()) {
    keys.signing = derive_smb_key(short_key, "SMBSigningKey\0"sv, preauth.value(), 16);
    keys.from_client = derive_smb_key(full, "SMBC2SCipherKey\0"sv, preauth.value(), size);
    keys.from_server = derive_smb_key(full, "SMBS2CCipherKey\0"sv, preauth.value(), size);
  }
  OPENSSL_cleanse(short_key.data(), short_key.size());
  return keys;
}

}  // namespace rpcmarshal
