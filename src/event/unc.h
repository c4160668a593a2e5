// Finds the hosts of UNC paths in text: where a forced authentication would go, or where a service
// binary would be loaded from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rpcmarshal {

/// Appends the host of every UNC path (`\\host`, `\\host\share\...`, `\\host@port\...`,
/// `\\?\UNC\host\...`) anywhere in `utf8`, unless it is already in `hosts` (ignoring case). Device
/// paths (`\\.\pipe\x`, `\\?\C:\x`) have no host. At most 16 hosts are kept.
void append_unc_hosts(std::vector<std::string>& hosts, std::string_view utf8);

}  // namespace rpcmarshal
