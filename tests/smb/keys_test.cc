// Keys, ciphers and signatures of SMB 3, against values published in Microsoft's open
// specifications blog ("SMB 2 and SMB 3 security in Windows 10: the anatomy of signing and
// cryptographic keys") and against OpenSSL used the other way round.
#include "smb/keys.h"

#include <gtest/gtest.h>

#include "smb/sealing.h"
#include "smb/signature.h"

namespace rpcmarshal {
namespace {

using namespace test;
using namespace std::string_view_literals;

std::string hex(Bytes bytes) {
  std::string out;
  for (std::byte b : bytes) {
    out += "0123456789abcdef"[std::to_integer<int>(b) >> 4];
    out += "0123456789abcdef"[std::to_integer<int>(b) & 15];
  }
  return out;
}

TEST(SmbKeys, Of300) {
  SmbNegotiated n{0x0300, SmbCipher::kAes128Ccm, SmbSigning::kAesCmac};
  const auto keys =
      derive_smb_keys(n, as_bytes(unhex("7cd451825d0450d235424e44ba6e78cc")), PreauthHash());
  EXPECT_EQ(hex(keys.signing.bytes()), "0b7e9c5cac36c0f6ea9ab275298cedce");
  EXPECT_EQ(hex(keys.from_client.bytes()), "fad27796665b313ebb578f388632b4f7");
  EXPECT_EQ(hex(keys.from_server.bytes()), "b0f0427f7ceb416d1d9dcc0cd4f99447");
}

TEST(SmbKeys, Of311) {
  const std::string key = unhex("270e1ba896585eeb7af3472d3b4c75a7");
  const std::string hash = unhex(
      "0dd13628cc3ed218ef9df9772d436d0887ab9814bfae63a80aa845f36909db79"
      "28622dddad522d9751640a459762c5a9d6bb084cbb3ce6bdadef5d5bce3c6c01");
  EXPECT_EQ(hex(derive_smb_key(as_bytes(key), "SMBSigningKey\0"sv, as_bytes(hash), 16).bytes()),
            "73fe7a9a77bef0bde49c650d8ccb5f76");
  EXPECT_EQ(hex(derive_smb_key(as_bytes(key), "SMBC2SCipherKey\0"sv, as_bytes(hash), 16).bytes()),
            "629bcbc54422a0f572b97f45989b6073");
  EXPECT_EQ(hex(derive_smb_key(as_bytes(key), "SMBS2CCipherKey\0"sv, as_bytes(hash), 16).bytes()),
            "e2af0dcefac68da71a0dfbd0d1350d74");
}

TEST(SmbKeys, ShortKeysArePaddedLongOnesCut) {
  SmbNegotiated n{0x0300, SmbCipher::kAes128Ccm, SmbSigning::kAesCmac};
  const std::string eight = "12345678", padded = eight + std::string(8, '\0');
  EXPECT_EQ(hex(derive_smb_keys(n, as_bytes(eight), {}).from_client.bytes()),
            hex(derive_smb_keys(n, as_bytes(padded), {}).from_client.bytes()));
  const std::string longer = padded + "the rest of an AES-256 key";
  EXPECT_EQ(hex(derive_smb_keys(n, as_bytes(longer), {}).signing.bytes()),
            hex(derive_smb_keys(n, as_bytes(padded), {}).signing.bytes()));
  // AES-256 takes all of it for encryption, and 16 bytes for signing.
  n = {0x0311, SmbCipher::kAes256Gcm, SmbSigning::kAesGmac};
  const auto all = derive_smb_keys(n, as_bytes(longer), {});
  const auto some = derive_smb_keys(n, as_bytes(padded), {});
  EXPECT_EQ(all.from_client.bytes().size(), 32u);
  EXPECT_NE(hex(all.from_client.bytes()), hex(some.from_client.bytes()));
  EXPECT_EQ(hex(all.signing.bytes()), hex(some.signing.bytes()));
}

TEST(SmbKeys, WithoutAllOfThePreauthenticationThereAreNone) {
  PreauthHash hash;
  hash.lose();
  const auto keys =
      derive_smb_keys({0x0311, SmbCipher::kAes128Gcm}, as_bytes("0123456789abcdef"sv), hash);
  EXPECT_TRUE(keys.signing.empty());
  EXPECT_TRUE(keys.from_client.empty());
}

TEST(SmbNegotiation, ContextsNameTheAlgorithms) {
  for (std::uint16_t cipher = 1; cipher <= 4; ++cipher) {
    const std::string message = negotiate_response(0x0311, cipher, 2);
    const auto n = parse_negotiated(as_bytes(message));
    ASSERT_TRUE(n);
    EXPECT_EQ(n->cipher, static_cast<SmbCipher>(cipher));
    EXPECT_EQ(n->signing, SmbSigning::kAesGmac);
  }
  const auto old = parse_negotiated(as_bytes(negotiate_response(0x0210, 0, 0)));
  EXPECT_EQ(old->signing, SmbSigning::kHmacSha256);
  EXPECT_EQ(old->cipher, SmbCipher::kNone);
  EXPECT_EQ(parse_negotiated(as_bytes(negotiate_response(0x0302, 0, 0)))->cipher,
            SmbCipher::kAes128Ccm);
  EXPECT_FALSE(parse_negotiated(as_bytes(negotiate_response(0x02ff, 0, 0))));
}

TEST(SmbNegotiation, LiesAboutSizesAreHarmless) {
  const std::string good = negotiate_response(0x0311, 2, 1);
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::string cut = good.substr(0, size);
    parse_negotiated(as_bytes(cut));
  }
  for (std::size_t at = 64; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = '\xff';
    parse_negotiated(as_bytes(bad));
  }
}

class Ciphers : public testing::TestWithParam<std::uint16_t> {};
INSTANTIATE_TEST_SUITE_P(All, Ciphers, testing::Values(1, 2, 3, 4));

TEST_P(Ciphers, OpenWhatWasSealed) {
  const auto cipher = static_cast<SmbCipher>(GetParam());
  const std::string key =
      std::string("0123456789abcdef0123456789ABCDEF").substr(0, key_size(cipher));
  TransformCipher opener(cipher, as_bytes(key));
  for (std::size_t size : {1, 15, 16, 17, 100, 4000, 70000}) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i * 7);
    std::string message = seal(cipher, key, 0x1122, text, size);
    std::vector<std::byte> out(size);
    ASSERT_TRUE(opener.open(as_bytes(message), out)) << size;
    EXPECT_EQ(as_text(out), text);
    // The start can be had from the start.
    std::byte start[128];
    const std::string head = message.substr(0, 212);
    const std::size_t got = opener.peek(as_bytes(head), start);
    EXPECT_EQ(got, std::min<std::size_t>(size, 128));
    EXPECT_EQ(as_text(Bytes(start, got)), text.substr(0, got));
    for (std::size_t at : {std::size_t{4}, std::size_t{22}, std::size_t{44}, message.size() - 1}) {
      std::string bad = message;
      bad[at] = static_cast<char>(bad[at] ^ 1);
      EXPECT_FALSE(opener.open(as_bytes(bad), out)) << "byte " << at;
    }
    ASSERT_TRUE(opener.open(as_bytes(message), out)) << "after a wrong tag";
  }
  std::byte none[8];
  const std::string header = seal(cipher, key, 1, "x", 1).substr(0, kTransformSize);
  EXPECT_FALSE(opener.open(as_bytes(header), none));
  EXPECT_EQ(opener.peek(as_bytes(header), none), 0u);
}

TEST(Ciphers, AKeyOfTheWrongSizeOpensNothing) {
  TransformCipher opener(SmbCipher::kAes256Gcm, as_bytes("sixteen bytes..."sv));
  std::byte out[64];
  EXPECT_FALSE(
      opener.open(as_bytes(seal(SmbCipher::kAes128Gcm, "sixteen bytes...", 1, "x", 1)), out));
}

TEST(Signatures, OfEachAlgorithm) {
  const std::string key = "fedcba9876543210";
  for (int algorithm = 0; algorithm <= 2; ++algorithm) {
    MessageSigner signer(static_cast<SmbSigning>(algorithm), as_bytes(key));
    for (int i = 0; i < 3; ++i) {
      for (bool from_client : {true, false}) {
        const auto id = static_cast<std::uint64_t>(5 + i);
        std::string message = sign(static_cast<SmbSigning>(algorithm), key,
                                   smb2({9, id, !from_client, 0, 7}, write_response(8)));
        EXPECT_TRUE(signer.verify(as_bytes(message), from_client)) << algorithm;
        EXPECT_EQ(signer.verify(as_bytes(message), !from_client), algorithm != 2);
        message[70] ^= 1;
        EXPECT_FALSE(signer.verify(as_bytes(message), from_client)) << algorithm;
      }
    }
    EXPECT_FALSE(signer.verify(as_bytes("short"sv), true));
  }
}

}  // namespace
}  // namespace rpcmarshal
