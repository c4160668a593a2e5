// Stubs of real operations, written by hand, little-endian. Those that have names in them are as
// long as the ones seen on networks.
#pragma once

#include <cstdint>
#include <string>

#include "ndr/program.h"

namespace rpcmarshal::ndr::bench {

struct Stub {
  const char* uuid;
  std::uint16_t version, opnum;
  Half half;
  std::string bytes;
};

/// svcctl.RCreateServiceW as psexec's relatives send it: 520 bytes in NDR.
Stub create_service(Syntax syntax = Syntax::kNdr20);
/// samr.SamrEnumerateUsersInDomain's reply with five accounts: 256 bytes.
Stub enumerate_users();
/// ITaskSchedulerService.SchRpcRegisterTask with 4 KB of XML (2,048 characters).
Stub register_task();
/// srvsvc.NetrShareEnum's reply with 1,000 shares at level 1.
Stub enumerate_shares();
/// drsuapi.IDL_DRSGetNCChanges's reply, version 6: 200 objects, each behind the one before, with
/// twelve attributes and their metadata.
Stub replicate();

}  // namespace rpcmarshal::ndr::bench
