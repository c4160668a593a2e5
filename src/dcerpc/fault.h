// Fault status codes ([MS-RPCE] 2.2.2.x, [C706] appendix E) as far as calls are classified by them.
#pragma once

#include <cstdint>

namespace rpcmarshal {

/// Access was refused: nca_s_fault_access_denied (which is ERROR_ACCESS_DENIED), E_ACCESSDENIED as
/// DCOM servers raise it, or STATUS_ACCESS_DENIED.
constexpr bool is_access_denied(std::uint32_t status) {
  return status == 0x00000005 || status == 0x80070005 || status == 0xc0000022;
}

}  // namespace rpcmarshal
