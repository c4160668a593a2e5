#include "security/spnego.h"

#include <gtest/gtest.h>

#include "security/builders.h"
#include "base/der.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

TEST(Der, LengthForms) {
  for (std::size_t size : {0u, 1u, 127u, 128u, 255u, 256u, 5000u}) {
    std::string data = der(0x04, std::string(size, 'x')) + der(0x02, "\x05");
    DerReader reader(as_bytes(data));
    EXPECT_EQ(reader.expect(kDerOctetString).size(), size);
    EXPECT_EQ(der_integer(reader.expect(kDerInteger)), 5);
    EXPECT_TRUE(reader.ok() && reader.at_end());
  }
}

TEST(Der, RefusesWhatDoesNotFit) {
  for (std::string bad : {std::string("\x04"),
                          std::string("\x04\x05"
                                      "abc"),
                          std::string("\x04\x80"
                                      "ab\0\0",
                                      6),
                          std::string("\x04\x85\0\0\0\0\x01"
                                      "a",
                                      8),
                          std::string("\x04\x84\xff\xff\xff\xff"
                                      "a"),
                          std::string("\x1f\x01"
                                      "a"),
                          std::string("\x04\x82\x01")}) {
    DerReader reader(as_bytes(bad));
    EXPECT_FALSE(reader.next());
    EXPECT_FALSE(reader.ok());
  }
}

TEST(Der, Integers) {
  EXPECT_EQ(der_integer(as_bytes("\xff")), -1);
  EXPECT_EQ(der_integer(as_bytes(std::string("\0\x80", 2))), 128);
  EXPECT_FALSE(der_integer({}));
  EXPECT_FALSE(der_integer(as_bytes("123456789")));
}

TEST(Spnego, InitOffersMechanisms) {
  std::string token = spnego_init(kOidNtlm, "NTLMSSP-something");
  auto parsed = parse_spnego(as_bytes(token));
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->init);
  ASSERT_EQ(parsed->offered_count, 1u);
  EXPECT_EQ(parsed->offered[0], Mechanism::kNtlm);
  EXPECT_EQ(as_text(parsed->mechanism_token), "NTLMSSP-something");
}

TEST(Spnego, ResponseStateAndToken) {
  std::string token = spnego_response(1, "abc", kOidMsKerberos);
  auto parsed = parse_spnego(as_bytes(token));
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->init);
  EXPECT_EQ(parsed->state, 1);
  EXPECT_EQ(parsed->supported, Mechanism::kKerberos);
  EXPECT_EQ(as_text(parsed->mechanism_token), "abc");
}

TEST(Spnego, ManyMechanismsAreCut) {
  std::string list;
  for (int i = 0; i < 100; ++i) list += der(0x06, kOidNtlm);
  std::string token = der(0xa0, der(0x30, der(0xa0, der(0x30, list))));
  auto parsed = parse_spnego(as_bytes(token));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->offered_count, SpnegoToken::kMaxMechanisms);
}

TEST(Spnego, EveryTruncationIsRefused) {
  std::string token = spnego_init(kOidNtlm, "token");
  for (std::size_t size = 0; size < token.size(); ++size) {
    std::string cut = token.substr(0, size);
    EXPECT_FALSE(parse_spnego(as_bytes(cut))) << size;
  }
}

TEST(Spnego, KerberosFramingIsNotSpnego) {
  std::string token = gss_kerberos("x");
  EXPECT_FALSE(parse_spnego(as_bytes(token)));
  auto gss = parse_gss(as_bytes(token));
  ASSERT_TRUE(gss);
  EXPECT_EQ(gss->mechanism, Mechanism::kKerberos);
  EXPECT_EQ(as_text(gss->inner), std::string("\x01\0x", 3));
}

}  // namespace
}  // namespace rpcmarshal
