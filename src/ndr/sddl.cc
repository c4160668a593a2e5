// Security descriptors as SDDL ([MS-DTYP] 2.5.1), from the self-relative form ([MS-DTYP] 2.4.6):
// offsets are from its start and little-endian whatever the stub's byte order.
#include <charconv>
#include <utility>

#include "base/guid.h"
#include "base/unicode.h"
#include "ndr/format.h"

namespace rpcmarshal::ndr {
namespace {

constexpr std::size_t kMaxAces = 4096;

struct Alias {
  std::string_view sid, letters;
};
/// Well-known SIDs that have two letters ([MS-DTYP] 2.5.1.1).
constexpr Alias kAliases[] = {
    {"S-1-1-0", "WD"},      {"S-1-3-0", "CO"},      {"S-1-3-1", "CG"},      {"S-1-3-4", "OW"},
    {"S-1-5-2", "NU"},      {"S-1-5-4", "IU"},      {"S-1-5-6", "SU"},      {"S-1-5-7", "AN"},
    {"S-1-5-9", "ED"},      {"S-1-5-10", "PS"},     {"S-1-5-11", "AU"},     {"S-1-5-12", "RC"},
    {"S-1-5-18", "SY"},     {"S-1-5-19", "LS"},     {"S-1-5-20", "NS"},     {"S-1-5-32-544", "BA"},
    {"S-1-5-32-545", "BU"}, {"S-1-5-32-546", "BG"}, {"S-1-5-32-547", "PU"}, {"S-1-5-32-548", "AO"},
    {"S-1-5-32-549", "SO"}, {"S-1-5-32-550", "PO"}, {"S-1-5-32-551", "BO"}, {"S-1-5-32-552", "RE"},
    {"S-1-5-32-554", "RU"}, {"S-1-5-32-555", "RD"}, {"S-1-5-32-556", "NO"}, {"S-1-5-32-558", "MU"},
    {"S-1-5-32-559", "LU"}, {"S-1-16-4096", "LW"},  {"S-1-16-8192", "ME"},  {"S-1-16-8448", "MP"},
    {"S-1-16-12288", "HI"}, {"S-1-16-16384", "SI"}, {"S-1-15-2-1", "AC"},
};

/// [MS-DTYP] 2.4.4.1, by AceType.
constexpr std::string_view kAceTypes[] = {"A",  "D",  "AU", "AL", "",   "OA", "OD", "OU",
                                          "OL", "XA", "XD", "ZA", "ZD", "XU", "XL", "ZU",
                                          "ZL", "ML", "RA", "SP", "TL", "FL"};
constexpr std::pair<std::uint8_t, std::string_view> kAceFlags[] = {
    {0x01, "OI"}, {0x02, "CI"}, {0x04, "NP"}, {0x08, "IO"},
    {0x10, "ID"}, {0x40, "SA"}, {0x80, "FA"}};
/// Access rights in the order SDDL writes them ([MS-DTYP] 2.5.1.1, access mask).
constexpr std::pair<std::uint32_t, std::string_view> kRights[] = {
    {0x10000000, "GA"}, {0x80000000, "GR"}, {0x40000000, "GW"}, {0x20000000, "GX"},
    {0x00000001, "CC"}, {0x00000002, "DC"}, {0x00000004, "LC"}, {0x00000008, "SW"},
    {0x00000010, "RP"}, {0x00000020, "WP"}, {0x00000040, "DT"}, {0x00000080, "LO"},
    {0x00000100, "CR"}, {0x00010000, "SD"}, {0x00020000, "RC"}, {0x00040000, "WD"},
    {0x00080000, "WO"}};
/// Rights of files and registry keys that have a name of their own.
constexpr std::pair<std::uint32_t, std::string_view> kWholeRights[] = {
    {0x001F01FF, "FA"}, {0x00120089, "FR"}, {0x00120116, "FW"}, {0x001200A0, "FX"},
    {0x000F003F, "KA"}, {0x00020019, "KR"}, {0x00020006, "KW"}};

bool append_short_sid(std::string& out, Bytes sid) {
  const std::size_t start = out.size();
  if (!append_sid(out, sid)) return false;
  const std::string_view text = std::string_view(out).substr(start);
  for (const Alias& alias : kAliases) {
    if (text == alias.sid) {
      out.replace(start, std::string::npos, alias.letters);
      return true;
    }
  }
  return true;
}

void append_rights(std::string& out, std::uint32_t mask) {
  for (const auto& [bits, name] : kWholeRights) {
    if (mask == bits) {
      out += name;
      return;
    }
  }
  std::uint32_t left = mask;
  const std::size_t start = out.size();
  for (const auto& [bit, name] : kRights) {
    if (mask & bit) {
      out += name;
      left &= ~bit;
    }
  }
  if (left == 0) return;
  out.resize(start);  // letters cannot say all of it
  char digits[12];
  out += "0x";
  out.append(digits, std::to_chars(digits, digits + sizeof digits, mask, 16).ptr);
}

bool append_ace(std::string& out, std::uint8_t type, std::uint8_t flags, Bytes body) {
  ByteReader reader(body);
  const std::uint32_t mask = reader.u32();
  Guid object{}, inherited{};
  const bool is_object =
      (type >= 5 && type <= 8) || type == 11 || type == 12 || type == 15 || type == 16;
  if (is_object) {
    const std::uint32_t present = reader.u32();
    if (present & 1) object = Guid::read(reader);
    if (present & 2) inherited = Guid::read(reader);
  }
  if (!reader.ok()) return false;
  out += '(';
  if (type < std::size(kAceTypes) && !kAceTypes[type].empty()) {
    out += kAceTypes[type];
  } else {
    char digits[4];
    out += "0x";
    out.append(digits, std::to_chars(digits, digits + sizeof digits, type, 16).ptr);
  }
  out += ';';
  for (const auto& [bit, name] : kAceFlags) {
    if (flags & bit) out += name;
  }
  out += ';';
  if (type == 0x11) {  // mandatory label: a policy, not rights
    if (mask & 1) out += "NW";
    if (mask & 2) out += "NR";
    if (mask & 4) out += "NX";
  } else {
    append_rights(out, mask);
  }
  out += ';';
  if (!object.is_nil()) out += object.to_string();
  out += ';';
  if (!inherited.is_nil()) out += inherited.to_string();
  out += ';';
  const Bytes rest = reader.rest();
  if (!append_short_sid(out, rest)) return false;
  const std::size_t sid_size = 8 + 4 * std::to_integer<std::size_t>(rest[1]);
  if (rest.size() > sid_size && type >= 9 && type != 0x11 && type <= 18) {
    out += ";0x";  // a condition or resource attribute, not taken apart
    append_hex(out, rest.subspan(sid_size));
  }
  out += ')';
  return true;
}

bool append_acl(std::string& out, Bytes descriptor, std::uint32_t offset) {
  if (offset > descriptor.size()) return false;
  ByteReader header(descriptor.subspan(offset));
  header.skip(2);
  const std::size_t size = header.u16();
  const std::size_t count = header.u16();
  header.skip(2);
  if (!header.ok() || size < 8 || size > descriptor.size() - offset || count > kMaxAces)
    return false;
  ByteReader aces(descriptor.subspan(offset + 8, size - 8));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t type = aces.u8();
    const std::uint8_t flags = aces.u8();
    const std::size_t length = aces.u16();
    if (!aces.ok() || length < 4) return false;
    const Bytes body = aces.take(length - 4);
    if (!aces.ok() || !append_ace(out, type, flags, body)) return false;
  }
  return true;
}

}  // namespace

bool append_security_descriptor(std::string& out, Bytes descriptor) {
  const std::size_t start = out.size();
  ByteReader reader(descriptor);
  const std::uint8_t revision = reader.u8();
  reader.skip(1);
  const std::uint16_t control = reader.u16();
  const std::uint32_t owner = reader.u32(), group = reader.u32(), sacl = reader.u32(),
                      dacl = reader.u32();
  constexpr std::uint16_t kSelfRelative = 0x8000;
  if (!reader.ok() || revision != 1 || !(control & kSelfRelative)) return false;
  const auto give_up = [&] {
    out.resize(start);
    return false;
  };
  const auto sid = [&](std::string_view prefix, std::uint32_t offset) {
    if (offset == 0) return true;
    out += prefix;
    return offset <= descriptor.size() && append_short_sid(out, descriptor.subspan(offset));
  };
  const auto list = [&](std::string_view prefix, std::uint32_t offset, unsigned present,
                        unsigned is_protected, unsigned auto_request, unsigned auto_inherited) {
    if (!(control & present)) return true;
    out += prefix;
    if (control & is_protected) out += 'P';
    if (control & auto_request) out += "AR";
    if (control & auto_inherited) out += "AI";
    if (offset == 0) {
      out += "NO_ACCESS_CONTROL";  // a null list: everybody may do everything
      return true;
    }
    return append_acl(out, descriptor, offset);
  };
  if (!sid("O:", owner) || !sid("G:", group)) return give_up();
  if (!list("D:", dacl, 0x0004, 0x1000, 0x0100, 0x0400)) return give_up();
  if (!list("S:", sacl, 0x0010, 0x2000, 0x0200, 0x0800)) return give_up();
  return true;
}

}  // namespace rpcmarshal::ndr
