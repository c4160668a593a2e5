/* types.idl's server as a DLL: start(port) registers the interface, finish() takes it back, so that
 * the DLL can be unloaded. */
#include "types.h"

__declspec(dllexport) long start(const char* port) {
  /* The endpoint outlives the DLL: the second time it is there already. */
  RPC_STATUS status = RpcServerUseProtseqEpA((RPC_CSTR) "ncacn_ip_tcp", 32, (RPC_CSTR)port, NULL);
  if (status == RPC_S_DUPLICATE_ENDPOINT) status = RPC_S_OK;
  if (!status) status = RpcServerRegisterIf(S_lab_types_v1_3_s_ifspec, NULL, NULL);
  if (!status) status = RpcServerListen(1, 64, TRUE);
  return status == RPC_S_ALREADY_LISTENING ? RPC_S_OK : status;
}

__declspec(dllexport) long finish(void) {
  return RpcServerUnregisterIf(S_lab_types_v1_3_s_ifspec, NULL, TRUE);
}
