// Builds frames for the tests of capture/: readable, byte by byte, with valid lengths.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "capture/packet.h"

namespace rpcmarshal::test {

inline std::string be16(unsigned v) { return {static_cast<char>(v >> 8), static_cast<char>(v)}; }
inline std::string be32(std::uint32_t v) { return be16(v >> 16) + be16(v & 0xffff); }
inline std::string le16(unsigned v) { return {static_cast<char>(v), static_cast<char>(v >> 8)}; }
inline std::string le32(std::uint32_t v) { return le16(v & 0xffff) + le16(v >> 16); }

inline std::string tcp(unsigned from, unsigned to, std::uint32_t seq, std::uint32_t ack,
                       unsigned flags, std::string_view payload) {
  return be16(from) + be16(to) + be32(seq) + be32(ack) + char(0x50) + char(flags) + be16(8192) +
         be32(0) + std::string(payload);
}
inline std::string udp(unsigned from, unsigned to, std::string_view payload) {
  return be16(from) + be16(to) + be16(8 + payload.size()) + be16(0) + std::string(payload);
}
/// `last` octets of 10.0.0.x; `fragment` is the flags and offset field.
inline std::string ipv4(unsigned from, unsigned to, unsigned protocol, std::string_view payload,
                        unsigned id = 1, unsigned fragment = 0) {
  return std::string("\x45\0", 2) + be16(20 + payload.size()) + be16(id) + be16(fragment) +
         char(64) + char(protocol) + be16(0) + be32(0x0a000000 + from) + be32(0x0a000000 + to) +
         std::string(payload);
}
inline std::string ipv6(unsigned from, unsigned to, unsigned next, std::string_view payload) {
  std::string prefix("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
  return be32(0x60000000) + be16(payload.size()) + char(next) + char(64) + prefix + char(from) +
         prefix + char(to) + std::string(payload);
}
inline std::string ethernet(unsigned type, std::string_view payload) {
  return std::string(12, '\x02') + be16(type) + std::string(payload);
}

inline RawPacket raw(std::string_view frame, int link_type = 1, Timestamp time = 0) {
  RawPacket packet;
  packet.time = time;
  packet.data = as_bytes(frame);
  packet.original_length = static_cast<std::uint32_t>(frame.size());
  packet.link_type = link_type;
  return packet;
}

}  // namespace rpcmarshal::test
