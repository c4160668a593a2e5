// An NTLMv2 log-on without key exchange ([MS-NLMP] 3.3.2): its three messages and the session key
// that both sides have afterwards.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>

#include "smb/messages.h"

namespace rpcmarshal::test {

struct NtlmLogin {
  explicit NtlmLogin(std::string the_hash = std::string(16, 'h'), std::string_view user = "alice")
      : nt_hash(std::move(the_hash)) {
    const std::string domain = utf16("LAB"), name = utf16(user), host = utf16("WS1");
    const std::string info = le16(2) + le16(6) + utf16("LAB") + le32(0);
    const std::string server = "srvchall", target = utf16("LAB");
    const std::uint32_t flags =
        0x20880235;  // 128, target info, extended security, seal, sign, NTLM
    negotiate = std::string("NTLMSSP\0", 8) + le32(1) + le32(flags) + std::string(16, '\0');
    challenge = std::string("NTLMSSP\0", 8) + le32(2) + field(target.size(), 48) + le32(flags) +
                server + le64(0) + field(info.size(), 48 + target.size()) + target + info;
    std::string upper;
    for (char c : user) upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    const std::string response_key = hmac(nt_hash, utf16(upper) + domain);
    const std::string temp = std::string("\1\1\0\0\0\0\0\0", 8) + le64(0x1db000000000000) +
                             "clichall" + le32(0) + info + le32(0);
    const std::string proof = hmac(response_key, server + temp), answer = proof + temp;
    session_key = hmac(response_key, proof);
    const std::size_t at = 64 + 24, name_at = at + answer.size() + domain.size();
    authenticate = std::string("NTLMSSP\0", 8) + le32(3) + field(24, 64) +
                   field(answer.size(), at) + field(domain.size(), at + answer.size()) +
                   field(name.size(), name_at) + field(host.size(), name_at + name.size()) +
                   field(0, name_at + name.size() + host.size()) + le32(flags) +
                   std::string(24, '\0') + answer + domain + name + host;
  }
  std::string nt_hash, negotiate, challenge, authenticate, session_key;

 private:
  static std::string field(std::size_t size, std::size_t at) {
    return le16(size) + le16(size) + le32(at);
  }
  static std::string hmac(const std::string& key, const std::string& text) {
    unsigned char mac[16];
    unsigned int size = 0;
    HMAC(EVP_md5(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
    return {reinterpret_cast<const char*>(mac), sizeof mac};
  }
};

}  // namespace rpcmarshal::test
