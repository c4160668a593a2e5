// Encrypted and signed sessions, with the account's NT hash: what is in them reaches the pipes, and
// what is wrong with them is counted.
#include <gtest/gtest.h>

#include "security/secrets.h"
#include "smb/channels.h"
#include "smb/harness.h"
#include "smb/ntlm_login.h"
#include "smb/sealing.h"

namespace rpcmarshal {
namespace {

using namespace test;

constexpr std::uint64_t kSession = 0x1122;

/// A client and a server that keep the keys of their session as the protocol has it, independently
/// of the parser under test.
struct Session {
  Session(std::uint16_t the_dialect, SmbCipher the_cipher, SmbSigning the_signing)
      : dialect(the_dialect), cipher(the_cipher), signing(the_signing) {
    secrets.add_nt_hash("LAB\\alice", as_bytes(login.nt_hash));
  }
  Harness make() { return Harness(true, &secrets); }

  void hash(const std::string& message) { preauth.add(as_bytes(message)); }
  void negotiate(Harness& h) {
    preauth = {};
    for (const std::string& m :
         {negotiate_request(), negotiate_response(dialect, static_cast<std::uint16_t>(cipher),
                                                  static_cast<std::uint16_t>(signing))}) {
      hash(m);
      m[16] & 1 ? h.server(m) : h.client(m);
    }
    connection = preauth;
  }
  /// All of the log-on but its last message, which it gives.
  std::string log_on(Harness& h, std::uint8_t flags = 0, std::uint64_t first_session = 0) {
    preauth = connection;
    auto setup = [&](std::uint64_t id, std::uint64_t session, const std::string& token) {
      std::string body = session_setup_request(token);
      body[2] = static_cast<char>(flags);
      return smb2({1, id, false, 0, 0, session}, body);
    };
    const std::string messages[] = {
        setup(1, first_session, login.negotiate),
        smb2({1, 1, true, 0xc0000016, 0, kSession}, session_setup_response(0, login.challenge)),
        setup(2, kSession, login.authenticate)};
    for (const std::string& m : messages) {
      hash(m);
      m[16] & 1 ? h.server(m) : h.client(m);
    }
    keys = derive_smb_keys({dialect, cipher, signing}, as_bytes(login.session_key), preauth);
    return signed_by_server(smb2({1, 2, true, 0, 0, kSession}, session_setup_response(0, "")));
  }
  std::string key(Bytes bytes) { return std::string(as_text(bytes)); }
  std::string sealed(bool from_client, const std::string& message) {
    const SmbKey& k = from_client ? keys.from_client : keys.from_server;
    return seal(cipher, key(k.bytes()), kSession, message, ++nonce);
  }
  std::string signed_by_server(const std::string& message) {
    return sign(signing, key(keys.signing.bytes()), message);
  }
  void client(Harness& h, const std::string& m) { h.client(sealed(true, m)); }
  void server(Harness& h, const std::string& m) { h.server(sealed(false, m)); }
  void open_pipe(Harness& h, std::uint64_t id = 1) {
    client(h, smb2({3, 3}, tree_connect_request("\\\\FS1\\IPC$")));
    server(h, smb2({3, 3, true, 0, 7}, tree_connect_response(2)));
    client(h, smb2({5, 4, false, 0, 7}, create_request("svcctl")));
    server(h, smb2({5, 4, true, 0, 7}, create_response(file_id(id))));
  }

  NtlmLogin login;
  Secrets secrets;
  std::uint16_t dialect;
  SmbCipher cipher;
  SmbSigning signing;
  PreauthHash connection, preauth;
  SmbKeys keys;
  std::uint64_t nonce = 0;
};

Session gcm() { return Session(0x0311, SmbCipher::kAes128Gcm, SmbSigning::kAesGmac); }

struct Variant {
  std::uint16_t dialect;
  int cipher, signing;
};
class SmbSealed : public testing::TestWithParam<Variant> {};
INSTANTIATE_TEST_SUITE_P(All, SmbSealed,
                         testing::Values(Variant{0x0300, 1, 1}, Variant{0x0302, 1, 1},
                                         Variant{0x0311, 1, 1}, Variant{0x0311, 2, 2},
                                         Variant{0x0311, 3, 0}, Variant{0x0311, 4, 1}));

TEST_P(SmbSealed, APipeIsReadAsIfInClear) {
  for (std::size_t step : {0, 1, 100}) {
    Session s(GetParam().dialect, static_cast<SmbCipher>(GetParam().cipher),
              static_cast<SmbSigning>(GetParam().signing));
    Harness h = s.make();
    h.step = step;
    s.negotiate(h);
    h.server(s.log_on(h));
    EXPECT_EQ(h.statistics.signatures, 1u) << "of the last answer of the log-on";
    s.open_pipe(h);
    ASSERT_EQ(h.pipes.size(), 1u);
    const std::string large = pdu(0, std::string(3000, 'x'));
    s.client(h, smb2({9, 5, false, 0, 7}, write_request(file_id(1), large)));
    s.server(h, smb2({9, 5, true, 0, 7}, write_response(large.size())));
    s.client(h, smb2({8, 6, false, 0, 7}, read_request(file_id(1), 4096)));
    s.server(h, smb2({8, 6, true, 0, 7}, read_response("answer")));
    EXPECT_EQ(h.pipes[0].info.name, "\\pipe\\svcctl");
    EXPECT_EQ(h.pipes[0].client, large);
    EXPECT_EQ(h.pipes[0].server, "answer");
    EXPECT_EQ(h.statistics.encrypted, 8u);
    EXPECT_EQ(h.statistics.decrypted, 8u);
    EXPECT_EQ(h.statistics.bad_tags + h.statistics.bad_signatures + h.statistics.malformed, 0u);
    EXPECT_TRUE(h.pipes[0].info.session->decrypted && h.pipes[0].info.session->verified);
  }
}

TEST_P(SmbSealed, TheKeyOfOneSessionOpensIt) {
  Session s(GetParam().dialect, static_cast<SmbCipher>(GetParam().cipher),
            static_cast<SmbSigning>(GetParam().signing));
  Secrets given;
  given.add_smb_session(kSession, as_bytes(s.login.session_key));
  Harness h(true, &given);
  s.negotiate(h);
  h.server(s.log_on(h));
  s.open_pipe(h);
  ASSERT_EQ(h.pipes.size(), 1u);
  EXPECT_EQ(h.statistics.decrypted, 4u);
  EXPECT_EQ(h.statistics.signatures, 1u);
}

TEST_P(SmbSealed, CipherKeysOpenASessionWhoseSetUpWasNotSeen) {
  Session s(GetParam().dialect, static_cast<SmbCipher>(GetParam().cipher),
            static_cast<SmbSigning>(GetParam().signing));
  Harness unseen = s.make();
  s.negotiate(unseen);
  s.log_on(unseen);
  for (const bool swapped : {false, true}) {
    Secrets given;
    const Bytes client = s.keys.from_client.bytes(), server = s.keys.from_server.bytes();
    given.add_smb_ciphers(kSession, swapped ? server : client, swapped ? client : server);
    Harness h(true, &given);
    s.open_pipe(h);
    ASSERT_EQ(h.pipes.size(), 1u);
    s.client(h, smb2({9, 5, false, 0, 7}, write_request(file_id(1), "request")));
    EXPECT_EQ(h.pipes[0].client, "request");
    EXPECT_EQ(h.statistics.decrypted, 5u);
    EXPECT_EQ(h.statistics.unopened + h.statistics.bad_tags, 0u);
  }
}

TEST(SmbSealing, WrongCipherKeysShowNothing) {
  Session s = gcm();
  Harness unseen = s.make();
  s.negotiate(unseen);
  s.log_on(unseen);
  Secrets given;
  given.add_smb_ciphers(kSession, as_bytes(std::string(16, 'x')), as_bytes(std::string(16, 'y')));
  Harness h(true, &given);
  s.open_pipe(h);
  EXPECT_EQ(h.pipes.size(), 0u);
  EXPECT_EQ(h.statistics.unopened, 4u);
  EXPECT_EQ(h.statistics.unopened_reason,
            "the cipher keys given for this session are not its keys");
}

TEST(SmbSealing, ACompoundAndANotificationInside) {
  Session s = gcm();
  Harness h = s.make();
  s.negotiate(h);
  h.server(s.log_on(h));
  s.client(h, smb2({3, 3}, tree_connect_request("\\\\FS1\\IPC$")));
  s.server(h, smb2({3, 3, true, 0, 7}, tree_connect_response(2)));
  s.client(h, compound({{{5, 4, false, 0, 7}, create_request("svcctl")},
                        {{9, 5, false, 0, 0, ~0ull, 4}, write_request(kPrevious, "bind")}}));
  s.server(h, compound({{{5, 4, true, 0, 7}, create_response(file_id(1))},
                        {{9, 5, true, 0, 7}, write_response(4)}}));
  s.server(h, smb2({18, ~0ull, true, 0, 0, 0}, le16(24) + std::string(22, '\0')));  // oplock break
  ASSERT_EQ(h.pipes.size(), 1u);
  EXPECT_EQ(h.pipes[0].client, "bind");
  EXPECT_EQ(h.statistics.malformed, 0u);
}

TEST(SmbSealing, ACompressedMessageInside) {
  Session s = gcm();
  Harness h = s.make();
  s.negotiate(h);
  h.server(s.log_on(h));
  s.open_pipe(h);
  // Not chained; the last eight bytes as literals of plain LZ77 ([MS-SMB2] 2.2.42.1, [MS-XCA] 2.4).
  const std::string inside = smb2({9, 5, false, 0, 7}, write_request(file_id(1), "question"));
  const std::size_t clear = inside.size() - 8;
  s.client(h, "\xfcSMB" + le32(8) + le16(2) + le16(0) + le32(clear) + inside.substr(0, clear) +
                  le32(0) + inside.substr(clear));
  EXPECT_EQ(h.statistics.compressed, 1u);
  EXPECT_EQ(h.pipes[0].client, "question");
}

TEST(SmbSealing, FileContentsAreLookedAtNotOpened) {
  Session s = gcm();
  Harness h = s.make();
  s.negotiate(h);
  h.server(s.log_on(h));
  s.client(h, smb2({3, 3}, tree_connect_request("\\\\FS1\\data")));
  s.server(h, smb2({3, 3, true, 0, 7}, tree_connect_response(1)));
  s.client(h, smb2({5, 4, false, 0, 7}, create_request("report.docx")));
  s.server(h, smb2({5, 4, true, 0, 7}, create_response(file_id(1))));
  h.step = 1400;
  s.client(h, smb2({9, 5, false, 0, 7}, write_request(file_id(1), std::string(1u << 20, 'x'))));
  EXPECT_LT(h.parser->memory(), 100'000u);
  EXPECT_EQ(h.statistics.passed_over, 1u);
  s.server(h, smb2({9, 5, true, 0, 7}, write_response(1u << 20)));
  EXPECT_EQ(h.events.back().action, SmbFileEvent::Action::kWrite);
  EXPECT_EQ(h.events.back().size, 1u << 20);
  EXPECT_EQ(h.pipes.size(), 0u);
}

TEST(SmbSealing, AWrongTagIsReportedAndNothingIsShown) {
  Session s = gcm();
  Harness h = s.make();
  s.negotiate(h);
  h.server(s.log_on(h));
  s.open_pipe(h);
  std::string bad = s.sealed(true, smb2({9, 5, false, 0, 7}, write_request(file_id(1), "forged")));
  bad.back() ^= 1;
  h.client(bad);
  EXPECT_EQ(h.statistics.bad_tags, 1u);
  EXPECT_EQ(h.pipes[0].info.session->bad_signatures, 1u);
  EXPECT_EQ(h.pipes[0].client, "");
  s.client(h, smb2({9, 6, false, 0, 7}, write_request(file_id(1), "real")));
  EXPECT_EQ(h.pipes[0].client, "real");
}

TEST(SmbSealing, AMessageSpeaksForItsSessionOnly) {
  Session s = gcm();
  Harness h = s.make();
  s.negotiate(h);
  h.server(s.log_on(h));
  s.open_pipe(h);
  s.client(h, smb2({9, 5, false, 0, 7, 0x9999}, write_request(file_id(1), "as another")));
  EXPECT_EQ(h.statistics.malformed, 1u);
  EXPECT_EQ(h.pipes[0].client, "");
}

TEST(SmbSealing, WithoutTheKeyMessagesAreCounted) {
  Session s = gcm();
  Secrets others;
  others.add_nt_hash("LAB\\bob", as_bytes(std::string(16, 'b')));
  others.add_nt_hash("LAB\\alice", as_bytes(std::string(16, '?')));
  Harness h(true, &others);
  s.negotiate(h);
  h.server(s.log_on(h));
  s.open_pipe(h);
  EXPECT_EQ(h.pipes.size(), 0u);
  EXPECT_EQ(h.statistics.encrypted, 4u);
  EXPECT_EQ(h.statistics.unopened, 4u);
  EXPECT_EQ(h.statistics.bad_tags, 0u);
}

TEST(SmbSealing, TheAnswerToTheLogOnMayComeLate) {
  Session s = gcm();
  Harness h = s.make();
  s.negotiate(h);
  const std::string last = s.log_on(h);
  s.client(h, smb2({3, 3}, tree_connect_request("\\\\FS1\\IPC$")));
  s.client(h, smb2({5, 4, false, 0, 7}, create_request("svcctl")));
  EXPECT_EQ(h.statistics.decrypted, 0u);
  h.server(last);
  EXPECT_EQ(h.statistics.decrypted, 2u);
  s.server(h, smb2({3, 3, true, 0, 7}, tree_connect_response(2)));
  s.server(h, smb2({5, 4, true, 0, 7}, create_response(file_id(1))));
  ASSERT_EQ(h.pipes.size(), 1u);
  EXPECT_EQ(h.pipes[0].info.tree, "\\\\FS1\\IPC$");
}

TEST(SmbSealing, WhatWaitsForALogOnIsBounded) {
  Session s = gcm();
  Harness h = s.make();
  s.negotiate(h);
  s.log_on(h);
  for (int i = 0; i < 1000; ++i)
    s.client(h, smb2({9, 5, false, 0, 7}, write_request(file_id(1), std::string(4000, 'x'))));
  EXPECT_LT(h.parser->memory(), 1u << 20);
  EXPECT_GT(h.statistics.unopened, 900u);
}

TEST(SmbSealing, ReauthenticationKeepsTheKeys) {
  Session s = gcm();
  Harness h = s.make();
  s.negotiate(h);
  h.server(s.log_on(h));
  s.open_pipe(h);
  const SmbKeys keys = s.keys;
  s.log_on(h, 0, kSession);
  s.keys = keys;
  h.server(s.signed_by_server(smb2({1, 2, true}, session_setup_response(0, ""))));
  s.client(h, smb2({9, 5, false, 0, 7}, write_request(file_id(1), "after")));
  EXPECT_EQ(h.pipes[0].client, "after");
  EXPECT_EQ(h.statistics.bad_signatures, 0u);
}

TEST(SmbSealing, ALostMessageOfTheLogOnMeansNoKeysOf311) {
  Session s = gcm();
  Harness h = s.make();
  s.negotiate(h);
  s.connection.add(as_bytes(std::string_view("one more message, which was not captured")));
  h.server(s.log_on(h));
  s.open_pipe(h);
  EXPECT_EQ(h.pipes.size(), 0u);
  EXPECT_EQ(h.statistics.bad_tags, 4u);
}

TEST(SmbSealing, AChannelSignsWithItsOwnKeyAndEncryptsWithTheSessions) {
  Session s = gcm();
  auto channels = std::make_shared<SmbChannels>();
  Harness first(true, &s.secrets, channels), second(true, &s.secrets, channels);
  s.negotiate(first);
  first.server(s.log_on(first));
  s.open_pipe(first);
  const SmbKeys session = s.keys;
  s.negotiate(second);
  second.server(s.log_on(second, 1, kSession));  // its signature is by the channel's key
  // What belongs to the session is counted where it was set up.
  EXPECT_EQ(first.statistics.signatures, 2u);
  EXPECT_EQ(first.statistics.bad_signatures, 0u);
  EXPECT_NE(s.key(s.keys.signing.bytes()), s.key(session.signing.bytes()));
  second.client(sign(s.signing, s.key(s.keys.signing.bytes()),
                     smb2({9, 5, false, 0, 7}, write_request(file_id(1), "signed "))));
  EXPECT_EQ(first.statistics.signatures, 3u);
  s.keys = session;
  s.client(second, smb2({9, 6, false, 0, 7}, write_request(file_id(1), "sealed")));
  EXPECT_EQ(first.pipes[0].client, "signed sealed");
  const auto* route = first.pipes[0].info.routes->at(second.now);
  ASSERT_TRUE(route);
  EXPECT_NE(route->client.port, 0);
}

TEST(SmbSealing, GuestsHaveNoKeys) {
  Session s = gcm();
  Harness h = s.make();
  s.negotiate(h);
  s.log_on(h);
  h.server(smb2({1, 2, true}, session_setup_response(1, "")));
  s.open_pipe(h);
  EXPECT_EQ(h.statistics.unopened, 4u);
}

TEST(SmbSealing, AGapInsideAMessageIsAGapOnThePipe) {
  Session s = gcm();
  Harness h = s.make();
  s.negotiate(h);
  h.server(s.log_on(h));
  s.open_pipe(h);
  const std::string message = framed(
      s.sealed(true, smb2({9, 5, false, 0, 7}, write_request(file_id(1), std::string(500, 'x')))));
  h.send(Direction::kForward, message.substr(0, 400));
  h.parser->on_gap(Direction::kForward, h.now, message.size() - 400);
  EXPECT_EQ(h.pipes[0].client, std::string(400 - 4 - 52 - 112, 'x') + "[" +
                                   std::to_string(message.size() - 400) + "]");
}

TEST(SmbSigning, EveryWrongSignatureIsCounted) {
  for (int signing : {0, 1, 2}) {
    Session s(signing == 0 ? 0x0210 : 0x0311,
              signing == 0 ? SmbCipher::kNone : SmbCipher::kAes128Gcm,
              static_cast<SmbSigning>(signing));
    Harness h = s.make();
    s.negotiate(h);
    h.server(s.log_on(h));
    EXPECT_EQ(h.statistics.signatures, 1u) << signing;
    std::string good = s.signed_by_server(smb2({3, 3}, tree_connect_request("\\\\FS1\\IPC$")));
    h.client(good);
    EXPECT_EQ(h.statistics.signatures, 2u) << signing;
    good[60] ^= 1;
    h.client(good);
    EXPECT_EQ(h.statistics.bad_signatures, 1u) << signing;
    // Not checked by clients, and not signed by every server: interim answers and notifications.
    std::string interim = smb2({3, 3, true, 0x103, 0, kSession, 8 | 2}, error_response());
    h.server(interim);
    h.server(smb2({18, ~0ull, true, 0, 0, kSession, 8}, le16(24) + std::string(22, '\0')));
    EXPECT_EQ(h.statistics.bad_signatures, 1u);
  }
}

std::string sign_smb1(std::string message, const std::string& key, std::uint32_t sequence) {
  message[10] |= 4;
  message.replace(14, 8, le64(sequence));
  unsigned char digest[16];
  unsigned int size = 0;
  const std::string text = key + message;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr);
  return message.replace(14, 8, reinterpret_cast<const char*>(digest), 8);
}

TEST(SmbSigning, Smb1NumbersItsMessages) {
  NtlmLogin login;
  Secrets secrets;
  secrets.add_nt_hash("LAB\\alice", as_bytes(login.nt_hash));
  Harness h(true, &secrets);
  auto ask = [](const std::string& blob) {
    return block(kNoAndX + std::string(10, '\0') + le16(blob.size()) + le64(0), blob);
  };
  auto answer = [](const std::string& blob) {
    return block(kNoAndX + le16(0) + le16(blob.size()), blob);
  };
  h.client(smb1({0x73, 1, false, 0, 0, 0}, ask(login.negotiate)));
  h.server(smb1({0x73, 1, true, 0xc0000016}, answer(login.challenge)));
  h.client(smb1({0x73, 2}, ask(login.authenticate)));
  h.server(sign_smb1(smb1({0x73, 2, true}, answer("")), login.session_key, 1));
  EXPECT_EQ(h.statistics.signatures, 1u);
  const std::string close = block(le16(7) + le32(0), "");
  auto say = [&](std::uint8_t command, std::uint16_t mid, std::uint32_t sequence) {
    h.client(sign_smb1(smb1({command, mid}, close), login.session_key, sequence));
    h.server(sign_smb1(smb1({command, mid, true}, close), login.session_key, sequence + 1));
  };
  say(0x2b, 3, 2);
  say(0x2b, 4, 4);
  EXPECT_EQ(h.statistics.signatures, 5u);
  h.client(sign_smb1(smb1({0xa4, 4}, close), login.session_key, 6));  // cancel: has no answer
  say(0x2b, 5, 7);
  EXPECT_EQ(h.statistics.signatures, 8u);
  say(0x2b, 6, 13);  // two exchanges between were not captured
  EXPECT_EQ(h.statistics.signatures, 10u);
  EXPECT_EQ(h.statistics.bad_signatures, 0u);
  say(0x2b, 7, 14);  // a number that was used
  EXPECT_EQ(h.statistics.bad_signatures, 2u);
}

TEST(SmbSealing, AnyByteMayBeAnything) {
  Session s = gcm();
  std::uint32_t random = 1;
  for (int round = 0; round < 300; ++round) {
    Harness h = s.make();
    s.negotiate(h);
    h.server(s.log_on(h));
    for (int i = 0; i < 6; ++i) {
      std::string inside = smb2({static_cast<std::uint16_t>(i * 3), 5, false, 0, 7},
                                write_request(file_id(1), "question"));
      random = random * 1664525u + 1013904223u;
      inside[(random >> 8) % inside.size()] = static_cast<char>(random >> 3);
      inside.resize((random >> 12) % (inside.size() + 1));
      (random & 4) ? s.client(h, inside) : s.server(h, inside);
    }
    h.parser->on_end(h.now);
  }
}

}  // namespace
}  // namespace rpcmarshal
