// The other side of what smb/ opens: builds negotiations, seals messages and signs them.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>
#include <string>

#include "smb/keys.h"
#include "smb/messages.h"

namespace rpcmarshal::test {

inline std::string unhex(std::string_view digits) {
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  return out;
}
inline unsigned char* uc(std::string& s) { return reinterpret_cast<unsigned char*>(s.data()); }
inline const unsigned char* uc(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

inline std::string negotiate_request() {
  return smb2({0, 0, false, 0, 0, 0}, le16(36) + le16(1) + std::string(34, '\0') + le16(0x0311));
}
/// With the contexts of 3.1.1; `cipher` of 0x0302 is in the capabilities.
inline std::string negotiate_response(std::uint16_t dialect, std::uint16_t cipher,
                                      std::uint16_t signing) {
  const bool contexts = dialect == 0x0311;
  std::string body = le16(65) + le16(1) + le16(dialect) + le16(contexts ? 3 : 0) +
                     std::string(16, 'G') + le32(dialect >= 0x0300 && !contexts ? 0x40 : 0) +
                     std::string(12, '\0') + le64(0) + le64(0) + le16(64 + 64) + le16(0) +
                     le32(contexts ? 64 + 64 : 0);
  if (contexts) {
    body += le16(1) + le16(38) + le32(0) + le16(1) + le16(32) + le16(1) + std::string(32, 's') +
            le16(0);
    body += le16(2) + le16(4) + le32(0) + le16(1) + le16(cipher) + le32(0);
    body += le16(8) + le16(4) + le32(0) + le16(1) + le16(signing);
  }
  return smb2({0, 0, true, 0, 0, 0}, body);
}

/// A transform message; `nonce` makes each another one.
inline std::string seal(SmbCipher cipher, std::string_view key, std::uint64_t session,
                        std::string_view text, std::uint64_t nonce) {
  std::string header = "\xfdSMB" + std::string(16, '\0') + le64(nonce) + std::string(8, '\0') +
                       le32(text.size()) + le16(0) + le16(1) + le64(session);
  const EVP_CIPHER* types[] = {nullptr, EVP_aes_128_ccm(), EVP_aes_128_gcm(), EVP_aes_256_ccm(),
                               EVP_aes_256_gcm()};
  EVP_CIPHER_CTX* c = EVP_CIPHER_CTX_new();
  std::string out(text.size(), '\0');
  int n = 0;
  EVP_EncryptInit_ex(c, types[static_cast<int>(cipher)], nullptr, nullptr, nullptr);
  EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, is_gcm(cipher) ? 12 : 11, nullptr);
  if (!is_gcm(cipher)) EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, nullptr);
  EVP_EncryptInit_ex(c, nullptr, nullptr, uc(key), uc(std::string_view(header).substr(20)));
  if (!is_gcm(cipher)) EVP_EncryptUpdate(c, nullptr, &n, nullptr, static_cast<int>(text.size()));
  EVP_EncryptUpdate(c, nullptr, &n, uc(std::string_view(header).substr(20)), 32);
  EVP_EncryptUpdate(c, uc(out), &n, uc(text), static_cast<int>(text.size()));
  unsigned char rest[16];
  EVP_EncryptFinal_ex(c, rest, &n);
  EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, header.data() + 4);
  EVP_CIPHER_CTX_free(c);
  return header + out;
}

/// The message with flag and signature.
inline std::string sign(SmbSigning algorithm, std::string_view key, std::string message) {
  message[16] |= 8;
  std::memset(message.data() + 48, 0, 16);
  unsigned char mac[64] = {};
  if (algorithm == SmbSigning::kAesGmac) {
    std::string nonce = message.substr(24, 8) + std::string(4, '\0');
    nonce[8] = static_cast<char>((message[16] & 1) | (message[12] == 12 ? 2 : 0));
    EVP_CIPHER_CTX* c = EVP_CIPHER_CTX_new();
    int n = 0;
    unsigned char rest[16];
    EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), nullptr, uc(key), uc(nonce));
    EVP_EncryptUpdate(c, nullptr, &n, uc(message), static_cast<int>(message.size()));
    EVP_EncryptFinal_ex(c, rest, &n);
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, mac);
    EVP_CIPHER_CTX_free(c);
  } else if (algorithm == SmbSigning::kAesCmac) {
    std::size_t size = 0;
    EVP_Q_mac(nullptr, "CMAC", nullptr, "AES-128-CBC", nullptr, key.data(), key.size(), uc(message),
              message.size(), mac, sizeof mac, &size);
  } else {
    unsigned int size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), uc(message), message.size(), mac,
         &size);
  }
  std::memcpy(message.data() + 48, mac, 16);
  return message;
}

}  // namespace rpcmarshal::test
