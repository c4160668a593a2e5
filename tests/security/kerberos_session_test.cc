// Keys of a Kerberos authentication, from messages that MIT krb5's library sealed.
#include "security/kerberos_session.h"

#include <gtest/gtest.h>

#include "security/kerberos_oracle.h"
#include "security/learned_keys.h"
#include "security/pac.h"
#include "security/secrets.h"
#include "security/security_context.h"
#include "security/ticket_names.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

std::string le64(std::uint64_t v) {
  return le32(static_cast<std::uint32_t>(v)) + le32(static_cast<std::uint32_t>(v >> 32));
}
std::string sid(std::initializer_list<std::uint32_t> parts) {
  std::string out = le32(static_cast<std::uint32_t>(parts.size())) + '\1' +
                    static_cast<char>(parts.size()) + std::string("\0\0\0\0\0\5", 6);
  for (const std::uint32_t part : parts) out += le32(part);
  return out;
}

/// KERB_VALIDATION_INFO of user 1104 in S-1-5-21-1-2-3, in groups 513 and 512, and S-1-5-32-544.
std::string made_pac() {
  std::string info = std::string(48, '\1');
  info += le16(10) + le16(10) + le32(0x20004);  // EffectiveName
  info += std::string(40, '\0');
  info += le32(0) + le32(1104) + le32(513) + le32(2) + le32(0x20008);
  info += le32(0) + std::string(16, '\0');
  info += std::string(8, '\0') + le16(6) + le16(6) + le32(0x2000c) + le32(0x20010);
  info += std::string(8, '\0') + le32(0x10) + std::string(28, '\0');
  info += le32(1) + le32(0x20014) + le32(0) + le32(0) + le32(0);
  info += le32(5) + le32(0) + le32(5) + utf16("alice") + std::string(2, '\0');
  info += le32(2) + le32(513) + le32(7) + le32(512) + le32(7);
  info += le32(3) + le32(0) + le32(3) + utf16("LAB") + std::string(2, '\0');
  info += sid({21, 1, 2, 3});
  info += le32(1) + le32(0x20018) + le32(7) + sid({32, 544});
  const std::string data = std::string("\1\x10\x08\0\xcc\xcc\xcc\xcc", 8) +
                           le32(static_cast<std::uint32_t>(info.size() + 4)) + le32(0) +
                           le32(0x20000) + info;
  return le32(1) + le32(0) + le32(1) + le32(static_cast<std::uint32_t>(data.size())) + le64(24) +
         data;
}

TEST(Pac, SidAndGroups) {
  const std::string pac = made_pac();
  const auto inside = parse_pac(as_bytes(pac));
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->sid, "S-1-5-21-1-2-3-1104");
  EXPECT_EQ(inside->groups,
            (std::vector<std::string>{"S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-512", "S-1-5-32-544"}));
  for (std::size_t size = 0; size < pac.size(); ++size) parse_pac(as_bytes(pac).first(size));
}

struct KerberosAuthentication : ::testing::Test {
  KerberosAuthentication() { secrets.add_key("FS1$", "R.TEST", 5, 18, as_bytes(service.bytes)); }
  std::unique_ptr<AuthExchange> exchange(const std::string& its_ticket) {
    auto made = make_auth_exchange(AuthService::kKerberos, &secrets);
    made->token(true, as_bytes(ap_req(its_ticket, session, &initiator)));
    return made;
  }
  OracleKey service{18, 's'}, session{18, 'e'}, initiator{18, 'i'}, acceptor{18, 'a'};
  Secrets secrets;
};

TEST_F(KerberosAuthentication, KeysAndClient) {
  auto exchange =
      this->exchange(ticket(service, 5, "cifs/fs1.r.test", session, "alice", made_pac()));
  ASSERT_EQ(exchange->key_status().code, KeyStatus::Code::kReady) << exchange->key_status().text;
  EXPECT_EQ(as_text(exchange->session_key()), initiator.bytes);
  EXPECT_EQ(exchange->session_key_type(), 18);
  EXPECT_EQ(exchange->identity().user, "alice");
  EXPECT_EQ(exchange->identity().domain, "R.TEST");
  EXPECT_EQ(exchange->identity().sid, "S-1-5-21-1-2-3-1104");
  EXPECT_EQ(exchange->identity().groups.size(), 3u);
  EXPECT_EQ(exchange->identity().known_by, "kerberos ticket");
  const std::uint32_t before = exchange->key_generation();
  exchange->token(false, as_bytes(ap_rep(session, &acceptor)));
  EXPECT_EQ(as_text(exchange->session_key()), acceptor.bytes);
  EXPECT_NE(exchange->key_generation(), before);
  // The third leg of DCE style changes nothing.
  exchange->token(true, as_bytes(ap_rep(session, nullptr)));
  EXPECT_EQ(as_text(exchange->session_key()), acceptor.bytes);
  EXPECT_TRUE(exchange->make_security_context());
}

TEST_F(KerberosAuthentication, WhyNot) {
  const auto status = [&](const std::string& its_ticket) {
    return exchange(its_ticket)->key_status();
  };
  KeyStatus s = status(ticket(service, 6, "cifs/fs1.r.test", session, "alice"));
  EXPECT_EQ(s.code, KeyStatus::Code::kKvno);
  EXPECT_EQ(s.text,
            "the ticket for cifs/fs1.r.test@R.TEST is sealed with another key "
            "(aes256-cts-hmac-sha1-96, version 6); the newest given is version 5");
  EXPECT_EQ(status(ticket(service, 6, "cifs/fs2.r.test", session, "alice")).code,
            KeyStatus::Code::kNoKey);
  EXPECT_EQ(status(ticket(OracleKey(17, 's'), 5, "cifs/fs1.r.test", session, "alice")).code,
            KeyStatus::Code::kEtype);
  EXPECT_EQ(status(ticket(OracleKey(18, 'x'), 5, "cifs/fs1.r.test", session, "alice")).code,
            KeyStatus::Code::kWrongKey);
  EXPECT_EQ(status(ticket(service, 5, "cifs/alias.r.test", session, "alice")).code,
            KeyStatus::Code::kReady);
}

TEST_F(KerberosAuthentication, TicketsOfAUserWhoseKeyIsKnown) {
  const OracleKey krbtgt(18, 'k'), tgt_session(18, 'T'), subkey(18, 'u'), hidden(18, 'h');
  Secrets of_user;
  of_user.add_password("alice@R.TEST", "Password");
  const KeyMatch match = of_user.client_keys("alice", "R.TEST", 18, {}, {});
  ASSERT_EQ(match.count, 1u);
  OracleKey user(18, 0);
  user.bytes = as_text(match.keys[0].bytes());
  const std::string tgt = ticket(krbtgt, 1, "krbtgt/R.TEST", tgt_session, "alice");
  const std::string wanted = ticket(hidden, 9, "cifs/fs7.r.test", session, "alice");
  for (const bool with_subkey : {true, false}) {
    TicketNames names;
    KdcTalk talk;
    const auto pass = [&](const std::string& message) {
      names.learn(as_bytes(message), talk.shown);
      learn_kdc_keys(of_user, as_bytes(message), talk);
    };
    pass(kdc_rep(11, "alice", tgt, user, 3, tgt_session));
    pass(tgs_req(ap_req(tgt, tgt_session, with_subkey ? &subkey : nullptr, 7)));
    const std::string ticket_now =
        with_subkey ? wanted : ticket(hidden, 9, "cifs/fs8.r.test", session, "alice");
    pass(kdc_rep(13, "alice", ticket_now, with_subkey ? subkey : tgt_session, with_subkey ? 9 : 8,
                 session));
    auto made = make_auth_exchange(AuthService::kKerberos, &of_user);
    made->token(true, as_bytes(ap_req(ticket_now, session, &initiator)));
    EXPECT_EQ(made->key_status().code, KeyStatus::Code::kReady) << made->key_status().text;
    EXPECT_EQ(as_text(made->session_key()), initiator.bytes);
    EXPECT_EQ(made->identity().user, "alice");
  }
}

TEST_F(KerberosAuthentication, TicketsAskedForUnderFast) {
  const OracleKey krbtgt(18, 'k'), tgt_session(18, 'T'), subkey(18, 'u'), hidden(18, 'h'),
      strengthen(18, 'S');
  Secrets of_user;
  of_user.add_password("alice@R.TEST", "Password");
  OracleKey user(18, 0);
  user.bytes = as_text(of_user.client_keys("alice", "R.TEST", 18, {}, {}).keys[0].bytes());
  const std::string tgt = ticket(krbtgt, 1, "krbtgt/R.TEST", tgt_session, "alice");
  const std::string wanted = ticket(hidden, 9, "cifs/fs7.r.test", session, "alice");
  const OracleKey armor = combined(subkey, "subkeyarmor", tgt_session, "ticketarmor");
  const OracleKey reply = combined(strengthen, "strengthenkey", subkey, "replykey");
  const std::string response =
      der(0x30, der(0xa0, der(0x30, "")) + der(0xa1, strengthen.der_key()));
  const std::string fast = der(0xa0, der(0x30, der(0xa0, armor.der_sealed(52, response))));
  const std::string padata =
      der(0xa2, der(0x30, der(0x30, der(0xa1, der(0x02, std::string("\0\x88", 2))) +
                                        der(0xa2, der(0x04, fast)))));
  KdcTalk talk;
  TicketNames names;
  for (const std::string& message :
       {kdc_rep(11, "alice", tgt, user, 3, tgt_session),
        tgs_req(ap_req(tgt, tgt_session, &subkey, 7)),
        kdc_rep(13, "WELLKNOWN/ANONYMOUS", wanted, reply, 9, session, padata)}) {
    names.learn(as_bytes(message), talk.shown);
    learn_kdc_keys(of_user, as_bytes(message), talk);
  }
  auto made = make_auth_exchange(AuthService::kKerberos, &of_user);
  made->token(true, as_bytes(ap_req(wanted, session, &initiator)));
  EXPECT_EQ(made->key_status().code, KeyStatus::Code::kReady) << made->key_status().text;
  EXPECT_EQ(made->identity().user, "alice");  // whom the reply does not name
  EXPECT_EQ(made->identity().domain, "R.TEST");
}

}  // namespace
}  // namespace rpcmarshal
