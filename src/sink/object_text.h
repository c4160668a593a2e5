// A DCOM call the way a programmer would write it: WMI's class, method and parameters, an
// automation object's member and arguments, what an activation creates.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "event/event.h"

namespace rpcmarshal {

/// Writes an argument as text.
using Shown = std::function<std::string(const ndr::Value&)>;

struct ObjectLine {
  std::string place;                   ///< "WMI \\FS1\root\cimv2", "DCOM"
  std::string subject;                 ///< "Win32_Process.Create"
  std::vector<std::string> arguments;  ///< "CommandLine=\"...\""
  /// What came back, when it is better said so than by the response's parameters: "0",
  /// "ProcessId=4312". Empty otherwise.
  std::vector<std::string> results;
};

/// `shown` writes an automation argument. nullopt when there is nothing better than the call
/// itself.
std::optional<ObjectLine> object_line(const Event& event, const Shown& shown);

/// "<object 1f2e3d4c… at FS1>", "<WbemClassObject, 1837 bytes>".
std::string objref_text(Bytes objref);
/// "[ncacn_ip_tcp:FS1[49667], ...]" of a DUALSTRINGARRAY (semantic "bindings").
std::string bindings_text(const ndr::Value& strings);

}  // namespace rpcmarshal
