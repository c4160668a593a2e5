// Opens SMB 3 transform messages ([MS-SMB2] 2.2.41, 3.1.4.3): AES-CCM and AES-GCM, 128 and 256
// bits. One object is one direction of one session; it keeps its OpenSSL contexts, so that a
// message costs no allocation. Internal to smb/.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <span>

#include "base/bytes.h"
#include "smb/keys.h"

namespace rpcmarshal {

struct EvpDeleter {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
  void operator()(EVP_MAC_CTX* c) const { EVP_MAC_CTX_free(c); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, EvpDeleter>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, EvpDeleter>;

/// Size of the transform header.
inline constexpr std::size_t kTransformSize = 52;

class TransformCipher {
 public:
  /// `key` is of key_size(cipher) bytes; otherwise nothing can be opened.
  TransformCipher(SmbCipher cipher, Bytes key);

  /// The plain text of a whole transform message into `out`, which has room for
  /// message.size() - kTransformSize bytes. False when the tag is wrong; `out` is then of no use.
  bool open(Bytes message, std::span<std::byte> out);
  /// The first bytes of the plain text, as many as fit into `out` and are in `head`, not
  /// authenticated: enough to see whether the message is worth opening. Gives their number.
  std::size_t peek(Bytes head, std::span<std::byte> out);

 private:
  SmbCipher cipher_;
  SmbKey key_;
  CipherContext sealed_;   ///< CCM or GCM
  CipherContext counter_;  ///< the same key in counter mode, made when first needed
};

}  // namespace rpcmarshal
