// Holds the interface of signatures.idl for so many seconds; nobody calls it.
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "signatures.h"

long Open(const wchar_t *name, unsigned long access, Context *context) {
  (void)name, (void)access, (void)context;
  return 0;
}
void Put(Context context, Record *record, long count, byte *data) {
  (void)context, (void)record, (void)count, (void)data;
}
long Get(Context context, long *count, char **text, short key, double weight) {
  (void)context, (void)count, (void)text, (void)key, (void)weight;
  return 0;
}
void __RPC_USER Context_rundown(Context context) { (void)context; }
void *__RPC_USER MIDL_user_allocate(size_t size) { return malloc(size); }
void __RPC_USER MIDL_user_free(void *memory) { free(memory); }

int main(int count, char **arguments) {
  const RPC_STATUS status = RpcServerRegisterIf(signatures_v1_0_s_ifspec, NULL, NULL);
  printf("serving %ld\n", (long)status);
  fflush(stdout);
  Sleep(count > 1 ? 1000 * (DWORD)atoi(arguments[1]) : 0);
  return 0;
}
