// Certificate requests as [MS-ICPR] and [MS-WCCE] carry them: PKCS #10, also inside CMC (RFC 5272)
// or a signed message (renewals, requests on behalf of others), and the text of request attributes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "blobs/item.h"

namespace rpcmarshal::blobs {

/// A request in DER: subject, upn, dns, email, uri, ip, sid (lists, from the alternative names and
/// the SID extension, [MS-WCCE] 2.2.2.7.7.4), template, template_oid, usages, key, format. nullopt
/// when no PKCS #10 request is found.
std::optional<Item> parse_certificate_request(Bytes der);

/// "name:value" lines ([MS-WCCE] 2.2.2.7.10): attributes (name, value), template, and san with its
/// upn and dns names. UTF-8. nullopt when there is none.
std::optional<Item> parse_request_attributes(std::string_view text);

/// "CN=Bob, template User, for administrator@lab.test".
std::string summarise_certificate(const Item& request);

}  // namespace rpcmarshal::blobs
