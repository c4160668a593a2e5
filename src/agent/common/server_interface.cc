#include "agent/common/server_interface.h"

#include <cstring>

namespace rpcmarshal::agent {

std::optional<RpcServerInterface> interface_at(const std::byte* at) {
  // Compared before it is believed to be a structure: most memory is none.
  if (load<std::uint32_t>(at, ByteOrder::kLittle) != sizeof(RpcServerInterface))
    return std::nullopt;
  RpcServerInterface candidate;
  std::memcpy(&candidate, at, sizeof candidate);
  if (candidate.interface_id.uuid.is_nil() || !candidate.dispatch_table) return std::nullopt;
  return candidate;
}

bool names_transfer_syntax(const RpcServerInterface& candidate) {
  const Guid& uuid = candidate.transfer_syntax.uuid;
  return uuid == kNdr20Syntax || uuid == kNdr64Syntax;
}

}  // namespace rpcmarshal::agent
