/* Serves types.idl over TCP (port argv[1]), a named pipe (argv[2]) and locally (argv[3]) until it is
 * told to stop. Prints "ready". argv[4], if given, is a DLL it loads first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "types.h"

void* __RPC_USER MIDL_user_allocate(SIZE_T size) { return HeapAlloc(GetProcessHeap(), 0, size); }
void __RPC_USER MIDL_user_free(void* at) { HeapFree(GetProcessHeap(), 0, at); }

long S_Scalars(byte b, small s, short w, long l, hyper h, double d, long* sum, hyper* large) {
  *sum = b + s + w + l + (long)d;
  *large = h * 2;
  return 0;
}
long S_Text(const wchar_t* wide, const char* narrow, const wchar_t* maybe, long* length) {
  *length = (long)(wcslen(wide) + strlen(narrow) + (maybe ? wcslen(maybe) : 0));
  return 0;
}
long S_Record(LAB_RECORD* in_record, LAB_RECORD* out_record) {
  *out_record = *in_record;
  out_record->number = in_record->number + 1;
  if (in_record->text) {
    out_record->text = MIDL_user_allocate((wcslen(in_record->text) + 1) * sizeof(wchar_t));
    wcscpy(out_record->text, in_record->text);
    CharUpperW(out_record->text);
  }
  return 0;
}
long S_Bytes(long size, const byte* data, long want, byte* answer) {
  long i;
  for (i = 0; i < want; ++i) answer[i] = size ? data[i % size] ^ 0xFF : 0;
  return size;
}
long S_Choice(long kind, LAB_CHOICE* choice, LAB_COLOUR colour, LAB_COLOUR* other) {
  *other = colour == LAB_RED ? LAB_BLUE : LAB_RED;
  return kind == 1 ? choice->number : 0;
}
long S_List(LAB_NODE* head, long* count) {
  for (*count = 0; head; head = head->next) ++*count;
  return 0;
}
long S_Raise(unsigned long code) {
  RpcRaiseException(code);
  return 0;
}
void S_Nothing(void) {}
long S_Counter(long* value) {
  ++*value;
  return 0x80070005;
}
long S_Longs(long count, const long* values, hyper* sum) {
  long i;
  *sum = 0;
  for (i = 0; i < count; ++i) *sum += values[i];
  return 0;
}
void S_Stop(void) { RpcMgmtStopServerListening(NULL); }

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  if (argc > 4 && !LoadLibraryA(argv[4])) {
    printf("cannot load %s: %lu\n", argv[4], GetLastError());
    return 1;
  }
  RPC_STATUS status =
      RpcServerUseProtseqEpA((RPC_CSTR) "ncacn_ip_tcp", 32, (RPC_CSTR)argv[1], NULL);
  if (!status) status = RpcServerUseProtseqEpA((RPC_CSTR) "ncacn_np", 32, (RPC_CSTR)argv[2], NULL);
  if (!status) status = RpcServerUseProtseqEpA((RPC_CSTR) "ncalrpc", 32, (RPC_CSTR)argv[3], NULL);
  if (!status) status = RpcServerRegisterIf(S_lab_types_v1_3_s_ifspec, NULL, NULL);
  if (!status) status = RpcServerListen(1, 64, TRUE);
  if (status) {
    printf("server: %ld\n", (long)status);
    return 1;
  }
  printf("ready %lu\n", GetCurrentProcessId());
  fflush(stdout);
  RpcMgmtWaitServerListen();
  return 0;
}
