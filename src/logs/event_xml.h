// A Windows event as XML, turned into JSON of the usual shape: {"Event": {"System": {...},
// "EventData": {"Name": "value"}}}, attributes under "#attributes", text beside them under "#text".
#pragma once

#include <string>
#include <string_view>

namespace rpcmarshal::logs {

/// Appends the JSON. False (and nothing useful in `out`) when this is no XML as event logs have it.
/// Depth and number of elements are bounded; entities other than XML's own five are left as text.
bool event_xml_to_json(std::string_view xml, std::string& out);

}  // namespace rpcmarshal::logs
