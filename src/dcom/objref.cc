#include "dcom/objref.h"

#include <algorithm>
#include <charconv>

#include "base/unicode.h"

namespace rpcmarshal::dcom {
namespace {

constexpr std::size_t kMaxBindings = 256;

/// 16-bit units, as a DUALSTRINGARRAY holds them.
struct Units {
  Bytes bytes;
  ByteOrder order;
  std::uint16_t operator[](std::size_t at) const {
    return load<std::uint16_t>(bytes.data() + at * 2, order);
  }
  /// The NUL-terminated text at `at`, which moves behind it. False when it does not end before
  /// `end`.
  bool text(std::size_t& at, std::size_t end, std::string& out) const {
    std::size_t stop = at;
    while (stop < end && (*this)[stop] != 0) ++stop;
    if (stop >= end) return false;
    append_utf8(out, bytes.subspan(at * 2, (stop - at) * 2), order);
    at = stop + 1;
    return true;
  }
};

}  // namespace

std::string_view StringBinding::host() const {
  const std::string_view all = address;
  return all.ends_with(']') ? all.substr(0, all.rfind('[')) : all;
}

std::uint16_t StringBinding::port() const {
  const std::size_t open = address.rfind('[');
  std::uint16_t port = 0;
  if (open == std::string::npos || !address.ends_with(']')) return 0;
  std::from_chars(address.data() + open + 1, address.data() + address.size() - 1, port);
  return port;
}

std::string_view tower_name(std::uint16_t tower) {
  switch (tower) {
    case 0x07:
      return "ncacn_ip_tcp";
    case 0x08:
      return "ncadg_ip_udp";
    case 0x0F:
      return "ncacn_np";
    case 0x1F:
      return "ncacn_http";
    default:
      return {};
  }
}

bool read_dual_strings(Bytes bytes, DualStrings& out) {
  ByteReader r(bytes);
  const std::uint16_t entries = r.u16(), security = r.u16();
  const Bytes array = r.take(std::size_t{entries} * 2);
  return r.ok() && read_dual_strings(array, security, ByteOrder::kLittle, out);
}

bool read_dual_strings(Bytes array, std::size_t security, ByteOrder order, DualStrings& out) {
  const std::size_t entries = array.size() / 2;
  if (security > entries) return false;
  const Units units{array, order};
  std::size_t at = 0;
  while (at < security && units[at] != 0) {
    if (out.bindings.size() >= kMaxBindings) return false;
    StringBinding binding;
    binding.tower = units[at++];
    if (!units.text(at, security, binding.address)) return false;
    out.bindings.push_back(std::move(binding));
  }
  at = security;
  while (at < entries && units[at] != 0) {
    if (out.security.size() >= kMaxBindings || at + 2 > entries) return false;
    SecurityBinding binding;
    binding.service = units[at];
    at += 2;  // and Reserved
    if (!units.text(at, entries, binding.principal)) return false;
    out.security.push_back(std::move(binding));
  }
  return true;
}

bool read_objref(Bytes bytes, ObjRef& out) {
  out = {};
  ByteReader r(bytes);
  if (r.u32() != kObjRefSignature) return false;
  const std::uint32_t kind = r.u32();
  if (kind != 1 && kind != 2 && kind != 4 && kind != 8) return false;
  out.kind = static_cast<ObjRef::Kind>(kind);
  out.iid = Guid::read(r);
  if (out.kind == ObjRef::Kind::kCustom) {
    out.clsid = Guid::read(r);
    r.skip(8);  // cbExtension, and a size that is not to be relied on (2.2.18.6)
    if (!r.ok()) return false;
    out.data = r.rest();
    return true;
  }
  out.flags = r.u32();
  out.references = r.u32();
  out.oxid = r.u64();
  out.oid = r.u64();
  out.ipid = Guid::read(r);
  if (out.kind == ObjRef::Kind::kHandler) out.clsid = Guid::read(r);
  if (out.kind == ObjRef::Kind::kExtended) r.skip(4);  // Signature1
  if (!r.ok()) return false;
  const Bytes rest = bytes.subspan(r.offset());
  if (!read_dual_strings(rest, out.resolver)) return false;
  if (out.kind == ObjRef::Kind::kExtended) {
    const std::size_t strings = 4 + std::size_t{2} * ByteReader(rest).u16();
    out.data = rest.subspan(std::min(strings, rest.size()));
  }
  return true;
}

}  // namespace rpcmarshal::dcom
