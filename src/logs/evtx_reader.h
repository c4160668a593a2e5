// Windows event log files (EVTX), through libevtx.
#pragma once

#include <memory>
#include <string>

#include "logs/json.h"
#include "logs/reader.h"

namespace rpcmarshal::logs {

/// Reads `path`, which must be a file (libevtx needs to seek). Records that cannot be read are
/// passed over; also those it recovers from unused space are read.
std::unique_ptr<LogReader> open_evtx(const std::string& path, const sigma::FieldIndex& index,
                                     std::string& error);

}  // namespace rpcmarshal::logs
