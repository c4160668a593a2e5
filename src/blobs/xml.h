// XML inside arguments: task definitions ([MS-TSCH] 2.5) and structured event queries ([MS-EVEN6]
// 2.2.16). Read by xml_tree.h; nesting is not followed beyond what the formats have.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "blobs/item.h"

namespace rpcmarshal::blobs {

/// A task: command_lines, actions (type, command, arguments, directory, class_id), users, groups,
/// run_level, logon_type, hidden, enabled, triggers (type, start, user, event), author, uri,
/// description; incomplete (true) when the XML has a mistake, before which this stands, or more
/// than is shown. `xml` is UTF-8 whatever its declaration says. nullopt when it is no task.
std::optional<Item> parse_task(std::string_view xml);
/// "cmd.exe /c whoami, as SYSTEM, hidden, at boot".
std::string summarise_task(const Item& task);

/// A query: queries (path, select, suppress), incomplete as above. A plain XPath gives one with
/// select. nullopt when there is nothing to say beyond the text.
std::optional<Item> parse_event_query(std::string_view query);

}  // namespace rpcmarshal::blobs
