// Keys of SMB 2 and 3 sessions ([MS-SMB2] 3.3.5.5.3): what NEGOTIATE agreed on, the hash of the
// messages before authentication, and the keys that follow from a session key. Internal to smb/.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace rpcmarshal {

/// [MS-SMB2] 2.2.3.1.2.
enum class SmbCipher : std::uint16_t {
  kNone = 0,
  kAes128Ccm = 1,
  kAes128Gcm = 2,
  kAes256Ccm = 3,
  kAes256Gcm = 4
};
/// [MS-SMB2] 2.2.3.1.7.
enum class SmbSigning : std::uint16_t { kHmacSha256 = 0, kAesCmac = 1, kAesGmac = 2 };

constexpr bool is_gcm(SmbCipher cipher) {
  return cipher == SmbCipher::kAes128Gcm || cipher == SmbCipher::kAes256Gcm;
}
constexpr std::size_t key_size(SmbCipher cipher) {
  return cipher == SmbCipher::kAes256Ccm || cipher == SmbCipher::kAes256Gcm ? 32 : 16;
}

/// What a connection agreed on.
struct SmbNegotiated {
  std::uint16_t dialect = 0;
  SmbCipher cipher = SmbCipher::kNone;
  SmbSigning signing = SmbSigning::kHmacSha256;
};

/// From a NEGOTIATE response, header included; nullopt when it does not choose a dialect (too
/// short, or the wildcard of a multi-protocol negotiation). Contexts that do not fit are passed
/// over.
std::optional<SmbNegotiated> parse_negotiated(Bytes message);

/// The pre-authentication integrity hash of SMB 3.1.1 ([MS-SMB2] 3.3.5.4): SHA-512 over the last
/// value and the next message.
class PreauthHash {
 public:
  /// A message from its SMB2 header to its end, whole.
  void add(Bytes message);
  /// A message of the chain was not seen whole: what follows cannot be derived any more.
  void lose() { lost_ = true; }
  bool lost() const { return lost_; }
  Bytes value() const { return value_; }

 private:
  std::array<std::byte, 64> value_{};
  bool lost_ = false;
};

/// Key material: fixed room, wiped when it goes.
class SmbKey {
 public:
  SmbKey() = default;
  /// At most 32 bytes are kept.
  explicit SmbKey(Bytes key);
  SmbKey(const SmbKey& other) = default;
  SmbKey& operator=(const SmbKey& other) = default;
  ~SmbKey();
  Bytes bytes() const { return Bytes(bytes_).first(size_); }
  bool empty() const { return size_ == 0; }

 private:
  std::array<std::byte, 32> bytes_{};
  std::size_t size_ = 0;
};

/// SP800-108 in counter mode with HMAC-SHA256 ([MS-SMB2] 3.1.4.2), `size` bytes: 16 or 32. `label`
/// and `context` include their terminating zero bytes where the protocol has them.
SmbKey derive_smb_key(Bytes key, std::string_view label, Bytes context, std::size_t size);

struct SmbKeys {
  SmbKey signing;      ///< of messages in clear
  SmbKey from_client;  ///< client to server cipher key; empty below 3.0
  SmbKey from_server;
};

/// All keys of a session, from the key of its authentication: cut or zero-padded to 16 bytes,
/// except for AES-256, which uses all of it ([MS-SMB2] 3.3.5.5.3).
SmbKeys derive_smb_keys(const SmbNegotiated& negotiated, Bytes session_key,
                        const PreauthHash& preauth);

}  // namespace rpcmarshal
