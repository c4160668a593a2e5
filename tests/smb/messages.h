// Builds SMB messages for the tests of smb/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/unicode.h"

namespace rpcmarshal::test {

inline std::string le(std::uint64_t v, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(v >> (8 * i));
  return out;
}
inline std::string le16(std::uint64_t v) { return le(v, 2); }
inline std::string le32(std::uint64_t v) { return le(v, 4); }
inline std::string le64(std::uint64_t v) { return le(v, 8); }

inline std::string utf16(std::string_view text) {
  std::string out;
  for (char16_t unit : utf8_to_utf16(text)) out += le16(unit);
  return out;
}

/// The session header before a message.
inline std::string framed(std::string_view message) {
  std::size_t n = message.size();
  return std::string{'\0', static_cast<char>(n >> 16), static_cast<char>(n >> 8),
                     static_cast<char>(n)} +
         std::string(message);
}

/// A DCE/RPC PDU header of `type` with `body` after it.
inline std::string pdu(int type, std::string_view body) {
  return std::string("\x05\x00", 2) + static_cast<char>(type) + '\x03' +
         std::string("\x10\0\0\0", 4) + le16(16 + body.size()) + le16(0) + le32(1) +
         std::string(body);
}

struct Smb2 {
  std::uint16_t command = 0;
  std::uint64_t message_id = 0;
  bool response = false;
  std::uint32_t status = 0;
  std::uint32_t tree = 0;
  std::uint64_t session = 0x1122;
  std::uint32_t flags = 0;
  std::uint32_t next = 0;
};
inline std::string smb2(const Smb2& h, std::string_view body) {
  std::uint32_t flags = h.flags | (h.response ? 1u : 0u);
  std::string out = "\xfeSMB" + le16(64) + le16(0) + le32(h.status) + le16(h.command) + le16(1) +
                    le32(flags) + le32(h.next) + le64(h.message_id);
  if (flags & 2) {
    out += le64(77);  // AsyncId
  } else {
    out += le32(0xfeff) + le32(h.tree);
  }
  return out + le64(h.session) + std::string(16, '\0') + std::string(body);
}
/// Messages as one compound: each padded to eight bytes, with the offset of the next.
inline std::string compound(std::initializer_list<std::pair<Smb2, std::string>> parts) {
  std::string out;
  std::size_t n = 0;
  for (auto [header, body] : parts) {
    bool last = ++n == parts.size();
    std::size_t size = (64 + body.size() + 7) / 8 * 8;
    if (!last) {
      body.resize(size - 64);
      header.next = static_cast<std::uint32_t>(size);
    }
    out += smb2(header, body);
  }
  return out;
}

inline std::string file_id(std::uint64_t n) { return le64(n) + le64(n + 0x1000); }
inline const std::string kPrevious(16, '\xff');

inline std::string session_setup_request(std::string_view token) {
  return le16(25) + std::string(10, '\0') + le16(64 + 24) + le16(token.size()) + le64(0) +
         std::string(token);
}
inline std::string session_setup_response(std::uint16_t flags, std::string_view token) {
  return le16(9) + le16(flags) + le16(64 + 8) + le16(token.size()) + std::string(token);
}
inline std::string tree_connect_request(std::string_view path) {
  std::string wide = utf16(path);
  return le16(9) + le16(0) + le16(64 + 8) + le16(wide.size()) + wide;
}
inline std::string tree_connect_response(int type) {
  return le16(16) + static_cast<char>(type) + std::string(13, '\0');
}
inline std::string create_request(std::string_view name) {
  std::string wide = utf16(name);
  return le16(57) + std::string(42, '\0') + le16(64 + 56) + le16(wide.size()) + le64(0) + wide;
}
inline std::string create_response(std::string_view id) {
  return le16(89) + std::string(62, '\0') + std::string(id) + le64(0);
}
inline std::string close_request(std::string_view id) {
  return le16(24) + std::string(6, '\0') + std::string(id);
}
inline std::string close_response() { return le16(60) + std::string(58, '\0'); }
inline std::string write_request(std::string_view id, std::string_view data) {
  return le16(49) + le16(64 + 48) + le32(data.size()) + le64(0) + std::string(id) +
         std::string(16, '\0') + std::string(data);
}
inline std::string write_response(std::size_t size) {
  return le16(17) + le16(0) + le32(size) + le64(0);
}
inline std::string read_request(std::string_view id, std::uint32_t size) {
  return le16(49) + le16(0) + le32(size) + le64(0) + std::string(id) + std::string(17, '\0');
}
inline std::string read_response(std::string_view data) {
  return le16(17) + static_cast<char>(64 + 16) + '\0' + le32(data.size()) + le64(0) +
         std::string(data);
}
inline std::string transceive_request(std::string_view id, std::string_view data) {
  return le16(57) + le16(0) + le32(0x0011c017) + std::string(id) + le32(64 + 56) +
         le32(data.size()) + le32(0) + le32(0) + le32(0) + le32(4096) + le64(1) + std::string(data);
}
inline std::string transceive_response(std::string_view id, std::string_view data) {
  return le16(49) + le16(0) + le32(0x0011c017) + std::string(id) + le32(64 + 48) + le32(0) +
         le32(64 + 48) + le32(data.size()) + le64(0) + std::string(data);
}
inline std::string error_response() { return le16(9) + le16(0) + le32(0) + '\0'; }

struct Smb1 {
  std::uint8_t command = 0;
  std::uint16_t mid = 1;
  bool response = false;
  std::uint32_t status = 0;
  std::uint16_t tree = 5;
  std::uint16_t user = 9;
  bool unicode = true;
};
/// `words` and `bytes` of one command; AndX commands give their own four bytes in `words`.
inline std::string block(std::string_view words, std::string_view bytes) {
  return static_cast<char>(words.size() / 2) + std::string(words) + le16(bytes.size()) +
         std::string(bytes);
}
inline std::string smb1(const Smb1& h, std::string_view blocks) {
  return "\xffSMB" + le(h.command, 1) + le32(h.status) + (h.response ? '\x98' : '\x18') +
         le16(h.unicode ? 0xc801 : 0x4801) + le16(0) + std::string(8, '\0') + le16(0) +
         le16(h.tree) + le16(0x33) + le16(h.user) + le16(h.mid) + std::string(blocks);
}
inline const std::string kNoAndX = std::string("\xff\0\0\0", 4);

}  // namespace rpcmarshal::test
