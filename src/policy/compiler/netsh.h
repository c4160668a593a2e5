// Rules as native RPC filters of Windows, for processes that no hook can enter (services.exe,
// LSASS): those that ask for nothing but interface, operation number, user, address, pipe, protocol
// and protection level. Filters have no order of their own, so a rule is exported only when it
// means the same without the rules that are not.
//
// [Microsoft: netsh rpc filter; FWPM_LAYER_RPC_UM]. Operation numbers are filtered by Windows 11
// 24H2 and Server 2025; versions from Server 2019 on take the condition and ignore it, which would
// block the whole interface; older ones refuse it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lint/operations.h"
#include "policy/compiler/model.h"

namespace rpcmarshal::policy {

struct NetshRefusal {
  std::string rule;
  std::uint32_t line = 0;
  std::string why;
};

struct NetshExport {
  std::string script;  ///< for `netsh -f FILE`
  std::vector<NetshRefusal> refused;
  std::size_t exported = 0, filters = 0;
};

/// `by_opnum`: for Windows versions that filter by operation number; else such rules are refused.
NetshExport export_netsh(const PolicyModel& policy, const lint::Operations& operations,
                         bool by_opnum, std::int64_t now);

}  // namespace rpcmarshal::policy
