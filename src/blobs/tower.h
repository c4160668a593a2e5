// Protocol towers of the endpoint mapper ([C706] appendix L, [MS-RPCE] 2.2.1.2.2): what an
// interface listens on.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "blobs/item.h"
#include "interface/model.h"

namespace rpcmarshal::blobs {

/// A tower's octets: uuid, version, interface (its name, when known), syntax, protocol
/// ("ncacn_ip_tcp"), host, endpoint. nullopt when it has no two UUID floors. `catalogue` may be
/// null.
std::optional<Item> parse_tower(Bytes octets, const Catalogue* catalogue);
/// "samr ncacn_ip_tcp:10.0.0.1[49664]".
std::string summarise_tower(const Item& tower);

}  // namespace rpcmarshal::blobs
