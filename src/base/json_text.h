// What the text of a JSON string means: for readers of JSON that keep few strings of many.
#pragma once

#include <string>
#include <string_view>

namespace rpcmarshal {

/// Appends what stands between a string's quotes, with its escapes replaced, as UTF-8; a surrogate
/// without its other half becomes U+FFFD. Never more bytes than `raw` has. False: an escape that
/// JSON does not know, or half of one; what stood before it is appended. [RFC 8259, section 7]
bool append_json_text(std::string& out, std::string_view raw);

}  // namespace rpcmarshal
