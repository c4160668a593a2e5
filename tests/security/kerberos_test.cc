#include "security/kerberos.h"

#include <gtest/gtest.h>

#include "security/builders.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

std::string kdc_body(const std::string& client, const std::vector<std::string>& service) {
  std::string body = der(0xa0, der(0x03, std::string("\0\x40\x81\0\x10", 5)));
  if (!client.empty()) body += der(0xa1, principal(1, {client}));
  body += der(0xa2, der_string("LAB.TEST")) + der(0xa3, principal(2, service));
  return der(0xa4, der(0x30, body + der(0xa7, der_int(7))));
}

TEST(Kerberos, ApReqNamesTheService) {
  std::string message = ap_req("LAB.TEST", {"cifs", "fs1.lab.test"});
  auto parsed = parse_ap_req(as_bytes(message));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->options, 0x20000000u);
  EXPECT_EQ(parsed->ticket.realm, "LAB.TEST");
  EXPECT_EQ(parsed->ticket.service, "cifs/fs1.lab.test");
  EXPECT_EQ(parsed->ticket.sealed.etype, 18);
  EXPECT_EQ(parsed->ticket.sealed.kvno, 2u);
  EXPECT_EQ(parsed->ticket.sealed.cipher.size(), 200u);
  EXPECT_EQ(parsed->authenticator.cipher.size(), 150u);
}

TEST(Kerberos, ApRep) {
  std::string message = der(0x6f, der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_int(15)) +
                                                der(0xa2, sealed(18, -1, "cipher"))));
  auto parsed = parse_ap_rep(as_bytes(message));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(as_text(parsed->sealed.cipher), "cipher");
}

TEST(Kerberos, AsExchangeNamesTheClient) {
  std::string request = der(0x6a, der(0x30, der(0xa1, der_int(5)) + der(0xa2, der_int(10)) +
                                                kdc_body("alice", {"krbtgt", "LAB.TEST"})));
  auto as_req = parse_kdc_request(as_bytes(request));
  ASSERT_TRUE(as_req);
  EXPECT_EQ(as_req->type, KerberosType::kAsReq);
  EXPECT_EQ(as_req->client, "alice");
  EXPECT_EQ(as_req->realm, "LAB.TEST");
  EXPECT_EQ(as_req->service, "krbtgt/LAB.TEST");

  std::string reply = der(
      0x6b, der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_int(11)) +
                          der(0xa3, der_string("LAB.TEST")) + der(0xa4, principal(1, {"alice"})) +
                          der(0xa5, ticket("LAB.TEST", {"krbtgt", "LAB.TEST"}, "TGT")) +
                          der(0xa6, sealed(18, -1, "enc"))));
  auto as_rep = parse_kdc_reply(as_bytes(reply));
  ASSERT_TRUE(as_rep);
  EXPECT_EQ(as_rep->client, "alice");
  EXPECT_EQ(as_rep->client_realm, "LAB.TEST");
  EXPECT_EQ(as_text(as_rep->ticket.sealed.cipher), "TGT");
}

TEST(Kerberos, TgsRequestCarriesTheTicketOfTheAsExchange) {
  std::string inner = ap_req("LAB.TEST", {"krbtgt", "LAB.TEST"});
  std::string padata =
      der(0xa3, der(0x30, der(0x30, der(0xa1, der_int(2)) + der(0xa2, der(0x04, "other"))) +
                              der(0x30, der(0xa1, der_int(1)) + der(0xa2, der(0x04, inner)))));
  std::string request = der(0x6c, der(0x30, der(0xa1, der_int(5)) + der(0xa2, der_int(12)) +
                                                padata + kdc_body("", {"cifs", "fs1"})));
  auto tgs = parse_kdc_request(as_bytes(request));
  ASSERT_TRUE(tgs);
  EXPECT_EQ(tgs->type, KerberosType::kTgsReq);
  EXPECT_EQ(tgs->service, "cifs/fs1");
  auto ticket_in_it = parse_ap_req(tgs->ap_req);
  ASSERT_TRUE(ticket_in_it);
  EXPECT_EQ(ticket_in_it->ticket.service, "krbtgt/LAB.TEST");
}

TEST(Kerberos, Error) {
  std::string message =
      der(0x7e, der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_int(30)) + der(0xa6, der_int(37)) +
                              der(0xa9, der_string("LAB.TEST")) +
                              der(0xaa, principal(2, {"cifs", "x"}))));
  auto error = parse_kerberos_error(as_bytes(message));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, 37);
  EXPECT_EQ(error->service, "cifs/x");
}

TEST(Kerberos, EveryTruncationIsRefused) {
  std::string message = ap_req("LAB.TEST", {"cifs", "fs1"});
  for (std::size_t size = 0; size < message.size(); ++size) {
    std::string cut = message.substr(0, size);
    EXPECT_FALSE(parse_ap_req(as_bytes(cut))) << size;
  }
}

TEST(Kerberos, PrincipalWithAThousandComponentsIsCut) {
  std::vector<std::string> names(1000, "x");
  std::string message = ap_req("R", names);
  auto parsed = parse_ap_req(as_bytes(message));
  ASSERT_TRUE(parsed);
  EXPECT_LE(parsed->ticket.service.size(), 32u);
}

}  // namespace
}  // namespace rpcmarshal
