// A small RPC server and its client for the tests of the agent, with stubs written by hand: what
// MIDL would make of
//     [uuid(6b2d9a70-5c1e-4f3b-9d64-0a7f3e51c2d8), version(1.3)] interface marshal_test {
//       long Length([in] size, bytes), long Zero(), long Fail();  // 5 is returned by the last
//     }
//
//     agent_test_server serve LRPC_NAME SECONDS [DELAY_MS]   waits, then listens; ends by itself
//     agent_test_server call LRPC_NAME OPNUM COUNT           prints what the last call returned
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <rpc.h>
#include <rpcndr.h>
#include <windows.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

void answer(RPC_MESSAGE* message, std::uint32_t value) {
  message->BufferLength = 4;
  if (I_RpcGetBuffer(message) == RPC_S_OK) std::memcpy(message->Buffer, &value, 4);
}
void __RPC_STUB length(RPC_MESSAGE* message) { answer(message, message->BufferLength); }
void __RPC_STUB zero(RPC_MESSAGE* message) { answer(message, 0); }
void __RPC_STUB fail(RPC_MESSAGE* message) { answer(message, 5); }

RPC_DISPATCH_FUNCTION functions[] = {length, zero, fail, nullptr};
RPC_DISPATCH_TABLE table = {3, functions, 0};

constexpr RPC_SYNTAX_IDENTIFIER kInterface = {
    {0x6b2d9a70, 0x5c1e, 0x4f3b, {0x9d, 0x64, 0x0a, 0x7f, 0x3e, 0x51, 0xc2, 0xd8}}, {1, 3}};
constexpr RPC_SYNTAX_IDENTIFIER kNdr = {
    {0x8a885d04, 0x1ceb, 0x11c9, {0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60}}, {2, 0}};

RPC_SERVER_INTERFACE server = {sizeof server, kInterface, kNdr,    &table, 0,
                               nullptr,       nullptr,    nullptr, 0};
RPC_CLIENT_INTERFACE client = {sizeof client, kInterface, kNdr, nullptr, 0, nullptr, 0, nullptr, 0};

RPC_WSTR rpc(wchar_t* text) { return reinterpret_cast<RPC_WSTR>(text); }

int serve(wchar_t* endpoint, DWORD seconds, DWORD delay) {
  Sleep(delay);
  wchar_t sequence[] = L"ncalrpc";
  RPC_STATUS status = RpcServerUseProtseqEpW(rpc(sequence), 10, rpc(endpoint), nullptr);
  if (status == RPC_S_OK) status = RpcServerRegisterIf(&server, nullptr, nullptr);
  if (status == RPC_S_OK) status = RpcServerListen(1, 10, TRUE);
  std::printf("serving %ld\n", static_cast<long>(status));
  std::fflush(stdout);
  Sleep(seconds * 1000);
  return status == RPC_S_OK ? 0 : 1;
}

int call(wchar_t* endpoint, unsigned opnum, unsigned count) {
  wchar_t sequence[] = L"ncalrpc";
  RPC_WSTR text = nullptr;
  RPC_BINDING_HANDLE binding = nullptr;
  RpcStringBindingComposeW(nullptr, rpc(sequence), nullptr, rpc(endpoint), nullptr, &text);
  if (RpcBindingFromStringBindingW(text, &binding) != RPC_S_OK) return 1;
  std::uint32_t value = 0;
  for (unsigned i = 0; i < count; ++i) {
    RPC_MESSAGE message{};
    message.Handle = binding;
    message.DataRepresentation = 0x10;
    message.BufferLength = 24;
    message.ProcNum = opnum;
    message.RpcInterfaceInformation = &client;
    RPC_STATUS status = I_RpcGetBuffer(&message);
    if (status == RPC_S_OK) {
      std::memset(message.Buffer, 'x', 24);
      status = I_RpcSendReceive(&message);
    }
    if (status != RPC_S_OK) {
      std::printf("status %ld\n", static_cast<long>(status));
      return 1;
    }
    if (message.BufferLength >= 4) std::memcpy(&value, message.Buffer, 4);
    I_RpcFreeBuffer(&message);
  }
  std::printf("returned %u\n", value);
  return 0;
}

}  // namespace

int main() {
  int count = 0;
  wchar_t** args = CommandLineToArgvW(GetCommandLineW(), &count);
  const auto number = [&](int i) {
    return count > i ? static_cast<DWORD>(_wtoi(args[i])) : DWORD{0};
  };
  if (count >= 4 && wcscmp(args[1], L"serve") == 0) return serve(args[2], number(3), number(4));
  if (count >= 5 && wcscmp(args[1], L"call") == 0) return call(args[2], number(3), number(4));
  return 2;
}

// What rpcrt4 asks a program for.
extern "C" {
void* __RPC_USER MIDL_user_allocate(std::size_t size) { return std::malloc(size); }
void __RPC_USER MIDL_user_free(void* memory) { std::free(memory); }
}
