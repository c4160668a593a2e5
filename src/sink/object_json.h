// The `dcom`, `wmi` and `dispatch` groups of an event as JSON.
#pragma once

#include <functional>

#include "dcom/objects.h"
#include "sink/json_writer.h"

namespace rpcmarshal {

/// Adds the groups to the open object. `write_value` writes an argument of an automation call.
void append_object_view(JsonWriter& json, const dcom::ObjectView& view,
                        const std::function<void(const ndr::Value&)>& write_value);

}  // namespace rpcmarshal
