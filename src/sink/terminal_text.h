// Text from the wire made fit for a terminal: nothing in it can act on the terminal, and long
// values are cut.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rpcmarshal {

/// Columns a UTF-8 text takes, near enough: one per code point.
std::size_t columns(std::string_view text);
/// Control characters escaped.
std::string safe(std::string_view text);
/// Safe, and cut at a character after some hundred bytes.
std::string shortened(std::string_view text);
/// In quotes, those inside as \", safe, and cut after some hundred bytes with its whole size said.
/// Trailing NULs go.
std::string quoted(std::string_view text);

}  // namespace rpcmarshal
