#include "security/netlogon.h"

#include "base/unicode.h"

namespace rpcmarshal {
namespace {

// Flags ([MS-NRPC] 2.2.1.3.1): which names follow, in this order.
constexpr std::uint32_t kNetbiosDomain = 0x01;        // OEM, NUL-terminated
constexpr std::uint32_t kNetbiosComputer = 0x02;      // OEM, NUL-terminated
constexpr std::uint32_t kDnsDomain = 0x04;            // compressed UTF-8 ([RFC1035] 4.1.4)
constexpr std::uint32_t kDnsHost = 0x08;              // compressed UTF-8
constexpr std::uint32_t kNetbiosComputerUtf8 = 0x10;  // compressed UTF-8

constexpr std::size_t kMaxName = 255;

bool read_oem(ByteReader& reader, std::string& out) {
  std::string raw;
  while (reader.remaining() > 0 && raw.size() <= kMaxName) {
    char c = static_cast<char>(reader.u8());
    if (c == '\0') {
      append_utf8_latin1(out, as_bytes(raw));
      return true;
    }
    raw.push_back(c);
  }
  return false;
}

/// A name as a sequence of length-prefixed labels; a pointer (two high bits set) continues at an
/// offset from the start of `names`. Pointers must go backwards, so this ends.
bool read_compressed(ByteReader& reader, Bytes names, std::string& out) {
  std::size_t limit = reader.offset();  // pointers must lead below this
  bool jumped = false;
  ByteReader labels = reader;
  while (true) {
    std::uint8_t length = labels.u8();
    if (!labels.ok()) return false;
    if (!jumped) reader = labels;
    if (length == 0) return true;
    if ((length & 0xc0) == 0xc0) {
      std::size_t offset = (length & 0x3fu) << 8 | labels.u8();
      if (!labels.ok() || offset >= limit) return false;
      if (!jumped) reader = labels;
      jumped = true;
      limit = offset;
      labels = ByteReader(names);
      labels.seek(offset);
      continue;
    }
    if ((length & 0xc0) != 0) return false;
    Bytes label = labels.take(length);
    if (!labels.ok() || out.size() + length + 1 > kMaxName) return false;
    if (!jumped) reader = labels;
    if (!out.empty()) out += '.';
    out += as_text(label);
  }
}

}  // namespace

std::optional<NetlogonMessage> parse_netlogon(Bytes token) {
  ByteReader header(token);
  std::uint32_t type = header.u32();
  NetlogonMessage out;
  out.flags = header.u32();
  if (!header.ok() || type > 1 || (out.flags & ~0x1fu) != 0) return std::nullopt;
  out.request = type == 0;
  Bytes names = header.rest();
  ByteReader reader(names);
  std::string utf8_computer;
  if ((out.flags & kNetbiosDomain) && !read_oem(reader, out.netbios_domain)) return std::nullopt;
  if ((out.flags & kNetbiosComputer) && !read_oem(reader, out.netbios_computer))
    return std::nullopt;
  if ((out.flags & kDnsDomain) && !read_compressed(reader, names, out.dns_domain))
    return std::nullopt;
  if ((out.flags & kDnsHost) && !read_compressed(reader, names, out.dns_host)) return std::nullopt;
  if (out.flags & kNetbiosComputerUtf8) {
    if (!read_compressed(reader, names, utf8_computer)) return std::nullopt;
    if (out.netbios_computer.empty()) out.netbios_computer = std::move(utf8_computer);
  }
  return out;
}

}  // namespace rpcmarshal
