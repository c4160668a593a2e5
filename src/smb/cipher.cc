#include "smb/cipher.h"

#include <algorithm>
#include <cstring>

namespace rpcmarshal {
namespace {

// Offsets in the transform header.
constexpr std::size_t kTag = 4, kNonce = 20, kTagSize = 16, kAssociated = 20;
constexpr std::size_t kAssociatedSize = kTransformSize - kAssociated;

const unsigned char* in(Bytes b) { return reinterpret_cast<const unsigned char*>(b.data()); }
unsigned char* out_of(std::span<std::byte> b) { return reinterpret_cast<unsigned char*>(b.data()); }

const EVP_CIPHER* sealing(SmbCipher cipher) {
  switch (cipher) {
    case SmbCipher::kAes128Ccm:
      return EVP_aes_128_ccm();
    case SmbCipher::kAes128Gcm:
      return EVP_aes_128_gcm();
    case SmbCipher::kAes256Ccm:
      return EVP_aes_256_ccm();
    case SmbCipher::kAes256Gcm:
      return EVP_aes_256_gcm();
    default:
      return nullptr;
  }
}

}  // namespace

TransformCipher::TransformCipher(SmbCipher cipher, Bytes key) : cipher_(cipher), key_(key) {
  const EVP_CIPHER* type = sealing(cipher);
  if (!type || key.size() != key_size(cipher)) return;
  sealed_.reset(EVP_CIPHER_CTX_new());
  bool ok = sealed_ && EVP_DecryptInit_ex(sealed_.get(), type, nullptr, nullptr, nullptr) == 1 &&
            EVP_CIPHER_CTX_ctrl(sealed_.get(), EVP_CTRL_AEAD_SET_IVLEN, is_gcm(cipher) ? 12 : 11,
                                nullptr) == 1;
  // GCM keeps its key schedule; CCM's tag length must be there before key and nonce.
  if (ok && is_gcm(cipher))
    ok = EVP_DecryptInit_ex(sealed_.get(), nullptr, nullptr, in(key), nullptr) == 1;
  if (!ok) sealed_.reset();
}

bool TransformCipher::open(Bytes message, std::span<std::byte> out) {
  if (!sealed_ || message.size() <= kTransformSize) return false;
  EVP_CIPHER_CTX* c = sealed_.get();
  const Bytes body = message.subspan(kTransformSize);
  if (out.size() < body.size() || body.size() > (1u << 30)) return false;
  const auto size = static_cast<int>(body.size());
  auto* tag = const_cast<std::byte*>(message.data() +
                                     kTag);  // only read, the interface is one for both ways
  const unsigned char* nonce = in(message.subspan(kNonce));
  int n = 0;
  if (is_gcm(cipher_)) {
    if (EVP_DecryptInit_ex(c, nullptr, nullptr, nullptr, nonce) != 1 ||
        EVP_DecryptUpdate(c, nullptr, &n, in(message.subspan(kAssociated)), kAssociatedSize) != 1 ||
        EVP_DecryptUpdate(c, out_of(out), &n, in(body), size) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag) != 1)
      return false;
    unsigned char none[16];
    return EVP_DecryptFinal_ex(c, none, &n) == 1;
  }
  return EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag) == 1 &&
         EVP_DecryptInit_ex(c, nullptr, nullptr, in(key_.bytes()), nonce) == 1 &&
         EVP_DecryptUpdate(c, nullptr, &n, nullptr, size) == 1 &&
         EVP_DecryptUpdate(c, nullptr, &n, in(message.subspan(kAssociated)), kAssociatedSize) ==
             1 &&
         EVP_DecryptUpdate(c, out_of(out), &n, in(body), size) == 1;
}

std::size_t TransformCipher::peek(Bytes head, std::span<std::byte> out) {
  if (!sealed_ || head.size() <= kTransformSize) return 0;
  const Bytes body = head.subspan(kTransformSize);
  const std::size_t size = std::min({body.size(), out.size(), std::size_t{4096}});
  if (!counter_) {
    counter_.reset(EVP_CIPHER_CTX_new());
    const EVP_CIPHER* type = key_.bytes().size() == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
    if (!counter_ ||
        EVP_DecryptInit_ex(counter_.get(), type, nullptr, in(key_.bytes()), nullptr) != 1) {
      counter_.reset();
      return 0;
    }
  }
  // The first counter block of the payload: GCM's is 2 ([SP800-38D] 7.1); CCM's is 1, with the
  // length of its length field less one before the nonce ([SP800-38C] A.3).
  unsigned char block[16] = {};
  if (is_gcm(cipher_)) {
    std::memcpy(block, head.data() + kNonce, 12);
    block[15] = 2;
  } else {
    block[0] = 15 - 11 - 1;
    std::memcpy(block + 1, head.data() + kNonce, 11);
    block[15] = 1;
  }
  int n = 0;
  if (EVP_DecryptInit_ex(counter_.get(), nullptr, nullptr, nullptr, block) != 1 ||
      EVP_DecryptUpdate(counter_.get(), out_of(out), &n, in(body), static_cast<int>(size)) != 1)
    return 0;
  return size;
}

}  // namespace rpcmarshal
