// Streams that are cut, damaged, or made to mislead. One bad PDU must cost one call at most.
#include <gtest/gtest.h>

#include "dcerpc/pdu_builder.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

PduOptions flags(unsigned value) {
  PduOptions out;
  out.flags = value;
  return out;
}

/// A conversation with everything in it: both directions' bytes in capture order.
struct Piece {
  Direction direction;
  std::string bytes;
};
std::vector<Piece> conversation(std::mt19937& random, bool junk) {
  std::vector<Piece> out;
  auto c = [&](std::string bytes) { out.push_back({Direction::kForward, std::move(bytes)}); };
  auto s = [&](std::string bytes) { out.push_back({Direction::kBackward, std::move(bytes)}); };
  c(bind(1, {{0, kSvcctl, {kNdr20}}, {1, kWinreg, {kNdr64}}}));
  s(bind_ack(1, {{0, 0, kNdr20}, {2, 1, {}}}));
  for (unsigned i = 2; i < 40; ++i) {
    std::string stub(random() % 300, static_cast<char>('a' + i % 26));
    PduOptions options;
    if (random() % 3 == 0) options.order = ByteOrder::kBig;
    if (random() % 4 == 0) {
      options.auth_type = 10;
      options.auth_level = random() % 2 ? 5 : 6;
      options.auth_pad = random() % 16;
      options.token = std::string(16, 's');
    }
    unsigned fragments = 1 + random() % 4;
    for (unsigned f = 0; f < fragments; ++f) {
      options.flags = (f == 0 ? 1u : 0u) | (f + 1 == fragments ? 2u : 0u);
      c(request(i, random() % 2, i, stub + std::to_string(f), options));
    }
    if (junk && random() % 5 == 0)
      c(std::string(1 + random() % 40, static_cast<char>(random() % 7)));
    switch (random() % 4) {
      case 0:
        s(fault(i, 0, 5));
        break;
      case 1:
        break;
      case 2:
        s(response(i, 0, stub, flags(1)));
        s(response(i, 0, stub, flags(2)));
        break;
      default:
        s(response(i, 0, stub, options.flags == 3 ? options : flags(3)));
    }
    if (random() % 10 == 0) s(pdu(17, 0, ""));
    if (random() % 10 == 0) c(pdu(19, i, ""));
  }
  return out;
}

std::vector<std::string> summaries(const Wire& wire) {
  std::vector<std::string> out;
  for (const SeenCall& call : wire.calls) out.push_back(call.summary());
  return out;
}

TEST(Segmentation, NeverChangesTheCalls) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    auto pieces = conversation(random, seed % 2 == 1);
    Wire whole;
    for (const Piece& piece : pieces) whole.send(piece.direction, piece.bytes);
    whole.end();
    ASSERT_GE(whole.calls.size(), 38u);

    // Runs of one direction joined, so that one segment may hold several PDUs, then cut anew: each
    // byte alone, or at random.
    for (bool single : {true, false}) {
      Wire cut;
      for (std::size_t i = 0; i < pieces.size();) {
        std::string run;
        Direction direction = pieces[i].direction;
        while (i < pieces.size() && pieces[i].direction == direction) run += pieces[i++].bytes;
        for (std::size_t at = 0; at < run.size();) {
          std::size_t size = single ? 1 : 1 + random() % (1 + random() % 700);
          cut.send(direction, run.substr(at, size));
          at += size;
        }
      }
      cut.end();
      ASSERT_EQ(summaries(cut), summaries(whole)) << "seed " << seed << " single " << single;
      EXPECT_EQ(cut.statistics.malformed, whole.statistics.malformed);
      EXPECT_EQ(cut.statistics.resynchronised, whole.statistics.resynchronised);
    }
  }
}

TEST(Fragments, OneByteEach) {
  Wire wire;
  wire.bound();
  std::string stub = "every byte of this is its own fragment";
  for (std::size_t i = 0; i < stub.size(); ++i) {
    wire.c(request(2, 0, 12, stub.substr(i, 1),
                   flags((i == 0 ? 1 : 0) | (i + 1 == stub.size() ? 2 : 0))));
  }
  wire.s(response(2, 0, "ok"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].request_stub, stub);
  EXPECT_TRUE(wire.calls[0].request.complete);
  EXPECT_EQ(wire.calls[0].request.fragments, stub.size());
}

TEST(Fragments, WithoutAFirst) {
  Wire wire;
  wire.bound()
      .c(request(2, 0, 12, "middle", flags(0)))
      .c(request(2, 0, 12, "last", flags(2)))
      .s(response(2, 0, "ok"));
  wire.c(request(3, 0, 13, "only", flags(2))).s(response(3, 0, "ok", flags(2)));
  wire.c(request(4, 0, 14, "fine")).s(response(4, 0, "ok"));
  ASSERT_EQ(wire.calls.size(), 3u);
  EXPECT_EQ(wire.calls[0].opnum, 12);
  EXPECT_EQ(wire.calls[0].request_stub, "middlelast");
  EXPECT_FALSE(wire.calls[0].request.complete);
  EXPECT_FALSE(wire.calls[1].request.complete || wire.calls[1].response.complete);
  EXPECT_TRUE(wire.calls[2].request.complete);
}

TEST(Fragments, SecondFirstFragment) {
  Wire wire;
  wire.bound().c(request(2, 0, 12, "old", flags(1))).c(request(2, 0, 13, "new", flags(1)));
  wire.c(request(2, 0, 13, "er", flags(2))).s(response(2, 0, "x", flags(1))).s(response(2, 0, "y"));
  wire.c(request(3, 0, 14, "after")).s(response(3, 0, "ok"));
  ASSERT_EQ(wire.calls.size(), 3u);
  EXPECT_EQ(wire.calls[0].opnum, 12);
  EXPECT_FALSE(wire.calls[0].request.complete);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kNoResponse);
  EXPECT_EQ(wire.calls[1].request_stub, "newer");
  EXPECT_TRUE(wire.calls[1].request.complete);
  EXPECT_EQ(wire.calls[1].response_stub, "y");
  EXPECT_FALSE(wire.calls[1].response.complete);
  EXPECT_TRUE(wire.calls[2].response.complete);
}

TEST(Fragments, EndlessOnesCostOneCall) {
  DceLimits limits;
  limits.max_stub = 100000;
  limits.max_fragments = 500;
  Wire wire({}, limits);
  wire.bound();
  for (int i = 0; i < 20000; ++i)
    wire.c(request(2, 0, 12, std::string(100, 'x'), flags(i == 0 ? 1 : 0)));
  EXPECT_LT(wire.memory(), 400000u);
  wire.c(request(3, 0, 13, "next")).s(response(3, 0, "ok")).end();
  ASSERT_EQ(wire.calls.size(), 2u);
  EXPECT_TRUE(wire.calls[0].response.complete);
  EXPECT_EQ(wire.calls[1].request.stub_size, 2000000u);
  EXPECT_EQ(wire.calls[1].request_stub.size(), 50000u);  // what 500 fragments brought
  EXPECT_FALSE(wire.calls[1].request.complete);
  EXPECT_EQ(wire.statistics.limits, 1u);
}

TEST(Fragments, StubOverTheLimitIsCutInBothDirections) {
  DceLimits limits;
  limits.max_stub = 1000;
  Wire wire({}, limits);
  wire.bound()
      .c(request(2, 0, 12, std::string(5000, 'x')))
      .s(response(2, 0, std::string(800, 'y'), flags(1)));
  wire.s(response(2, 0, std::string(800, 'y'), flags(2)));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].request_stub.size(), 1000u);
  EXPECT_EQ(wire.calls[0].request.stub_size, 5000u);
  EXPECT_EQ(wire.calls[0].response_stub.size(), 1000u);
  EXPECT_EQ(wire.calls[0].response.stub_size, 1600u);
  EXPECT_FALSE(wire.calls[0].request.complete || wire.calls[0].response.complete);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kReturned);
}

TEST(Fragments, EarlyFaultThenTheRestOfTheRequest) {
  Wire wire;
  wire.bound().c(request(2, 0, 12, "a", flags(1))).s(fault(2, 0, 5));
  wire.c(request(2, 0, 12, "b", flags(0))).c(request(2, 0, 12, "c", flags(2)));
  wire.c(request(3, 0, 13, "d")).s(response(3, 0, "e")).end();
  ASSERT_EQ(wire.calls.size(), 2u);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kDenied);
  EXPECT_FALSE(wire.calls[0].request.complete);
  EXPECT_EQ(wire.calls[1].opnum, 13);
}

TEST(Limits, OutstandingCalls) {
  DceLimits limits;
  limits.max_outstanding = 100;
  Wire wire({}, limits);
  wire.bound();
  for (unsigned i = 0; i < 1000; ++i) wire.c(request(10 + i, 0, i, "x"));
  EXPECT_EQ(wire.calls.size(), 900u);
  EXPECT_EQ(wire.calls[0].call_id, 10u);  // the oldest first
  EXPECT_EQ(wire.statistics.limits, 900u);
  wire.s(response(1009, 0, "ok"));
  EXPECT_EQ(wire.calls.back().opnum, 999);
  EXPECT_EQ(wire.calls.back().outcome, Outcome::kReturned);
  wire.end();
  EXPECT_EQ(wire.calls.size(), 1000u);
}

TEST(Limits, BytesOfAConnection) {
  DceLimits limits;
  limits.max_connection_bytes = 1 << 20;
  Wire wire({}, limits);
  wire.bound();
  for (unsigned i = 0; i < 1000; ++i) {
    wire.c(request(10 + i, 0, i, std::string(20000, 'x')));
    ASSERT_LT(wire.memory(), 3u << 20);
  }
  wire.s(response(1009, 0, "ok"));
  EXPECT_TRUE(wire.calls.back().request.complete);
  EXPECT_EQ(wire.calls.back().request_stub.size(), 20000u);
  wire.end();
  EXPECT_EQ(wire.calls.size(), 1000u);
}

TEST(Limits, MemoryIsGivenBack) {
  Wire wire;
  wire.bound();
  std::size_t before = wire.memory();
  for (unsigned i = 0; i < 3000; ++i) wire.c(request(10 + i, 0, i, std::string(1000, 'x')));
  EXPECT_GT(wire.memory(), 3000u * 1000);
  for (unsigned i = 0; i < 3000; ++i) wire.s(response(10 + i, 0, "ok"));
  EXPECT_LT(wire.memory(), before + 100000);
}

TEST(Gap, BetweenPdus) {
  Wire wire;
  wire.bound()
      .c(request(2, 0, 12, "a"))
      .gap(Direction::kBackward, 100)
      .s("tail of something" + response(3, 0, "x"));
  wire.c(request(4, 0, 13, "b")).s(response(4, 0, "c")).end();
  ASSERT_EQ(wire.calls.size(), 3u);
  EXPECT_EQ(wire.calls[0].opnum, 13);
  EXPECT_TRUE(wire.calls[0].response.complete);
  EXPECT_EQ(wire.calls[1].outcome, Outcome::kNoResponse);
  EXPECT_EQ(wire.calls[2].outcome, Outcome::kResponseOnly);
  EXPECT_EQ(wire.statistics.gaps, 1u);
  EXPECT_EQ(wire.statistics.missing_bytes, 100u);
  EXPECT_EQ(wire.statistics.resynchronised, 1u);
}

TEST(Gap, InsideAPduThatGoesOn) {
  std::string whole = request(2, 0, 12, "0123456789abcdefghij");
  Wire wire;
  wire.bound()
      .c(whole.substr(0, 30))
      .gap(Direction::kForward, 4)
      .c(whole.substr(34) + request(3, 0, 13, "next"));
  wire.s(response(2, 0, "x")).s(response(3, 0, "y"));
  ASSERT_EQ(wire.calls.size(), 2u);
  EXPECT_EQ(wire.calls[0].request_stub, "012345");
  EXPECT_FALSE(wire.calls[0].request.complete);
  EXPECT_EQ(wire.calls[0].opnum, 12);
  EXPECT_TRUE(wire.calls[1].request.complete);
  EXPECT_EQ(wire.statistics.resynchronised, 0u);  // the header told where the next PDU starts
  EXPECT_EQ(wire.statistics.malformed, 0u);
}

TEST(Gap, OverTheEndOfAPdu) {
  std::string whole = request(2, 0, 12, "0123456789abcdefghij");
  Wire wire;
  wire.bound().c(whole.substr(0, 30)).gap(Direction::kForward, 5000);
  wire.c("\x05\x05\x05 rest of a lost one " + request(3, 0, 13, "next"));
  wire.s(response(2, 0, "x")).s(response(3, 0, "y"));
  ASSERT_EQ(wire.calls.size(), 2u);
  EXPECT_FALSE(wire.calls[0].request.complete);
  EXPECT_TRUE(wire.calls[1].request.complete);
}

TEST(Gap, AtEveryOffsetOfTheClientsBytes) {
  std::string stream;
  for (unsigned i = 2; i < 8; ++i) stream += request(i, 0, i, "stub of " + std::to_string(i));
  std::size_t size = request(2, 0, 2, "stub of 2").size();
  for (std::size_t at = 0; at < stream.size(); ++at) {
    for (std::size_t length : {std::size_t{1}, std::size_t{20}, size, 2 * size}) {
      if (at + length > stream.size()) continue;
      Wire wire;
      wire.bound()
          .c(stream.substr(0, at))
          .gap(Direction::kForward, length)
          .c(stream.substr(at + length));
      for (unsigned i = 2; i < 8; ++i) wire.s(response(i, 0, "r"));
      wire.end();
      // Every PDU that the gap does not touch is a complete call.
      for (unsigned i = 2; i < 8; ++i) {
        std::size_t start = (i - 2) * size;
        if (at + length > start && at < start + size) continue;
        bool found = false;
        for (const SeenCall& call : wire.calls) {
          found |= call.opnum == i && call.request.complete &&
                   call.request_stub == "stub of " + std::to_string(i);
        }
        EXPECT_TRUE(found) << "gap at " << at << " of " << length << " lost call " << i;
      }
    }
  }
}

TEST(Gap, MarksHalfCollectedCalls) {
  Wire wire;
  wire.bound().c(request(2, 0, 12, "a", flags(1)));
  wire.gap(Direction::kForward, 50).c(request(2, 0, 12, "c", flags(2))).s(response(2, 0, "r"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].request_stub, "ac");
  EXPECT_FALSE(wire.calls[0].request.complete);
  EXPECT_TRUE(wire.calls[0].response.complete);
}

TEST(Malformed, GarbageBetweenPdus) {
  Wire wire;
  wire.bound()
      .c("garbage \x05\x00\x00 that is no PDU" + request(2, 0, 12, "a"))
      .s(response(2, 0, "b"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_TRUE(wire.calls[0].request.complete);
  EXPECT_EQ(wire.statistics.malformed, 1u);
  EXPECT_EQ(wire.statistics.resynchronised, 1u);
}

TEST(Malformed, LengthTooShortOrTooLong) {
  std::string small = request(2, 0, 12, "0123456789");
  small[8] = 30;  // frag_length ends inside the stub
  Wire wire;
  wire.bound().c(small + request(3, 0, 13, "next")).s(response(2, 0, "b")).s(response(3, 0, "c"));
  ASSERT_EQ(wire.calls.size(), 2u);
  EXPECT_EQ(wire.calls[1].request_stub, "next");

  std::string tiny = request(2, 0, 12, "0123456789");
  tiny[8] = 17;  // shorter than a request can be
  Wire second;
  second.bound().c(tiny + request(3, 0, 13, "next")).s(response(3, 0, "c"));
  ASSERT_EQ(second.calls.size(), 1u);
  EXPECT_EQ(second.calls[0].opnum, 13);

  std::string large = request(2, 0, 12, "0123456789");
  large[8] = 60;  // swallows the start of the next PDU, as the server would
  Wire third;
  third.bound()
      .c(large + request(3, 0, 13, "next") + request(4, 0, 14, "last"))
      .s(response(4, 0, "c"));
  EXPECT_EQ(third.calls.back().request_stub, "last");
}

TEST(Malformed, WhatIsNoRpcFromItsFirstByteIsNotCounted) {
  Wire wire;  // a pipe of another protocol
  wire.c("HELLO, no remote procedure call at all").s("WELCOME, neither is this one here");
  EXPECT_EQ(wire.statistics.malformed, 0u);
  wire.bound().c(request(2, 0, 12, "a")).s(response(2, 0, "b"));
  ASSERT_EQ(wire.calls.size(), 1u) << "what begins later is read all the same";
}

TEST(Malformed, AuthLengthsThatDisagree) {
  PduOptions options;
  options.auth_type = 10;
  options.auth_level = 5;
  options.token = std::string(16, 's');
  std::string padded = request(2, 0, 12, "1234", options);
  padded[padded.size() - 16 - 8 + 2] = '\xff';  // auth_pad_length larger than the stub
  Wire wire;
  wire.bound().c(padded).s(response(2, 0, "x"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_FALSE(wire.calls[0].request.complete);
  EXPECT_EQ(wire.statistics.malformed, 1u);

  std::string covers = request(3, 0, 13, "1234", options);
  covers[10] = static_cast<char>(24);  // the verifier would start inside the call header
  wire.c(covers).s(response(3, 0, "x"));
  wire.c(request(4, 0, 14, "ok")).s(response(4, 0, "x"));
  EXPECT_EQ(wire.calls.back().opnum, 14);
  EXPECT_TRUE(wire.calls.back().request.complete);
}

TEST(Malformed, TruncatedBindKeepsWhatCameBefore) {
  std::string full = bind(1, {{0, kSvcctl, {kNdr20}}, {1, kWinreg, {kNdr20}}});
  std::string cut = full.substr(0, full.size() - 10);
  cut[8] = static_cast<char>(cut.size());
  Wire wire;
  wire.c(cut).s(bind_ack(1, {{0, 0, kNdr20}})).c(request(2, 0, 12, "a")).s(response(2, 0, "b"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].interface, kSvcctl);
  EXPECT_EQ(wire.statistics.malformed, 1u);
}

TEST(Malformed, RandomDamageNeverStopsTheConnection) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    auto pieces = conversation(random, true);
    Wire wire;
    for (Piece& piece : pieces) {
      if (random() % 4 == 0 && !piece.bytes.empty())
        piece.bytes[random() % piece.bytes.size()] = static_cast<char>(random());
      if (random() % 50 == 0) wire.gap(piece.direction, random() % 3000);
      wire.send(piece.direction, piece.bytes);
    }
    // A damaged frag_length may swallow up to 64 KiB; beyond that the next call must be whole.
    wire.c(std::string(70000, '\0')).s(std::string(70000, '\0'));
    wire.c(request(5000, 0, 77, "after")).s(response(5000, 0, "ok"));
    ASSERT_FALSE(wire.calls.empty());
    EXPECT_EQ(wire.calls.back().call_id, 5000u) << seed;
    EXPECT_EQ(wire.calls.back().opnum, 77);
    EXPECT_TRUE(wire.calls.back().response.complete);
    wire.end();
  }
}

}  // namespace
}  // namespace rpcmarshal
