// The documented structures of Windows' RPC runtime that a server stub sees, 64-bit, declared here
// so that what reads them compiles and is tested on Linux too. Names are those of rpcdcep.h and
// rpcndr.h of the Windows SDK, without their prefixes; offsets are asserted, and windows_check.h
// compares them with the SDK's own headers when the DLL is built.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/guid.h"

namespace rpcmarshal::agent {

/// RPC_SYNTAX_IDENTIFIER: a GUID as Windows keeps it, and two 16-bit numbers.
struct RpcSyntax {
  Guid uuid;
  std::uint16_t major = 0;
  std::uint16_t minor = 0;
  SyntaxId id() const { return {uuid, major, minor}; }
};
static_assert(sizeof(RpcSyntax) == 20 && offsetof(RpcSyntax, major) == 16);

struct RpcMessage;
using DispatchFunction = void (*)(RpcMessage*);

/// RPC_DISPATCH_TABLE.
struct RpcDispatchTable {
  std::uint32_t count;
  DispatchFunction* table;
  std::intptr_t reserved;
};
static_assert(sizeof(RpcDispatchTable) == 24 && offsetof(RpcDispatchTable, table) == 8);

struct MidlServerInfo;

/// RPC_SERVER_INTERFACE; RPC_CLIENT_INTERFACE has the same layout and no dispatch table.
struct RpcServerInterface {
  std::uint32_t length;  ///< sizeof(RpcServerInterface)
  RpcSyntax interface_id;
  RpcSyntax transfer_syntax;
  RpcDispatchTable* dispatch_table;
  std::uint32_t endpoint_count;
  void* endpoints;
  void* default_manager;
  MidlServerInfo* interpreter_info;  ///< MIDL_SERVER_INFO, when the flag below is set
  std::uint32_t flags;
};
inline constexpr std::uint32_t kHasMultiSyntaxes = 0x02000000;  ///< RPCFLG_HAS_MULTI_SYNTAXES
static_assert(sizeof(RpcServerInterface) == 0x60);
static_assert(offsetof(RpcServerInterface, interface_id) == 4);
static_assert(offsetof(RpcServerInterface, transfer_syntax) == 0x18);
static_assert(offsetof(RpcServerInterface, dispatch_table) == 0x30);
static_assert(offsetof(RpcServerInterface, interpreter_info) == 0x50);
static_assert(offsetof(RpcServerInterface, flags) == 0x58);

/// MIDL_SYNTAX_INFO: one transfer syntax of an interface that has several.
struct MidlSyntaxInfo {
  RpcSyntax transfer_syntax;
  RpcDispatchTable* dispatch_table;
  const std::uint8_t* proc_string;
  const std::uint16_t* format_offsets;
  const std::uint8_t* type_string;
  const void* user_marshal;
  const void* method_properties;
  std::uintptr_t reserved;
};
static_assert(sizeof(MidlSyntaxInfo) == 0x50 && offsetof(MidlSyntaxInfo, dispatch_table) == 0x18);

/// MIDL_SERVER_INFO.
struct MidlServerInfo {
  const void* stub_desc;
  const void* dispatch_table;
  const std::uint8_t* proc_string;
  const std::uint16_t* format_offsets;
  const void* thunk_table;
  RpcSyntax* transfer_syntax;
  std::uintptr_t syntax_count;
  MidlSyntaxInfo* syntax_info;
};
static_assert(sizeof(MidlServerInfo) == 0x40 && offsetof(MidlServerInfo, syntax_info) == 0x38);

/// RPC_MESSAGE.
struct RpcMessage {
  void* handle;
  std::uint32_t data_representation;  ///< NDR format label; 0x10: little-endian, ASCII, IEEE
  void* buffer;
  std::uint32_t buffer_length;
  std::uint32_t proc_num;
  RpcSyntax* transfer_syntax;   ///< null: NDR (as Wine has it)
  void* interface_information;  ///< RpcServerInterface
  void* reserved_for_runtime;
  void* manager_epv;
  void* import_context;
  std::uint32_t rpc_flags;
};
static_assert(sizeof(RpcMessage) == 0x50);
static_assert(offsetof(RpcMessage, buffer) == 0x10 && offsetof(RpcMessage, proc_num) == 0x1c);
static_assert(offsetof(RpcMessage, transfer_syntax) == 0x20);
static_assert(offsetof(RpcMessage, interface_information) == 0x28);
static_assert(offsetof(RpcMessage, rpc_flags) == 0x48);
inline constexpr std::uint32_t kBufferPartial = 0x2000;  ///< RPC_BUFFER_PARTIAL: pipes, more comes
/// The opnum stands in the low half; runtimes keep flags above it.
inline constexpr std::uint32_t kProcNumMask = 0xFFFF;

/// RPC_ASYNC_STATE, as far as it is read here.
struct RpcAsyncState {
  std::uint32_t size;
  std::uint32_t signature;
  std::int32_t lock;
  std::uint32_t flags;
  void* stub_info;
  void* user_info;
  void* runtime_info;  ///< what RpcAsyncGetCallHandle() gives: the call's binding handle
};
static_assert(offsetof(RpcAsyncState, runtime_info) == 0x20);
/// A Windows error code each: a call is not over when ending it gives one of these.
inline constexpr std::uint32_t kAsyncCallPending = 997;     ///< RPC_S_ASYNC_CALL_PENDING
inline constexpr std::uint32_t kInvalidAsyncHandle = 1914;  ///< RPC_S_INVALID_ASYNC_HANDLE
inline constexpr std::uint32_t kInvalidAsyncCall = 1915;    ///< RPC_S_INVALID_ASYNC_CALL

/// RPC_CALL_ATTRIBUTES_V2_W, of RpcServerInqCallAttributesW.
struct RpcCallAttributes {
  std::uint32_t version;
  std::uint32_t flags;
  std::uint32_t server_name_length;
  char16_t* server_name;
  std::uint32_t client_name_length;  ///< bytes, with the terminating NUL
  char16_t* client_name;
  std::uint32_t authentication_level;
  std::uint32_t authentication_service;
  std::int32_t null_session;
  std::int32_t kernel_mode_caller;
  std::uint32_t protocol_sequence;  ///< 1 TCP, 2 named pipe, 3 local, 4 HTTP
  std::uint32_t is_client_local;    ///< 1 local, 2 remote, 3 not known
  std::uint64_t client_pid;         ///< a HANDLE; local calls only
  std::uint32_t call_status;
  std::uint32_t call_type;
  void* call_local_address;
  std::uint16_t opnum;
  Guid interface_uuid;
};
static_assert(sizeof(RpcCallAttributes) == 0x70);
static_assert(offsetof(RpcCallAttributes, client_name_length) == 0x18);
static_assert(offsetof(RpcCallAttributes, authentication_level) == 0x28);
static_assert(offsetof(RpcCallAttributes, client_pid) == 0x40);
static_assert(offsetof(RpcCallAttributes, interface_uuid) == 0x5c);
inline constexpr std::uint32_t kQueryClientName = 0x04;
inline constexpr std::uint32_t kQueryClientPid = 0x10;
inline constexpr std::uint32_t kQueryIsLocal = 0x20;
inline constexpr std::uint32_t kQueryNoAuthRequired = 0x40;

}  // namespace rpcmarshal::agent
