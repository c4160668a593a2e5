// Which rules one of our events may match, told from little: its operation, its outcome, and which
// parts it has. A rule that asks for another operation, or for an argument this one has not, cannot
// match, whatever the arguments are; of most events nothing else need be looked at.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "event/event.h"
#include "sigma/fields.h"

namespace rpcmarshal::detect {

/// Events with the same key get the same answers from field_outlook().
struct RouteKey {
  const Procedure* procedure = nullptr;  ///< null: what is called is not known, or has no name
  const Interface* interface = nullptr;
  std::uint32_t parts = 0;  ///< outcome, and a bit for each part of the event that is there
  bool operator==(const RouteKey&) const = default;
};
RouteKey route_key(const Event& event);

struct RouteKeyHash {
  std::size_t operator()(const RouteKey& key) const {
    return (reinterpret_cast<std::uintptr_t>(key.procedure) >> 4) * 0x9E3779B97F4A7C15ull ^
           key.parts * 0xA0761D6478BD642Full;
  }
};

/// Fields that are cheap to take from any event: addresses and ports.
enum class HeaderField : std::uint8_t {
  kNone,
  kClientAddress,
  kClientPort,
  kServerAddress,
  kServerPort
};
HeaderField header_field(std::string_view field);

/// What is known of a field of `event` by its key alone. True: `out` has all its values (none: it
/// is absent), texts living as long as the event. False: it may have any value. Field names are
/// those of docs/event.md and, for what Zeek and the RPC Firewall would have logged, theirs
/// (`zeek_endpoint`, `zeek_operation` for this event).
bool field_outlook(const Event& event, std::string_view field, std::string_view zeek_endpoint,
                   std::string_view zeek_operation, std::vector<sigma::EventValue>& out);

}  // namespace rpcmarshal::detect
