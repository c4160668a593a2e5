// AES as Kerberos uses it for messages: keys derived for one usage ([RFC3962], [RFC8009]),
// ciphertext stealing, truncated HMAC. Set up once, then without allocation.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "security/secret_memory.h"

struct evp_cipher_ctx_st;

namespace rpcmarshal {

/// HMAC over SHA-1, SHA-256 or SHA-384 with the key's part done once.
class HmacSha {
 public:
  enum class Hash : std::uint8_t { kSha1, kSha256, kSha384 };
  HmacSha(Hash hash, Bytes key);
  ~HmacSha();
  HmacSha(const HmacSha&) = delete;
  HmacSha& operator=(const HmacSha&) = delete;
  /// 20, 32 or 48 bytes at the start of the array.
  std::array<std::byte, 64> operator()(std::initializer_list<Bytes> parts) const;

 private:
  Hash hash_;
  alignas(8) std::array<std::byte, 216> inner_{}, outer_{};  // SHA512_CTX and smaller ones
};

/// The keys of one usage number: sealing and its integrity, or checksums alone.
class AesKeys {
 public:
  static bool supports(std::int32_t etype) { return etype >= 17 && etype <= 20; }
  /// `key` of a supported type.
  AesKeys(const SecretKey& key, std::uint32_t usage);
  ~AesKeys();
  AesKeys(const AesKeys&) = delete;
  AesKeys& operator=(const AesKeys&) = delete;

  /// Length of the truncated HMAC.
  std::size_t checksum_size() const { return checksum_size_; }
  /// Whether the checksum of sealed data covers the ciphertext (behind an initial vector of zeros)
  /// or the plaintext.
  bool over_ciphertext() const { return over_ciphertext_; }
  /// Decrypts in place; at least 16 bytes.
  void decrypt(std::span<std::byte> data);
  bool sealed_checksum(std::initializer_list<Bytes> parts, Bytes expected) const;
  bool plain_checksum(std::initializer_list<Bytes> parts, Bytes expected) const;

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  using Cipher = std::unique_ptr<evp_cipher_ctx_st, Free>;

  std::size_t checksum_size_;
  bool over_ciphertext_;
  Cipher cbc_, ecb_;
  std::unique_ptr<HmacSha> integrity_, checksum_;
};

/// A key derived from `key` for usage and kind (0xaa sealing, 0x55 its integrity, 0x99 checksums).
SecretKey derive_aes_key(const SecretKey& key, std::uint32_t usage, std::uint8_t kind);

}  // namespace rpcmarshal
