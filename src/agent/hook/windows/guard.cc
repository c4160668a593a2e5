#include "agent/hook/windows/guard.h"

#include "agent/hook/windows/sdk.h"

namespace rpcmarshal::agent {
namespace {

/// The frame of the functions below: 32 bytes for the callee's home space, 8 unused, the state.
GuardState* state_of(void* frame) {
  return *reinterpret_cast<GuardState**>(static_cast<char*>(frame) + 40);
}

/// What I_RpcExceptionFilter lets through too.
bool is_fatal(DWORD code) {
  switch (code) {
    case EXCEPTION_ACCESS_VIOLATION:
    case EXCEPTION_DATATYPE_MISALIGNMENT:
    case EXCEPTION_BREAKPOINT:
    case EXCEPTION_ILLEGAL_INSTRUCTION:
    case EXCEPTION_PRIV_INSTRUCTION:
    case EXCEPTION_STACK_OVERFLOW:
    case EXCEPTION_IN_PAGE_ERROR:
    case EXCEPTION_GUARD_PAGE:
    case 0xC0000194:  // STATUS_POSSIBLE_DEADLOCK
    case EXCEPTION_INVALID_HANDLE:
    case 0xC0000409:  // STATUS_STACK_BUFFER_OVERRUN
    case 0xC0000420:  // STATUS_ASSERTION_FAILURE
      return true;
    default:
      return false;
  }
}

}  // namespace
}  // namespace rpcmarshal::agent

using rpcmarshal::agent::GuardState;

// The code is stored here because Wine does not put it into rax at the landing pad.
extern "C" LONG rpcm_guard_filter(EXCEPTION_POINTERS* exception, void* frame) {
  const DWORD code = exception->ExceptionRecord->ExceptionCode;
  GuardState* state = rpcmarshal::agent::state_of(frame);
  state->code = code;
  state->stopped = !rpcmarshal::agent::is_fatal(code);
  return state->stopped ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
}

extern "C" LONG rpcm_probe_filter(EXCEPTION_POINTERS* exception, void* frame) {
  GuardState* state = rpcmarshal::agent::state_of(frame);
  state->code = exception->ExceptionRecord->ExceptionCode;
  state->stopped = true;
  return EXCEPTION_EXECUTE_HANDLER;
}

// Wine calls this also on the way to our own landing pad, Windows does not.
extern "C" void rpcm_guard_finally(BOOLEAN /*abnormal*/, void* frame) {
  GuardState* state = rpcmarshal::agent::state_of(frame);
  if (!state->stopped && state->abandoned) state->abandoned(state);
}

// Scope tables of __C_specific_handler: begin, end, filter and landing pad of what corresponds to
// __except; begin, end, function and 0 of __finally. `nop` keeps the return address of the call
// within the scope.
#define RPCM_GUARD(name, filter)                                     \
  asm(".text\n.p2align 4\n.globl " name "\n.def " name               \
      "; .scl 2; .type 32; .endef\n"                                 \
      ".seh_proc " name "\n" name                                    \
      ":\n"                                                          \
      "  subq $56, %rsp\n"                                           \
      "  .seh_stackalloc 56\n"                                       \
      "  .seh_endprologue\n"                                         \
      "  .seh_handler __C_specific_handler, @except, @unwind\n"      \
      "  movq %r8, 40(%rsp)\n"                                       \
      "  movq %rcx, %rax\n"                                          \
      "  movq %rdx, %rcx\n"                                          \
      ".L" name                                                      \
      "_begin:\n"                                                    \
      "  call *%rax\n"                                               \
      "  nop\n"                                                      \
      ".L" name                                                      \
      "_end:\n"                                                      \
      "  xorl %eax, %eax\n"                                          \
      "  addq $56, %rsp\n"                                           \
      "  ret\n"                                                      \
      ".L" name                                                      \
      "_raised:\n"                                                   \
      "  movq 40(%rsp), %rax\n"                                      \
      "  movl (%rax), %eax\n"                                        \
      "  addq $56, %rsp\n"                                           \
      "  ret\n"                                                      \
      "  .seh_handlerdata\n"                                         \
      "  .long 2\n"                                                  \
      "  .rva .L" name "_begin, .L" name "_end, " filter ", .L" name \
      "_raised\n"                                                    \
      "  .rva .L" name "_begin, .L" name                             \
      "_end, rpcm_guard_finally\n"                                   \
      "  .long 0\n"                                                  \
      "  .text\n"                                                    \
      "  .seh_endproc\n")

RPCM_GUARD("rpcm_guard_call", "rpcm_guard_filter");
RPCM_GUARD("rpcm_guard_probe", "rpcm_probe_filter");
