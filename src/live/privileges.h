// Giving up what opening the interfaces needed, before the first packet is read.
#pragma once

#include <string>

namespace rpcmarshal {

/// Becomes `user` (name or number; with its groups) when it is not empty, gives up every
/// capability, and rules out getting any back (no_new_privs). Must be called while there is one
/// thread. Checks afterwards that it worked. Throws std::runtime_error that says what did not.
void drop_privileges(const std::string& user);

}  // namespace rpcmarshal
