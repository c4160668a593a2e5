// Compares rpc_layout.h with the SDK's own declarations. Included where the SDK's RPC headers are.
#pragma once

#include "agent/common/rpc_layout.h"
#include "agent/hook/windows/sdk.h"

namespace rpcmarshal::agent {

static_assert(sizeof(RPC_MESSAGE) == sizeof(RpcMessage));
static_assert(offsetof(RPC_MESSAGE, Buffer) == offsetof(RpcMessage, buffer));
static_assert(offsetof(RPC_MESSAGE, BufferLength) == offsetof(RpcMessage, buffer_length));
static_assert(offsetof(RPC_MESSAGE, ProcNum) == offsetof(RpcMessage, proc_num));
static_assert(offsetof(RPC_MESSAGE, TransferSyntax) == offsetof(RpcMessage, transfer_syntax));
static_assert(offsetof(RPC_MESSAGE, RpcInterfaceInformation) ==
              offsetof(RpcMessage, interface_information));
static_assert(offsetof(RPC_MESSAGE, RpcFlags) == offsetof(RpcMessage, rpc_flags));
static_assert(sizeof(RPC_SERVER_INTERFACE) == sizeof(RpcServerInterface));
static_assert(offsetof(RPC_SERVER_INTERFACE, DispatchTable) ==
              offsetof(RpcServerInterface, dispatch_table));
static_assert(offsetof(RPC_SERVER_INTERFACE, InterpreterInfo) ==
              offsetof(RpcServerInterface, interpreter_info));
static_assert(offsetof(RPC_SERVER_INTERFACE, Flags) == offsetof(RpcServerInterface, flags));
static_assert(sizeof(RPC_DISPATCH_TABLE) == sizeof(RpcDispatchTable));
static_assert(sizeof(MIDL_SERVER_INFO) == sizeof(MidlServerInfo));
static_assert(offsetof(MIDL_SERVER_INFO, pSyntaxInfo) == offsetof(MidlServerInfo, syntax_info));
static_assert(sizeof(MIDL_SYNTAX_INFO) == sizeof(MidlSyntaxInfo));
static_assert(offsetof(MIDL_SYNTAX_INFO, DispatchTable) ==
              offsetof(MidlSyntaxInfo, dispatch_table));
static_assert(offsetof(RPC_ASYNC_STATE, RuntimeInfo) == offsetof(RpcAsyncState, runtime_info));
static_assert(sizeof(RPC_CALL_ATTRIBUTES_V2_W) == sizeof(RpcCallAttributes));
static_assert(offsetof(RPC_CALL_ATTRIBUTES_V2_W, ClientPrincipalName) ==
              offsetof(RpcCallAttributes, client_name));
static_assert(offsetof(RPC_CALL_ATTRIBUTES_V2_W, AuthenticationLevel) ==
              offsetof(RpcCallAttributes, authentication_level));
static_assert(offsetof(RPC_CALL_ATTRIBUTES_V2_W, ClientPID) ==
              offsetof(RpcCallAttributes, client_pid));
static_assert(offsetof(RPC_CALL_ATTRIBUTES_V2_W, InterfaceUuid) ==
              offsetof(RpcCallAttributes, interface_uuid));
// caller_reader.cc reads socket addresses.
static_assert(AF_INET == 2 && offsetof(sockaddr_in, sin_addr) == 4);
static_assert(AF_INET6 == 23 && offsetof(sockaddr_in6, sin6_addr) == 8);
static_assert(RPC_S_ASYNC_CALL_PENDING == kAsyncCallPending);
static_assert(RPC_S_INVALID_ASYNC_HANDLE == kInvalidAsyncHandle);
static_assert(RPC_S_INVALID_ASYNC_CALL == kInvalidAsyncCall);
static_assert(RPCFLG_HAS_MULTI_SYNTAXES == kHasMultiSyntaxes);

}  // namespace rpcmarshal::agent
