// Directory replication: attribute ids and the names behind them. An ATTRTYP is 16 bits that index
// the message's prefix table, and 16 bits that end the object identifier ([MS-DRSR] 5.16.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace rpcmarshal::blobs {

/// Prefixes by index: BER-encoded beginnings of object identifiers. The bytes belong to the stub.
using PrefixTable = std::vector<std::pair<std::uint32_t, Bytes>>;

/// Dotted object identifier of an attribute; by the table that every directory starts with
/// ([MS-DRSR] 5.16.4, NewPrefixTable) when `table` lacks the index. Empty when neither has it.
std::string attribute_oid(std::uint32_t attribute, const PrefixTable& table);

/// "unicodePwd"; the object identifier of a less known one; "0x00090abc" when there is neither.
std::string attribute_name(std::uint32_t attribute, const PrefixTable& table);

/// Whether the attribute holds keys or passwords ([MS-DRSR] 4.1.10.3.11): what DCSync is after.
bool is_secret_attribute(std::string_view name);

}  // namespace rpcmarshal::blobs
