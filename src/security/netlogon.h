// The Netlogon secure channel's binding token, NL_AUTH_MESSAGE ([MS-NRPC] 2.2.1.3.1): the machine
// that is speaking, as it names itself.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace rpcmarshal {

struct NetlogonMessage {
  bool request = false;  ///< MessageType 0, from the client; else 1, the server's answer
  std::uint32_t flags = 0;
  std::string netbios_domain;  ///< all as UTF-8; empty when not sent
  std::string netbios_computer;
  std::string dns_domain;
  std::string dns_host;
};

/// nullopt when the token is short, of another type, or a name in it does not end.
std::optional<NetlogonMessage> parse_netlogon(Bytes token);

}  // namespace rpcmarshal
