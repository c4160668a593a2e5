#include "dcerpc/tower.h"

#include <algorithm>

namespace rpcmarshal {
namespace {

/// Protocol identifiers ([C706] appendix I, [MS-RPCE] 2.2.1.2.5).
enum Protocol : std::uint8_t {
  kUdpPort = 0x08,
  kTcpPort = 0x07,
  kIp = 0x09,
  kUuid = 0x0d,
  kNamedPipe = 0x0f,
  kHttpPort = 0x1f
};

/// Real towers have five or six floors.
constexpr unsigned kMaxFloors = 16;

struct Floor {
  std::uint8_t protocol = 0;
  Bytes left;  ///< without the identifier
  Bytes right;
};

bool read_floor(ByteReader& reader, Floor& out) {
  Bytes left = reader.take(reader.u16());
  out.right = reader.take(reader.u16());
  if (!reader.ok() || left.empty()) return false;
  out.protocol = std::to_integer<std::uint8_t>(left[0]);
  out.left = left.subspan(1);
  return true;
}

bool read_syntax(const Floor& floor, SyntaxId& out) {
  if (floor.protocol != kUuid || floor.left.size() < 18 || floor.right.size() < 2) return false;
  ByteReader left(floor.left);
  out.uuid = Guid::read(left);
  out.major = left.u16();
  out.minor = load<std::uint16_t>(floor.right.data(), ByteOrder::kLittle);
  return true;
}

}  // namespace

std::optional<Tower> parse_tower(Bytes octets) {
  ByteReader reader(octets);
  unsigned count = reader.u16();
  if (!reader.ok() || count < 3 || count > kMaxFloors) return std::nullopt;
  Tower out;
  for (unsigned i = 0; i < count; ++i) {
    Floor floor;
    if (!read_floor(reader, floor)) return std::nullopt;
    if (i == 0 && !read_syntax(floor, out.interface)) return std::nullopt;
    if (i == 1 && !read_syntax(floor, out.transfer)) return std::nullopt;
    if (i < 3) continue;
    switch (floor.protocol) {
      case kTcpPort:
      case kUdpPort:
      case kHttpPort:
        if (floor.right.size() < 2) return std::nullopt;
        out.port = load<std::uint16_t>(floor.right.data(), ByteOrder::kBig);
        out.transport = floor.protocol == kTcpPort   ? Tower::Transport::kTcp
                        : floor.protocol == kUdpPort ? Tower::Transport::kUdp
                                                     : Tower::Transport::kHttp;
        break;
      case kNamedPipe: {
        std::string_view name = as_text(floor.right);
        out.pipe = name.substr(0, name.find('\0'));
        out.transport = Tower::Transport::kPipe;
        break;
      }
      case kIp:
        if (floor.right.size() == 4 &&
            std::ranges::any_of(floor.right, [](std::byte b) { return b != std::byte{0}; })) {
          IpAddress address;
          for (std::size_t j = 0; j < 4; ++j)
            address.bytes[j] = std::to_integer<std::uint8_t>(floor.right[j]);
          out.address = address;
        }
        break;
      default:
        break;
    }
  }
  return out;
}

}  // namespace rpcmarshal
