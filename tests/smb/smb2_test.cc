#include <gtest/gtest.h>

#include "smb/harness.h"

namespace rpcmarshal {
namespace {

using namespace test;

TEST(Smb2, WriteAndReadOnAPipe) {
  for (std::size_t step : {0, 1, 7, 100}) {
    Harness h;
    h.step = step;
    h.open_pipe();
    ASSERT_EQ(h.pipes.size(), 1u) << step;
    EXPECT_EQ(h.pipes[0].info.name, "\\pipe\\svcctl");
    EXPECT_EQ(h.pipes[0].info.tree, "\\\\FS1\\IPC$");
    EXPECT_TRUE(h.pipes[0].info.opened_in_capture);
    EXPECT_EQ(h.pipes[0].info.session->id, 0x1122u);
    h.client(smb2({9, 4, false, 0, 7}, write_request(file_id(1), "question")));
    h.server(smb2({9, 4, true, 0, 7}, write_response(8)));
    h.client(smb2({8, 5, false, 0, 7}, read_request(file_id(1), 4096)));
    h.server(smb2({8, 5, true, 0, 7}, read_response("answer")));
    EXPECT_EQ(h.pipes[0].client, "question");
    EXPECT_EQ(h.pipes[0].server, "answer");
    h.client(smb2({6, 6, false, 0, 7}, close_request(file_id(1))));
    EXPECT_FALSE(h.pipes[0].ended);
    h.server(smb2({6, 6, true, 0, 7}, close_response()));
    EXPECT_TRUE(h.pipes[0].ended);
    EXPECT_EQ(h.statistics.malformed, 0u);
    EXPECT_EQ(h.statistics.pipes, 1u);
  }
}

TEST(Smb2, TransceiveLargerThanTheReadIsContinuedByReads) {
  Harness h;
  h.open_pipe();
  h.client(smb2({11, 4, false, 0, 7}, transceive_request(file_id(1), "ask")));
  h.server(smb2({11, 4, true, 0x80000005, 7}, transceive_response(file_id(1), "first ")));
  h.client(smb2({8, 5, false, 0, 7}, read_request(file_id(1), 4096)));
  h.server(smb2({8, 5, true, 0x80000005, 7}, read_response("second ")));
  h.client(smb2({8, 6, false, 0, 7}, read_request(file_id(1), 4096)));
  h.server(smb2({8, 6, true, 0, 7}, read_response("third")));
  EXPECT_EQ(h.pipes[0].client, "ask");
  EXPECT_EQ(h.pipes[0].server, "first second third");
}

TEST(Smb2, AsynchronousReadsArePairedByMessageId) {
  Harness h;
  h.open_pipe("a", 1);
  h.client(smb2({5, 10, false, 0, 7}, create_request("b")));
  h.server(smb2({5, 10, true, 0, 7}, create_response(file_id(2))));
  h.client(smb2({8, 11, false, 0, 7}, read_request(file_id(1), 100)));
  h.client(smb2({8, 12, false, 0, 7}, read_request(file_id(2), 100)));
  h.server(smb2({8, 11, true, 0x103, 0, 0x1122, 2}, error_response()));
  h.server(smb2({8, 12, true, 0, 7}, read_response("two")));
  h.client(smb2({12, 11, false, 0, 7}, le16(4) + le16(0)));  // cancel: same MessageId, no effect
  h.server(smb2({8, 11, true, 0, 0, 0x1122, 2}, read_response("one")));
  EXPECT_EQ(h.pipes[0].server, "one");
  EXPECT_EQ(h.pipes[1].server, "two");
}

TEST(Smb2, RelatedCompoundUsesTheFileOfItsCreate) {
  for (std::size_t step : {0, 3}) {
    Harness h;
    h.step = step;
    h.open_pipe();
    h.client(compound({{{5, 20, false, 0, 7}, create_request("winreg")},
                       {{9, 21, false, 0, 7, ~0ull, 4}, write_request(kPrevious, "ask")},
                       {{8, 22, false, 0, 7, ~0ull, 4}, read_request(kPrevious, 100)},
                       {{6, 23, false, 0, 7, ~0ull, 4}, close_request(kPrevious)}}));
    ASSERT_EQ(h.pipes.size(), 1u);
    h.server(compound({{{5, 20, true, 0, 7}, create_response(file_id(9))},
                       {{9, 21, true, 0, 7, 0x1122, 4}, write_response(3)},
                       {{8, 22, true, 0, 7, 0x1122, 4}, read_response("reply")},
                       {{6, 23, true, 0, 7, 0x1122, 4}, close_response()}}));
    ASSERT_EQ(h.pipes.size(), 2u);
    EXPECT_EQ(h.pipes[1].info.name, "\\pipe\\winreg");
    EXPECT_EQ(h.pipes[1].client, "ask");
    EXPECT_EQ(h.pipes[1].server.substr(0, 5), "reply");
    EXPECT_TRUE(h.pipes[1].ended);
    EXPECT_FALSE(h.pipes[0].ended);
  }
}

TEST(Smb2, UnrelatedCompoundKeepsItsFilesApart) {
  Harness h;
  h.open_pipe("a", 1);
  h.client(smb2({5, 10, false, 0, 7}, create_request("b")));
  h.server(smb2({5, 10, true, 0, 7}, create_response(file_id(2))));
  h.client(compound({{{9, 11, false, 0, 7}, write_request(file_id(1), "to a")},
                     {{9, 12, false, 0, 7}, write_request(file_id(2), "to b")}}));
  EXPECT_EQ(h.pipes[0].client, "to a");
  EXPECT_EQ(h.pipes[1].client, "to b");
}

TEST(Smb2, FileContentsAreNotPipeData) {
  Harness h;
  h.open_pipe();
  h.client(smb2({3, 30}, tree_connect_request("\\\\FS1\\C$")));
  h.server(smb2({3, 30, true, 0, 8}, tree_connect_response(1)));
  h.client(smb2({5, 31, false, 0, 8}, create_request("x.bin")));
  h.server(smb2({5, 31, true, 0, 8}, create_response(file_id(5))));
  std::string bulk = pdu(0, std::string(1 << 20, 'x'));
  h.step = 1400;
  h.client(smb2({9, 32, false, 0, 8}, write_request(file_id(5), bulk)));
  EXPECT_LT(h.parser->memory(), 64u << 10);
  h.server(smb2({9, 32, true, 0, 8}, write_response(bulk.size())));
  h.client(smb2({8, 33, false, 0, 8}, read_request(file_id(5), 1 << 20)));
  h.server(smb2({8, 33, true, 0, 8}, read_response(bulk)));
  EXPECT_LT(h.parser->memory(), 64u << 10);
  EXPECT_EQ(h.pipes.size(), 1u);
  using Action = SmbFileEvent::Action;
  std::vector<Action> actions;
  for (const auto& e : h.events) actions.push_back(e.action);
  EXPECT_EQ(actions, (std::vector<Action>{Action::kSessionSetup, Action::kTreeConnect,
                                          Action::kOpen, Action::kTreeConnect, Action::kOpen,
                                          Action::kWrite, Action::kRead}));
  EXPECT_EQ(h.events.back().path, "x.bin");
  EXPECT_EQ(h.events.back().tree, "\\\\FS1\\C$");
  EXPECT_EQ(h.events.back().size, bulk.size());
  EXPECT_TRUE(h.events[1].on_pipes && h.events[2].on_pipes);
  EXPECT_FALSE(h.events[3].on_pipes || h.events[4].on_pipes || h.events[5].on_pipes);
}

TEST(Smb2, OnlyActionsThatAreWantedAreTold) {
  using Action = SmbFileEvent::Action;
  Harness h(true, nullptr, nullptr,
            SmbFileActions().with(Action::kTreeConnect).with(Action::kWrite, false));
  h.open_pipe();
  h.client(smb2({9, 4, false, 0, 7}, write_request(file_id(1), pdu(11, "bind"))));
  h.server(smb2({9, 4, true, 0, 7}, write_response(4)));
  h.client(smb2({3, 30}, tree_connect_request("\\\\FS1\\C$")));
  h.server(smb2({3, 30, true, 0, 8}, tree_connect_response(1)));
  h.client(smb2({5, 31, false, 0, 8}, create_request("x.bin")));
  h.server(smb2({5, 31, true, 0, 8}, create_response(file_id(5))));
  h.client(smb2({9, 32, false, 0, 8}, write_request(file_id(5), "text")));
  h.server(smb2({9, 32, true, 0, 8}, write_response(4)));
  ASSERT_EQ(h.events.size(), 3u);
  EXPECT_EQ(h.events[0].tree, "\\\\FS1\\IPC$");
  EXPECT_EQ(h.events[1].tree, "\\\\FS1\\C$");
  EXPECT_EQ(h.events[2].action, Action::kWrite);
  EXPECT_EQ(h.events[2].path, "x.bin");
}

TEST(Smb2, MidStreamDataThatIsRpcOpensANamelessPipe) {
  Harness h(false);
  std::string bind = pdu(11, "bind");
  h.server(smb2({9, 3, true, 0, 7}, write_response(4)));
  h.client(smb2({9, 4, false, 0, 7}, write_request(file_id(1), "no rpc here, just text")));
  EXPECT_TRUE(h.pipes.empty());
  h.client(smb2({9, 5, false, 0, 7}, write_request(file_id(1), bind)));
  ASSERT_EQ(h.pipes.size(), 1u);
  EXPECT_FALSE(h.pipes[0].info.opened_in_capture);
  EXPECT_EQ(h.pipes[0].info.name, "");
  EXPECT_EQ(h.pipes[0].client, bind);
  h.server(smb2({8, 99, true, 0, 7}, read_response(pdu(12, "ack"))));  // its request was lost
  EXPECT_EQ(h.pipes[0].server, pdu(12, "ack"));
}

TEST(Smb2, WritesBeforeTheAnswerToTheirCreateAreOnThatPipe) {
  Harness h;
  h.open_pipe("a", 1);
  const std::string bind = pdu(11, "bind"), call = pdu(0, "call");
  h.client(smb2({5, 10, false, 0, 7}, create_request("winreg")));
  h.client(smb2({9, 11, false, 0, 7}, write_request(file_id(2), bind)));
  h.client(smb2({9, 12, false, 0, 7}, write_request(file_id(2), call.substr(0, 9))));
  h.client(smb2({9, 13, false, 0, 7}, write_request(file_id(2), call.substr(9))));
  h.server(smb2({5, 10, true, 0, 7}, create_response(file_id(2))));
  h.client(smb2({11, 14, false, 0, 7}, transceive_request(file_id(2), "more")));
  ASSERT_EQ(h.pipes.size(), 2u);
  EXPECT_EQ(h.pipes[1].info.name, "\\pipe\\winreg");
  EXPECT_EQ(h.pipes[1].client, bind + call + "more");
  EXPECT_FALSE(h.pipes[1].ended);
}

TEST(Smb2, WritesWhoseCreateHasNoAnswerAreNotLost) {
  const std::string bind = pdu(11, "bind");
  for (const bool answered : {true, false}) {
    Harness h;
    h.open_pipe("a", 1);
    h.client(smb2({5, 10, false, 0, 7}, create_request("winreg")));
    h.client(smb2({9, 11, false, 0, 7}, write_request(file_id(2), bind)));
    if (answered) h.server(smb2({9, 11, true, 0, 7}, write_response(bind.size())));
    if (!answered) h.parser->on_end(h.now);
    ASSERT_EQ(h.pipes.size(), 2u);
    EXPECT_EQ(h.pipes[1].client, bind);
    EXPECT_EQ(h.pipes[1].info.name, "");
  }
}

TEST(Smb2, TheResponseFlagCorrectsAGuessedDirection) {
  Harness h(false);
  std::string bind = pdu(11, "bind");
  h.server(smb2({9, 5, false, 0, 7}, write_request(file_id(1), bind)));
  ASSERT_EQ(h.pipes.size(), 1u);
  EXPECT_EQ(h.pipes[0].client, bind);
  EXPECT_EQ(h.statistics.malformed, 0u);
}

TEST(Smb2, AFlagAgainstTheKnownDirectionIsMalformed) {
  Harness h;
  h.open_pipe();
  h.server(smb2({9, 4, false, 0, 7}, write_request(file_id(1), "forged")));
  EXPECT_EQ(h.pipes[0].client, "");
  EXPECT_EQ(h.statistics.malformed, 1u);
}

TEST(Smb2, AGapInsideAMessageIsAGapOnThePipe) {
  Harness h;
  h.open_pipe();
  std::string message =
      framed(smb2({9, 4, false, 0, 7}, write_request(file_id(1), std::string(1000, 'a'))));
  h.send(Direction::kForward, std::string_view(message).substr(0, 600));
  h.parser->on_gap(Direction::kForward, 1, 300);
  h.send(Direction::kForward, std::string_view(message).substr(900));
  h.client(smb2({9, 5, false, 0, 7}, write_request(file_id(1), "after")));
  std::size_t captured = 600 - 4 - 112;
  EXPECT_EQ(h.pipes[0].client,
            std::string(captured, 'a') + "[" + std::to_string(1000 - captured) + "]after");
  EXPECT_EQ(h.statistics.resynchronised, 0u);
}

TEST(Smb2, AGapAcrossMessagesResynchronisesAtTheNext) {
  for (std::size_t step : {0, 1, 5}) {
    Harness h;
    h.open_pipe();
    h.step = step;
    h.parser->on_gap(Direction::kForward, 1, 5000);
    h.send(Direction::kForward, "tail of a lost message with SMB in it");
    h.client(smb2({9, 5, false, 0, 7}, write_request(file_id(1), "after")));
    h.client(smb2({9, 6, false, 0, 7}, write_request(file_id(1), " more")));
    EXPECT_EQ(h.pipes[0].client, "after more") << step;
    EXPECT_EQ(h.statistics.resynchronised, 1u);
  }
}

TEST(Smb2, SessionsCarryDialectSigningGuestAndEncryption) {
  Harness h;
  h.client(smb2({0, 0, false, 0, 0, 0}, le16(36) + le16(1) + std::string(34, '\0')));
  h.server(smb2({0, 0, true, 0, 0, 0}, le16(65) + le16(1) + le16(0x0311) + std::string(59, '\0')));
  h.open_pipe();
  auto session = h.pipes[0].info.session;
  EXPECT_EQ(session->dialect, 0x0311);
  EXPECT_FALSE(session->signing);
  EXPECT_FALSE(session->guest);
  h.server(smb2({9, 90, true, 0, 7, 0x1122, 8}, write_response(1)));
  EXPECT_TRUE(session->signing);
  // A second set-up of the same session makes it a guest's, also for the pipe that is open.
  h.client(smb2({1, 91}, session_setup_request("token")));
  h.server(smb2({1, 91, true}, session_setup_response(1, "")));
  EXPECT_TRUE(session->guest);
  EXPECT_FALSE(session->encrypted);
  h.client("\xfdSMB" + std::string(40, '\1') + le64(0x1122) + std::string(100, 'c'));
  EXPECT_TRUE(session->encrypted);
  EXPECT_EQ(h.statistics.encrypted, 1u);
}

TEST(Smb2, TheSessionsUserIsReadFromNtlm) {
  Harness h;
  // NTLMSSP AUTHENTICATE ([MS-NLMP] 2.2.1.3): six fields of length, length, offset.
  std::string domain = utf16("LAB"), user = utf16("alice"), host = utf16("WS1");
  auto field = [](std::size_t size, std::size_t at) { return le16(size) + le16(size) + le32(at); };
  std::size_t at = 64;
  std::string token = std::string("NTLMSSP\0", 8) + le32(3) + field(0, at) + field(24, at) +
                      field(domain.size(), at + 24) + field(user.size(), at + 24 + domain.size()) +
                      field(host.size(), at + 24 + domain.size() + user.size()) + field(0, at) +
                      le32(1) + std::string(24, 'r') + domain + user + host;
  h.client(smb2({1, 1, false, 0, 0, 0}, session_setup_request("NTLMSSP")));
  h.server(smb2({1, 1, true, 0xc0000016}, session_setup_response(0, "challenge")));
  h.client(smb2({1, 2}, session_setup_request(token)));
  h.server(smb2({1, 2, true}, session_setup_response(0, "")));
  h.client(smb2({3, 3}, tree_connect_request("\\\\FS1\\IPC$")));
  h.server(smb2({3, 3, true, 0, 7}, tree_connect_response(2)));
  h.client(smb2({5, 4, false, 0, 7}, create_request("svcctl")));
  h.server(smb2({5, 4, true, 0, 7}, create_response(file_id(1))));
  ASSERT_EQ(h.pipes.size(), 1u);
  ASSERT_NE(h.pipes[0].info.session->auth, nullptr);
  const Identity& who = h.pipes[0].info.session->auth->identity();
  EXPECT_EQ(who.domain + "\\" + who.user + " " + who.workstation, "LAB\\alice WS1");
}

TEST(Smb2, ClosingTreeSessionOrConnectionEndsPipes) {
  for (int how = 0; how < 3; ++how) {
    Harness h;
    h.open_pipe();
    std::uint16_t command = how == 0 ? 4 : 2;
    if (how == 2) {
      h.parser->on_end(9);
    } else {
      h.client(smb2({command, 50, false, 0, 7}, le16(4) + le16(0)));
      h.server(smb2({command, 50, true, 0, 7}, le16(4) + le16(0)));
    }
    EXPECT_TRUE(h.pipes[0].ended) << how;
  }
}

TEST(Smb2, AFileIdUsedAgainIsANewPipe) {
  Harness h;
  h.open_pipe();
  h.client(smb2({9, 4, false, 0, 7}, write_request(file_id(1), "one")));
  h.client(smb2({5, 5, false, 0, 7}, create_request("winreg")));
  h.server(smb2({5, 5, true, 0, 7}, create_response(file_id(1))));
  h.client(smb2({9, 6, false, 0, 7}, write_request(file_id(1), "two")));
  ASSERT_EQ(h.pipes.size(), 2u);
  EXPECT_TRUE(h.pipes[0].ended);
  EXPECT_EQ(h.pipes[0].client, "one");
  EXPECT_EQ(h.pipes[1].client, "two");
}

TEST(Smb2, AFailedOpenIsAnEventAndNoPipe) {
  Harness h;
  h.open_pipe();
  h.client(smb2({5, 5, false, 0, 7}, create_request("secret")));
  h.server(smb2({5, 5, true, 0xc0000022, 7}, error_response()));
  EXPECT_EQ(h.pipes.size(), 1u);
  EXPECT_EQ(h.events.back().path, "secret");
  EXPECT_EQ(h.events.back().status, 0xc0000022u);
}

TEST(Smb2, LyingLengthsAreMalformedNotFatal) {
  Harness h;
  h.open_pipe();
  std::string body = write_request(file_id(1), "short");
  body.replace(4, 4, le32(0x7fffffff));
  h.client(smb2({9, 4, false, 0, 7}, body));
  EXPECT_EQ(h.statistics.malformed, 1u);
  Smb2 header{9, 5, false, 0, 7};
  header.next = 0xfffffff8;
  h.client(smb2(header, write_request(file_id(1), "still")));
  EXPECT_EQ(h.pipes[0].client, "shortstill");
}

TEST(Smb2, RequestsWithoutAnswersAreBounded) {
  Harness h;
  h.open_pipe();
  for (std::uint64_t i = 0; i < 50000; ++i)
    h.client(smb2({8, 100 + i, false, 0, 7}, read_request(file_id(1), 100)));
  EXPECT_GT(h.statistics.limits, 0u);
  EXPECT_LT(h.parser->memory(), 8u << 20);
  for (std::uint64_t i = 0; i < 40000; ++i)
    h.server(smb2({5, 90000 + i, true, 0, 7}, create_response(file_id(100 + i))));
  EXPECT_LT(h.parser->memory(), 16u << 20);
}

TEST(Smb2, ControlMessagesOfPort139ArePassedOver) {
  Harness h;
  h.send(Direction::kForward, std::string("\x81\0\0\x44", 4) + std::string(68, ' '));
  h.send(Direction::kBackward, std::string("\x82\0\0\0", 4));
  h.open_pipe();
  h.send(Direction::kForward, std::string("\x85\0\0\0", 4));
  h.client(smb2({9, 4, false, 0, 7}, write_request(file_id(1), "x")));
  EXPECT_EQ(h.pipes[0].client, "x");
  EXPECT_EQ(h.statistics.resynchronised, 0u);
}

TEST(LooksLikeSmb, ByTheFirstBytes) {
  EXPECT_EQ(looks_like_smb(as_bytes(framed(smb2({0, 0}, "xxxx")))), 1);
  EXPECT_EQ(looks_like_smb(as_bytes(framed(smb1({0x72}, block("", ""))))), 1);
  EXPECT_EQ(looks_like_smb(as_bytes(std::string("\x81\0\0\x44 CKFDEN", 11))), 1);
  EXPECT_EQ(looks_like_smb(as_bytes(std::string("\0\0\0\x50", 4))), 0);
  EXPECT_EQ(looks_like_smb(as_bytes("GET / HTTP/1.1")), -1);
  EXPECT_EQ(looks_like_smb(as_bytes(pdu(11, "bind"))), -1);
}

}  // namespace
}  // namespace rpcmarshal
