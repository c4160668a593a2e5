#include "blobs/certificate.h"

#include "blobs/helpers.h"
#include "blobs/requests.h"

namespace rpcmarshal::blobs {
namespace {

using test::from_hex;
using test::shown;

std::string read(std::string_view hex) {
  const std::string der = from_hex(hex);
  const auto request = parse_certificate_request(as_bytes(std::string_view(der)));
  return request ? shown(*request) : "(none)";
}

std::string expected(const char* format) {
  return std::string(
             "{subject=O=Lab,CN=Bob template=User template_oid=1.3.6.1.4.1.311.21.8.1.2.3 "
             "upn=[administrator@lab.test] dns=[dc1.lab.test] email=[bob@lab.test] "
             "uri=[tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500] ip=[10.0.0.5] "
             "sid=[S-1-5-21-1-2-3-500, S-1-5-21-1-2-3-500] "
             "usages=[TLS Web Client Authentication, Microsoft Smartcard Login, 1.2.3.4.5] "
             "key=EC 256 format=") +
         format + '}';
}

TEST(CertificateRequest, Pkcs10) { EXPECT_EQ(read(test::kPkcs10), expected("pkcs10")); }
TEST(CertificateRequest, Cmc) { EXPECT_EQ(read(test::kCmc), expected("cmc")); }
TEST(CertificateRequest, SignedMessage) { EXPECT_EQ(read(test::kSigned), expected("signed")); }

TEST(CertificateRequest, SurvivesEveryCutAndEveryFlippedByte) {
  for (const std::string_view hex : {test::kPkcs10, test::kCmc}) {
    const std::string whole = from_hex(hex);
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      EXPECT_FALSE(parse_certificate_request(as_bytes(std::string_view(whole).substr(0, cut))));
    }
    std::size_t read = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ 0x55);
      read += parse_certificate_request(as_bytes(std::string_view(changed))).has_value();
    }
    EXPECT_GT(read, 0u) << "most bytes carry names or keys, not structure";
  }
}

// BER, as some clients' libraries write signed messages: indefinite lengths, content in pieces.
TEST(CertificateRequest, SignedMessageOfIndefiniteLength) {
  const std::string request = from_hex(test::kPkcs10);
  const std::string pieces = std::string("\x04\x82\x01\x00", 4) + request.substr(0, 0x100) +
                             std::string("\x04\x82", 2) +
                             static_cast<char>((request.size() - 0x100) >> 8) +
                             static_cast<char>(request.size() - 0x100) + request.substr(0x100);
  const std::string end("\0\0", 2);
  const std::string whole =
      from_hex("308006092a864886f70d010702a08030800201013100308006092a864886f70d010701a0802480") +
      pieces + end + end + end + from_hex("3100") + end + end + end;
  const auto read_back = parse_certificate_request(as_bytes(std::string_view(whole)));
  ASSERT_TRUE(read_back);
  EXPECT_EQ(shown(*read_back), expected("signed"));
  for (std::size_t cut = 0; cut < whole.size(); ++cut)
    EXPECT_FALSE(parse_certificate_request(as_bytes(std::string_view(whole).substr(0, cut))));
}

TEST(RequestAttributes, TemplateAndAlternativeName) {
  const auto attributes = parse_request_attributes(
      "CertificateTemplate:ESC6\r\nSAN:upn=administrator@lab.test&dns=dc1.lab.test&"
      "url=tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500\nno colon\n:no name\nother:");
  ASSERT_TRUE(attributes);
  EXPECT_EQ(attributes->value("template"), "ESC6");
  EXPECT_EQ(shown(*attributes->find("upn")), "[administrator@lab.test]");
  EXPECT_EQ(shown(*attributes->find("dns")), "[dc1.lab.test]");
  EXPECT_EQ(shown(*attributes->find("sid")), "[S-1-5-21-1-2-3-500]");
  EXPECT_EQ(attributes->find("attributes")->items.size(), 3u);
  EXPECT_EQ(summarise_certificate(*attributes),
            "template ESC6, for administrator@lab.test, for dc1.lab.test, for S-1-5-21-1-2-3-500");
  EXPECT_FALSE(parse_request_attributes(""));
  EXPECT_FALSE(parse_request_attributes(":::"));
}

}  // namespace
}  // namespace rpcmarshal::blobs
