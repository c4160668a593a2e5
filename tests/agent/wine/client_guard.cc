// The guard for the test client, which is C.
#include "agent/hook/windows/guard.h"

extern "C" unsigned long guard_call(void (*function)(void*), void* argument) {
  rpcmarshal::agent::GuardState state;
  return rpcmarshal::agent::rpcm_guard_call(function, argument, &state);
}
