// DNS records as the management of a DNS server carries them ([MS-DNSP] 2.2.2.2.4): the bytes of a
// record, laid out by its type, and the buffer of nodes that R_DnssrvEnumRecords fills. Numbers are
// little-endian, addresses in network order; a name is a byte of length and as many bytes of UTF-8.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "blobs/item.h"

namespace rpcmarshal::blobs {

/// "A", "SRV", or "TYPE65281" for one without a name here.
std::string dns_type_name(std::uint16_t type);

/// The data of one record: type; data ("10.0.0.9", "10 mail.example", a text per string).
/// Empty when the data is not of that type's form; bytes of other types are not shown again.
std::optional<Item> parse_dns_record(std::uint16_t type, Bytes data);
/// "A 10.0.0.9".
std::string summarise_dns_record(const Item& record);

/// Nodes of a zone: nodes, each with name, children and records (type, data, ttl in seconds). What
/// follows a damaged node is left out; empty when there is no whole one.
std::optional<Item> parse_dns_nodes(Bytes bytes);
/// "3 names, 5 records, first wpad A 10.0.0.9".
std::string summarise_dns_nodes(const Item& nodes);

}  // namespace rpcmarshal::blobs
