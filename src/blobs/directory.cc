#include "blobs/directory.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace rpcmarshal::blobs {
namespace {

/// The prefixes of attributes in the table every directory starts with.
struct KnownPrefix {
  std::uint32_t index;
  std::string_view oid;
};
constexpr KnownPrefix kPrefixes[] = {
    {0, "2.5.4"},
    {1, "2.5.6"},
    {2, "1.2.840.113556.1.2"},
    {3, "1.2.840.113556.1.3"},
    {8, "2.5.5"},
    {9, "1.2.840.113556.1.4"},
    {10, "1.2.840.113556.1.5"},
    {19, "0.9.2342.19200300.100"},
    {20, "2.16.840.1.113730.3"},
    {21, "0.9.2342.19200300.100.1"},
    {22, "2.16.840.1.113730.3.1"},
    {23, "1.2.840.113556.1.5.7000"},
    {24, "2.5.21"},
    {25, "2.5.18"},
    {26, "2.5.20"},
};

/// Attributes an analyst asks about, by object identifier, sorted.
struct Known {
  std::string_view oid, name;
};
constexpr auto kNames = [] {
  std::array names{
      Known{"2.5.4.0", "objectClass"},
      Known{"2.5.4.3", "cn"},
      Known{"2.5.4.10", "o"},
      Known{"2.5.4.11", "ou"},
      Known{"2.5.4.13", "description"},
      Known{"2.5.4.31", "member"},
      Known{"2.5.4.42", "givenName"},
      Known{"2.5.4.4", "sn"},
      Known{"0.9.2342.19200300.100.1.3", "mail"},
      Known{"1.2.840.113556.1.2.1", "instanceType"},
      Known{"1.2.840.113556.1.2.2", "whenCreated"},
      Known{"1.2.840.113556.1.2.3", "whenChanged"},
      Known{"1.2.840.113556.1.2.13", "displayName"},
      Known{"1.2.840.113556.1.2.48", "isDeleted"},
      Known{"1.2.840.113556.1.2.102", "memberOf"},
      Known{"1.2.840.113556.1.2.281", "nTSecurityDescriptor"},
      Known{"1.2.840.113556.1.4.1", "name"},
      Known{"1.2.840.113556.1.4.2", "objectGUID"},
      Known{"1.2.840.113556.1.4.8", "userAccountControl"},
      Known{"1.2.840.113556.1.4.27", "currentValue"},
      Known{"1.2.840.113556.1.4.44", "homeDirectory"},
      Known{"1.2.840.113556.1.4.55", "dBCSPwd"},
      Known{"1.2.840.113556.1.4.62", "scriptPath"},
      Known{"1.2.840.113556.1.4.64", "logonHours"},
      Known{"1.2.840.113556.1.4.65", "logonWorkstation"},
      Known{"1.2.840.113556.1.4.90", "unicodePwd"},
      Known{"1.2.840.113556.1.4.94", "ntPwdHistory"},
      Known{"1.2.840.113556.1.4.96", "pwdLastSet"},
      Known{"1.2.840.113556.1.4.98", "primaryGroupID"},
      Known{"1.2.840.113556.1.4.100", "priorValue"},
      Known{"1.2.840.113556.1.4.125", "supplementalCredentials"},
      Known{"1.2.840.113556.1.4.129", "trustAuthIncoming"},
      Known{"1.2.840.113556.1.4.132", "trustDirection"},
      Known{"1.2.840.113556.1.4.133", "trustPartner"},
      Known{"1.2.840.113556.1.4.135", "trustAuthOutgoing"},
      Known{"1.2.840.113556.1.4.136", "trustType"},
      Known{"1.2.840.113556.1.4.146", "objectSid"},
      Known{"1.2.840.113556.1.4.150", "adminCount"},
      Known{"1.2.840.113556.1.4.159", "accountExpires"},
      Known{"1.2.840.113556.1.4.160", "lmPwdHistory"},
      Known{"1.2.840.113556.1.4.221", "sAMAccountName"},
      Known{"1.2.840.113556.1.4.302", "sAMAccountType"},
      Known{"1.2.840.113556.1.4.375", "systemFlags"},
      Known{"1.2.840.113556.1.4.470", "trustAttributes"},
      Known{"1.2.840.113556.1.4.511", "flatName"},
      Known{"1.2.840.113556.1.4.539", "initialAuthIncoming"},
      Known{"1.2.840.113556.1.4.540", "initialAuthOutgoing"},
      Known{"1.2.840.113556.1.4.609", "sIDHistory"},
      Known{"1.2.840.113556.1.4.619", "dNSHostName"},
      Known{"1.2.840.113556.1.4.656", "userPrincipalName"},
      Known{"1.2.840.113556.1.4.771", "servicePrincipalName"},
      Known{"1.2.840.113556.1.4.782", "objectCategory"},
      Known{"1.2.840.113556.1.4.891", "gPLink"},
      Known{"1.2.840.113556.1.4.892", "gPOptions"},
      Known{"1.2.840.113556.1.4.1787", "msDS-AllowedToDelegateTo"},
      Known{"1.2.840.113556.1.4.2182", "msDS-AllowedToActOnBehalfOfOtherIdentity"},
      Known{"1.2.840.113556.1.4.2196", "msDS-ManagedPassword"},
      Known{"1.2.840.113556.1.4.2197", "msDS-ManagedPasswordId"},
      Known{"1.2.840.113556.1.4.2198", "msDS-ManagedPasswordPreviousId"},
      Known{"1.2.840.113556.1.4.2200", "msDS-GroupMSAMembership"},
      Known{"1.2.840.113556.1.4.2328", "msDS-KeyCredentialLink"},
  };
  std::ranges::sort(names, {}, &Known::oid);
  return names;
}();

constexpr std::string_view kSecret[] = {
    "currentValue",      "dBCSPwd",           "initialAuthIncoming", "initialAuthOutgoing",
    "lmPwdHistory",      "ntPwdHistory",      "priorValue",          "supplementalCredentials",
    "trustAuthIncoming", "trustAuthOutgoing", "unicodePwd"};

/// Dotted form of the content of a BER object identifier; empty when it is none.
std::string dotted(Bytes ber) {
  std::string out;
  std::uint64_t value = 0;
  bool open = false;
  for (const std::byte b : ber) {
    const auto octet = std::to_integer<unsigned>(b);
    if (value >> 50) return {};  // no arc is that large
    value = value << 7 | (octet & 0x7F);
    open = (octet & 0x80) != 0;
    if (open) continue;
    if (out.empty()) {  // the first two arcs share a number ([X.690] 8.19.4)
      const std::uint64_t first = value < 80 ? value / 40 : 2;
      out = std::to_string(first) + '.' + std::to_string(value - first * 40);
    } else {
      out += '.' + std::to_string(value);
    }
    value = 0;
  }
  return open ? std::string() : out;
}

}  // namespace

std::string attribute_oid(std::uint32_t attribute, const PrefixTable& table) {
  const std::uint32_t index = attribute >> 16;
  std::uint32_t last = attribute & 0xFFFF;
  const auto entry = std::ranges::find(table, index, &PrefixTable::value_type::first);
  if (entry != table.end() && !entry->second.empty() && entry->second.size() <= 64) {
    std::string prefix(as_text(entry->second));
    if (last < 128) {
      prefix += static_cast<char>(last);
    } else {
      last &= 0x7FFF;  // the top bit says that the end is longer than its two bytes tell
      prefix += static_cast<char>((last >> 7 & 0x7F) | 0x80);
      prefix += static_cast<char>(last & 0x7F);
    }
    return dotted(as_bytes(std::string_view(prefix)));
  }
  for (const KnownPrefix& known : kPrefixes) {
    if (known.index == index)
      return std::string(known.oid) + '.' + std::to_string(last < 128 ? last : last & 0x7FFF);
  }
  return {};
}

std::string attribute_name(std::uint32_t attribute, const PrefixTable& table) {
  std::string oid = attribute_oid(attribute, table);
  const auto known = std::ranges::lower_bound(kNames, std::string_view(oid), {}, &Known::oid);
  if (known != kNames.end() && known->oid == oid) return std::string(known->name);
  if (!oid.empty()) return oid;
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", static_cast<unsigned>(attribute));
  return text;
}

bool is_secret_attribute(std::string_view name) {
  return std::ranges::find(kSecret, name) != std::end(kSecret);
}

}  // namespace rpcmarshal::blobs
