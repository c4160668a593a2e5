// Finds the hosts of UNC paths in text: where a forced authentication would go, or where a service
// binary would be loaded from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rpcmarshal {

inline constexpr std::size_t kMaxUncHosts = 16;

/// Appends the host of every UNC path in `utf8`, unless it is already in `hosts` (ignoring case):
/// `\\host`, `\\host\share\...`, `\\host@port\...`, `\\;LanmanRedirector\host\...` anywhere;
/// written with slashes (`//host/share`, `\/host\share`) where a word begins; by way of the object
/// manager `\\?\UNC\host\...`, `\\.\GLOBALROOT\Device\Mup\host\...`, and at the text's beginning
/// `\??\UNC\host\...`, `\Device\Mup\host\...`. Other device paths (`\\.\pipe\x`, `\\?\C:\x`) have
/// no host. A host is written as it stands there (`host.`, `host@SSL@443`). At most kMaxUncHosts
/// are kept.
void append_unc_hosts(std::vector<std::string>& hosts, std::string_view utf8);

}  // namespace rpcmarshal
