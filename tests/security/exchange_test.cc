#include <gtest/gtest.h>

#include "security/builders.h"
#include "security/identity.h"
#include "security/netlogon.h"
#include "security/ntlm.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

std::string alice() {
  return ntlm_authenticate({utf16("LAB"), utf16("alice"), utf16("WS1")}, kNtlmUnicode);
}

TEST(Exchange, RawNtlm) {
  auto exchange = make_auth_exchange(AuthService::kNtlm);
  exchange->token(true, as_bytes(ntlm_negotiate()));
  EXPECT_EQ(exchange->identity().mechanism, AuthService::kNtlm);
  EXPECT_FALSE(exchange->identity().known());
  exchange->token(false, as_bytes(ntlm_challenge(kNtlmUnicode, "FS1", "fs1.lab.test")));
  exchange->token(true, as_bytes(alice()));
  const Identity& who = exchange->identity();
  EXPECT_TRUE(who.known());
  EXPECT_EQ(who.domain, "LAB");
  EXPECT_EQ(who.user, "alice");
  EXPECT_EQ(who.workstation, "WS1");
  EXPECT_EQ(who.known_by, "ntlm authenticate");
  EXPECT_EQ(who.server_name, "FS1");
  EXPECT_EQ(who.server_dns_name, "fs1.lab.test");
  EXPECT_FALSE(who.anonymous);
  EXPECT_EQ(exchange->malformed_tokens(), 0u);
}

TEST(Exchange, NtlmInSpnego) {
  auto exchange = make_auth_exchange(AuthService::kSpnego);
  exchange->token(true, as_bytes(spnego_init(kOidNtlm, ntlm_negotiate())));
  exchange->token(false,
                  as_bytes(spnego_response(1, ntlm_challenge(kNtlmUnicode, "FS1", "f"), kOidNtlm)));
  exchange->token(true, as_bytes(spnego_response(-1, alice())));
  EXPECT_EQ(exchange->identity().user, "alice");
  EXPECT_EQ(exchange->identity().mechanism, AuthService::kNtlm);
  EXPECT_EQ(exchange->malformed_tokens(), 0u);
}

TEST(Exchange, NtlmInBareGssFraming) {
  auto exchange = make_auth_exchange(AuthService::kDefault);
  exchange->token(true, as_bytes(der(0x60, der(0x06, kOidNtlm) + alice())));
  EXPECT_EQ(exchange->identity().user, "alice");
}

TEST(Exchange, OemNames) {
  auto exchange = make_auth_exchange(AuthService::kNtlm);
  exchange->token(true, as_bytes(ntlm_authenticate({"LAB", "bj\xf6rn", "WS1"}, kNtlmOem)));
  EXPECT_EQ(exchange->identity().user, "bj\xc3\xb6rn");
}

TEST(Exchange, OldFormTakesTheCharacterSetFromTheChallenge) {
  std::string token("NTLMSSP\0", 8);
  token += le32(3) + le16(0) + le16(0) + le32(52) + le16(0) + le16(0) + le32(52);
  token +=
      le16(6) + le16(6) + le32(52) + le16(6) + le16(6) + le32(58) + le16(4) + le16(4) + le32(64);
  token += utf16("DOM") + utf16("bob") + utf16("PC");
  auto exchange = make_auth_exchange(AuthService::kNtlm);
  exchange->token(false, as_bytes(ntlm_challenge(kNtlmUnicode, "FS1", "f")));
  exchange->token(true, as_bytes(token));
  EXPECT_EQ(exchange->identity().user, "bob");
  EXPECT_EQ(exchange->identity().workstation, "PC");
}

TEST(Exchange, Anonymous) {
  NtlmNames nobody;
  nobody.lm = std::string(1, '\0');
  nobody.nt.clear();
  for (std::uint32_t flags : {kNtlmUnicode, kNtlmUnicode | kNtlmAnonymous}) {
    auto exchange = make_auth_exchange(AuthService::kNtlm);
    exchange->token(true, as_bytes(ntlm_authenticate(nobody, flags)));
    EXPECT_TRUE(exchange->identity().anonymous);
    EXPECT_TRUE(exchange->identity().known());
  }
}

TEST(Exchange, KerberosInEveryFraming) {
  std::string message = ap_req("LAB.TEST", {"cifs", "fs1.lab.test"});
  for (const std::string& token :
       {message, gss_kerberos(message), spnego_init(kOidMsKerberos, gss_kerberos(message)),
        spnego_init(kOidKerberos, message)}) {
    auto exchange = make_auth_exchange(AuthService::kSpnego);
    exchange->token(true, as_bytes(token));
    EXPECT_EQ(exchange->identity().service, "cifs/fs1.lab.test@LAB.TEST");
    EXPECT_EQ(exchange->identity().mechanism, AuthService::kKerberos);
    EXPECT_EQ(exchange->identity().known_by, "kerberos ticket");
    EXPECT_TRUE(exchange->identity().user.empty());
  }
}

TEST(Exchange, ReauthenticationReplacesTheClient) {
  auto exchange = make_auth_exchange(AuthService::kSpnego);
  exchange->token(true, as_bytes(alice()));
  exchange->token(true,
                  as_bytes(spnego_init(kOidKerberos, gss_kerberos(ap_req("R", {"host", "x"})))));
  EXPECT_TRUE(exchange->identity().user.empty());
  EXPECT_EQ(exchange->identity().service, "host/x@R");
}

TEST(Exchange, KerberosErrorIsCounted) {
  auto exchange = make_auth_exchange(AuthService::kKerberos);
  std::string error = der(0x7e, der(0x30, der(0xa0, der_int(5)) + der(0xa6, der_int(37))));
  exchange->token(false, as_bytes(gss_kerberos(error, '\x03')));
  EXPECT_EQ(exchange->kerberos_errors(), 1u);
  EXPECT_EQ(exchange->malformed_tokens(), 0u);
}

TEST(Exchange, Schannel) {
  auto exchange = make_auth_exchange(AuthService::kSchannel);
  exchange->token(true, as_bytes(std::string("\x16\x03\x01\0\x05hello", 10)));
  EXPECT_EQ(exchange->identity().mechanism, AuthService::kSchannel);
}

TEST(Exchange, GarbageIsCountedAndIgnored) {
  auto exchange = make_auth_exchange(AuthService::kSpnego);
  exchange->token(true, as_bytes(alice()));
  exchange->token(true, as_bytes("garbage"));
  exchange->token(true, as_bytes("\x60\x84\xff\xff\xff\xff"));
  exchange->token(true, as_bytes(std::string("NTLMSSP\0\x03\0\0\0", 12)));
  exchange->token(true, {});
  EXPECT_EQ(exchange->malformed_tokens(), 3u);
  EXPECT_EQ(exchange->identity().user, "alice");
}

TEST(Exchange, HugeNameIsCut) {
  auto exchange = make_auth_exchange(AuthService::kNtlm);
  exchange->token(true, as_bytes(ntlm_authenticate({"", std::string(40000, 'a'), ""}, kNtlmOem)));
  EXPECT_EQ(exchange->identity().user.size(), 1024u);
}

TEST(Netlogon, NamesTheMachine) {
  std::string token = le32(0) + le32(0x1f) + std::string("LAB\0", 4) + std::string("WS1\0", 4) +
                      std::string("\x03lab\x04test\0", 10) + std::string("\x03ws1\xc0\x08", 6) +
                      std::string("\x03WS1\0", 5);
  auto message = parse_netlogon(as_bytes(token));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->netbios_domain, "LAB");
  EXPECT_EQ(message->netbios_computer, "WS1");
  EXPECT_EQ(message->dns_domain, "lab.test");
  EXPECT_EQ(message->dns_host, "ws1.lab.test");

  auto exchange = make_auth_exchange(AuthService::kNetlogon);
  exchange->token(true, as_bytes(token));
  EXPECT_EQ(exchange->identity().user, "WS1$");
  EXPECT_EQ(exchange->identity().domain, "LAB");
  EXPECT_EQ(exchange->identity().known_by, "netlogon");
  // The server's answer says nothing about the client.
  exchange->token(false, as_bytes(le32(1) + le32(0) + le32(0x6c)));
  EXPECT_EQ(exchange->identity().user, "WS1$");
  EXPECT_EQ(exchange->malformed_tokens(), 0u);
}

TEST(Netlogon, PointerLoopsAndUnendedNames) {
  EXPECT_FALSE(parse_netlogon(as_bytes(le32(0) + le32(4) + std::string("\xc0\x00", 2))));
  EXPECT_FALSE(parse_netlogon(as_bytes(le32(0) + le32(4) +
                                       std::string("\x01"
                                                   "a\xc0\x00",
                                                   4))));
  EXPECT_FALSE(parse_netlogon(as_bytes(le32(0) + le32(1) + "noend")));
  EXPECT_FALSE(parse_netlogon(as_bytes(le32(0) + le32(4) +
                                       std::string("\x3f"
                                                   "abc"))));
  EXPECT_FALSE(parse_netlogon(as_bytes(le32(2) + le32(0))));
  EXPECT_FALSE(parse_netlogon(as_bytes(le32(0) + le32(0x20))));
}

}  // namespace
}  // namespace rpcmarshal
