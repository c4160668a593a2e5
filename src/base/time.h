// Points in time as the captures give them.
#pragma once

#include <cstdint>

namespace rpcmarshal {

/// Nanoseconds since 1970-01-01T00:00:00Z. Zero means unknown.
using Timestamp = std::int64_t;

}  // namespace rpcmarshal
