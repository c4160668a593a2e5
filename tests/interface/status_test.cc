#include "interface/status.h"

#include <gtest/gtest.h>

namespace rpcmarshal {
namespace {

TEST(StatusTest, Win32AndLanManager) {
  EXPECT_EQ(win32_name(0), "ERROR_SUCCESS");
  EXPECT_EQ(win32_name(5), "ERROR_ACCESS_DENIED");
  EXPECT_EQ(win32_name(1060), "ERROR_SERVICE_DOES_NOT_EXIST");
  EXPECT_EQ(win32_name(1073), "ERROR_SERVICE_EXISTS");
  EXPECT_EQ(win32_name(1722), "RPC_S_SERVER_UNAVAILABLE");
  EXPECT_EQ(win32_name(1783), "RPC_X_BAD_STUB_DATA");
  EXPECT_EQ(win32_name(2310), "NERR_NetNameNotFound");
  EXPECT_EQ(win32_name(8453), "ERROR_DS_DRA_ACCESS_DENIED");
  EXPECT_EQ(win32_name(0xFFFFFFFF), "");
}

TEST(StatusTest, NtStatus) {
  EXPECT_EQ(ntstatus_name(0), "STATUS_SUCCESS");
  EXPECT_EQ(ntstatus_name(0x105), "STATUS_MORE_ENTRIES");
  EXPECT_EQ(ntstatus_name(0xC0000022), "STATUS_ACCESS_DENIED");
  EXPECT_EQ(ntstatus_name(0xC000006D), "STATUS_LOGON_FAILURE");
  EXPECT_EQ(ntstatus_name(0xC0000073), "STATUS_NONE_MAPPED");
  EXPECT_EQ(ntstatus_name(0xC0FFEE00), "");
}

TEST(StatusTest, Hresult) {
  EXPECT_EQ(hresult_name(0), "S_OK");
  EXPECT_EQ(hresult_name(1), "S_FALSE");
  EXPECT_EQ(hresult_name(0x80070005), "E_ACCESSDENIED");
  EXPECT_EQ(hresult_name(0x80041003), "WBEM_E_ACCESS_DENIED");
  EXPECT_EQ(hresult_name(0x8004103A), "WBEM_E_INVALID_OBJECT_PATH");
  EXPECT_EQ(hresult_name(0x80041049), "WBEM_E_CANNOT_CHANGE_KEY_INHERITANCE");
  EXPECT_EQ(hresult_name(0x8004131F), "SCHED_E_ALREADY_RUNNING");
  EXPECT_EQ(hresult_name(0x80070002), "ERROR_FILE_NOT_FOUND") << "a wrapped Win32 error";
  EXPECT_EQ(hresult_name(0xD0000022), "STATUS_ACCESS_DENIED") << "a wrapped NTSTATUS";
  EXPECT_EQ(hresult_name(0x8FFF0001), "");
}

TEST(StatusTest, Fault) {
  EXPECT_EQ(fault_name(0x1C010002), "nca_s_op_rng_error");
  EXPECT_EQ(fault_name(0x1C010003), "nca_s_unk_if");
  EXPECT_EQ(fault_name(0x1C00001A), "nca_s_fault_context_mismatch");
  EXPECT_EQ(fault_name(5), "ERROR_ACCESS_DENIED");
  EXPECT_EQ(fault_name(0x6F7), "RPC_X_BAD_STUB_DATA");
  EXPECT_EQ(fault_name(0xC0000022), "STATUS_ACCESS_DENIED");
  EXPECT_EQ(fault_name(0x80010111), "RPC_E_INVALID_HEADER");
  EXPECT_EQ(fault_name(0), "");
  EXPECT_EQ(fault_name(0x1C000011), "");
}

TEST(StatusTest, KindsAndSuccess) {
  EXPECT_EQ(status_kind("ntstatus"), StatusKind::kNtStatus);
  EXPECT_EQ(status_kind("WIN32"), StatusKind::kNone);
  EXPECT_EQ(status_name(StatusKind::kHresult, 0x80004005), "E_FAIL");
  EXPECT_EQ(status_name(StatusKind::kNone, 5), "");
  EXPECT_FALSE(is_success(StatusKind::kWin32, 259));
  EXPECT_TRUE(is_success(StatusKind::kNtStatus, 0x105));
  EXPECT_FALSE(is_success(StatusKind::kNtStatus, 0x80000005));
  EXPECT_TRUE(is_success(StatusKind::kHresult, 1));
  EXPECT_FALSE(is_success(StatusKind::kHresult, 0x80041003));
}

// Sortedness is asserted at compile time; this guards against a table that lost its tail.
TEST(StatusTest, TablesAreWhole) {
  int win32 = 0, nt = 0, hr = 0;
  for (std::uint32_t code = 0; code < 0x10000; ++code) {
    win32 += !win32_name(code).empty();
    nt += !ntstatus_name(0xC0000000 + code).empty();
    hr += hresult_name(0x80040000 + code).size() > 0;
  }
  EXPECT_GT(win32, 2300);
  EXPECT_GT(nt, 800);
  EXPECT_GT(hr, 240);
}

}  // namespace
}  // namespace rpcmarshal
