// What protects the messages of one SMB session, when its key is known: ciphers of both directions
// and the check of signatures, made when first needed. Internal to smb/.
#pragma once

#include <memory>
#include <optional>

#include "smb/cipher.h"
#include "smb/keys.h"
#include "smb/signature.h"

namespace rpcmarshal {

/// A session being set up: what its keys will be derived from beside the key of authentication.
struct SmbSetup {
  PreauthHash preauth;
  bool fresh = false;  ///< a new session; re-authentication keeps the keys ([MS-SMB2] 3.3.5.5.3)
};

class SmbProtection {
 public:
  SmbProtection(const SmbNegotiated& negotiated, const SmbKeys& keys)
      : negotiated_(negotiated), keys_(keys) {}

  TransformCipher& cipher(bool from_client) {
    auto& made = from_client ? from_client_ : from_server_;
    if (!made)
      made.emplace(negotiated_.cipher,
                   (from_client ? keys_.from_client : keys_.from_server).bytes());
    return *made;
  }
  MessageSigner& signer() {
    if (!signer_) signer_.emplace(negotiated_.signing, keys_.signing.bytes());
    return *signer_;
  }

 private:
  SmbNegotiated negotiated_;
  SmbKeys keys_;
  std::optional<TransformCipher> from_client_, from_server_;
  std::optional<MessageSigner> signer_;
};

}  // namespace rpcmarshal
