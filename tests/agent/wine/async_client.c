/* Calls the server of async.idl: async_client PORT [later]. `later`: also what Wine cannot serve.
 * Checks the answers, and ends with 0 when all were right. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "async.h"

extern handle_t async_binding; /* in the stub */

void* __RPC_USER MIDL_user_allocate(SIZE_T size) { return HeapAlloc(GetProcessHeap(), 0, size); }
void __RPC_USER MIDL_user_free(void* at) { HeapFree(GetProcessHeap(), 0, at); }

typedef void (*call_function)(void* argument);
extern unsigned long guard_call(call_function function, void* argument); /* client_guard.cc */

static long failures;
static void expect(int good, const char* what) {
  if (good) return;
  ++failures;
  printf("FAILED %s\n", what);
}
static void refuse(void* unused) {
  (void)unused;
  A_Refuse(1717);
}
static void aborted(void* unused) {
  (void)unused;
  A_Abort(1722);
}
static void all(void* unused) {
  long twice = 0;
  (void)unused;
  expect(A_Add(40, 2) == 42, "Add");
  expect(A_Twice(21, &twice) == 21 && twice == 42, "Twice");
}
static void later(void* unused) {
  (void)unused;
  expect(A_Later(300) == 300, "Later");
}

int main(int argc, char** argv) {
  RPC_CSTR binding;
  unsigned long code;
  setvbuf(stdout, NULL, _IONBF, 0);
  if (argc < 2 ||
      RpcStringBindingComposeA(NULL, (RPC_CSTR) "ncacn_ip_tcp", (RPC_CSTR) "127.0.0.1",
                               (RPC_CSTR)argv[1], NULL, &binding) ||
      RpcBindingFromStringBindingA(binding, &async_binding))
    return 2;
  code = guard_call(all, NULL);
  if (code) printf("FAILED: %08lx\n", code), ++failures;
  expect(guard_call(refuse, NULL) != 0, "Refuse");
  if (argc > 2 && !strcmp(argv[2], "later")) {
    expect(guard_call(later, NULL) == 0, "Later");
    expect(guard_call(aborted, NULL) == 1722, "Abort");
  }
  printf("%ld failures\n", failures);
  return failures != 0;
}
