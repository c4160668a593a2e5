#include "interface/status.h"

#include <algorithm>
#include <iterator>

namespace rpcmarshal {
namespace {

struct Named {
  std::uint32_t code;
  std::string_view name;
};

constexpr Named kWin32[] = {
#include "interface/status_win32.inc"
};
constexpr Named kNtStatus[] = {
#include "interface/status_ntstatus.inc"
};
constexpr Named kHresult[] = {
#include "interface/status_hresult.inc"
};

// [C706] appendix E. 0x1C00nnnn came from the server's run-time or stub, 0x1C01nnnn is a rejection.
constexpr Named kFault[] = {
    {0x1C000001, "nca_s_fault_int_div_by_zero"},
    {0x1C000002, "nca_s_fault_addr_error"},
    {0x1C000003, "nca_s_fault_fp_div_zero"},
    {0x1C000004, "nca_s_fault_fp_underflow"},
    {0x1C000005, "nca_s_fault_fp_overflow"},
    {0x1C000006, "nca_s_fault_invalid_tag"},
    {0x1C000007, "nca_s_fault_invalid_bound"},
    {0x1C000008, "nca_s_rpc_version_mismatch"},
    {0x1C000009, "nca_s_unspec_reject"},
    {0x1C00000A, "nca_s_bad_actid"},
    {0x1C00000B, "nca_s_who_are_you_failed"},
    {0x1C00000C, "nca_s_manager_not_entered"},
    {0x1C00000D, "nca_s_fault_cancel"},
    {0x1C00000E, "nca_s_fault_ill_inst"},
    {0x1C00000F, "nca_s_fault_fp_error"},
    {0x1C000010, "nca_s_fault_int_overflow"},
    {0x1C000012, "nca_s_fault_unspec"},
    {0x1C000013, "nca_s_fault_remote_comm_failure"},
    {0x1C000014, "nca_s_fault_pipe_empty"},
    {0x1C000015, "nca_s_fault_pipe_closed"},
    {0x1C000016, "nca_s_fault_pipe_order"},
    {0x1C000017, "nca_s_fault_pipe_discipline"},
    {0x1C000018, "nca_s_fault_pipe_comm_error"},
    {0x1C000019, "nca_s_fault_pipe_memory"},
    {0x1C00001A, "nca_s_fault_context_mismatch"},
    {0x1C00001B, "nca_s_fault_remote_no_memory"},
    {0x1C00001C, "nca_s_invalid_pres_context_id"},
    {0x1C00001D, "nca_s_unsupported_authn_level"},
    {0x1C00001F, "nca_s_invalid_checksum"},
    {0x1C000020, "nca_s_invalid_crc"},
    {0x1C000021, "nca_s_fault_user_defined"},
    {0x1C000022, "nca_s_fault_tx_open_failed"},
    {0x1C000023, "nca_s_fault_codeset_conv_error"},
    {0x1C000024, "nca_s_fault_object_not_found"},
    {0x1C000025, "nca_s_fault_no_client_stub"},
    {0x1C010001, "nca_s_comm_failure"},
    {0x1C010002, "nca_s_op_rng_error"},
    {0x1C010003, "nca_s_unk_if"},
    {0x1C010006, "nca_s_wrong_boot_time"},
    {0x1C010009, "nca_s_you_crashed"},
    {0x1C01000B, "nca_s_proto_error"},
    {0x1C010013, "nca_s_out_args_too_big"},
    {0x1C010014, "nca_s_server_too_busy"},
    {0x1C010015, "nca_s_fault_string_too_long"},
    {0x1C010017, "nca_s_unsupported_type"},
};

template <std::size_t n>
constexpr bool sorted(const Named (&table)[n]) {
  for (std::size_t i = 1; i < n; ++i) {
    if (table[i - 1].code >= table[i].code) return false;
  }
  return true;
}
static_assert(sorted(kWin32) && sorted(kNtStatus) && sorted(kHresult) && sorted(kFault));

template <std::size_t n>
std::string_view lookup(const Named (&table)[n], std::uint32_t code) {
  const Named* found = std::lower_bound(
      std::begin(table), std::end(table), code,
      [](const Named& entry, std::uint32_t wanted) { return entry.code < wanted; });
  return found != std::end(table) && found->code == code ? found->name : std::string_view();
}

}  // namespace

std::string_view win32_name(std::uint32_t code) { return lookup(kWin32, code); }

std::string_view ntstatus_name(std::uint32_t code) { return lookup(kNtStatus, code); }

std::string_view hresult_name(std::uint32_t code) {
  if (const std::string_view name = lookup(kHresult, code); !name.empty()) return name;
  if ((code & 0xFFFF0000) == 0x80070000) return win32_name(code & 0xFFFF);
  constexpr std::uint32_t kFacilityNtBit = 0x10000000;
  if (code & kFacilityNtBit) return ntstatus_name(code & ~kFacilityNtBit);
  return {};
}

std::string_view fault_name(std::uint32_t code) {
  if (const std::string_view name = lookup(kFault, code); !name.empty()) return name;
  // Zero names nothing here: a fault with status 0 says only that something failed.
  if (code == 0) return {};
  if (code < 0x10000) return win32_name(code);
  if (const std::string_view name = lookup(kNtStatus, code); !name.empty()) return name;
  return hresult_name(code);
}

StatusKind status_kind(std::string_view name) {
  if (name == "win32") return StatusKind::kWin32;
  if (name == "ntstatus") return StatusKind::kNtStatus;
  if (name == "hresult") return StatusKind::kHresult;
  return StatusKind::kNone;
}

std::string_view status_name(StatusKind kind, std::uint32_t code) {
  switch (kind) {
    case StatusKind::kWin32:
      return win32_name(code);
    case StatusKind::kNtStatus:
      return ntstatus_name(code);
    case StatusKind::kHresult:
      return hresult_name(code);
    case StatusKind::kNone:
      break;
  }
  return {};
}

bool is_success(StatusKind kind, std::uint32_t code) {
  switch (kind) {
    case StatusKind::kWin32:
      return code == 0;
    case StatusKind::kNtStatus:
      return code < 0x80000000;
    case StatusKind::kHresult:
      return code < 0x80000000;
    case StatusKind::kNone:
      break;
  }
  return true;
}

}  // namespace rpcmarshal
