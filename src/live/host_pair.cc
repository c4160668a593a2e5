#include "live/host_pair.h"

#include <algorithm>

namespace rpcmarshal {
namespace {

std::uint64_t mix(std::uint64_t value) {
  value *= 0x9E3779B97F4A7C15ull;
  value ^= value >> 32;
  value *= 0xD6E8FEB86659FD93ull;
  return value ^ (value >> 32);
}

// Symmetric: the sum of both hosts' own hashes.
std::uint64_t pair(std::uint64_t a, std::uint64_t b) { return mix(mix(a) + mix(b)) | 1; }

std::uint32_t be(Bytes data, std::size_t at, int size) {
  std::uint32_t value = 0;
  for (int i = 0; i < size; ++i)
    value = value << 8 | std::to_integer<std::uint32_t>(data[at + static_cast<std::size_t>(i)]);
  return value;
}

std::uint64_t word(Bytes data, std::size_t at) {
  return load<std::uint64_t>(data.data() + at, ByteOrder::kBig);
}

constexpr std::uint32_t kIpv4 = 0x0800, kIpv6 = 0x86dd, kBridging = 0x6558, kErspan2 = 0x88be,
                        kErspan3 = 0x22eb;

// Steps over VLAN tags, PPPoE and MPLS labels. `type` is the EtherType before `data`.
std::uint32_t ether_type(Bytes& data, std::uint32_t type) {
  for (int depth = 0; depth < 8; ++depth) {
    if (type == 0x8100 || type == 0x88a8 || type == 0x9100) {
      if (data.size() < 4) return 0;
      type = be(data, 2, 2);
      data = data.subspan(4);
    } else if (type == 0x8864) {  // PPPoE session: six bytes, then a PPP protocol number
      if (data.size() < 8) return 0;
      const std::uint32_t ppp = be(data, 6, 2);
      type = ppp == 0x0021 ? kIpv4 : ppp == 0x0057 ? kIpv6 : 0;
      data = data.subspan(8);
    } else if (type == 0x8847) {
      if (data.size() < 5) return 0;
      const bool last = be(data, 2, 1) & 1;
      data = data.subspan(4);
      if (!last) continue;
      type = be(data, 0, 1) >> 4 == 6 ? kIpv6 : kIpv4;
    } else {
      break;
    }
  }
  return type;
}

}  // namespace

std::uint64_t host_pair_hash(const RawPacket& packet) {
  Bytes data = packet.data;
  std::uint64_t hash = 0;
  std::uint32_t type = 0;
  const auto link = [&](std::size_t header, std::size_t at) {
    if (data.size() < header) return false;
    type = be(data, at, 2);
    data = data.subspan(header);
    return true;
  };
  switch (packet.link_type) {
    case 1:  // Ethernet
      if (!link(14, 12)) return 0;
      break;
    case 113:  // Linux cooked
      if (!link(16, 14)) return 0;
      break;
    case 276:  // Linux cooked, version 2
      if (!link(20, 0)) return 0;
      break;
    case 0:
    case 108:  // loopback: an address family of four bytes
      if (data.size() < 5) return 0;
      data = data.subspan(4);
      type = be(data, 0, 1) >> 4 == 6 ? kIpv6 : kIpv4;
      break;
    case 9:
    case 50:  // PPP, with or without its address and control bytes
      if (data.size() < 5) return 0;
      data = data.subspan(be(data, 0, 1) == 0xff ? 4 : 2);
      type = be(data, 0, 1) >> 4 == 6 ? kIpv6 : kIpv4;
      break;
    default:  // raw IP
      if (data.empty()) return 0;
      type = be(data, 0, 1) >> 4 == 6 ? kIpv6 : kIpv4;
      break;
  }
  for (int depth = 0; depth < 4; ++depth) {
    type = ether_type(data, type);
    std::uint32_t protocol = 0;
    bool fragment = false;
    if (type == kIpv4) {
      if (data.size() < 20) return hash;
      const std::size_t header = (be(data, 0, 1) & 15) * std::size_t{4};
      if (header < 20 || data.size() < header) return hash;
      hash = pair(be(data, 12, 4), be(data, 16, 4));
      fragment = (be(data, 6, 2) & 0x3fff) != 0;
      protocol = be(data, 9, 1);
      data = data.subspan(header);
    } else if (type == kIpv6) {
      if (data.size() < 40) return hash;
      hash = pair(word(data, 8) ^ mix(word(data, 16)), word(data, 24) ^ mix(word(data, 32)));
      protocol = be(data, 6, 1);
      data = data.subspan(40);
    } else {
      return hash;
    }
    if (fragment) return hash;
    switch (protocol) {
      case 4:
        type = kIpv4;
        break;
      case 41:
        type = kIpv6;
        break;
      case 47: {  // GRE ([RFC 2784], [RFC 2890])
        if (data.size() < 4) return hash;
        const std::uint32_t flags = be(data, 0, 2);
        type = be(data, 2, 2);
        std::size_t header = 4;
        for (const std::uint32_t flag : {0x8000u, 0x2000u, 0x1000u})
          header += (flags & flag) != 0 ? 4 : 0;
        if (type == kErspan2 && (flags & 0x1000) != 0) header += 8;
        if (type == kErspan3) header += 12;
        const bool ethernet = type == kErspan2 || type == kErspan3 || type == kBridging;
        if (data.size() < header) return hash;
        data = data.subspan(header);
        if (ethernet && !link(14, 12)) return hash;
        break;
      }
      case 17:  // VXLAN ([RFC 7348] 5)
        if (data.size() < 16 || be(data, 2, 2) != 4789 || be(data, 8, 1) != 8) return hash;
        data = data.subspan(16);
        if (!link(14, 12)) return hash;
        break;
      default:
        return hash;
    }
  }
  return hash;
}

}  // namespace rpcmarshal
