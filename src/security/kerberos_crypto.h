// Kerberos' encryption systems through MIT krb5's library ([RFC3961], [RFC3962], [RFC4757],
// [RFC8009]), for what comes once an exchange: tickets, authenticators, replies.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "security/secret_memory.h"

namespace rpcmarshal {

/// Key usage numbers ([RFC4120] 7.5.1).
enum class KerberosUsage : std::uint8_t {
  kTicket = 2,
  kAsReply = 3,
  kTgsAuthenticator = 7,
  kTgsReplySession = 8,
  kTgsReplySubkey = 9,
  kApAuthenticator = 11,
  kApReply = 12,
  kFastReply = 52  // [RFC6113] 7.1
};

/// False when the type is unknown, the key does not suit it, or the integrity check fails. `out` is
/// wiped when it goes.
class KerberosPlain {
 public:
  KerberosPlain() = default;
  ~KerberosPlain();
  KerberosPlain(const KerberosPlain&) = delete;
  KerberosPlain& operator=(const KerberosPlain&) = delete;
  bool open(const SecretKey& key, KerberosUsage usage, Bytes cipher);
  Bytes bytes() const { return Bytes(data_).first(size_); }

 private:
  std::vector<std::byte> data_;
  std::size_t size_ = 0;
};

/// KRB-FX-CF2 ([RFC6113] 5.1) of two keys; empty when they do not go together.
SecretKey combine_keys(const SecretKey& first, const char* first_pepper, const SecretKey& second,
                       const char* second_pepper);

bool kerberos_etype_supported(std::int32_t etype);
/// "aes256-cts-hmac-sha1-96", or "encryption type 3".
std::string kerberos_etype_name(std::int32_t etype);

}  // namespace rpcmarshal
