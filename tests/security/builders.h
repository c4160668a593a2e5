// Builds authentication tokens byte by byte, independently of the parsers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace rpcmarshal::testing {

inline std::string le16(unsigned v) {
  return {static_cast<char>(v & 0xff), static_cast<char>(v >> 8 & 0xff)};
}
inline std::string le32(std::uint32_t v) { return le16(v & 0xffff) + le16(v >> 16); }
inline std::string utf16(std::string_view ascii) {
  std::string out;
  for (char c : ascii) {
    out += c;
    out += '\0';
  }
  return out;
}

/// One DER element.
inline std::string der(unsigned tag, const std::string& content) {
  std::string out(1, static_cast<char>(tag));
  if (content.size() < 0x80) {
    out += static_cast<char>(content.size());
  } else if (content.size() < 0x100) {
    out += '\x81';
    out += static_cast<char>(content.size());
  } else {
    out += '\x82';
    out += static_cast<char>(content.size() >> 8);
    out += static_cast<char>(content.size() & 0xff);
  }
  return out + content;
}
inline std::string der_int(int v) { return der(0x02, std::string(1, static_cast<char>(v))); }
inline std::string der_string(const std::string& text) { return der(0x1b, text); }

inline const std::string kOidSpnego = "\x2b\x06\x01\x05\x05\x02";
inline const std::string kOidNtlm = "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
inline const std::string kOidKerberos = "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
inline const std::string kOidMsKerberos = "\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";

struct NtlmNames {
  std::string domain, user, workstation;  ///< already encoded
  std::string lm = std::string(24, '\x11'), nt = std::string(24, '\x22'), key;
};
/// AUTHENTICATE with Version and MIC (payload at 88).
inline std::string ntlm_authenticate(const NtlmNames& names, std::uint32_t flags) {
  std::string payload;
  auto field = [&](const std::string& value) {
    std::string out = le16(static_cast<unsigned>(value.size())) +
                      le16(static_cast<unsigned>(value.size())) +
                      le32(static_cast<std::uint32_t>(88 + payload.size()));
    payload += value;
    return out;
  };
  std::string out("NTLMSSP\0", 8);
  out += le32(3);
  out += field(names.lm);
  out += field(names.nt);
  out += field(names.domain);
  out += field(names.user);
  out += field(names.workstation);
  out += field(names.key);
  out += le32(flags);
  out += std::string(8, '\x0a');
  out += std::string(16, '\x4d');
  return out + payload;
}
inline std::string ntlm_negotiate(std::uint32_t flags = 0xe2088297) {
  return std::string("NTLMSSP\0", 8) + le32(1) + le32(flags) + std::string(24, '\0');
}
inline std::string ntlm_challenge(std::uint32_t flags, const std::string& computer,
                                  const std::string& dns) {
  std::string target = utf16("LAB");
  std::string info = le16(2) + le16(6) + utf16("LAB") + le16(1) +
                     le16(static_cast<unsigned>(2 * computer.size())) + utf16(computer) + le16(3) +
                     le16(static_cast<unsigned>(2 * dns.size())) + utf16(dns) + le32(0);
  std::string out("NTLMSSP\0", 8);
  out += le32(2) + le16(6) + le16(6) + le32(56) + le32(flags) + "chalCHAL" + std::string(8, '\0');
  auto size = static_cast<unsigned>(info.size());
  out += le16(size) + le16(size) + le32(62) + std::string(8, '\0');
  return out + target + info;
}

inline std::string spnego_init(const std::string& mechanism_oid, const std::string& token) {
  std::string body = der(0xa0, der(0x30, der(0x06, mechanism_oid)));
  if (!token.empty()) body += der(0xa2, der(0x04, token));
  return der(0x60, der(0x06, kOidSpnego) + der(0xa0, der(0x30, body)));
}
inline std::string spnego_response(int state, const std::string& token,
                                   const std::string& oid = {}) {
  std::string body;
  if (state >= 0) body += der(0xa0, der(0x0a, std::string(1, static_cast<char>(state))));
  if (!oid.empty()) body += der(0xa1, der(0x06, oid));
  if (!token.empty()) body += der(0xa2, der(0x04, token));
  return der(0xa1, der(0x30, body));
}

inline std::string principal(int type, const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += der_string(name);
  return der(0x30, der(0xa0, der_int(type)) + der(0xa1, der(0x30, list)));
}
inline std::string sealed(int etype, int kvno, const std::string& cipher) {
  std::string out = der(0xa0, der_int(etype));
  if (kvno >= 0) out += der(0xa1, der_int(kvno));
  return der(0x30, out + der(0xa2, der(0x04, cipher)));
}
inline std::string ticket(const std::string& realm, const std::vector<std::string>& service,
                          const std::string& cipher) {
  return der(0x61,
             der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_string(realm)) +
                           der(0xa2, principal(2, service)) + der(0xa3, sealed(18, 2, cipher))));
}
inline std::string ap_req(const std::string& realm, const std::vector<std::string>& service) {
  return der(0x6e, der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_int(14)) +
                                 der(0xa2, der(0x03, std::string("\0\x20\0\0\0", 5))) +
                                 der(0xa3, ticket(realm, service, std::string(200, 'T'))) +
                                 der(0xa4, sealed(18, -1, std::string(150, 'A')))));
}
inline std::string gss_kerberos(const std::string& message, char token_id = '\x01') {
  return der(0x60,
             der(0x06, kOidKerberos) + std::string(1, token_id) + std::string(1, '\0') + message);
}

}  // namespace rpcmarshal::testing
