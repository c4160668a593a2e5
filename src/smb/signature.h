// Checks signatures of SMB messages: SMB 2 and 3 ([MS-SMB2] 3.1.4.1) by HMAC-SHA256, AES-CMAC or
// AES-GMAC, and SMB1 ([MS-CIFS] 3.1.4.1) by MD5. One object is one key; it keeps its OpenSSL
// context. Internal to smb/.
#pragma once

#include "base/bytes.h"
#include "smb/cipher.h"
#include "smb/keys.h"

namespace rpcmarshal {

class MessageSigner {
 public:
  /// `key` is of 16 bytes; otherwise no signature is right.
  MessageSigner(SmbSigning algorithm, Bytes key);
  bool usable() const { return mac_ || gmac_; }

  /// Whether the signature of a whole message, SMB2 header first and the padding to the next of a
  /// compound included, is right.
  bool verify(Bytes message, bool from_client);

 private:
  bool gmac(Bytes message, bool from_client, unsigned char (&out)[32]);

  SmbSigning algorithm_;
  MacContext mac_;
  CipherContext gmac_;
};

/// Whether the signature of a whole SMB1 message is that of `sequence`. `key` is the MAC key: the
/// session key, followed by the response when no extended security was negotiated.
bool verify_smb1(Bytes message, Bytes key, std::uint32_t sequence);

}  // namespace rpcmarshal
