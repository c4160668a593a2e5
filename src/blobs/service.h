// Service configuration as bytes: the registry's FailureActions value, and the buffer that
// RQueryServiceConfig2 fills ([MS-SCMR] 2.2.39 and 2.2.34 with offsets in place of pointers).
// Offsets are from the start; strings end at a NUL.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "blobs/item.h"

namespace rpcmarshal::blobs {

/// What happens when the service fails: reset_period (seconds), command, reboot_message, actions
/// (type: none, restart, reboot, run_command; delay in milliseconds). `wide`: strings are UTF-16.
std::optional<Item> parse_failure_actions(Bytes bytes, bool wide = true);
/// "run_command after 1000 ms: cmd.exe".
std::string summarise_failure_actions(const Item& actions);

/// The description that RQueryServiceConfig2 gives at level 1.
std::optional<Item> parse_service_description(Bytes bytes, bool wide = true);

}  // namespace rpcmarshal::blobs
