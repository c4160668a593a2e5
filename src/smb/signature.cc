#include "smb/signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <cstring>

namespace rpcmarshal {
namespace {

constexpr std::size_t kHeader = 64, kSignature = 48, kSignatureSize = 16;
constexpr std::uint16_t kCancel = 12;
constexpr std::size_t kSmb1Signature = 14;  // [MS-CIFS] 2.2.3.1, SecurityFeatures

const unsigned char* in(Bytes b) { return reinterpret_cast<const unsigned char*>(b.data()); }
constexpr unsigned char kZeros[kSignatureSize] = {};

}  // namespace

MessageSigner::MessageSigner(SmbSigning algorithm, Bytes key) : algorithm_(algorithm) {
  if (key.size() != 16) return;
  if (algorithm == SmbSigning::kAesGmac) {
    gmac_.reset(EVP_CIPHER_CTX_new());
    if (!gmac_ ||
        EVP_EncryptInit_ex(gmac_.get(), EVP_aes_128_gcm(), nullptr, in(key), nullptr) != 1)
      gmac_.reset();
    return;
  }
  const bool cmac = algorithm == SmbSigning::kAesCmac;
  EVP_MAC* type = EVP_MAC_fetch(nullptr, cmac ? "CMAC" : "HMAC", nullptr);
  if (!type) return;
  mac_.reset(EVP_MAC_CTX_new(type));  // holds a reference of its own
  EVP_MAC_free(type);
  char name[] = "AES-128-CBC", digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      cmac ? OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0)
           : OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  if (!mac_ || EVP_MAC_init(mac_.get(), in(key), key.size(), parameters) != 1) mac_.reset();
}

bool MessageSigner::verify(Bytes message, bool from_client) {
  if (message.size() < kHeader) return false;
  unsigned char mac[32];
  if (algorithm_ == SmbSigning::kAesGmac) {
    if (!gmac(message, from_client, mac)) return false;
  } else {
    std::size_t size = 0;
    if (!mac_ || EVP_MAC_init(mac_.get(), nullptr, 0, nullptr) != 1 ||
        EVP_MAC_update(mac_.get(), in(message), kSignature) != 1 ||
        EVP_MAC_update(mac_.get(), kZeros, kSignatureSize) != 1 ||
        EVP_MAC_update(mac_.get(), in(message.subspan(kHeader)), message.size() - kHeader) != 1 ||
        EVP_MAC_final(mac_.get(), mac, &size, sizeof mac) != 1 || size < kSignatureSize)
      return false;
  }
  return CRYPTO_memcmp(mac, message.data() + kSignature, kSignatureSize) == 0;
}

// The nonce is the MessageId and a word of flags: from the server, and a CANCEL.
bool MessageSigner::gmac(Bytes message, bool from_client, unsigned char (&out)[32]) {
  if (!gmac_ || message.size() > (1u << 30)) return false;
  unsigned char nonce[12] = {};
  std::memcpy(nonce, message.data() + 24, 8);
  const auto command = load<std::uint16_t>(message.data() + 12, ByteOrder::kLittle);
  nonce[8] = static_cast<unsigned char>((from_client ? 0 : 1) | (command == kCancel ? 2 : 0));
  EVP_CIPHER_CTX* c = gmac_.get();
  int n = 0;
  unsigned char none[16];
  const Bytes body = message.subspan(kHeader);
  return EVP_EncryptInit_ex(c, nullptr, nullptr, nullptr, nonce) == 1 &&
         EVP_EncryptUpdate(c, nullptr, &n, in(message), kSignature) == 1 &&
         EVP_EncryptUpdate(c, nullptr, &n, kZeros, kSignatureSize) == 1 &&
         (body.empty() ||
          EVP_EncryptUpdate(c, nullptr, &n, in(body), static_cast<int>(body.size())) == 1) &&
         EVP_EncryptFinal_ex(c, none, &n) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kSignatureSize, out) == 1;
}

bool verify_smb1(Bytes message, Bytes key, std::uint32_t sequence) {
  if (message.size() < 32) return false;
  unsigned char number[8] = {};
  for (int i = 0; i < 4; ++i) number[i] = static_cast<unsigned char>(sequence >> (8 * i));
  struct Free {
    void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
  };
  const std::unique_ptr<EVP_MD_CTX, Free> md(EVP_MD_CTX_new());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const Bytes rest = message.subspan(kSmb1Signature + 8);
  return md && EVP_DigestInit_ex(md.get(), EVP_md5(), nullptr) == 1 &&
         EVP_DigestUpdate(md.get(), key.data(), key.size()) == 1 &&
         EVP_DigestUpdate(md.get(), message.data(), kSmb1Signature) == 1 &&
         EVP_DigestUpdate(md.get(), number, sizeof number) == 1 &&
         EVP_DigestUpdate(md.get(), rest.data(), rest.size()) == 1 &&
         EVP_DigestFinal_ex(md.get(), digest, &size) == 1 && size >= 8 &&
         CRYPTO_memcmp(digest, message.data() + kSmb1Signature, 8) == 0;
}

}  // namespace rpcmarshal
