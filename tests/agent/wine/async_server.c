/* Serves async.idl over TCP (port argv[1]): a dispatch table of NdrAsyncServerCall, with format
 * strings written by hand, as MIDL makes them for [async] operations (widl cannot). Prints "ready"
 * and its process id; ends when its input does.
 *
 * Under Wine 8 only operations that end before their stub returns can be served: Wine sends the
 * answer when the stub returns, whatever is there, and RpcAsyncAbortCall is not implemented. */
#include <rpc.h>
#include <rpcasync.h>
#include <rpcndr.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

static void ended(RPC_ASYNC_STATE* call, long result) { RpcAsyncCompleteCall(call, &result); }

static void Add(RPC_ASYNC_STATE* call, long a, long b) { ended(call, a + b); }
static void Twice(RPC_ASYNC_STATE* call, long a, long* twice) {
  *twice = a * 2;
  ended(call, a);
}
static void Refuse(RPC_ASYNC_STATE* call, long status) {
  (void)call;
  RpcRaiseException(status);
}

struct later {
  RPC_ASYNC_STATE* call;
  long value;
};
static DWORD WINAPI end_later(void* of) {
  struct later later = *(struct later*)of;
  free(of);
  Sleep(later.value);
  ended(later.call, later.value);
  return 0;
}
static DWORD WINAPI abort_later(void* of) {
  struct later later = *(struct later*)of;
  free(of);
  Sleep(50);
  RpcAsyncAbortCall(later.call, later.value);
  return 0;
}
static void start(LPTHREAD_START_ROUTINE thread, RPC_ASYNC_STATE* call, long value) {
  struct later* later = malloc(sizeof *later);
  later->call = call;
  later->value = value;
  CloseHandle(CreateThread(NULL, 0, thread, later, 0, NULL));
}
static void Later(RPC_ASYNC_STATE* call, long milliseconds) {
  start(end_later, call, milliseconds);
}
static void Abort(RPC_ASYNC_STATE* call, long status) { start(abort_later, call, status); }

/* Procedure headers and parameters ("Procedure Header Descriptors" of the RPC NDR engine's
 * documentation): 0x33 auto handle, 0x4c: object flags of an interpreted -Oicf procedure without
 * RPC flags; stack size; sizes; 0x84: has a return value, has an asynchronous handle; parameters.
 */
#define LONG_IN(offset) 0x48, 0, offset, 0, 0x08, 0
#define LONG_OUT(offset) 0x50, 0x21, offset, 0, 0x08, 0
#define LONG_RETURN(offset) 0x70, 0, offset, 0, 0x08, 0
#define HEADER(number, stack, in, out, parameters) \
  0x33, 0x40, number, 0, stack, 0, in, 0, out, 0, 0x84, parameters
static const unsigned char procedures[] = {
    /*  0 */ HEADER(0, 0x20, 16, 8, 3), LONG_IN(8), LONG_IN(0x10),     LONG_RETURN(0x18),
    /* 30 */ HEADER(1, 0x20, 8, 36, 3), LONG_IN(8), LONG_OUT(0x10),    LONG_RETURN(0x18),
    /* 60 */ HEADER(2, 0x18, 8, 8, 2),  LONG_IN(8), LONG_RETURN(0x10),
    /* 84 */ HEADER(3, 0x18, 8, 8, 2),  LONG_IN(8), LONG_RETURN(0x10),
    /* 108 */ HEADER(4, 0x18, 8, 8, 2), LONG_IN(8), LONG_RETURN(0x10),
};
static const unsigned short offsets[] = {0, 30, 60, 84, 108};
static const unsigned char types[] = {0, 0};

static void* __RPC_USER allocate(SIZE_T size) { return HeapAlloc(GetProcessHeap(), 0, size); }
static void __RPC_USER release(void* at) { HeapFree(GetProcessHeap(), 0, at); }

static RPC_DISPATCH_FUNCTION entries[] = {NdrAsyncServerCall, NdrAsyncServerCall,
                                          NdrAsyncServerCall, NdrAsyncServerCall,
                                          NdrAsyncServerCall};
static RPC_DISPATCH_TABLE table = {5, entries, 0};
static const SERVER_ROUTINE routines[] = {(SERVER_ROUTINE)Add, (SERVER_ROUTINE)Twice,
                                          (SERVER_ROUTINE)Refuse, (SERVER_ROUTINE)Later,
                                          (SERVER_ROUTINE)Abort};
static MIDL_STUB_DESC stub;
static MIDL_SERVER_INFO info = {&stub, routines, procedures, offsets, NULL, NULL, 0, NULL};
static RPC_SERVER_INTERFACE interface_of_server = {
    sizeof(RPC_SERVER_INTERFACE),
    {{0xb1e0c7d4, 0x35f2, 0x4c68, {0x8f, 0x0e, 0x7a, 0x9d, 0x1c, 0x2b, 0x4e, 0x61}}, {1, 0}},
    {{0x8a885d04, 0x1ceb, 0x11c9, {0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60}}, {2, 0}},
    &table,
    0,
    NULL,
    NULL,
    &info,
    0x04000000};

int main(int argc, char** argv) {
  RPC_STATUS status;
  if (argc < 2) return 2;
  stub.RpcInterfaceInformation = &interface_of_server;
  stub.pfnAllocate = allocate;
  stub.pfnFree = release;
  stub.pFormatTypes = types;
  stub.fCheckBounds = 1;
  stub.Version = 0x50002;
  stub.MIDLVersion = 0x6000169;
  stub.mFlags = 1;
  status = RpcServerUseProtseqEpA((RPC_CSTR) "ncacn_ip_tcp", 32, (RPC_CSTR)argv[1], NULL);
  if (!status) status = RpcServerRegisterIf(&interface_of_server, NULL, NULL);
  if (!status) status = RpcServerListen(1, 64, TRUE);
  if (status) {
    printf("server: %ld\n", (long)status);
    return 1;
  }
  printf("ready %lu\n", GetCurrentProcessId());
  fflush(stdout);
  getchar();
  return 0;
}
