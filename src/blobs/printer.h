// Print drivers: the files that an added driver names, or that a spooler's answer lists. A driver
// is a library the spooler loads, so the paths are what matters (PrintNightmare).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "blobs/item.h"
#include "ndr/value.h"

namespace rpcmarshal::blobs {

/// DRIVER_CONTAINER ([MS-RPRN] 2.2.1.2.3), whose pointers NDR has followed.
std::optional<Item> read_print_driver(const ndr::Value& container);

/// Drivers in the buffer of an answer: `count` structures of one `level` side by side,
/// little-endian, their texts found by offsets from the start of each ([MS-RPRN] 2.2.2.4). Levels 1
/// to 6 and 8; at most kMaxItems. What does not fit is left out.
std::vector<Item> parse_print_drivers(std::uint32_t level, std::uint32_t count, Bytes bytes);

std::string summarise_print_driver(const Item& driver);

}  // namespace rpcmarshal::blobs
