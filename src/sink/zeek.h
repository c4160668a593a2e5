// Zeek's conventions for log lines: how values are escaped in its tab-separated files, how a
// connection is named, and what Zeek calls an interface or operation. Facts from Zeek's
// documentation of its ASCII writer and from its published logs. Internal to sink/.
#pragma once

#include <string>
#include <string_view>

#include "event/event.h"

namespace rpcmarshal::zeek {

/// A value of a tab-separated line: control characters, bytes that are no UTF-8 and `also` become
/// \xHH, a backslash two; a lone "-" or "(empty)" is written so that it is not taken for a missing
/// or an empty value; empty text is "(empty)".
void append_value(std::string& out, std::string_view text, char also = '\t');

/// Seconds with six decimals, as Zeek's types time and interval are written.
void append_seconds(std::string& out, Timestamp nanoseconds);

/// "C" and letters and digits: made of both ends and the start of the TCP connection, so the same
/// connection has the same name in every run, worker and sensor that saw its start.
void append_uid(std::string& out, const Event& event);

/// Zeek's name of the interface; "unknown-<uuid>" when it has no name; empty when the interface is
/// not known.
std::string endpoint(const Event& event);
/// Zeek's name of the operation; "unknown-<opnum>" when it has none; empty when only the response
/// was captured.
std::string operation(const Event& event);

}  // namespace rpcmarshal::zeek
