// Calling what may raise a structured exception. g++ for Windows has no __try, an RPC exception
// that passes a C++ frame neither runs its destructors nor can be caught, so the frame that stops
// it is written in assembly (guard.cc).
#pragma once

#include <cstdint>

namespace rpcmarshal::agent {

/// Filled by the guard. Plain data: it lives in frames that exceptions pass.
struct GuardState {
  std::uint32_t code = 0;  ///< of the exception, also of one that was let through
  bool stopped = false;    ///< the exception ends here
  /// Called when an exception that the guard does not stop unwinds through it, or null.
  void (*abandoned)(GuardState*) = nullptr;
};

extern "C" {
/// Calls function(argument). Returns 0, or the code of the exception it raised. Exceptions that
/// mean a bug or corrupted memory (access violation, stack overflow, breakpoint, ...) are not
/// stopped, as the RPC runtime does not stop them either: state->abandoned is told when they
/// unwind.
std::uint32_t rpcm_guard_call(void (*function)(void*), void* argument, GuardState* state);
/// As before, but stops every exception: for looking at memory that may vanish.
std::uint32_t rpcm_guard_probe(void (*function)(void*), void* argument, GuardState* state);
}

/// Runs `function`, a callable whose frames have nothing to destroy, and tells the exception's code
/// or 0.
template <typename Function>
std::uint32_t guarded(const Function& function) {
  GuardState state;
  return rpcm_guard_call([](void* f) { (*static_cast<const Function*>(f))(); },
                         const_cast<Function*>(&function), &state);
}
template <typename Function>
std::uint32_t probed(const Function& function) {
  GuardState state;
  return rpcm_guard_probe([](void* f) { (*static_cast<const Function*>(f))(); },
                          const_cast<Function*>(&function), &state);
}

}  // namespace rpcmarshal::agent
