// Calls every procedure of torture.idl through Wine's rpcrt4, client and server in one process, and
// prints what went over: "OPNUM request|response HEX" per line. The server's dispatch table is
// replaced by one that looks at the message before and after the stub.
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "torture.h"

extern RPC_IF_HANDLE S_torture_v1_0_s_ifspec;

void* __RPC_USER MIDL_user_allocate(SIZE_T size) { return calloc(1, size); }
void __RPC_USER MIDL_user_free(void* memory) { free(memory); }

static void show(unsigned opnum, const char* half, const RPC_MESSAGE* message) {
  const unsigned char* bytes = message->Buffer;
  printf("%u %s ", opnum, half);
  for (unsigned i = 0; i < message->BufferLength; ++i) printf("%02x", bytes[i]);
  printf("\n");
}

static RPC_DISPATCH_FUNCTION originals[16];

static void __RPC_STUB watched(PRPC_MESSAGE message) {
  const unsigned opnum = message->ProcNum & 0x7FFF;
  show(opnum, "request", message);
  originals[opnum](message);
  show(opnum, "response", message);
}

static void watch(RPC_IF_HANDLE handle) {
  RPC_SERVER_INTERFACE* interface_of = handle;
  RPC_DISPATCH_TABLE* table = interface_of->DispatchTable;
  DWORD old;
  VirtualProtect(table->DispatchTable, table->DispatchTableCount * sizeof(void*), PAGE_READWRITE,
                 &old);
  for (unsigned i = 0; i < table->DispatchTableCount; ++i) {
    originals[i] = table->DispatchTable[i];
    table->DispatchTable[i] = watched;
  }
}

// -- the server's side: fixed answers ------------------------------------------------------------

long S_Scalars(boolean yes, byte raw, small tiny, short s, COLOUR colour, byte odd, hyper huge,
               float f, double d, wchar_t w, WIDE wide, long ranged, short* back, hyper* huge_back,
               COLOUR* colour_back) {
  *back = -2;
  *huge_back = 0x1122334455667788ll;
  *colour_back = GREEN;
  return 77;
}

long S_Strings(const wchar_t* name, const char* narrow, const wchar_t* none, long size,
               wchar_t* answer) {
  wcscpy(answer, L"antwort");
  return 1;
}

long S_Lists(NODE* list, long* first, long* same, long* null, long** both) {
  if (both && *both) **both = 43;
  return first == same;
}

long S_Unions(byte before, LEVELLED* one, long count, LEVELLED* many, ENCLOSED* enclosed,
              LEVELLED* back) {
  back->level = 2;
  back->arm.large = 0x7766554433221100ll;
  return 2;
}

long S_Arrays(byte before, OUTER* outer, WINDOW* window, long rows, long grid[][2], short room,
              short used, short* varying, long* count, LEVELLED** made) {
  *count = 2;
  *made = MIDL_user_allocate(2 * sizeof(LEVELLED));
  (*made)[0].level = 1;
  (*made)[0].arm.tiny = 9;
  (*made)[1].level = 4;
  (*made)[1].arm.text = wcscpy(MIDL_user_allocate(16), L"zwei");
  return 3;
}

long S_Open(const wchar_t* name, THING* thing) {
  *thing = (THING)(ULONG_PTR)0x1234;
  return 0;
}
long S_Close(THING* thing) {
  *thing = NULL;
  return 0;
}
void __RPC_USER THING_rundown(THING thing) {}
void __RPC_USER S_THING_rundown(THING thing) {}

// -- the client's side ---------------------------------------------------------------------------

static void call_all(void) {
  short back;
  hyper huge;
  COLOUR colour;
  C_Scalars(1, 0xFE, -3, -300, BLUE, 0x55, 0x0102030405060708ll, 1.5f, -0.25, L'x', LARGE_ONE, 7,
            &back, &huge, &colour);

  wchar_t answer[32] = L"";
  C_Strings(L"na\u00efve \u20ac", "narrow", NULL, 32, answer);

  NODE third = {33, 3, NULL, L"drei"}, second = {22, 2, &third, NULL};
  NODE first = {11, 1, &second, L"eins"};
  long number = 41, inner = 42, *both = &inner;
  C_Lists(&first, &number, &number, NULL, &both);

  LEVELLED one = {2}, many[3] = {{1}, {4}, {99}}, back_to;
  one.arm.large = -5;
  many[0].arm.tiny = 200;
  many[1].arm.text = L"arm";
  many[2].arm.real = 2.5;
  ENCLOSED enclosed = {7};
  enclosed.value.number = 88;
  memset(&back_to, 0, sizeof back_to);
  C_Unions(1, &one, 3, many, &enclosed, &back_to);

  OUTER* outer = calloc(1, sizeof(OUTER) + 3 * sizeof(hyper));
  outer->before = 12;
  outer->tail.lead = 13;
  outer->tail.count = 2;
  outer->tail.values[0] = 14;
  outer->tail.values[1] = -15;
  short numbers[5] = {1, 2, 3, 4, 5};
  byte bytes[3] = {7, 8, 9};
  WINDOW window = {3, 5, numbers, bytes, {{1, 2, 3}, {4, 5, 6}}};
  long grid[3][2] = {{10, 11}, {20, 21}, {30, 31}}, count = 0;
  LEVELLED* made = NULL;
  C_Arrays(2, outer, &window, 3, grid, 4, 2, numbers, &count, &made);

  THING thing = NULL;
  C_Open(L"thing", &thing);
  C_Close(&thing);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  RPC_STATUS status =
      RpcServerUseProtseqEpA((RPC_CSTR) "ncalrpc", 20, (RPC_CSTR) "rpcm_torture", 0);
  watch(S_torture_v1_0_s_ifspec);
  if (!status) status = RpcServerRegisterIf(S_torture_v1_0_s_ifspec, NULL, NULL);
  if (!status) status = RpcServerListen(1, 20, TRUE);
  if (!status) {
    status = RpcBindingFromStringBindingA((RPC_CSTR) "ncalrpc:[rpcm_torture]", &torture_binding);
  }
  if (status) {
    fprintf(stderr, "rpcrt4: status %ld\n", (long)status);
    return 1;
  }
  call_all();
  ExitProcess(0);
}
