#include "blobs/tower.h"

#include <array>

#include "base/guid.h"
#include "base/unicode.h"
#include "builtin/embedded.h"
#include "builtin/name_table.h"

namespace rpcmarshal::blobs {
namespace {

// Protocol identifiers ([C706] appendix I, [MS-RPCE] 2.1.1).
enum Protocol : std::uint8_t {
  kTcp = 0x07,
  kUdp = 0x08,
  kIp = 0x09,
  kConnectionless = 0x0A,
  kConnection = 0x0B,
  kLocalRpc = 0x0C,
  kUuid = 0x0D,
  kPipe = 0x0F,
  kLocalPipe = 0x10,
  kNetbios = 0x11,
  kHttp = 0x1F,
};

struct Floor {
  std::uint8_t protocol = 0;
  Bytes left, right;
};

/// Text up to its NUL, Latin-1.
std::string text_of(Bytes bytes) {
  std::size_t length = 0;
  while (length < bytes.size() && bytes[length] != std::byte{0}) ++length;
  std::string out;
  append_utf8_latin1(out, bytes.first(length));
  return out;
}

std::string address_of(Bytes bytes) {
  if (bytes.size() != 4) return {};
  std::string out;
  for (const std::byte b : bytes)
    out += (out.empty() ? "" : ".") + std::to_string(std::to_integer<unsigned>(b));
  return out == "0.0.0.0" ? std::string() : out;  // the server does not say
}

std::string_view sequence(std::uint8_t rpc, std::uint8_t transport) {
  if (rpc == kConnectionless) return transport == kUdp ? "ncadg_ip_udp" : "";
  if (rpc == kLocalRpc) return "ncalrpc";
  switch (transport) {
    case kTcp:
      return "ncacn_ip_tcp";
    case kPipe:
      return "ncacn_np";
    case kLocalPipe:
      return "ncalrpc";
    case kHttp:
      return "ncacn_http";
    default:
      return "";
  }
}

/// From the table of names where it can be: an endpoint mapper mentions dozens of interfaces, and
/// each would have its definition read.
std::string name_of(const SyntaxId& id, const Catalogue* catalogue) {
  static const NameTable table(embedded_names());
  if (const NameTable::Entry* entry = table.find(id.uuid)) return table.name(*entry, id.major);
  const Interface* known = catalogue ? catalogue->find(id.uuid, id.major) : nullptr;
  return known ? known->name : std::string();
}

}  // namespace

std::optional<Item> parse_tower(Bytes octets, const Catalogue* catalogue) {
  ByteReader reader(octets);
  const std::size_t count = reader.u16();
  std::array<Floor, 8> floors;
  std::size_t read = 0;
  for (; read < count && read < floors.size(); ++read) {
    Floor& floor = floors[read];
    floor.left = reader.take(reader.u16());
    floor.right = reader.take(reader.u16());
    if (!reader.ok() || floor.left.empty()) break;
    floor.protocol = std::to_integer<std::uint8_t>(floor.left[0]);
  }
  if (read < 2 || floors[0].protocol != kUuid || floors[1].protocol != kUuid) return std::nullopt;

  // UUID floors: protocol, UUID, major version; and the minor version on the right.
  SyntaxId ids[2];
  for (int i = 0; i < 2; ++i) {
    ByteReader left(floors[i].left), right(floors[i].right);
    left.skip(1);
    ids[i].uuid = Guid::read(left);
    ids[i].major = left.u16();
    ids[i].minor = right.u16();
    if (!left.ok()) return std::nullopt;
  }
  Item tower;
  tower.add("uuid", ids[0].uuid.to_string());
  tower.add("version", std::to_string(ids[0].major) + '.' + std::to_string(ids[0].minor));
  tower.add("interface", name_of(ids[0], catalogue));
  tower.add("syntax", ids[1].uuid == kNdr20Syntax   ? "ndr"
                      : ids[1].uuid == kNdr64Syntax ? "ndr64"
                                                    : ids[1].uuid.to_string());
  if (read >= 4) tower.add("protocol", sequence(floors[2].protocol, floors[3].protocol));
  for (std::size_t i = 3; i < read; ++i) {
    const Floor& floor = floors[i];
    ByteReader right(floor.right, ByteOrder::kBig);  // ports are in network order
    switch (floor.protocol) {
      case kTcp:
      case kUdp:
      case kHttp:
        if (const std::uint16_t port = right.u16(); port != 0)
          tower.add("endpoint", std::to_string(port));
        break;
      case kPipe:
      case kLocalPipe:
        tower.add("endpoint", text_of(floor.right));
        break;
      case kIp:
        tower.add("host", address_of(floor.right));
        break;
      case kNetbios:
        tower.add("host", text_of(floor.right));
        break;
      default:
        break;
    }
  }
  return tower;
}

std::string summarise_tower(const Item& tower) {
  const std::string_view name = tower.value("interface");
  std::string out(name.empty() ? tower.value("uuid") : name);
  out += ' ';
  out += tower.value("protocol");
  out += ':';
  out += tower.value("host");
  if (const auto endpoint = tower.value("endpoint"); !endpoint.empty())
    out += '[' + std::string(endpoint) + ']';
  return out;
}

}  // namespace rpcmarshal::blobs
