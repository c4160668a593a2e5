// The `dcom`, `wmi` and `dispatch` groups of an event as JSON.
#pragma once

#include <functional>

#include "dcom/objects.h"
#include "sink/json_writer.h"

namespace rpcmarshal {

/// Adds the groups to the open object. `write_value` writes an argument of an automation call.
void append_object_view(JsonWriter& json, const dcom::ObjectView& view,
                        const std::function<void(const ndr::Value&)>& write_value);

/// What an OBJREF says, as members of the open object.
void append_objref(JsonWriter& json, Bytes objref);
/// A DUALSTRINGARRAY (semantic "bindings") as an object.
void append_bindings(JsonWriter& json, const ndr::Value& strings);

}  // namespace rpcmarshal
