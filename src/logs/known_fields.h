// The fields readers themselves look at: where an event is from, and when it happened.
#pragma once

#include "sigma/engine.h"

namespace rpcmarshal::logs {

struct KnownFields {
  explicit KnownFields(sigma::FieldIndex& fields);

  sigma::FieldId channel, event_id, provider, event_type;  // Windows
  sigma::FieldId zeek_path;                                // "_path"
  sigma::FieldId time;       // of the event, under any of the usual names
  sigma::FieldId own_event;  // only events of RPC Marshal have it
};

/// The text or number of a field as text in `buffer`, or empty.
std::string_view first_text(const sigma::EventFields& event, sigma::FieldId field,
                            std::string& buffer);
/// Nanoseconds since 1970, or 0 when there is no time that could be read.
std::int64_t event_time(const sigma::EventFields& event, const KnownFields& known);

}  // namespace rpcmarshal::logs
