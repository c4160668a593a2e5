// MIT keytab files (format 5.2, as ktutil, ktpass, samba-tool and Windows' own tools write them):
// the entries, for Secrets. All integers are big-endian. Sizes are checked; the bytes are not
// trusted.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace rpcmarshal {

struct KeytabEntry {
  std::string principal;  ///< components joined with '/', without the realm
  std::string realm;
  std::uint32_t kvno = 0;
  std::int32_t etype = 0;
  Bytes key;  ///< points into the file
};

/// Calls `entry` for each entry; deleted ones are passed over. Empty when all could be read, else
/// what is wrong, with the byte offset.
std::string read_keytab(Bytes file, const std::function<void(const KeytabEntry&)>& entry);

}  // namespace rpcmarshal
