#include <gtest/gtest.h>

#include "smb/harness.h"

namespace rpcmarshal {
namespace {

using namespace test;

std::string andx(std::uint8_t command, std::size_t offset) {
  return le(command, 1) + '\0' + le16(offset);
}
std::string tree_words(std::size_t password) { return le16(0) + le16(password); }

void open_pipe(Harness& h, std::string_view name = "\\svcctl", std::uint16_t fid = 0x4001,
               std::uint16_t mid = 3) {
  h.client(
      smb1({0x75, 2}, block(kNoAndX + tree_words(1), std::string(1, '\0') + utf16("\\\\FS1\\IPC$") +
                                                         le16(0) + std::string("?????\0", 6))));
  h.server(smb1({0x75, 2, true}, block(kNoAndX + le16(0), std::string("IPC\0", 4))));
  std::string wide = utf16(name);
  std::string words = kNoAndX + '\0' + le16(wide.size()) + std::string(41, '\0');
  h.client(smb1({0xa2, mid}, block(words, '\0' + wide + le16(0))));
  std::string answer =
      kNoAndX + '\0' + le16(fid) + std::string(56, '\0') + le16(2) + le16(0) + '\0';
  h.server(smb1({0xa2, mid, true}, block(answer, "")));
}

// WriteAndX and ReadAndX place data by offset from the header's start.
std::string write_andx(std::uint16_t fid, std::string_view data, std::uint16_t mode = 8) {
  std::string words = kNoAndX + le16(fid) + le32(0) + le32(0) + le16(mode) + le16(0) + le16(0) +
                      le16(data.size()) + le16(32 + 1 + 24 + 2 + 1);
  return block(words, '\0' + std::string(data));
}
std::string read_andx(std::uint16_t fid) {
  return block(kNoAndX + le16(fid) + std::string(14, '\0'), "");
}
std::string read_andx_answer(std::string_view data) {
  std::string words = kNoAndX + le16(0) + le16(0) + le16(0) + le16(data.size()) +
                      le16(32 + 1 + 24 + 2 + 1) + std::string(10, '\0');
  return block(words, '\0' + std::string(data));
}
std::string transaction(std::uint16_t function, std::uint16_t fid, std::string_view data,
                        std::size_t total) {
  std::string name = '\0' + utf16("\\PIPE\\") + le16(0);
  std::string words = le16(0) + le16(total) + le16(0) + le16(1024) + le16(0) + le16(0) + le32(0) +
                      le16(0) + le16(0) + le16(0) + le16(data.size()) +
                      le16(32 + 1 + 32 + 2 + name.size()) + le16(2) + le16(function) + le16(fid);
  return block(words, name + std::string(data));
}
std::string transaction_answer(std::string_view data, std::size_t total, std::size_t displacement) {
  std::string words = le16(0) + le16(total) + le16(0) + le16(0) + le16(0) + le16(0) +
                      le16(data.size()) + le16(32 + 1 + 20 + 2) + le16(displacement) + le16(0);
  return block(words, data);
}

TEST(Smb1, WriteAndXAndReadAndX) {
  for (std::size_t step : {0, 1, 9}) {
    Harness h;
    h.step = step;
    open_pipe(h);
    ASSERT_EQ(h.pipes.size(), 1u);
    EXPECT_EQ(h.pipes[0].info.name, "\\pipe\\svcctl");
    EXPECT_EQ(h.pipes[0].info.tree, "\\\\FS1\\IPC$");
    h.client(smb1({0x2f, 4}, write_andx(0x4001, "question")));
    h.server(smb1({0x2f, 4, true}, block(kNoAndX + le16(8) + std::string(6, '\0'), "")));
    h.client(smb1({0x2e, 5}, read_andx(0x4001)));
    h.server(smb1({0x2e, 5, true}, read_andx_answer("answer")));
    EXPECT_EQ(h.pipes[0].client, "question");
    EXPECT_EQ(h.pipes[0].server, "answer");
    h.client(smb1({0x04, 6}, block(le16(0x4001) + le32(0), "")));
    h.server(smb1({0x04, 6, true}, block("", "")));
    EXPECT_TRUE(h.pipes[0].ended);
    EXPECT_EQ(h.statistics.malformed, 0u);
  }
}

TEST(Smb1, RawModeWritesStartWithTheMessagesLength) {
  Harness h;
  open_pipe(h);
  std::string bind = pdu(11, "bind");
  h.client(smb1({0x2f, 4}, write_andx(0x4001, le16(bind.size()) + bind.substr(0, 10), 12)));
  h.client(smb1({0x2f, 5}, write_andx(0x4001, bind.substr(10), 4)));
  EXPECT_EQ(h.pipes[0].client, bind);
}

TEST(Smb1, TransactionAndItsSecondaries) {
  Harness h;
  open_pipe(h);
  h.client(smb1({0x25, 4}, transaction(0x26, 0x4001, "first ", 12)));
  h.server(smb1({0x25, 4, true}, block("", "")));  // interim: send the rest
  std::string words =
      le16(0) + le16(12) + le16(0) + le16(0) + le16(0) + le16(6) + le16(32 + 1 + 16 + 2) + le16(6);
  h.client(smb1({0x26, 4}, block(words, "second")));
  h.server(smb1({0x25, 4, true, 0x80000005}, transaction_answer("one ", 7, 0)));
  h.server(smb1({0x25, 4, true}, transaction_answer("two", 7, 4)));
  EXPECT_EQ(h.pipes[0].client, "first second");
  EXPECT_EQ(h.pipes[0].server, "one two");
}

TEST(Smb1, CoreReadsAndWrites) {
  Harness h;
  open_pipe(h);
  h.client(
      smb1({0x0b, 4}, block(le16(0x4001) + le16(3) + le32(0) + le16(0), '\1' + le16(3) + "abc")));
  h.server(smb1({0x0b, 4, true}, block(le16(3), "")));
  h.client(smb1({0x0a, 5}, block(le16(0x4001) + le16(100) + le32(0) + le16(0), "")));
  h.server(smb1({0x0a, 5, true}, block(le16(3) + std::string(8, '\0'), '\1' + le16(3) + "xyz")));
  h.client(smb1({0x2c, 6},
                block(le16(0x4001) + le16(3) + le32(0) + le32(0), '\0' + std::string("end"))));
  h.server(smb1({0x2c, 6, true}, block(le16(3), "")));
  EXPECT_EQ(h.pipes[0].client, "abcend");
  EXPECT_EQ(h.pipes[0].server, "xyz");
  EXPECT_TRUE(h.pipes[0].ended);
}

TEST(Smb1, RawReadsAndWritesHaveNoHeader) {
  Harness h;
  open_pipe(h);
  h.client(smb1({0x1a, 4}, block(le16(0x4001) + std::string(14, '\0'), "")));
  h.server("raw answer");
  std::string words = le16(0x4001) + le16(14) + le16(0) + le32(0) + le32(0) + le16(0) + le32(0) +
                      le16(4) + le16(32 + 1 + 24 + 2);
  h.client(smb1({0x1d, 5}, block(words, "data")));
  h.server(smb1({0x1d, 5, true}, block(le16(0), "")));
  h.client("more data!");
  h.server(smb1({0x20, 5, true}, block(le16(14), "")));
  EXPECT_EQ(h.pipes[0].server, "raw answer");
  EXPECT_EQ(h.pipes[0].client, "datamore data!");
  EXPECT_EQ(h.statistics.resynchronised, 0u);
}

TEST(Smb1, CallNamedPipeOpensAndCloses) {
  Harness h;
  open_pipe(h);
  std::string name = '\0' + utf16("\\PIPE\\srvsvc") + le16(0);
  std::string words = le16(0) + le16(3) + le16(0) + le16(1024) + le16(0) + le16(0) + le32(0) +
                      le16(0) + le16(0) + le16(0) + le16(3) + le16(32 + 1 + 32 + 2 + name.size()) +
                      le16(2) + le16(0x54) + le16(0);
  h.client(smb1({0x25, 4}, block(words, name + "ask")));
  h.server(smb1({0x25, 4, true}, transaction_answer("yes", 3, 0)));
  ASSERT_EQ(h.pipes.size(), 2u);
  EXPECT_EQ(h.pipes[1].info.name, "\\pipe\\srvsvc");
  EXPECT_EQ(h.pipes[1].client + h.pipes[1].server, "askyes");
  EXPECT_TRUE(h.pipes[1].ended);
}

TEST(Smb1, AndXChainOfSessionAndTreeWithPlainAccount) {
  Harness h;
  std::string session_words =
      le16(0xffff) + le16(2) + le16(1) + le32(0) + le16(24) + le16(24) + le32(0) + le32(0x54);
  // The strings are aligned to two bytes from the header's start.
  std::string session_bytes(48, 'p');
  if ((32 + 1 + 26 + 2 + session_bytes.size()) % 2) session_bytes += '\0';
  session_bytes += utf16("alice") + le16(0) + utf16("LAB") + le16(0) + utf16("Unix") + le16(0);
  std::size_t next = 32 + 1 + 26 + 2 + session_bytes.size();
  std::string tree_bytes(1, '\0');
  if ((next + 1 + 8 + 2 + 1) % 2) tree_bytes += '\0';
  tree_bytes += utf16("\\\\FS1\\IPC$") + le16(0) + std::string("IPC\0", 4);
  h.client(smb1({0x73, 1, false, 0, 0, 0}, block(andx(0x75, next) + session_words, session_bytes) +
                                               block(kNoAndX + tree_words(1), tree_bytes)));
  std::string first = block(andx(0x75, 32 + 1 + 6 + 2 + 0) + le16(0), "");
  h.server(
      smb1({0x73, 1, true, 0, 5, 9}, first + block(kNoAndX + le16(0), std::string("IPC\0", 4))));
  std::string words = kNoAndX + '\0' + le16(0) + std::string(41, '\0');
  h.client(smb1({0xa2, 3}, block(words, '\0' + utf16("\\winreg") + le16(0))));
  std::string answer =
      kNoAndX + '\0' + le16(0x4002) + std::string(56, '\0') + le16(2) + le16(0) + '\0';
  h.server(smb1({0xa2, 3, true}, block(answer, "")));
  ASSERT_EQ(h.pipes.size(), 1u);
  EXPECT_EQ(h.pipes[0].info.tree, "\\\\FS1\\IPC$");
  ASSERT_NE(h.pipes[0].info.session->auth, nullptr);
  const Identity& who = h.pipes[0].info.session->auth->identity();
  EXPECT_EQ(who.domain + "\\" + who.user, "LAB\\alice");
  EXPECT_EQ(h.pipes[0].info.session->dialect, 1);
}

TEST(Smb1, NamesInSingleByteText) {
  Harness h;
  std::string words = kNoAndX + '\0' + le16(7) + std::string(41, '\0');
  Smb1 header{0xa2, 3};
  header.unicode = false;
  h.client(smb1(header, block(words, std::string("\\PIPE\\lsarpc\0", 13))));
  std::string answer =
      kNoAndX + '\0' + le16(0x4002) + std::string(56, '\0') + le16(2) + le16(0) + '\0';
  h.server(smb1({0xa2, 3, true}, block(answer, "")));
  ASSERT_EQ(h.pipes.size(), 1u);  // the tree was not seen, but the answer says it is a pipe
  EXPECT_EQ(h.pipes[0].info.name, "\\pipe\\lsarpc");
}

TEST(Smb1, MidStreamTransactionOpensANamelessPipe) {
  Harness h(false);
  h.client(smb1({0x25, 4}, transaction(0x26, 0x4009, pdu(0, "x"), 17)));
  ASSERT_EQ(h.pipes.size(), 1u);
  EXPECT_FALSE(h.pipes[0].info.opened_in_capture);
  EXPECT_EQ(h.pipes[0].client, pdu(0, "x"));
}

TEST(Smb1, AChainThatPointsBackEnds) {
  Harness h;
  open_pipe(h);
  std::string loop = write_andx(0x4001, "x");
  loop.replace(1, 4, andx(0x2f, 32));
  h.client(smb1({0x2f, 4}, loop));
  EXPECT_EQ(h.pipes[0].client, "x");
}

std::string create_andx(std::string_view name) {
  std::string wide = utf16(name);
  return block(kNoAndX + '\0' + le16(wide.size()) + std::string(41, '\0'), '\0' + wide + le16(0));
}
std::string create_andx_answer(std::uint16_t fid) {
  return block(kNoAndX + '\0' + le16(fid) + std::string(56, '\0') + le16(2) + le16(0) + '\0', "");
}

TEST(Smb1, WritesBeforeTheAnswerToTheirOpenAreOnThatPipe) {
  Harness h;
  open_pipe(h);
  const std::string bind = pdu(11, "bind"), call = pdu(0, "a call");
  h.client(smb1({0xa2, 10}, create_andx("\\winreg")));
  h.client(smb1({0x2f, 11}, write_andx(0x4002, bind)));
  h.client(smb1({0x2f, 12}, write_andx(0x4002, call.substr(0, 9))));
  h.client(smb1({0x2f, 13}, write_andx(0x4002, call.substr(9))));
  h.client(smb1({0x25, 14}, transaction(0x26, 0x4002, "more", 4)));
  h.client(smb1({0x2f, 15}, write_andx(0x4001, "other")));
  EXPECT_EQ(h.pipes.size(), 1u);
  EXPECT_EQ(h.pipes[0].client, "other");
  h.server(smb1({0xa2, 10, true}, create_andx_answer(0x4002)));
  ASSERT_EQ(h.pipes.size(), 2u);
  EXPECT_EQ(h.pipes[1].info.name, "\\pipe\\winreg");
  EXPECT_EQ(h.pipes[1].client, bind + call + "more");
  h.server(smb1({0x25, 14, true}, transaction_answer("reply", 5, 0)));
  EXPECT_EQ(h.pipes[1].server, "reply");
}

TEST(Smb1, WritesWhoseOpenHasNoAnswerAreNotLost) {
  const std::string bind = pdu(11, "bind");
  for (const bool answered : {true, false}) {
    Harness h;
    open_pipe(h);
    h.client(smb1({0xa2, 10}, create_andx("\\winreg")));
    h.client(smb1({0x2f, 11}, write_andx(0x4002, bind)));
    EXPECT_EQ(h.pipes.size(), 1u);
    if (answered)
      h.server(smb1({0x2f, 11, true}, block(kNoAndX + le16(8) + std::string(6, '\0'), "")));
    if (!answered) h.parser->on_end(h.now);
    ASSERT_EQ(h.pipes.size(), 2u);
    EXPECT_EQ(h.pipes[1].client, bind);
    EXPECT_EQ(h.pipes[1].info.name, "");
  }
}

TEST(Smb1, WritesThatWaitAreBounded) {
  Harness h;
  open_pipe(h);
  h.client(smb1({0xa2, 10}, create_andx("\\winreg")));
  const std::string large = pdu(0, std::string(30000, 'x'));
  for (int i = 0; i < 400; ++i)
    h.client(smb1({0x2f, static_cast<std::uint16_t>(20 + i)}, write_andx(0x4002, large)));
  EXPECT_LT(h.parser->memory(), 4u << 20);
  EXPECT_GT(h.statistics.limits, 0u);
}

TEST(Smb1, RequestsWithoutAnswersAreBounded) {
  Harness h;
  open_pipe(h);
  for (unsigned i = 0; i < 60000; ++i)
    h.client(smb1({0x2e, static_cast<std::uint16_t>(i)}, read_andx(0x4001)));
  EXPECT_LT(h.parser->memory(), 4u << 20);
}

}  // namespace
}  // namespace rpcmarshal
