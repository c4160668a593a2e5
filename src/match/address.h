// IP addresses in text, and networks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace rpcmarshal::match {

/// An address in text into 4 or 16 bytes, big-endian, as inet_pton reads them (four decimal numbers
/// without leading zeros; [RFC 4291] 2.2 with "::" and a trailing IPv4 address); false when it is
/// none. IPv4-mapped IPv6 becomes IPv4.
bool parse_address(std::string_view text, std::uint8_t (&bytes)[16], std::size_t& size);

/// Whether the address `text` (a zone behind '%' does not count) is in the network: 4 or 16 bytes,
/// of which the first `prefix` bits count.
bool in_network(std::string_view text, std::span<const std::uint8_t> network, unsigned prefix);

}  // namespace rpcmarshal::match
