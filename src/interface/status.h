// Names of the numbers that procedures and servers return: Win32 errors, NTSTATUS, HRESULT, and the
// status of a DCE/RPC fault. Every function returns a view of static storage, valid for ever, and
// an empty view when the number has no name. Nothing allocates or throws.
//
// Which of the four a procedure's result is, its interface says: /*@status("win32")*/ and the like.
#pragma once

#include <cstdint>
#include <string_view>

namespace rpcmarshal {

/// A Win32 error ([MS-ERREF] 2.2) or LAN Manager's NERR_* (2100 to 2999): 5 is ERROR_ACCESS_DENIED.
std::string_view win32_name(std::uint32_t code);

/// An NTSTATUS ([MS-ERREF] 2.3): 0xC0000022 is STATUS_ACCESS_DENIED.
std::string_view ntstatus_name(std::uint32_t code);

/// An HRESULT ([MS-ERREF] 2.1): 0x80041003 is WBEM_E_ACCESS_DENIED. A wrapped Win32 error
/// (0x8007nnnn) or NTSTATUS (bit 28 set) without a name of its own has the name of what it wraps.
std::string_view hresult_name(std::uint32_t code);

/// The status field of a fault PDU ([C706] appendix E, [MS-RPCE] 2.2.2.8): 0x1C010002 is
/// nca_s_op_rng_error. Windows also sends Win32 errors, NTSTATUS and HRESULTs there; they have
/// their own names.
std::string_view fault_name(std::uint32_t code);

/// What an integer result means.
enum class StatusKind : std::uint8_t { kNone, kWin32, kNtStatus, kHresult };

/// "win32", "ntstatus" or "hresult", as in /*@status("...")*/; kNone for anything else.
StatusKind status_kind(std::string_view name);

/// The name under the given kind; empty for kNone.
std::string_view status_name(StatusKind kind, std::uint32_t code);

/// Whether the number means success: 0 for Win32, the top bit clear for HRESULT, no error or
/// warning severity for NTSTATUS. kNone counts as success.
bool is_success(StatusKind kind, std::uint32_t code);

}  // namespace rpcmarshal
