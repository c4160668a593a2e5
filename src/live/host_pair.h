// Which worker a packet belongs to: a hash of the two hosts' addresses, the same in both
// directions. Ports are left out on purpose: what the sensor learns on one connection between two
// hosts (the endpoint mapper's answers, context handles, the channels of one SMB session) is of use
// on the others between them, and later IP fragments have no ports. Tunnels that packet mirrors use
// (VLAN, GRE, ERSPAN, VXLAN, IP in IP) are looked through.
#pragma once

#include <cstdint>

#include "capture/packet.h"

namespace rpcmarshal {

/// 0 for packets that are not IP. Reads headers only, never beyond the captured bytes.
std::uint64_t host_pair_hash(const RawPacket& packet);

}  // namespace rpcmarshal
