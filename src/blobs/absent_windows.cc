// What the Windows build does not read, for want of the libraries that read it elsewhere (pugixml,
// OpenSSL): the argument is in the event as it was sent, without `details`.
#include "blobs/certificate.h"
#include "blobs/xml.h"

namespace rpcmarshal::blobs {

std::optional<Item> parse_task(std::string_view) { return std::nullopt; }
std::string summarise_task(const Item&) { return {}; }
std::optional<Item> parse_event_query(std::string_view) { return std::nullopt; }
std::optional<Item> parse_certificate_request(Bytes) { return std::nullopt; }
std::optional<Item> parse_request_attributes(std::string_view) { return std::nullopt; }
std::string summarise_certificate(const Item&) { return {}; }

}  // namespace rpcmarshal::blobs
