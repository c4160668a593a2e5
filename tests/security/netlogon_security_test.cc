// Netlogon's session keys and messages: vectors that impacket's independent code made, and AES
// messages sealed here with OpenSSL by [MS-NRPC] 3.3.4.2.1. NT hash of "Password", challenges
// 0102..08 and 1112..18.
#include "security/netlogon_security.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "base/unicode.h"
#include "security/builders.h"
#include "security/crypto.h"
#include "security/netlogon_keys.h"
#include "security/protected.h"
#include "security/secrets.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

const std::string kHash = from_hex("a4f49c406510bdcab6824ee7c30fd852");

NetlogonChallenges challenges() {
  NetlogonChallenges out;
  for (int i = 0; i < 8; ++i) {
    out.client[static_cast<std::size_t>(i)] = static_cast<std::byte>(i + 1);
    out.server[static_cast<std::size_t>(i)] = static_cast<std::byte>(i + 0x11);
  }
  return out;
}
std::string hex(Bytes bytes) {
  std::string out;
  append_hex(out, bytes);
  return out;
}

TEST(NetlogonKeys, SessionKeysAndCredentials) {
  const NetlogonKey aes =
      netlogon_session_key(as_bytes(kHash), challenges(), kNetlogonAes | kNetlogonStrongKeys);
  EXPECT_EQ(hex(aes.key.bytes()), "475af7ed427ccd3fe5f09828bcebcc2e");
  EXPECT_EQ(hex(netlogon_credential(aes, challenges().client)), "9d1c45ceee0e015c");
  const NetlogonKey strong =
      netlogon_session_key(as_bytes(kHash), challenges(), kNetlogonStrongKeys);
  EXPECT_EQ(hex(strong.key.bytes()), "a8e9ec213ccde563f1ff790bb467f5dc");
  EXPECT_EQ(hex(netlogon_credential(strong, challenges().client)), "21e663717470281c");
}

TEST(NetlogonKeys, OnlyTheKeyThatMadeTheCredentialIsLearned) {
  Secrets secrets;
  secrets.add_password("WS1$", "something older");
  secrets.add_nt_hash("LAB\\WS1$", as_bytes(kHash));
  const std::string good = from_hex("9d1c45ceee0e015c"), bad = from_hex("9d1c45ceee0e015d");
  EXPECT_FALSE(
      learn_netlogon_key(secrets, "WS1$", "WS1", challenges(), as_bytes(bad), kNetlogonAes));
  EXPECT_TRUE(secrets.learned().find_netlogon("WS1").empty());
  EXPECT_TRUE(learn_netlogon_key(secrets, "ws1$", "\\\\ws1.lab.test", challenges(), as_bytes(good),
                                 kNetlogonAes));
  ASSERT_EQ(secrets.learned().find_netlogon("WS1").size(), 1u);
  EXPECT_TRUE(secrets.learned().find_netlogon("WS1")[0].aes);
}

TEST(NetlogonSecurity, Rc4OfImpacket) {
  NetlogonKey other;
  other.key = SecretKey(as_bytes(std::string(16, 'o')));
  const NetlogonKey key = netlogon_session_key(as_bytes(kHash), challenges(), kNetlogonStrongKeys);
  auto security = make_netlogon_security({other, key});
  TestPdu pdu(from_hex("6176c598bf27c0328c05fbad8e1f8c5f"),
              from_hex("77007a00ffff00000da6d4196318f1925ea0a2304af7996f6c7cdf92bf35c138"));
  EXPECT_EQ(pdu.open(*security, true, true), OpenResult::kGood);
  EXPECT_EQ(pdu.body(), "netlogon message");
  TestPdu turned(from_hex("6176c598bf27c0328c05fbad8e1f8c5f"),
                 from_hex("77007a00ffff00000da6d4196318f1925ea0a2304af7996f6c7cdf92bf35c138"));
  EXPECT_EQ(turned.open(*security, false, true), OpenResult::kBadSignature);
}

std::string cfb8(const std::string& key, const std::string& half, const std::string& plain) {
  const std::string vector = half + half;
  std::string out(plain.size(), '\0');
  int length = 0;
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(context, EVP_aes_128_cfb8(), nullptr,
                     reinterpret_cast<const unsigned char*>(key.data()),
                     reinterpret_cast<const unsigned char*>(vector.data()));
  EVP_EncryptUpdate(context, reinterpret_cast<unsigned char*>(out.data()), &length,
                    reinterpret_cast<const unsigned char*>(plain.data()),
                    static_cast<int>(plain.size()));
  EVP_CIPHER_CTX_free(context);
  return out;
}

TEST(NetlogonSecurity, Aes) {
  const NetlogonKey key = netlogon_session_key(as_bytes(kHash), challenges(), kNetlogonAes);
  const std::string session(as_text(key.key.bytes())),
      confounder = "confound", clear = "a longer netlogon message, of no round size";
  std::string turned = session;
  for (char& c : turned) c = static_cast<char>(c ^ 0xf0);
  for (const bool from_client : {true, false}) {
    auto security = make_netlogon_security({key});
    const std::string header("\x13\0\x1a\0\xff\xff\0\0", 8);
    std::string number("\0\0\0\3\0\0\0\0", 8);
    if (from_client) number[4] = '\x80';
    const auto sum = crypto::hmac_sha256(key.key.bytes(),
                                         {as_bytes(header), as_bytes(confounder), as_bytes(clear)});
    const std::string checksum(as_text(Bytes(sum).first(8)));
    const std::string sealed = cfb8(turned, number, confounder + clear);
    const std::string token = header + cfb8(session, checksum, number) + checksum +
                              sealed.substr(0, 8) + std::string(24, '\0');
    TestPdu pdu(sealed.substr(8), token);
    EXPECT_EQ(pdu.open(*security, from_client, true), OpenResult::kGood);
    EXPECT_EQ(pdu.body(), clear);
    std::string damaged = sealed.substr(8);
    damaged[5] = static_cast<char>(damaged[5] ^ 1);
    TestPdu bad(damaged, token);
    EXPECT_EQ(bad.open(*security, from_client, true), OpenResult::kBadSignature);
    for (std::size_t size = 0; size < 32; ++size) {
      TestPdu cut(sealed.substr(8), token.substr(0, size));
      EXPECT_EQ(cut.open(*security, from_client, true), OpenResult::kMalformed);
    }
  }
}

}  // namespace
}  // namespace rpcmarshal
