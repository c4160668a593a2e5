#include "capture/decap.h"

#include <algorithm>
#include <cstring>

#include "capture/ip_fragments.h"

namespace rpcmarshal {
namespace {

// libpcap's DLT_ values.
enum LinkType : int {
  kNull = 0,
  kEthernet = 1,
  kPpp = 9,
  kRaw = 12,
  kPppSerial = 50,
  kRawLinkType = 101,
  kLoop = 108,
  kLinuxSll = 113,
  kRawIpv4 = 228,
  kRawIpv6 = 229,
  kLinuxSll2 = 276,
};

// EtherType values (IANA), and in the same number space what PPP and GRE call IP.
constexpr std::uint16_t kEtherIpv4 = 0x0800, kEtherIpv6 = 0x86dd, kEtherVlan = 0x8100,
                        kEtherQinQ = 0x88a8, kEtherOldQinQ = 0x9100, kEtherPppoe = 0x8864,
                        kEtherMpls = 0x8847, kEtherBridging = 0x6558, kEtherErspan = 0x88be;

// IP protocol numbers (IANA).
constexpr std::uint8_t kHopByHop = 0, kIpInIp = 4, kTcp = 6, kUdp = 17, kIpv6InIp = 41,
                       kRouting = 43, kFragment = 44, kGre = 47, kAuthHeader = 51,
                       kDestination = 60, kMobility = 135;

constexpr std::uint16_t kVxlanPort = 4789;
constexpr int kMaxLayers = 32;  // of all headers below TCP or UDP

std::uint16_t u16(Bytes data, std::size_t at) {
  return load<std::uint16_t>(data.data() + at, ByteOrder::kBig);
}
std::uint32_t u32(Bytes data, std::size_t at) {
  return load<std::uint32_t>(data.data() + at, ByteOrder::kBig);
}
std::uint8_t u8(Bytes data, std::size_t at) { return std::to_integer<std::uint8_t>(data[at]); }

}  // namespace

// Where the walk down the headers stands.
struct Decapsulator::Cursor {
  enum class Layer : std::uint8_t { kLink, kEtherType, kIp, kProtocol } layer = Layer::kLink;
  int link_type = 1;
  std::uint16_t ether_type = 0;
  std::uint8_t protocol = 0;
  Timestamp time = 0;
  Bytes data;
  std::size_t missing = 0;  ///< bytes the snap length cut from the end of `data`
  bool v6 = false;          ///< the innermost IP header was version 6
  IpAddress source, destination;
};

Decapsulator::Decapsulator() : fragments_(std::make_unique<IpFragments>(statistics_)) {}
Decapsulator::~Decapsulator() = default;

bool Decapsulator::supports(int link_type) {
  switch (link_type) {
    case kNull:
    case kEthernet:
    case kPpp:
    case kRaw:
    case kPppSerial:
    case kRawLinkType:
    case kLoop:
    case kLinuxSll:
    case kRawIpv4:
    case kRawIpv6:
    case kLinuxSll2:
      return true;
    default:
      return false;
  }
}

Decapsulator::Result Decapsulator::parse(const RawPacket& packet, TransportPacket& out) {
  ++statistics_.packets;
  statistics_.bytes += packet.data.size();
  Cursor at;
  at.link_type = packet.link_type;
  at.time = packet.time;
  at.data = packet.data;
  at.missing =
      packet.original_length > packet.data.size() ? packet.original_length - packet.data.size() : 0;
  for (int step = 0; step < kMaxLayers; ++step) {
    if (at.layer == Cursor::Layer::kProtocol && (at.protocol == kTcp || at.protocol == kUdp)) {
      Result result = transport(at, out);
      if (result != Result::kUdp || out.destination.port != kVxlanPort) return result;
      // VXLAN ([RFC 7348] 5): eight bytes, the I flag set, then an Ethernet frame.
      Bytes payload = out.payload;
      if (payload.size() < 22 || u8(payload, 0) != 8 || u8(payload, 7) != 0) return result;
      --statistics_.udp;
      at.layer = Cursor::Layer::kLink;
      at.link_type = kEthernet;
      at.missing = out.payload_length - payload.size();
      at.data = payload.subspan(8);
      continue;
    }
    if (!(at.layer < Cursor::Layer::kIp ? link(at) : ip(at))) return Result::kNothing;
  }
  ++statistics_.malformed;
  return Result::kNothing;
}

// One step through the link layer; false ends the walk (counted here).
bool Decapsulator::link(Cursor& at) {
  using Layer = Cursor::Layer;
  Bytes& data = at.data;
  auto need = [&](std::size_t size) {
    if (data.size() >= size) return true;
    ++statistics_.malformed;
    return false;
  };
  auto ether = [&](std::size_t header, std::uint16_t type) {
    data = data.subspan(header);
    at.layer = Layer::kEtherType;
    at.ether_type = type;
    return true;
  };
  auto to_ip = [&](std::size_t header) {
    data = data.subspan(header);
    at.layer = Layer::kIp;
    return true;
  };
  if (at.layer == Layer::kLink) {
    switch (at.link_type) {
      case kEthernet:
        return need(14) && ether(14, u16(data, 12));
      case kLinuxSll:
        return need(16) && ether(16, u16(data, 14));
      case kLinuxSll2:
        return need(20) && ether(20, u16(data, 0));
      case kNull:
      case kLoop:  // an address family in the writer's byte order; IP's own version nibble is
                   // enough
        return need(5) && to_ip(4);
      case kPpp:
      case kPppSerial: {
        if (!need(5)) return false;
        std::size_t header = u8(data, 0) == 0xff ? 2 : 0;  // address and control may be left out
        return to_ip(header + ((u8(data, header) & 1) ? 1 : 2));
      }
      default:
        return need(1) && to_ip(0);
    }
  }
  switch (at.ether_type) {
    case kEtherIpv4:
    case kEtherIpv6:
      return need(1) && to_ip(0);
    case kEtherVlan:
    case kEtherQinQ:
    case kEtherOldQinQ:
      return need(4) && ether(4, u16(data, 2));
    case kEtherPppoe:
      return need(9) && to_ip((u8(data, 6) & 1) ? 7 : 8);
    case kEtherMpls: {
      std::size_t label = 0;
      while (label + 5 <= data.size() && !(u8(data, label + 2) & 1)) label += 4;
      return need(label + 5) && to_ip(label + 4);
    }
    case kEtherBridging:
      return need(14) && ether(14, u16(data, 12));
    case kEtherErspan:
      return need(8 + 14) && ether(8 + 14, u16(data, 8 + 12));
    default:
      // 802.3 with LLC and SNAP: a length, then AA-AA-03, an OUI of zero and the EtherType.
      if (at.ether_type <= 1500 && data.size() >= 8 && u16(data, 0) == 0xaaaa && u8(data, 2) == 3 &&
          u16(data, 3) == 0 && u8(data, 5) == 0)
        return ether(8, u16(data, 6));
      ++statistics_.other;
      return false;
  }
}

// One step through IP: a header of either version, an extension header, or a tunnel.
bool Decapsulator::ip(Cursor& at) {
  using Layer = Cursor::Layer;
  Bytes& data = at.data;
  auto malformed = [&] {
    ++statistics_.malformed;
    return false;
  };
  // Cuts link-layer padding, or notes what the snap length cut. A length field that promises more
  // than the frame had is refused, as the receiver does.
  auto limit = [&](std::size_t length) {
    if (length <= data.size()) {
      data = data.first(length);
      at.missing = 0;
    } else if (length - data.size() <= at.missing) {
      at.missing = length - data.size();
    } else {
      return false;
    }
    return true;
  };
  auto fragment = [&](std::uint32_t id, std::size_t offset, bool more, std::uint8_t next) {
    if (at.missing != 0) {
      ++statistics_.fragments_dropped;
      return false;
    }
    IpFragments::Key key{at.source, at.destination, id, at.v6 ? kFragment : next};
    IpFragments::Whole whole = fragments_->add(at.time, key, next, {offset, more, data});
    if (!whole.complete) return false;
    at.protocol = whole.protocol;
    data = whole.data;
    return true;
  };

  if (at.layer == Layer::kIp) {
    if (data.empty()) return malformed();
    std::uint8_t version = u8(data, 0) >> 4;
    at.layer = Layer::kProtocol;
    if (version == 4) {
      if (data.size() < 20) return malformed();
      std::size_t header = (u8(data, 0) & 15u) * 4u;
      std::size_t total = u16(data, 2);
      if (total == 0) total = data.size() + at.missing;  // left to segmentation offload
      if (header < 20 || header > data.size() || total < header || !limit(total))
        return malformed();
      at.v6 = false;
      at.source = at.destination = IpAddress{};
      std::memcpy(at.source.bytes.data(), data.data() + 12, 4);
      std::memcpy(at.destination.bytes.data(), data.data() + 16, 4);
      at.protocol = u8(data, 9);
      std::uint16_t id = u16(data, 4), offset = u16(data, 6);
      data = data.subspan(header);
      if (offset & 0x3fff)
        return fragment(id, (offset & 0x1fffu) * 8u, (offset & 0x2000) != 0, at.protocol);
      return true;
    }
    if (version == 6) {
      if (data.size() < 40) return malformed();
      std::size_t length = u16(data, 4);
      if (length != 0 && !limit(40 + length)) return malformed();
      at.v6 = true;
      at.source.v6 = at.destination.v6 = true;
      std::memcpy(at.source.bytes.data(), data.data() + 8, 16);
      std::memcpy(at.destination.bytes.data(), data.data() + 24, 16);
      at.protocol = u8(data, 6);
      data = data.subspan(40);
      return true;
    }
    ++statistics_.other;
    return false;
  }

  switch (at.protocol) {
    case kHopByHop:
    case kRouting:
    case kDestination:
    case kMobility:
    case kAuthHeader: {
      if (data.size() < 8) return malformed();
      std::size_t size =
          at.protocol == kAuthHeader ? (u8(data, 1) + 2u) * 4u : (u8(data, 1) + 1u) * 8u;
      if (size > data.size()) return malformed();
      at.protocol = u8(data, 0);
      data = data.subspan(size);
      return true;
    }
    case kFragment: {
      if (!at.v6 || data.size() < 8) return malformed();
      std::uint16_t offset = u16(data, 2);
      std::uint32_t id = u32(data, 4);
      std::uint8_t next = u8(data, 0);
      data = data.subspan(8);
      at.protocol = next;
      if ((offset & 0xfff9) == 0) return true;  // an atomic fragment
      return fragment(id, offset & 0xfff8u, (offset & 1) != 0, next);
    }
    case kIpInIp:
    case kIpv6InIp:
      at.layer = Layer::kIp;
      return true;
    case kGre: {  // [RFC 2784], [RFC 2890]
      if (data.size() < 4) return malformed();
      std::uint16_t flags = u16(data, 0);
      std::uint16_t type = u16(data, 2);
      std::size_t size = 4u + ((flags & 0x8000) ? 4u : 0u) + ((flags & 0x2000) ? 4u : 0u) +
                         ((flags & 0x1000) ? 4u : 0u);
      if ((flags & 7) != 0 || (flags & 0x4000) || size > data.size()) {
        ++statistics_.other;
        return false;
      }
      data = data.subspan(size);
      at.layer = Layer::kEtherType;
      at.ether_type = type;
      if (type == kEtherErspan && !(flags & 0x1000)) at.ether_type = kEtherBridging;  // type I
      return true;
    }
    default:
      ++statistics_.other;
      return false;
  }
}

Decapsulator::Result Decapsulator::transport(const Cursor& at, TransportPacket& out) {
  Bytes data = at.data;
  std::size_t header = 8;
  bool tcp = at.protocol == kTcp;
  if (tcp) {
    header = data.size() < 20 ? 0 : (u8(data, 12) >> 4) * 4u;
    if (header < 20) {
      ++statistics_.malformed;
      return Result::kNothing;
    }
  }
  if (header > data.size()) {
    ++statistics_.malformed;
    return Result::kNothing;
  }
  out.time = at.time;
  out.source = {at.source, u16(data, 0)};
  out.destination = {at.destination, u16(data, 2)};
  out.payload = data.subspan(header);
  out.payload_length = static_cast<std::uint32_t>(out.payload.size() + at.missing);
  if (at.missing != 0) ++statistics_.cut;
  if (tcp) {
    out.sequence = u32(data, 4);
    out.acknowledgment = u32(data, 8);
    out.flags = u8(data, 13) & 0x3f;
    ++statistics_.tcp;
    return Result::kTcp;
  }
  std::size_t length = u16(data, 4);
  if (length >= 8 && length - 8 < out.payload_length) {
    out.payload_length = static_cast<std::uint32_t>(length - 8);
    out.payload = out.payload.first(std::min<std::size_t>(out.payload.size(), length - 8));
  }
  ++statistics_.udp;
  return Result::kUdp;
}

}  // namespace rpcmarshal
