// The old algorithms and the derived keys, against the vectors of the documents that define them.
#include "security/crypto.h"

#include <gtest/gtest.h>

#include "base/unicode.h"
#include "security/aes_keys.h"
#include "security/builders.h"
#include "security/secrets.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

std::string hex(Bytes bytes) {
  std::string out;
  append_hex(out, bytes);
  return out;
}

TEST(Crypto, Digests) {  // [RFC1320] A.5, [RFC1321] A.5, [RFC2202] 2, [RFC4231] 4.3
  EXPECT_EQ(hex(crypto::md4(as_bytes("abc"))), "a448017aaf21d8525fc10ae87aa6729d");
  EXPECT_EQ(hex(crypto::md5({as_bytes("a"), as_bytes("bc")})), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex(crypto::hmac_md5(as_bytes("Jefe"),
                                 {as_bytes("what do ya want "), as_bytes("for nothing?")})),
            "750c783e6ab0b503eaa86e310a5db738");
  EXPECT_EQ(hex(crypto::hmac_sha256(as_bytes("Jefe"), {as_bytes("what do ya want for nothing?")})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(crypto::crc32(as_bytes("123456789")), 0xcbf43926u);
  // A key longer than a block is hashed first.
  const std::string key(80, '\xaa');
  EXPECT_EQ(hex(crypto::hmac_md5(as_bytes(key), {as_bytes("Test Using Larger Than Block-Size Key - "
                                                          "Hash Key First")})),
            "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
}

TEST(Crypto, Rc4GoesOnFromCallToCall) {
  std::string once = "Attack at dawn", twice = once;
  crypto::Rc4 a(as_bytes("Secret")), b(as_bytes("Secret"));
  a.apply(std::as_writable_bytes(std::span(once)));
  b.apply(std::as_writable_bytes(std::span(twice).first(3)));
  b.apply(std::as_writable_bytes(std::span(twice).subspan(3)));
  EXPECT_EQ(hex(as_bytes(once)), hex(as_bytes(twice)));
  EXPECT_EQ(hex(as_bytes(once).first(14)), "45a01f645fc35b383552544b9bf5");
}

// [MS-NLMP] 4.2.2.2.1: DESL of the NT hash of "Password".
TEST(Crypto, Desl) {
  const std::u16string password = u"Password";
  const auto hash = crypto::md4(std::as_bytes(std::span(password)));
  EXPECT_EQ(hex(hash), "a4f49c406510bdcab6824ee7c30fd852");
  EXPECT_EQ(hex(crypto::desl(hash, as_bytes("\x01\x23\x45\x67\x89\xab\xcd\xef"))),
            "67c43011f30298a2ad35ece64f16331c44bdbed927841f94");
}

SecretKey key_of(const char* digits, std::int32_t etype) {
  std::string raw;
  for (const char* p = digits; *p; p += 2)
    raw += static_cast<char>(std::stoi(std::string(p, 2), nullptr, 16));
  return SecretKey(as_bytes(raw), etype);
}

TEST(Crypto, DerivedKeysOfSha2) {  // [RFC8009] appendix A
  const SecretKey small = key_of("3705d96080c17728a0e800eab6e0d23c", 19);
  EXPECT_EQ(hex(derive_aes_key(small, 2, 0x99).bytes()), "b31a018a48f54776f403e9a396325dc3");
  EXPECT_EQ(hex(derive_aes_key(small, 2, 0xaa).bytes()), "9b197dd1e8c5609d6e67c3e37c62c72e");
  EXPECT_EQ(hex(derive_aes_key(small, 2, 0x55).bytes()), "9fda0e56ab2d85e1569a688696c26a6c");
  const SecretKey large =
      key_of("6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52", 20);
  EXPECT_EQ(hex(derive_aes_key(large, 2, 0x99).bytes()),
            "ef5718be86cc84963d8bbb5031e9f5c4ba41f28faf69e73d");
  EXPECT_EQ(hex(derive_aes_key(large, 2, 0xaa).bytes()),
            "56ab22bee63d82d7bc5227f6773f8ea7a5eb1c825160c38312980c442e5c7e49");
  EXPECT_EQ(hex(derive_aes_key(large, 2, 0x55).bytes()),
            "69b16514e3cd8e56b82010d5c73012b622c4d00ffc23ed1f");
}

TEST(Crypto, UpperCase) {
  EXPECT_EQ(upper_case_utf8(
                "j\xc3\xb6rg-\xc5\x82ukasz-\xce\xb1\xce\xac-\xd0\xb6\xd1\x91-\xc3\xbf-\xc3\x9f"),
            "J\xc3\x96RG-\xc5\x81UKASZ-\xce\x91\xce\x86-\xd0\x96\xd0\x81-\xc5\xb8-\xc3\x9f");
}

}  // namespace
}  // namespace rpcmarshal
