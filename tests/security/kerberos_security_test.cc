// Messages sealed and signed by MIT krb5's library are opened by ours, for every AES type, both
// directions and both extents of the signature; RC4 against tokens that impacket made.
#include "security/kerberos_security.h"

#include <gtest/gtest.h>

#include "security/kerberos_oracle.h"
#include "security/protected.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

constexpr unsigned kSealed = 2, kAcceptorSubkey = 4;

class Aes : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Types, Aes, ::testing::Values(17, 18, 19, 20));

TEST_P(Aes, OpensWhatKrb5Sealed) {
  const OracleKey session(GetParam(), 'a'), subkey(GetParam(), 'b');
  KerberosKeys keys;
  keys.session = session.secret();
  keys.acceptor = subkey.secret();
  auto security = make_kerberos_security(keys);
  for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 100u, 4096u}) {
    for (const bool from_client : {true, false}) {
      for (const bool header_signed : {true, false}) {
        for (const bool with_subkey : {true, false}) {
          const std::string clear(size, 'x'), header(24, 'h'), trailer(8, 't');
          std::string body = clear;
          const std::string token =
              wrap_token(with_subkey ? subkey : session, from_client,
                         kSealed | (with_subkey ? kAcceptorSubkey : 0), header_signed ? header : "",
                         body, header_signed ? trailer : "");
          ASSERT_FALSE(token.empty());
          TestPdu pdu(header, body, trailer, token);
          ASSERT_EQ(pdu.open(*security, from_client, true), OpenResult::kGood) << size;
          EXPECT_EQ(pdu.body(), clear);
          TestPdu turned(header, body, trailer, token);
          EXPECT_EQ(turned.open(*security, !from_client, true), OpenResult::kBadSignature);
        }
      }
    }
  }
}

TEST_P(Aes, EveryChangedByteIsNoticed) {
  const OracleKey session(GetParam(), 'a');
  KerberosKeys keys;
  keys.session = session.secret();
  auto security = make_kerberos_security(keys);
  const std::string header(24, 'h'), trailer(8, 't');
  std::string body = "the stub and its padding";
  const std::string token = wrap_token(session, true, kSealed, header, body, trailer);
  const TestPdu good(header, body, trailer, token);
  for (std::size_t i = 0; i < good.bytes.size(); ++i) {
    TestPdu changed = good;
    changed.bytes[i] = static_cast<char>(changed.bytes[i] ^ 0x40);
    EXPECT_NE(changed.open(*security, true, true), OpenResult::kGood) << i;
  }
  TestPdu still = good;
  EXPECT_EQ(still.open(*security, true, true), OpenResult::kGood);
}

TEST_P(Aes, VerifiesMics) {
  const OracleKey session(GetParam(), 'a');
  KerberosKeys keys;
  keys.initiator = session.secret();
  keys.session = OracleKey(GetParam(), 'z').secret();
  auto security = make_kerberos_security(keys);
  const std::string header(24, 'h'), trailer(8, 't'), body = "clear stub";
  for (const bool from_client : {true, false}) {
    TestPdu whole(header, body, trailer,
                  mic_token(session, from_client, 0, header + body + trailer));
    EXPECT_EQ(whole.open(*security, from_client, false), OpenResult::kGood);
    EXPECT_EQ(whole.body(), body);
    TestPdu part(header, body, trailer, mic_token(session, from_client, 0, body));
    EXPECT_EQ(part.open(*security, from_client, false), OpenResult::kGood);
    TestPdu other(header, "other stub", trailer, mic_token(session, from_client, 0, body));
    EXPECT_EQ(other.open(*security, from_client, false), OpenResult::kBadSignature);
  }
  TestPdu unknown(header, body, trailer, mic_token(session, true, kAcceptorSubkey, body));
  EXPECT_EQ(unknown.open(*security, true, false), OpenResult::kNoSubkey);
}

TEST(KerberosSecurity, CutAndMadeUpTokens) {
  const OracleKey session(18, 'a');
  KerberosKeys keys;
  keys.session = session.secret();
  auto security = make_kerberos_security(keys);
  std::string body = "some bytes";
  const std::string token = wrap_token(session, true, kSealed, "", body, "");
  for (std::size_t size = 0; size < token.size(); ++size) {
    TestPdu cut(body, token.substr(0, size));
    EXPECT_NE(cut.open(*security, true, true), OpenResult::kGood);
  }
}

TEST(KerberosSecurity, Rc4OfImpacket) {
  KerberosKeys keys;
  std::string key(16, '\0');
  for (int i = 0; i < 16; ++i) key[static_cast<std::size_t>(i)] = static_cast<char>(i);
  keys.session = OracleKey(23, 'n').secret();  // another one: the subkey is tried first
  keys.initiator = SecretKey(as_bytes(key), 23);
  auto security = make_kerberos_security(keys);
  const std::string client =
      "602b06092a864886f712010202020111001000ffffeef3b576fc866862a0540bde40fd4f14911bf43aedda5940";
  const std::string server =
      "602b06092a864886f712010202020111001000ffffeff1b6750379979da0540bde40fd4f143257976ccd4e297b";
  TestPdu request(from_hex("9051afc64a4dd4deb5577973ae1343d7"), from_hex(client));
  EXPECT_EQ(request.open(*security, true, true), OpenResult::kGood);
  EXPECT_EQ(request.body(), "sixteen byte msg");
  TestPdu response(from_hex("5c720c81ebab81c4dce259521fcfd38f"), from_hex(server));
  EXPECT_EQ(response.open(*security, false, true), OpenResult::kGood);
  EXPECT_EQ(response.body(), "sixteen byte msg");
  TestPdu wrong(from_hex("5c720c81ebab81c4dce259521fcfd380"), from_hex(server));
  EXPECT_EQ(wrong.open(*security, false, true), OpenResult::kBadSignature);
  TestPdu turned(from_hex("5c720c81ebab81c4dce259521fcfd38f"), from_hex(server));
  EXPECT_EQ(turned.open(*security, true, true), OpenResult::kBadSignature);

  TestPdu mic(
      "sixteen byte msg",
      from_hex("602306092a864886f71201020201011100ffffffff4074931aa18c152716c557c005caba63"));
  EXPECT_EQ(mic.open(*security, true, false), OpenResult::kGood);
  TestPdu other(
      "sixteen byte mag",
      from_hex("602306092a864886f71201020201011100ffffffff4074931aa18c152716c557c005caba63"));
  EXPECT_EQ(other.open(*security, true, false), OpenResult::kBadSignature);
}

}  // namespace
}  // namespace rpcmarshal
