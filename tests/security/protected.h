// PDUs to be opened, made of their parts.
#pragma once

#include <string>

#include "base/bytes.h"
#include "security/security_context.h"

namespace rpcmarshal::testing {

inline std::string from_hex(std::string_view digits) {
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  return out;
}

/// Header, body, verifier header and token behind each other.
struct TestPdu {
  TestPdu(std::string head, const std::string& body, std::string verifier_header,
          const std::string& token)
      : header(std::move(head)), verifier(std::move(verifier_header)), size(body.size()) {
    bytes = header + body + verifier + token;
  }
  /// The PDU of a fixed header.
  TestPdu(const std::string& body, const std::string& token)
      : TestPdu(std::string(24, 'h'), body, std::string(8, 'v'), token) {}

  OpenResult open(SecurityContext& security, bool from_client, bool sealed) {
    ProtectedPdu message{.pdu = std::as_writable_bytes(std::span(bytes)),
                         .body_at = header.size(),
                         .verifier_at = header.size() + size,
                         .sealed = sealed};
    return security.open(from_client, message);
  }
  std::string body() const { return bytes.substr(header.size(), size); }

  std::string header, verifier, bytes;
  std::size_t size;
};

}  // namespace rpcmarshal::testing
