// Opening and verifying the PDUs of calls whose security context has a key. Each fragment is opened
// by itself, before reassembly ([MS-RPCE] 3.3.1.5.2).
#pragma once

#include "dcerpc/auth_contexts.h"
#include "dcerpc/pdu.h"

namespace rpcmarshal {

/// What became of one PDU.
struct Protection {
  bool opened = false;  ///< it was sealed, and is not any more
  CallHalf::Signature signature = CallHalf::Signature::kUnchecked;
  /// Why it was not opened, static; null when the exchange's key_status() says why.
  const char* reason = nullptr;
};

/// Opens or verifies a whole PDU with a verifier of level call or higher. When it was opened,
/// `parts` is that of the opened PDU, which lives until the next call in this thread. `losses`
/// counts the times that PDUs of this direction went missing. `context` may be null (not seen).
Protection unseal(AuthContext* context, bool from_client, std::uint32_t losses,
                  const PduHeader& header, Bytes pdu, std::size_t body_at, PduParts& parts,
                  DceStatistics& statistics);

}  // namespace rpcmarshal
