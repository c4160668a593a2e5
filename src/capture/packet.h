// One captured packet as a file or a live interface gives it, before anything is known about it.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/time.h"

namespace rpcmarshal {

struct RawPacket {
  Timestamp time = 0;
  Bytes data;  ///< captured bytes, link layer first; lives until the next packet
  std::uint32_t original_length =
      0;              ///< on the wire; more than data.size() when the snap length cut it
  int link_type = 1;  ///< libpcap DLT_ value; 1 is Ethernet
};

}  // namespace rpcmarshal
