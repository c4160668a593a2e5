/* Calls a server of types.idl: client PROTSEQ ENDPOINT COMMAND [ARGUMENT]. Checks every answer
 * itself, prints one line, and ends with 0 when all was as it should be.
 *
 *   all               every operation once, with the arguments hook_test.py expects to see
 *   big               200,000 bytes there and back (fragmented)
 *   many N            N calls of Counter; prints calls per second
 *   threads N SECONDS N threads, each with every kind of call, until the time is over
 *   refused OPNUM     calls Text or Counter and expects error 5, then another that must succeed
 *   endpoints         registers an endpoint with the endpoint mapper, finds it there, removes it; no server
 *                     of types.idl is needed, PROTSEQ is how the mapper is asked
 *   stop              ends the server */
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "types.h"

extern handle_t lab_binding; /* in the stub */

void* __RPC_USER MIDL_user_allocate(SIZE_T size) { return HeapAlloc(GetProcessHeap(), 0, size); }
void __RPC_USER MIDL_user_free(void* at) { HeapFree(GetProcessHeap(), 0, at); }

typedef void (*call_function)(void* argument);
extern unsigned long guard_call(call_function function, void* argument); /* client_guard.cc */

static volatile LONG failures;
static void expect(int good, const char* what) {
  if (good) return;
  InterlockedIncrement(&failures);
  printf("FAILED %s\n", what);
}

static void scalars(void* unused) {
  long sum = 0;
  hyper large = 0;
  (void)unused;
  expect(C_Scalars(200, -3, -1000, 123456, 0x123456789ABLL, 2.5, &sum, &large) == 0, "Scalars");
  expect(sum == 200 - 3 - 1000 + 123456 + 2 && large == 0x123456789ABLL * 2, "Scalars values");
}
static void text(void* unused) {
  long length = 0;
  (void)unused;
  expect(C_Text(L"\\\\fileserver\\share\\Z\u00fcrich", "plain", NULL, &length) == 0, "Text");
  expect(length == 25 + 5, "Text length");
  expect(C_Text(L"", "", L"given", &length) == 0 && length == 5, "Text 2");
}
static void record(void* unused) {
  LAB_RECORD in = {-5, 41, {1, 2, 3, 4}, L"mixed Case"}, out;
  (void)unused;
  memset(&out, 0, sizeof out);
  expect(C_Record(&in, &out) == 0, "Record");
  expect(out.number == 42 && out.large == -5 && out.parts[3] == 4, "Record values");
  expect(out.text && !wcscmp(out.text, L"MIXED CASE"), "Record text");
  if (out.text) MIDL_user_free(out.text);
}
static void bytes_of(long size) {
  byte* data = malloc(size);
  byte* answer = malloc(size);
  long i, bad = 0;
  for (i = 0; i < size; ++i) data[i] = (byte)(i * 7);
  expect(C_Bytes(size, data, size, answer) == size, "Bytes");
  for (i = 0; i < size; ++i) bad += answer[i] != (byte)(data[i] ^ 0xFF);
  expect(bad == 0, "Bytes values");
  free(data);
  free(answer);
}
static void bytes(void* size) { bytes_of(size ? *(long*)size : 300); }
static void choice(void* unused) {
  LAB_CHOICE value;
  LAB_COLOUR other = 0;
  (void)unused;
  value.number = 77;
  expect(C_Choice(1, &value, LAB_RED, &other) == 77 && other == LAB_BLUE, "Choice number");
  value.pair.first = 5;
  value.pair.second = -6;
  expect(C_Choice(2, &value, LAB_GREEN, &other) == 0 && other == LAB_RED, "Choice pair");
  expect(C_Choice(9, &value, LAB_BLUE, &other) == 0, "Choice nothing");
}
static void list(void* unused) {
  LAB_NODE nodes[3] = {{10, &nodes[1]}, {20, &nodes[2]}, {30, NULL}};
  long count = 0;
  (void)unused;
  expect(C_List(nodes, &count) == 0 && count == 3, "List");
  expect(C_List(NULL, &count) == 0 && count == 0, "List of nothing");
}
static void raise_call(void* code) { C_Raise(*(unsigned long*)code); }
static void nothing(void* unused) {
  (void)unused;
  C_Nothing();
}
static void counter(void* unused) {
  long value = 1;
  (void)unused;
  expect(C_Counter(&value) == (long)0x80070005 && value == 2, "Counter");
}
static void longs(void* unused) {
  long values[5] = {1, -2, 3, -4, 1000000};
  hyper sum = 0;
  (void)unused;
  expect(C_Longs(5, values, &sum) == 0 && sum == 999998, "Longs");
}
static void raising(void* unused) {
  unsigned long codes[3] = {1717, 0xE0001234, ERROR_FILE_NOT_FOUND};
  int i;
  (void)unused;
  for (i = 0; i < 3; ++i) expect(guard_call(raise_call, &codes[i]) != 0, "Raise");
}
static void stop(void* unused) {
  (void)unused;
  C_Stop();
}

static void endpoints(void* sequence) {
  RPC_BINDING_VECTOR* bindings = NULL;
  RPC_CSTR text = NULL, endpoint = NULL;
  handle_t binding = NULL;
  RPC_STATUS status =
      RpcServerUseProtseqEpA(sequence, 32, (RPC_CSTR) "marshal_lab_endpoint", NULL);
  expect(!status && !RpcServerInqBindings(&bindings), "own endpoint");
  expect(!RpcEpRegisterA(C_lab_types_v1_3_c_ifspec, bindings, NULL, (RPC_CSTR) "marshal lab"),
         "RpcEpRegister");
  expect(!RpcStringBindingComposeA(NULL, sequence, NULL, NULL, NULL, &text) &&
             !RpcBindingFromStringBindingA(text, &binding),
         "binding");
  expect(!RpcEpResolveBinding(binding, C_lab_types_v1_3_c_ifspec), "RpcEpResolveBinding");
  RpcStringFreeA(&text);
  expect(!RpcBindingToStringBindingA(binding, &text) &&
             !RpcStringBindingParseA(text, NULL, NULL, NULL, &endpoint, NULL) &&
             !strcmp((const char*)endpoint, "marshal_lab_endpoint"),
         "the endpoint found");
  expect(!RpcEpUnregister(C_lab_types_v1_3_c_ifspec, bindings, NULL), "RpcEpUnregister");
}

static const call_function kCalls[] = {scalars, text,    record,  bytes, choice,
                                       list,    raising, nothing, counter, longs};
#define CALLS (sizeof kCalls / sizeof kCalls[0])

static volatile LONG64 done;
static ULONGLONG until;
static unsigned __stdcall work(void* number) {
  size_t at = (size_t)number;
  while (GetTickCount64() < until) {
    const unsigned long code = guard_call(kCalls[at++ % CALLS], NULL);
    if (code) {
      InterlockedIncrement(&failures);
      printf("FAILED call %d: %08lx\n", (int)((at - 1) % CALLS), code);
      return 1;
    }
    InterlockedIncrement64(&done);
  }
  return 0;
}

int main(int argc, char** argv) {
  RPC_CSTR binding;
  const char* command = argc > 3 ? argv[3] : "";
  unsigned long code = 0;
  size_t i;
  setvbuf(stdout, NULL, _IONBF, 0);
  if (argc < 4) return 2;
  if (RpcStringBindingComposeA(NULL, (RPC_CSTR)argv[1],
                               strcmp(argv[1], "ncacn_ip_tcp") ? NULL : (RPC_CSTR) "127.0.0.1",
                               (RPC_CSTR)argv[2], NULL, &binding) ||
      RpcBindingFromStringBindingA(binding, &lab_binding))
    return 2;
  if (!strcmp(command, "all")) {
    for (i = 0; i < CALLS; ++i) {
      code = guard_call(kCalls[i], NULL);
      if (code) printf("FAILED call %d: %08lx\n", (int)i, code), ++failures;
    }
  } else if (!strcmp(command, "big")) {
    long size = 200000;
    code = guard_call(bytes, &size);
    if (code) printf("FAILED big: %08lx\n", code), ++failures;
  } else if (!strcmp(command, "many")) {
    const int count = atoi(argv[4]);
    LARGE_INTEGER from, to, frequency;
    int k;
    for (k = 0; k < 50 && !code; ++k) code = guard_call(counter, NULL);
    if (code) printf("FAILED many: %08lx\n", code), ++failures;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&from);
    for (k = 0; k < count && !code; ++k) code = guard_call(counter, NULL);
    if (code) printf("FAILED many: %08lx\n", code), ++failures;
    QueryPerformanceCounter(&to);
    printf("%.1f calls/s\n",
           count * (double)frequency.QuadPart / (double)(to.QuadPart - from.QuadPart));
  } else if (!strcmp(command, "threads")) {
    HANDLE threads[64];
    const int count = atoi(argv[4]);
    until = GetTickCount64() + 1000ull * atoi(argv[5]);
    for (i = 0; i < (size_t)count; ++i)
      threads[i] = (HANDLE)_beginthreadex(NULL, 0, work, (void*)i, 0, NULL);
    WaitForMultipleObjects(count, threads, TRUE, INFINITE);
    printf("%lld calls\n", (long long)done);
  } else if (!strcmp(command, "refused")) {
    const call_function which = !strcmp(argv[4], "1") ? text : counter;
    code = guard_call(which, NULL);
    expect(code == ERROR_ACCESS_DENIED, "refusal is error 5");
    printf("code %lu\n", code);
    expect(guard_call(longs, NULL) == 0, "connection lives on");
    expect(guard_call(which, NULL) == ERROR_ACCESS_DENIED, "refused again");
  } else if (!strcmp(command, "endpoints")) {
    code = guard_call(endpoints, argv[1]);
    if (code) printf("FAILED endpoints: %08lx\n", code), ++failures;
  } else if (!strcmp(command, "stop")) {
    guard_call(stop, NULL);
  } else {
    return 2;
  }
  printf("%s: %ld failures\n", command, (long)failures);
  return failures != 0;
}
