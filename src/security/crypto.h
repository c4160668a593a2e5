// The old algorithms that NTLM, Netlogon and Kerberos' RC4 are made of (MD4, MD5, DES, RC4), from
// OpenSSL's libcrypto without its providers, which Debian ships without them; so nothing here
// allocates, fails or needs set-up. RC4 keeps its state from call to call.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "base/bytes.h"

namespace rpcmarshal::crypto {

using Block16 = std::array<std::byte, 16>;

Block16 md4(Bytes data);
Block16 md5(std::initializer_list<Bytes> parts);
Block16 hmac_md5(Bytes key, std::initializer_list<Bytes> parts);
std::array<std::byte, 32> hmac_sha256(Bytes key, std::initializer_list<Bytes> parts);
std::uint32_t crc32(Bytes data);

/// DES in ECB mode of one block; the key's seven bytes are spread to eight ([MS-NLMP] 6, DES()).
std::array<std::byte, 8> des_block7(Bytes key7, Bytes block8);
/// DESL ([MS-NLMP] 6): a 16-byte key as three DES keys over an 8-byte block: 24 bytes.
std::array<std::byte, 24> desl(Bytes key16, Bytes block8);

class Rc4 {
 public:
  Rc4() = default;
  explicit Rc4(Bytes key) { start(key); }
  Rc4(const Rc4&) = default;
  Rc4& operator=(const Rc4&) = default;
  ~Rc4();
  void start(Bytes key);
  /// In place.
  void apply(std::span<std::byte> data);
  /// Moves on by as many bytes.
  void skip(std::size_t count);

 private:
  alignas(8) std::array<std::byte, 1032> state_{};  // RC4_KEY; crypto.cc checks the size
};

/// MD5 keyed as HMAC ([RFC2104]) with the key's part done once.
class HmacMd5 {
 public:
  HmacMd5() = default;
  explicit HmacMd5(Bytes key);
  ~HmacMd5();
  HmacMd5(const HmacMd5&) = default;
  HmacMd5& operator=(const HmacMd5&) = default;
  Block16 operator()(std::initializer_list<Bytes> parts) const;

 private:
  alignas(8) std::array<std::byte, 96> inner_{}, outer_{};  // MD5_CTX
};

/// Equal without telling by time where they differ; false when the sizes differ.
bool same(Bytes a, Bytes b);

}  // namespace rpcmarshal::crypto
