#include "dcom/objref.h"

#include <algorithm>
#include <charconv>

#include "base/unicode.h"

namespace rpcmarshal::dcom {
namespace {

constexpr std::size_t kMaxBindings = 256;

constexpr Guid kWbemObject{
    0x4590f812, 0x1d3a, 0x11d0, {0x89, 0x1f, 0x00, 0xaa, 0x00, 0x4b, 0x2e, 0x24}};
constexpr Guid kWbemContext{
    0x674b6698, 0xee92, 0x11d0, {0xad, 0x71, 0x00, 0xc0, 0x4f, 0xd8, 0xfd, 0xff}};

struct NamedClass {
  Guid clsid;
  std::string_view name;
};

constexpr NamedClass kClasses[] = {
    // What attackers activate to run commands on another machine.
    {{0x49b2791a, 0xb1ae, 0x4c90, {0x9b, 0x8e, 0xe8, 0x60, 0xba, 0x07, 0xf8, 0x89}},
     "MMC20.Application"},
    {{0x9ba05972, 0xf6a8, 0x11cf, {0xa4, 0x42, 0x00, 0xa0, 0xc9, 0x0a, 0x8f, 0x39}},
     "ShellWindows"},
    {{0xc08afd90, 0xf2a1, 0x11d1, {0x84, 0x55, 0x00, 0xa0, 0xc9, 0x1f, 0x38, 0x80}},
     "ShellBrowserWindow"},
    {{0x13709620, 0xc279, 0x11ce, {0xa4, 0x9e, 0x44, 0x45, 0x53, 0x54, 0x00, 0x00}},
     "Shell.Application"},
    {{0x72c24dd5, 0xd70a, 0x438b, {0x8a, 0x42, 0x98, 0x42, 0x4b, 0x88, 0xaf, 0xb8}},
     "WScript.Shell"},
    {{0x3050f4d8, 0x98b5, 0x11cf, {0xbb, 0x82, 0x00, 0xaa, 0x00, 0xbd, 0xce, 0x0b}}, "htafile"},
    {ole_guid(0x00024500), "Excel.Application"},
    {ole_guid(0x000209ff), "Word.Application"},
    {ole_guid(0x0006f03a), "Outlook.Application"},
    {ole_guid(0x00021a20), "Visio.Application"},
    {ole_guid(0x0002df01), "InternetExplorer.Application"},
    {{0x91493441, 0x5a91, 0x11cf, {0x87, 0x00, 0x00, 0xaa, 0x00, 0x60, 0x26, 0x3b}},
     "PowerPoint.Application"},
    {{0x73a4c9c1, 0xd68d, 0x11d0, {0x98, 0xbf, 0x00, 0xa0, 0xc9, 0x0d, 0xc8, 0xd9}},
     "Access.Application"},
    {{0x0f87369f, 0xa4e5, 0x4cfc, {0xbd, 0x3e, 0x73, 0xe6, 0x15, 0x45, 0x72, 0xdd}},
     "Schedule.Service"},
    {{0x4991d34b, 0x80a1, 0x4291, {0x83, 0xb6, 0x33, 0x28, 0x36, 0x6b, 0x90, 0x97}},
     "BackgroundCopyManager"},
    {ole_guid(0x000c101c), "MsiServer"},
    // WMI.
    {{0x8bc3f05e, 0xd86b, 0x11d0, {0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20}},
     "WbemLevel1Login"},
    {{0x76a64158, 0xcb41, 0x11d1, {0x8b, 0x02, 0x00, 0x60, 0x08, 0x06, 0xd9, 0xb6}},
     "WbemScripting.SWbemLocator"},
    {kWbemObject, "WbemClassObject"},
    {kWbemContext, "WbemContext"},
    // Administration over DCOM.
    {{0xd99e6e73, 0xfc88, 0x11d0, {0xb4, 0x98, 0x00, 0xa0, 0xc9, 0x03, 0x12, 0xf3}}, "CertAdminD"},
    {{0xd99e6e74, 0xfc88, 0x11d0, {0xb4, 0x98, 0x00, 0xa0, 0xc9, 0x03, 0x12, 0xf3}},
     "CertRequestD"},
    {{0x182c40f0, 0x32e4, 0x11d0, {0x81, 0x8b, 0x00, 0xa0, 0xc9, 0x23, 0x1c, 0x29}},
     "COMAdmin.CatalogServer"},
    {{0x9c38ed61, 0xd565, 0x4728, {0xae, 0xee, 0xc8, 0x09, 0x52, 0xf0, 0xec, 0xde}}, "VdsLoader"},
    {{0x0b5a2c52, 0x3eb9, 0x470a, {0x96, 0xe2, 0x6c, 0x6d, 0x45, 0x70, 0xe4, 0x0f}},
     "VssSnapshotMgmt"},
    {{0x03837521, 0x098b, 0x11d8, {0x94, 0x14, 0x50, 0x50, 0x54, 0x50, 0x30, 0x30}},
     "PLA.DataCollectorSet"},
    {{0x854a20fb, 0x2d44, 0x457d, {0x99, 0x2f, 0xef, 0x13, 0x78, 0x5d, 0x2b, 0x51}}, "PrintNotify"},
    // The protocol's own.
    {ole_guid(0x00000338), "ActivationPropertiesIn"},
    {ole_guid(0x00000339), "ActivationPropertiesOut"},
    {ole_guid(0x0000033a), "InProcFreeMarshaler"},
};

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

std::string_view class_name(const Guid& clsid) {
  for (const NamedClass& known : kClasses) {
    if (known.clsid == clsid) return known.name;
  }
  return {};
}

Guid clsid_wbem_object() { return kWbemObject; }
Guid clsid_wbem_context() { return kWbemContext; }
Guid clsid_activation_properties_in() { return ole_guid(0x00000338); }
Guid clsid_activation_properties_out() { return ole_guid(0x00000339); }

}  // namespace rpcmarshal::dcom
