#include "security/keytab.h"

namespace rpcmarshal {
namespace {

constexpr std::size_t kMaxKey = 64;
constexpr unsigned kMaxComponents = 16;

bool read_entry(Bytes data, KeytabEntry& out) {
  ByteReader reader(data, ByteOrder::kBig);
  const unsigned components = reader.u16();
  if (components == 0 || components > kMaxComponents) return false;
  const auto text = [&] {
    const std::size_t size = reader.u16();
    return as_text(reader.take(size));
  };
  out.realm = text();
  out.principal.clear();
  for (unsigned i = 0; i < components && reader.ok(); ++i) {
    if (i > 0) out.principal += '/';
    out.principal += text();
  }
  reader.skip(8);  // name type, timestamp
  out.kvno = reader.u8();
  out.etype = reader.u16();
  const std::size_t size = reader.u16();
  out.key = reader.take(size);
  if (!reader.ok() || out.key.empty() || out.key.size() > kMaxKey) return false;
  // A 32-bit version follows in newer files; all zero, it is padding.
  if (reader.remaining() >= 4) {
    if (const std::uint32_t kvno = reader.u32(); kvno != 0) out.kvno = kvno;
  }
  return true;
}

}  // namespace

std::string read_keytab(Bytes file, const std::function<void(const KeytabEntry&)>& entry) {
  ByteReader reader(file, ByteOrder::kBig);
  const unsigned version = reader.u16();
  if (!reader.ok() || version != 0x0502) {
    return version == 0x0501 ? "this keytab is of the old format 5.1; write it anew with ktutil"
                             : "this is no keytab (it does not start with 05 02)";
  }
  KeytabEntry current;
  while (reader.remaining() >= 4) {
    const std::string at = "offset " + std::to_string(reader.offset());
    const auto size = static_cast<std::int32_t>(reader.u32());
    if (size == 0) break;  // the rest is unused space
    const auto length = static_cast<std::size_t>(size < 0 ? -std::int64_t{size} : size);
    if (length > reader.remaining()) return at + ": the entry goes beyond the end of the file";
    const Bytes data = reader.take(length);
    if (size < 0) continue;
    if (!read_entry(data, current)) return at + ": an entry that cannot be read";
    entry(current);
  }
  return {};
}

}  // namespace rpcmarshal
