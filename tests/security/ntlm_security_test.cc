// NTLM's keys and messages against the worked examples of [MS-NLMP] 4.2: user "User", domain
// "Domain", password "Password", challenges 0123456789abcdef and aa.., session key 55...
#include "security/ntlm_security.h"

#include <gtest/gtest.h>

#include "base/unicode.h"
#include "security/builders.h"
#include "security/identity.h"
#include "security/ntlm_keys.h"
#include "security/protected.h"
#include "security/secrets.h"
#include "security/security_context.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

constexpr std::uint32_t kVersion2 = 0xe28a8233, kExtended = 0x820a8233, kVersion1 = 0xe2028233;

std::string hex(Bytes bytes) {
  std::string out;
  append_hex(out, bytes);
  return out;
}

NtlmExchange exchange(std::uint32_t flags) {
  NtlmExchange out;
  out.flags = flags;
  const std::string challenge = from_hex("0123456789abcdef");
  std::copy_n(as_bytes(challenge).begin(), 8, out.server_challenge.begin());
  return out;
}

struct Message {
  explicit Message(const std::string& nt, const std::string& lm = {}, const std::string& key = {})
      : nt_(nt), lm_(lm), key_(key) {
    message.nt_response = as_bytes(nt_);
    message.lm_response = as_bytes(lm_);
    message.encrypted_session_key = as_bytes(key_);
    message.user = as_bytes(user_);
    message.domain = as_bytes(domain_);
  }
  Message(const Message&) = delete;
  NtlmAuthenticate message;

 private:
  std::string nt_, lm_, key_, user_ = utf16("User"), domain_ = utf16("Domain");
};

const std::string kHash = from_hex("a4f49c406510bdcab6824ee7c30fd852");

TEST(NtlmKeys, Version1) {  // 4.2.2
  const Message m(from_hex("67c43011f30298a2ad35ece64f16331c44bdbed927841f94"),
                  from_hex("98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13"),
                  from_hex("518822b1b3f350c8958682ecbb3e3cb7"));
  crypto::Block16 key;
  ASSERT_EQ(ntlm_session_key(exchange(kVersion1), m.message, as_bytes(kHash), key),
            NtlmVerdict::kFits);
  EXPECT_EQ(hex(key), std::string(32, '5'));
  const std::string other(16, 'x');
  EXPECT_EQ(ntlm_session_key(exchange(kVersion1), m.message, as_bytes(other), key),
            NtlmVerdict::kDoesNotFit);
}

TEST(NtlmKeys, ExtendedSessionSecurity) {  // 4.2.3
  const Message m(from_hex("7537f803ae367128ca458204bde7caf81e97ed2683267232"),
                  from_hex("aaaaaaaaaaaaaaaa00000000000000000000000000000000"));
  crypto::Block16 key;
  ASSERT_EQ(ntlm_session_key(exchange(kExtended), m.message, as_bytes(kHash), key),
            NtlmVerdict::kFits);
  EXPECT_EQ(hex(key), "eb93429a8bd952f8b89c55b87f475edc");
}

TEST(NtlmKeys, Version2) {  // 4.2.4: the blob of time 0, with domain and server name
  const std::string blob =
      from_hex("01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000") +
      from_hex("02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000");
  const Message m(from_hex("68cd0ab851e51c96aabc927bebef6a1c") + blob, {},
                  from_hex("c5dad2544fc9799094ce1ce90bc9d03e"));
  crypto::Block16 key;
  ASSERT_EQ(ntlm_session_key(exchange(kVersion2), m.message, as_bytes(kHash), key),
            NtlmVerdict::kFits);
  EXPECT_EQ(hex(key), std::string(32, '5'));
}

TEST(NtlmSecurity, Version2Message) {  // 4.2.4.4
  auto security = make_ntlm_security(kVersion2, as_bytes(from_hex(std::string(32, '5'))));
  TestPdu pdu(from_hex("54e50165bf1936dc996020c1811b0f06fb5f"),
              from_hex("010000007fb38ec5c55d497600000000"));
  EXPECT_EQ(pdu.open(*security, true, true), OpenResult::kGood);
  EXPECT_EQ(pdu.body(), utf16("Plaintext"));
}

TEST(NtlmSecurity, ExtendedMessageWithoutKeyExchange) {  // 4.2.3.4
  auto security =
      make_ntlm_security(kExtended, as_bytes(from_hex("eb93429a8bd952f8b89c55b87f475edc")));
  TestPdu pdu(from_hex("a02372f6530273f3aa1eb90190ce5200c99d"),
              from_hex("01000000ff2aeb52f681793a00000000"));
  EXPECT_EQ(pdu.open(*security, true, true), OpenResult::kGood);
  EXPECT_EQ(pdu.body(), utf16("Plaintext"));
}

TEST(NtlmSecurity, Version1Message) {  // 4.2.2.4
  auto security = make_ntlm_security(kVersion1, as_bytes(from_hex(std::string(32, '5'))));
  TestPdu pdu(from_hex("56fe04d861f9319af0d7238a2e3b4d457fb8"),
              from_hex("010000000000000009dcd1df2e459d36"));
  EXPECT_EQ(pdu.open(*security, true, true), OpenResult::kGood);
  EXPECT_EQ(pdu.body(), utf16("Plaintext"));
}

TEST(NtlmSecurity, WrongSignature) {
  auto security = make_ntlm_security(kVersion2, as_bytes(from_hex(std::string(32, '5'))));
  TestPdu pdu(from_hex("54e50165bf1936dc996020c1811b0f06fb5e"),
              from_hex("010000007fb38ec5c55d497600000000"));
  EXPECT_EQ(pdu.open(*security, true, true), OpenResult::kBadSignature);
  TestPdu shorter("", "1234");
  EXPECT_EQ(shorter.open(*security, true, true), OpenResult::kMalformed);
}

TEST(NtlmSecurity, WhatIsMissedBreaksItsDirectionOnly) {
  auto security = make_ntlm_security(kVersion2, as_bytes(from_hex(std::string(32, '5'))));
  security->lost(false);
  TestPdu answer("x", std::string(16, '\1'));
  EXPECT_EQ(answer.open(*security, false, true), OpenResult::kLost);
  TestPdu pdu(from_hex("54e50165bf1936dc996020c1811b0f06fb5f"),
              from_hex("010000007fb38ec5c55d497600000000"));
  EXPECT_EQ(pdu.open(*security, true, true), OpenResult::kGood);
}

/// A whole exchange, as the client would answer the challenge of builders.h.
std::string answer(const std::string& user, const std::string& domain, const std::string& hash,
                   const std::string& challenge) {
  const std::string blob(28, '\1');
  std::u16string upper = upper_case(utf8_to_utf16(user));
  const auto owf =
      crypto::hmac_md5(as_bytes(hash), {std::as_bytes(std::span(upper)), as_bytes(utf16(domain))});
  const auto proof = crypto::hmac_md5(owf, {as_bytes(challenge), as_bytes(blob)});
  NtlmNames names{utf16(domain), utf16(user), utf16("WS1")};
  names.nt = std::string(as_text(Bytes(proof))) + blob;
  names.key = std::string(16, 'k');
  return ntlm_authenticate(names, kVersion2);
}

struct Authentication {
  Authentication(const Secrets& secrets, const std::string& user, const std::string& domain) {
    exchange = make_auth_exchange(AuthService::kNtlm, &secrets);
    const std::string challenge = ntlm_challenge(kVersion2, "FS1", "fs1");
    exchange->token(true, as_bytes(ntlm_negotiate()));
    exchange->token(false, as_bytes(challenge));
    exchange->token(true, as_bytes(answer(user, domain, kHash, challenge.substr(24, 8))));
  }
  std::unique_ptr<AuthExchange> exchange;
  const KeyStatus& status() const { return exchange->key_status(); }
};

TEST(NtlmExchangeKeys, AnyFormOfTheDomain) {
  Secrets secrets;
  secrets.add_password("CONTOSO\\Jane", "wrong one");
  secrets.add_password("jane@lab.test", "Password");
  for (const char* domain : {"", "LAB", "lab.test", "LAB.TEST", "SOMETHING"}) {
    const Authentication a(secrets, "jane", domain);
    EXPECT_EQ(a.status().code, KeyStatus::Code::kReady) << domain;
    EXPECT_EQ(a.exchange->session_key().size(), 16u);
    EXPECT_TRUE(a.exchange->make_security_context());
  }
}

TEST(NtlmExchangeKeys, WhyNot) {
  Secrets secrets;
  secrets.add_password("LAB\\jane", "another");
  const Authentication wrong(secrets, "jane", "LAB");
  EXPECT_EQ(wrong.status().code, KeyStatus::Code::kWrongKey);
  EXPECT_EQ(wrong.status().text, "the key given for account LAB\\jane is not its key");
  EXPECT_TRUE(wrong.exchange->session_key().empty());
  EXPECT_FALSE(wrong.exchange->make_security_context());
  const Authentication missing(secrets, "john", "LAB");
  EXPECT_EQ(missing.status().code, KeyStatus::Code::kNoKey);
  EXPECT_EQ(missing.status().text, "no key for account LAB\\john");
  auto late = make_auth_exchange(AuthService::kNtlm, &secrets);
  EXPECT_EQ(late->key_status().code, KeyStatus::Code::kMidStream);
  late->token(true, as_bytes(answer("jane", "LAB", kHash, "12345678")));
  EXPECT_EQ(late->key_status().code, KeyStatus::Code::kMidStream);
  EXPECT_EQ(make_auth_exchange(AuthService::kNtlm)->key_status().code, KeyStatus::Code::kNoSecrets);
}

TEST(NtlmExchangeKeys, AnonymousNeedsNoKey) {
  Secrets secrets;
  auto exchange = make_auth_exchange(AuthService::kNtlm, &secrets);
  exchange->token(false, as_bytes(ntlm_challenge(kVersion2, "FS1", "fs1")));
  NtlmNames names;
  names.lm = std::string(1, '\0');
  names.nt.clear();
  names.key = std::string(16, 'k');
  exchange->token(true, as_bytes(ntlm_authenticate(names, kVersion2 | kNtlmAnonymous)));
  EXPECT_EQ(exchange->key_status().code, KeyStatus::Code::kReady);
  std::string key(16, 'k');
  crypto::Rc4(as_bytes(std::string(16, '\0'))).apply(std::as_writable_bytes(std::span(key)));
  EXPECT_EQ(hex(exchange->session_key()), hex(as_bytes(key)));
}

}  // namespace
}  // namespace rpcmarshal
