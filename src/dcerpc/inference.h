// Which interface a call belongs to when its bind was not captured: from the pipe it travels on,
// and where several interfaces share a pipe, from the opnum and the shape of the request's stub. A
// guess that two interfaces fit is not made.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/guid.h"

namespace rpcmarshal {

struct Inference {
  SyntaxId interface;
  const char* how = "";  ///< for Call::inferred
};

/// `pipe` is "\pipe\svcctl", "\PIPE\svcctl" or "svcctl", in any case. `stub` is the request's as
/// far as it is known, empty when sealed or not seen (`stub_known` false).
std::optional<Inference> infer_interface(std::string_view pipe, std::uint16_t opnum, Bytes stub,
                                         bool stub_known, ByteOrder order);

}  // namespace rpcmarshal
