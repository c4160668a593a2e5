// Protocol towers, in which the endpoint mapper says where an interface is served ([C706] appendix
// L, [MS-RPCE] 2.2.1.2.5): interface, transfer syntax, and the address under them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/guid.h"
#include "capture/stream.h"

namespace rpcmarshal {

struct Tower {
  SyntaxId interface;
  SyntaxId transfer;
  enum class Transport : std::uint8_t { kOther, kTcp, kUdp, kHttp, kPipe } transport{};
  std::uint16_t port = 0;            ///< kTcp, kUdp, kHttp
  std::string pipe;                  ///< kPipe: "\pipe\lsass"
  std::optional<IpAddress> address;  ///< absent when the tower gives none, or 0.0.0.0
};

/// `octets` is tower_octet_string. nullopt when it is malformed or does not start with an interface
/// and a transfer syntax. Floors are little-endian, ports and addresses big-endian, whatever the
/// PDU's data representation.
std::optional<Tower> parse_tower(Bytes octets);

}  // namespace rpcmarshal
