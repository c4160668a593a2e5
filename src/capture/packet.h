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

/// Packets that never reached the capture, as whoever captured counted them.
struct CaptureDrops {
  std::uint64_t received = 0;   ///< by the interface, lost ones included
  std::uint64_t kernel = 0;     ///< lost by the operating system: no room in the capture buffer
  std::uint64_t interface = 0;  ///< lost by the interface
};

}  // namespace rpcmarshal
