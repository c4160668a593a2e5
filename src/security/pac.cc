#include "security/pac.h"

#include <array>

namespace rpcmarshal {
namespace {

constexpr std::uint32_t kLogonInfo = 1;  // PAC_INFO_BUFFER.ulType ([MS-PAC] 2.4)
constexpr std::uint32_t kMaxBuffers = 64;
constexpr std::uint32_t kMaxMembers = 4096;

/// An NDR string behind a pointer: maximum, offset, actual count, UTF-16.
void skip_string(ByteReader& reader) {
  reader.align(4);
  reader.skip(8);
  const std::uint32_t count = reader.u32();
  reader.skip(std::size_t{count} * 2);
}

/// RPC_SID behind a pointer: the conformance, then the SID. Empty when it is none.
std::string read_sid(ByteReader& reader) {
  reader.align(4);
  const std::uint32_t conformance = reader.u32();
  const unsigned revision = reader.u8(), count = reader.u8();
  if (revision != 1 || count > 15 || conformance != count) return {};
  std::uint64_t authority = 0;
  for (int i = 0; i < 6; ++i) authority = authority << 8 | reader.u8();
  std::string sid = "S-1-" + std::to_string(authority);
  for (unsigned i = 0; i < count; ++i) sid += '-' + std::to_string(reader.u32());
  return reader.ok() ? sid : std::string();
}

using Rids = std::vector<std::uint32_t>;

/// An array of GROUP_MEMBERSHIP: relative identifier, attributes.
void read_rids(ByteReader& reader, Rids& out) {
  reader.align(4);
  const std::uint32_t count = reader.u32();
  for (std::uint32_t i = 0; i < count && i < kMaxMembers && reader.ok(); ++i) {
    const std::uint32_t rid = reader.u32();
    reader.skip(4);
    if (reader.ok()) out.push_back(rid);
  }
}

bool read_logon_info(Bytes data, PacInside& out) {
  ByteReader reader(data);
  // Type serialization version 1 ([MS-RPCE] 2.2.6): two headers, then a pointer to the structure.
  if (reader.u8() != 1 || reader.u8() != 0x10) return false;
  reader.seek(16);
  if (reader.u32() == 0) return false;
  const std::size_t base = reader.offset();
  const auto u32_at = [&](std::size_t at) {
    ByteReader field(data);
    field.seek(base + at);
    return field.u32();
  };
  constexpr std::size_t kSize = 216;
  if (data.size() < base + kSize) return false;
  const std::uint32_t user = u32_at(100);
  reader.seek(base + kSize);
  // What pointers lead to follows in their order; RPC_UNICODE_STRING has its pointer at 4.
  constexpr std::array<std::size_t, 6> kNames{48, 56, 64, 72, 80, 88};
  for (const std::size_t name : kNames) {
    if (u32_at(name + 4) != 0) skip_string(reader);
  }
  Rids groups, resources;
  if (u32_at(112) != 0) read_rids(reader, groups);
  if (u32_at(140) != 0) skip_string(reader);  // LogonServer
  if (u32_at(148) != 0) skip_string(reader);  // LogonDomainName
  const std::string domain = u32_at(152) != 0 ? read_sid(reader) : std::string();
  if (!reader.ok() || domain.empty()) return false;
  out.sid = domain + '-' + std::to_string(user);
  const auto add = [&](std::string sid) {
    if (!sid.empty() && out.groups.size() < kMaxPacGroups) out.groups.push_back(std::move(sid));
  };
  for (const std::uint32_t rid : groups) add(domain + '-' + std::to_string(rid));
  if (u32_at(200) != 0) {  // ExtraSids: pointers and attributes, then the SIDs
    reader.align(4);
    const std::uint32_t count = reader.u32();
    if (count > kMaxMembers) return true;
    std::uint32_t present = 0;
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
      present += reader.u32() != 0;
      reader.skip(4);
    }
    for (std::uint32_t i = 0; i < present && reader.ok(); ++i) add(read_sid(reader));
  }
  if (u32_at(204) != 0) {
    const std::string resource_domain = read_sid(reader);
    if (u32_at(212) != 0 && reader.ok()) read_rids(reader, resources);
    for (const std::uint32_t rid : resources)
      if (!resource_domain.empty()) add(resource_domain + '-' + std::to_string(rid));
  }
  return true;
}

}  // namespace

std::optional<PacInside> parse_pac(Bytes pac) {
  ByteReader reader(pac);
  const std::uint32_t count = reader.u32();
  if (reader.u32() != 0 || count > kMaxBuffers) return std::nullopt;  // version
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    const std::uint32_t type = reader.u32();
    const std::uint32_t size = reader.u32();
    const std::uint64_t offset = reader.u64();
    if (!reader.ok() || offset > pac.size() || size > pac.size() - offset) return std::nullopt;
    PacInside out;
    if (type == kLogonInfo && read_logon_info(pac.subspan(offset, size), out)) return out;
  }
  return std::nullopt;
}

}  // namespace rpcmarshal
