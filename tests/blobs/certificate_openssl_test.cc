// Names and keys of requests that OpenSSL makes, compared with what OpenSSL says of them.
#if __has_include(<openssl/x509.h>)
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <random>

#include "blobs/certificate.h"
#include "blobs/helpers.h"

namespace rpcmarshal::blobs {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Request = std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)>;

std::string openssl_name(const X509_NAME* name) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> memory(BIO_new(BIO_s_mem()), BIO_free_all);
  X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* text = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &text);
  return std::string(text, static_cast<std::size_t>(length));
}

std::string der_of(X509_REQ* request) {
  unsigned char* der = nullptr;
  const int length = i2d_X509_REQ(request, &der);
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(std::max(length, 0)));
  OPENSSL_free(der);
  return out;
}

TEST(CertificateAgainstOpenSsl, Names) {
  std::mt19937 random(20261121);
  const auto below = [&](std::size_t n) { return random() % n; };
  const char* const ids[] = {"2.5.4.3",
                             "2.5.4.4",
                             "2.5.4.5",
                             "2.5.4.6",
                             "2.5.4.7",
                             "2.5.4.8",
                             "2.5.4.9",
                             "2.5.4.10",
                             "2.5.4.11",
                             "2.5.4.12",
                             "2.5.4.13",
                             "2.5.4.15",
                             "2.5.4.16",
                             "2.5.4.17",
                             "2.5.4.20",
                             "2.5.4.41",
                             "2.5.4.42",
                             "2.5.4.43",
                             "2.5.4.44",
                             "2.5.4.46",
                             "2.5.4.65",
                             "0.9.2342.19200300.100.1.1",
                             "0.9.2342.19200300.100.1.3",
                             "0.9.2342.19200300.100.1.25",
                             "1.2.840.113549.1.9.1",
                             "1.2.840.113549.1.9.2",
                             "1.2.840.113549.1.9.8",
                             "1.2.3.4.5.1234567.9"};
  const std::string_view pieces[] = {
      "a", " ", "#", ",",    "+",    "\"",        "\\",           "<",
      ">", ";", "=", "\x01", "\x7f", "B\xC3\xB6", "\xE2\x82\xAC", "\xF0\x9F\x99\x82",
      "Z"};
  const int types[] = {V_ASN1_UTF8STRING, V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING,
                       V_ASN1_IA5STRING, V_ASN1_T61STRING};
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  for (int round = 0; round < 500; ++round) {
    const Request request(X509_REQ_new(), X509_REQ_free);
    X509_NAME* name = X509_REQ_get_subject_name(request.get());
    for (std::size_t n = below(6); n > 0; --n) {
      const int type = types[below(std::size(types))];
      std::string value;
      for (std::size_t i = 1 + below(6); i > 0; --i)
        value += pieces[below(type == V_ASN1_UTF8STRING ? std::size(pieces) : 13)];
      if (value == "#") value = "x";  // OpenSSL does not escape it when it is all, [RFC4514] does
      const std::unique_ptr<ASN1_OBJECT, decltype(&ASN1_OBJECT_free)> id(
          OBJ_txt2obj(ids[below(std::size(ids))], 1), ASN1_OBJECT_free);
      ASSERT_TRUE(X509_NAME_add_entry_by_OBJ(
          name, id.get(), type, reinterpret_cast<const unsigned char*>(value.data()),
          static_cast<int>(value.size()), -1, below(4) == 0 ? -1 : 0));
    }
    X509_REQ_set_pubkey(request.get(), key.get());
    X509_REQ_sign(request.get(), key.get(), EVP_sha256());
    const std::string der = der_of(request.get());
    const auto item = parse_certificate_request(as_bytes(std::string_view(der)));
    ASSERT_TRUE(item);
    // As it was sent: encoding sorts what stands at one level.
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const Request sent(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())), X509_REQ_free);
    EXPECT_EQ(item->value("subject"), openssl_name(X509_REQ_get_subject_name(sent.get()))) << round;
  }
}

TEST(CertificateAgainstOpenSsl, Keys) {
  std::vector<std::pair<Key, std::string>> keys;
  for (const auto& [curve, text] :
       {std::pair("P-256", "EC 256"), std::pair("P-384", "EC 384"), std::pair("P-521", "EC 521"),
        std::pair("secp224r1", "EC 224"), std::pair("secp256k1", "EC 256")}) {
    keys.emplace_back(Key(EVP_EC_gen(curve), EVP_PKEY_free), text);
  }
  keys.emplace_back(Key(EVP_RSA_gen(1024), EVP_PKEY_free), "RSA 1024");
  keys.emplace_back(Key(EVP_RSA_gen(1536), EVP_PKEY_free), "RSA 1536");
  for (const auto& [key, text] : keys) {
    ASSERT_TRUE(key) << text;
    const Request request(X509_REQ_new(), X509_REQ_free);
    X509_REQ_set_pubkey(request.get(), key.get());
    X509_REQ_sign(request.get(), key.get(), EVP_sha256());
    const std::string der = der_of(request.get());
    const auto item = parse_certificate_request(as_bytes(std::string_view(der)));
    ASSERT_TRUE(item);
    EXPECT_EQ(item->value("key"), text);
    EXPECT_EQ(text.substr(text.find(' ') + 1), std::to_string(EVP_PKEY_get_bits(key.get())));
  }
}

}  // namespace
}  // namespace rpcmarshal::blobs
#endif
