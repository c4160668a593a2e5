#include "capture/tcp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "capture/frames.h"
#include "capture/pending_segments.h"

namespace rpcmarshal {
namespace {

constexpr unsigned kFin = 1, kSyn = 2, kRst = 4, kAck = 16;
constexpr Timestamp kSecond = 1'000'000'000;

// What every connection gave, as text: gaps as "[n]", the end as "$".
struct Record {
  ConnectionInfo info;
  std::string forward, backward;
  bool ended = false;
};

class Recorder : public StreamConsumer {
 public:
  Recorder(Record& record, const bool& interested) : record_(record), interested_(interested) {}
  void on_data(Direction d, Timestamp, Bytes data) override { of(d) += as_text(data); }
  void on_gap(Direction d, Timestamp, std::uint64_t n) override {
    of(d) += "[" + std::to_string(n) + "]";
  }
  void on_end(Timestamp) override {
    EXPECT_FALSE(record_.ended);
    record_.ended = true;
  }
  bool interested() const override { return interested_; }
  std::size_t memory() const override { return record_.forward.size(); }

 private:
  std::string& of(Direction d) {
    EXPECT_FALSE(record_.ended);
    return d == Direction::kForward ? record_.forward : record_.backward;
  }
  Record& record_;
  const bool& interested_;
};

class Tcp : public ::testing::Test {
 protected:
  explicit Tcp(TcpLimits limits = {}) : reassembler(make_factory(), limits) {}

  StreamFactory make_factory() {
    return [this](const ConnectionInfo& info) -> std::unique_ptr<StreamConsumer> {
      records.emplace_back();
      records.back().info = info;
      return std::make_unique<Recorder>(records.back(), interested);
    };
  }
  static Endpoint endpoint(unsigned host, unsigned port) {
    Endpoint e;
    e.address.bytes = {10, 0, static_cast<std::uint8_t>(host >> 8),
                       static_cast<std::uint8_t>(host)};
    e.port = static_cast<std::uint16_t>(port);
    return e;
  }
  void send(bool client, std::uint32_t seq, std::string_view payload, unsigned flags = kAck,
            std::uint32_t ack = 0, std::uint32_t cut = 0) {
    TransportPacket p;
    p.time = now;
    p.source = client ? a : b;
    p.destination = client ? b : a;
    p.sequence = seq;
    p.acknowledgment = ack;
    p.flags = static_cast<std::uint8_t>(flags);
    p.payload = as_bytes(payload).first(payload.size() - cut);
    p.payload_length = static_cast<std::uint32_t>(payload.size());
    reassembler.segment(p);
  }
  void client(std::uint32_t seq, std::string_view s, unsigned flags = 0, std::uint32_t ack = 0) {
    send(true, seq, s, flags, ack);
  }
  void server(std::uint32_t seq, std::string_view s, unsigned flags = 0, std::uint32_t ack = 0) {
    send(false, seq, s, flags, ack);
  }
  void handshake(std::uint32_t c = 100, std::uint32_t s = 500) {
    client(c, "", kSyn);
    server(s, "", kSyn | kAck, c + 1);
    client(c + 1, "", kAck, s + 1);
  }
  const TcpStatistics& stats() const { return reassembler.statistics(); }

  std::deque<Record> records;
  bool interested = true;
  Endpoint a = endpoint(1, 40000), b = endpoint(2, 445);
  Timestamp now = kSecond;
  TcpReassembler reassembler;
};

TEST_F(Tcp, DeliversInOrderDataOfBothDirections) {
  handshake();
  client(101, "hello ");
  server(501, "welcome");
  client(107, "there");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward, "hello there");
  EXPECT_EQ(records[0].backward, "welcome");
  EXPECT_TRUE(records[0].info.initiator_known);
  EXPECT_EQ(records[0].info.initiator.to_string(), "10.0.0.1:40000");
  EXPECT_FALSE(records[0].ended);
  client(112, "", kFin | kAck, 508);
  server(508, "", kFin | kAck, 113);
  EXPECT_TRUE(records[0].ended);
  EXPECT_EQ(stats().ended_fin, 1u);
}

TEST_F(Tcp, PutsSegmentsInOrder) {
  handshake();
  client(107, "there");
  client(112, "!");
  EXPECT_TRUE(records[0].forward.empty());
  client(101, "hello ");
  EXPECT_EQ(records[0].forward, "hello there!");
  EXPECT_EQ(stats().out_of_order, 2u);
  EXPECT_EQ(stats().gaps, 0u);
}

TEST_F(Tcp, OneByteSegmentsInReverse) {
  handshake();
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>('a' + i % 26);
  for (std::size_t i = text.size(); i-- > 0;)
    client(101 + static_cast<std::uint32_t>(i), std::string_view(text).substr(i, 1));
  EXPECT_EQ(records[0].forward, text);
  EXPECT_EQ(reassembler.flows(), 1u);
}

TEST_F(Tcp, ConsumerThatLosesInterestAtAGapGetsNoMore) {
  handshake();
  client(101, "ab");
  client(110, "later");  // a hole before it
  interested = false;
  now += 10 * kSecond;
  server(501, "answer", kAck, 115);  // acknowledges past the hole, and carries data itself
  EXPECT_EQ(records[0].forward, "ab[7]");
  EXPECT_EQ(records[0].backward, "");
}

// A request after a lost one must come before its own answer, or no call can be paired.
TEST_F(Tcp, AnswerSettlesTheHoleBeforeIt) {
  handshake();
  client(101, "lost?");
  client(110, "question");
  server(501, "answer", kAck, 118);
  EXPECT_EQ(records[0].forward, "lost?[4]question");
  EXPECT_EQ(records[0].backward, "answer");
  EXPECT_EQ(stats().gaps, 1u);
}

TEST_F(Tcp, CrossesTheEndOfTheSequenceSpace) {
  handshake(0xfffffffc, 0xffffffff);
  client(0xfffffffd, "abcdef");  // ends at 3
  client(7, "ij");
  client(3, "ghxx");
  EXPECT_EQ(records[0].forward, "abcdefghxxij");
  server(0, "ok");
  EXPECT_EQ(records[0].backward, "ok");
}

TEST_F(Tcp, RetransmissionsAreDeliveredOnce) {
  handshake();
  client(101, "abc");
  client(101, "abc");
  client(101, "abcdef");
  client(103, "");
  EXPECT_EQ(records[0].forward, "abcdef");
  EXPECT_EQ(stats().retransmissions, 2u);
  EXPECT_EQ(stats().conflicts, 0u);
}

TEST_F(Tcp, ADifferentRetransmissionIsAConflictAndTheFirstStays) {
  handshake();
  client(101, "good");
  client(101, "evil");
  EXPECT_EQ(records[0].forward, "good");
  EXPECT_EQ(stats().conflicts, 1u);
}

TEST_F(Tcp, ADifferentOverlapIsAConflictHoweverItIsCut) {
  handshake();
  const std::string text = "The quick brown fox jumps over the lazy dog";
  for (std::size_t i = 0; i < text.size(); ++i)
    client(101 + static_cast<unsigned>(i), text.substr(i, 1));  // one byte each
  client(101 + 4, "quick brown");
  EXPECT_EQ(stats().conflicts, 0u);
  client(101 + 4, "quiet brown");  // across many of them
  EXPECT_EQ(stats().conflicts, 1u);
  client(101 + 40, "dot and more");  // reaches beyond what came
  EXPECT_EQ(stats().conflicts, 2u);
  client(101 + 10, "B");
  EXPECT_EQ(stats().conflicts, 3u);
  reassembler.finish();
  EXPECT_EQ(records[0].forward, text + " and more");
}

TEST_F(Tcp, AnOverlapWithWhatWaitedIsAConflictToo) {
  handshake();
  client(101 + 5, "WORLD");
  client(101, "HELLO");  // both are delivered now
  client(101 + 3, "LOWorLD");
  EXPECT_EQ(stats().conflicts, 1u);
  reassembler.finish();
  EXPECT_EQ(records[0].forward, "HELLOWORLD");
}

TEST_F(Tcp, WhatConnectionsHeldIsGivenBackWhenTheyAreForgotten) {
  const std::size_t before = reassembler.memory();
  for (unsigned i = 0; i < 100; ++i) {
    a = endpoint(i, 2000 + i);
    handshake();
    client(101, "some data");
    server(501, "an answer");
  }
  EXPECT_GT(reassembler.memory(), before);
  reassembler.finish();
  EXPECT_EQ(reassembler.memory(), before);
}

TEST_F(Tcp, AMillionHalfOpenConnectionsAreBounded) {
  handshake();
  client(101, "living");
  std::size_t most = 0;
  for (unsigned i = 0; i < 1'000'000; ++i) {
    TransportPacket p;
    p.time = ++now;
    p.source = endpoint(1000 + i / 60000, 1024 + i % 60000);
    p.destination = b;
    p.flags = kSyn;
    p.sequence = i;
    reassembler.segment(p);
    if (i % 4096 == 0) most = std::max(most, reassembler.memory());
  }
  EXPECT_LE(reassembler.flows(), TcpLimits{}.max_flows);
  EXPECT_LE(most, TcpLimits{}.max_memory + (1u << 20));
  EXPECT_GE(stats().evicted_flows + stats().evicted_memory + stats().timed_out,
            1'000'000 - TcpLimits{}.max_flows);
  client(107, " still");
  reassembler.finish();
  EXPECT_EQ(records[0].forward, "living still");
  EXPECT_EQ(records.size(), 1u) << "connections without data ask for no consumer";
}

TEST_F(Tcp, AnOverlapAmongWaitingSegmentsKeepsTheFirstAndCountsTheConflict) {
  handshake();
  client(105, "EFGH");
  client(103, "cdEXgh");  // 103..108: c d E X | overlaps 105..108 with different bytes
  client(101, "ab");
  EXPECT_EQ(records[0].forward, "abcdEFGH");
  EXPECT_EQ(stats().conflicts, 1u);
}

TEST_F(Tcp, KeepAlivesAreNotData) {
  handshake();
  client(101, "abc");
  client(103, "x");
  server(500, std::string_view("\0", 1));
  EXPECT_EQ(records[0].forward, "abc");
  EXPECT_TRUE(records[0].backward.empty());
  EXPECT_EQ(stats().keep_alives, 2u);
}

TEST_F(Tcp, AHoleThatWasAcknowledgedBecomesAGapAfterTheWindow) {
  handshake();
  client(101, "abc");
  std::string block(32 << 10, 'x');
  client(110, block);
  server(501, "", kAck, 110 + static_cast<std::uint32_t>(block.size()));
  EXPECT_EQ(records[0].forward, "abc");
  client(110 + static_cast<std::uint32_t>(block.size()), block);
  EXPECT_EQ(records[0].forward, "abc[6]" + block + block);
  EXPECT_EQ(stats().gaps, 1u);
  EXPECT_EQ(stats().missing_bytes, 6u);
}

TEST_F(Tcp, AnAcknowledgedHoleBecomesAGapWithAge) {
  handshake();
  client(101, "abc");
  client(110, "later");
  server(501, "", kAck, 115);
  EXPECT_EQ(records[0].forward, "abc");
  now += 3 * kSecond;
  server(501, "answer", kAck, 115);
  EXPECT_EQ(records[0].forward, "abc[6]later");
}

TEST_F(Tcp, AHoleThatWasNotAcknowledgedWaits) {
  handshake();
  client(101, "abc");
  std::string block(200 << 10, 'x');
  client(110, block);
  server(501, "", kAck, 104);
  EXPECT_EQ(records[0].forward, "abc");
  client(104, "defghi");
  EXPECT_EQ(records[0].forward, "abcdefghi" + block);
  EXPECT_EQ(stats().gaps, 0u);
}

TEST_F(Tcp, HolesAreToldAtTheEnd) {
  handshake();
  client(103, "c");
  client(106, "f");
  reassembler.finish();
  EXPECT_EQ(records[0].forward, "[2]c[2]f");
  EXPECT_TRUE(records[0].ended);
  EXPECT_EQ(reassembler.flows(), 0u);
}

TEST_F(Tcp, ASegmentCutBySnapLengthIsAGap) {
  handshake();
  send(true, 101, "abcdef", 0, 0, 4);
  client(107, "gh");
  EXPECT_EQ(records[0].forward, "ab[4]gh");
}

TEST_F(Tcp, StartsInMidStream) {
  server(9000, "data");
  client(77, "question");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_FALSE(records[0].info.initiator_known);
  EXPECT_EQ(records[0].info.initiator.port, 40000);  // because the other port is 445
  EXPECT_EQ(records[0].forward, "question");
  EXPECT_EQ(records[0].backward, "data");
  EXPECT_EQ(stats().mid_stream, 1u);
}

TEST_F(Tcp, TheSynAckAloneTellsTheInitiator) {
  server(500, "", kSyn | kAck, 101);
  server(501, "hello");
  client(104, "d");
  client(101, "abc");
  EXPECT_EQ(records[0].info.initiator.port, 40000);
  EXPECT_TRUE(records[0].info.initiator_known);
  EXPECT_EQ(records[0].forward, "abcd");
}

TEST_F(Tcp, DataInTheSynIsDelivered) {
  client(100, "early", kSyn);
  server(500, "", kSyn | kAck, 106);
  client(106, "late", kAck, 501);
  EXPECT_EQ(records[0].forward, "earlylate");
}

TEST_F(Tcp, ARepeatedSynChangesNothing) {
  client(100, "", kSyn);
  client(100, "", kSyn);
  server(500, "", kSyn | kAck, 101);
  server(500, "", kSyn | kAck, 101);
  client(101, "abc");
  client(100, "", kSyn);
  client(104, "def");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward, "abcdef");
}

TEST_F(Tcp, PortsUsedAgainMakeANewConnection) {
  handshake();
  client(101, "first");
  handshake(90000, 95000);
  client(90001, "second");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_TRUE(records[0].ended);
  EXPECT_EQ(records[0].forward, "first");
  EXPECT_EQ(records[1].forward, "second");
  EXPECT_NE(records[0].info.number, records[1].info.number);
}

TEST_F(Tcp, PortsUsedAgainAreNoticedWithoutTheAnswer) {
  handshake();
  client(101, "first");
  client(90000, "", kSyn);
  client(90001, "second");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].forward, "second");
  EXPECT_TRUE(records[1].info.initiator_known);
}

TEST_F(Tcp, AForgedSynDoesNotEndAConnection) {
  handshake();
  client(101, "abc");
  client(70000, "", kSyn);
  client(104, "def");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].forward, "abcdef");
}

TEST_F(Tcp, AForgedResetDoesNotEndAConnection) {
  handshake();
  client(101, "abc");
  client(0x70000000, "", kRst);  // impossible sequence number
  EXPECT_EQ(stats().out_of_window, 1u);
  client(104, "", kRst);  // the right one, but the receiver never got it
  client(104, "def");
  EXPECT_EQ(records[0].forward, "abcdef");
  EXPECT_FALSE(records[0].ended);
}

TEST_F(Tcp, AResetEndsTheConnectionInTime) {
  handshake();
  client(101, "abc");
  server(501, "", kRst);
  now += 120 * kSecond;
  reassembler.tick(now);
  EXPECT_TRUE(records[0].ended);
  EXPECT_EQ(stats().ended_reset, 1u);
}

TEST_F(Tcp, LateSegmentsOfAClosedConnectionStartNoNewOne) {
  handshake();
  client(101, "abc", kFin | kAck);
  server(501, "", kFin | kAck, 105);
  client(101, "abc", kFin | kAck);
  EXPECT_EQ(records.size(), 1u);
  EXPECT_TRUE(records[0].ended);
}

TEST_F(Tcp, FinWithAHoleBeforeItEndsWhenBothSidesAgree) {
  handshake();
  client(105, "efg", kFin | kAck, 501);
  server(501, "", kFin | kAck, 109);
  EXPECT_EQ(records[0].forward, "[4]efg");
  EXPECT_TRUE(records[0].ended);
}

TEST_F(Tcp, AConsumerThatLostInterestIsLeftAlone) {
  handshake();
  interested = false;
  client(101, "abc");
  client(104, "def");
  EXPECT_EQ(records[0].forward, "abc");
  EXPECT_EQ(stats().ignored_segments, 1u);
  EXPECT_EQ(records.size(), 1u);
}

TEST_F(Tcp, ALostMegabyteIsOneGapNotTheEnd) {
  handshake();
  client(101, "abc");
  for (int i = 0; i < 20; ++i) client(0x40000000u + i, "z");
  reassembler.finish();
  EXPECT_EQ(records[0].forward.substr(0, 14), "abc[1073741735");
  EXPECT_EQ(stats().gaps, 1u);
}

class SmallTcp : public Tcp {
 protected:
  static TcpLimits small() {
    TcpLimits limits;
    limits.max_flows = 100;
    limits.max_flow_pending = 4096;
    limits.max_flow_segments = 16;
    return limits;
  }
  SmallTcp() : Tcp(small()) {}
};

TEST_F(SmallTcp, HalfOpenFlowsDoNotDriveOutLivingOnes) {
  handshake();
  client(101, "abc");
  Endpoint keep = a;
  for (unsigned i = 0; i < 10000; ++i) {
    a = endpoint(1000 + i % 5000, 1000 + i / 5000);
    client(1, "", kSyn);
  }
  EXPECT_EQ(reassembler.flows(), 100u);
  EXPECT_EQ(stats().evicted_flows, 10001u - 100u);
  a = keep;
  client(104, "def");
  EXPECT_EQ(records[0].forward, "abcdef");
}

TEST_F(SmallTcp, EndlessSegmentsAfterAHoleAreBounded) {
  handshake();
  for (unsigned i = 0; i < 1000; ++i) client(200 + 2 * i, "x");
  EXPECT_GT(stats().pending_limit, 0u);
  EXPECT_LT(reassembler.memory(), 100000u);
  reassembler.finish();
  EXPECT_EQ(std::count(records[0].forward.begin(), records[0].forward.end(), 'x'), 1000);
}

TEST(PendingSegments, FillsTheSpacesBetweenKeptSegments) {
  PendingSegments pending;
  pending.insert(10, 2, as_bytes("KL"), 0, 100);
  pending.insert(14, 2, as_bytes("OP"), 0, 100);
  auto result = pending.insert(8, 10, as_bytes("ijKLmnOPqr"), 0, 100);
  EXPECT_TRUE(result.overlapped);
  EXPECT_FALSE(result.conflict);
  std::string text;
  std::uint32_t next = 8;
  while (!pending.empty()) {
    EXPECT_EQ(pending.front().sequence, next);
    next += pending.front().length;
    text += as_text(pending.front().data);
    pending.pop_front();
  }
  EXPECT_EQ(text, "ijKLmnOPqr");
  EXPECT_EQ(pending.bytes(), 0u);
  EXPECT_EQ(pending.memory(), 0u);
}

TEST(PacketPipeline, FromFramesToStreamsAndDatagrams) {
  std::string stream, datagrams;
  struct Sink : StreamConsumer {
    explicit Sink(std::string& s) : out(s) {}
    void on_data(Direction, Timestamp, Bytes d) override { out += as_text(d); }
    void on_gap(Direction, Timestamp, std::uint64_t) override {}
    void on_end(Timestamp) override {}
    std::string& out;
  };
  PacketPipeline pipeline([&](const ConnectionInfo&) { return std::make_unique<Sink>(stream); },
                          [&](const Endpoint& from, const Endpoint& to, Timestamp, Bytes d) {
                            datagrams += from.to_string() + ">" + to.to_string() + " " +
                                         std::string(as_text(d));
                          });
  using namespace test;
  std::string one = ethernet(0x0800, ipv4(1, 2, 6, tcp(4000, 135, 1, 1, 16, "abc")));
  std::string two = ethernet(0x0800, ipv4(1, 2, 17, udp(5000, 135, "dgram")));
  pipeline.packet(raw(one));
  pipeline.packet(raw(two));
  pipeline.finish();
  EXPECT_EQ(stream, "abc");
  EXPECT_EQ(datagrams, "10.0.0.1:5000>10.0.0.2:135 dgram");
}

}  // namespace
}  // namespace rpcmarshal
