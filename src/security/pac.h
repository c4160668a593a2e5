// The PAC of a Windows ticket ([MS-PAC]): the client's SID and those of its groups, from
// KERB_VALIDATION_INFO (2.5). Its signatures are not checked: the ticket around it was sealed with
// a key of ours.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace rpcmarshal {

struct PacInside {
  std::string sid;                  ///< of the client
  std::vector<std::string> groups;  ///< at most kMaxPacGroups
};
inline constexpr std::size_t kMaxPacGroups = 64;

/// nullopt when there is no readable KERB_VALIDATION_INFO in it.
std::optional<PacInside> parse_pac(Bytes pac);

}  // namespace rpcmarshal
