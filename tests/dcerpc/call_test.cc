// Calls in streams that nothing is wrong with.
#include <gtest/gtest.h>

#include "dcerpc/pdu_builder.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

TEST(Call, RequestAndResponseMakeOneCall) {
  Wire wire;
  wire.bound().c(request(2, 0, 12, "in args.")).s(response(2, 0, "out args"));
  ASSERT_EQ(wire.calls.size(), 1u);
  const SeenCall& call = wire.calls[0];
  EXPECT_EQ(call.call_id, 2u);
  EXPECT_EQ(call.opnum, 12);
  EXPECT_EQ(call.interface, kSvcctl);
  EXPECT_EQ(call.transfer_syntax, kNdr20);
  EXPECT_TRUE(call.bind_seen);
  EXPECT_EQ(call.outcome, Outcome::kReturned);
  EXPECT_TRUE(call.request.complete && call.response.complete);
  EXPECT_EQ(call.request_stub, "in args.");
  EXPECT_EQ(call.response_stub, "out args");
  EXPECT_EQ(call.request.time, 3);
  EXPECT_EQ(call.response.time, 4);
  EXPECT_EQ(call.address, "\\PIPE\\svcctl");
  EXPECT_EQ(call.association, 0x1234u);
  EXPECT_FALSE(call.reversed);
  EXPECT_EQ(call.auth_service, AuthService::kNone);
  EXPECT_EQ(call.identity, nullptr);
  wire.end();
  EXPECT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.statistics.pdus[0], 1u);
  EXPECT_EQ(wire.statistics.pdus[12], 1u);
  EXPECT_EQ(wire.statistics.malformed, 0u);
}

TEST(Call, BigEndian) {
  PduOptions big;
  big.order = ByteOrder::kBig;
  Guid object = *Guid::parse("01234567-89ab-cdef-0123-456789abcdef");
  big.flags = 0x83;
  PduOptions plain = big;
  plain.flags = 3;
  Wire wire;
  wire.c(bind(1, {{7, kSvcctl, {kNdr20}}}, plain)).s(bind_ack(1, {{0, 0, kNdr20}}, plain));
  wire.c(request(0x01020304, 7, 0x0102, "stub", big, &object))
      .s(fault(0x01020304, 7, 0x1c010002, plain));
  ASSERT_EQ(wire.calls.size(), 1u);
  const SeenCall& call = wire.calls[0];
  EXPECT_EQ(call.call_id, 0x01020304u);
  EXPECT_EQ(call.opnum, 0x0102);
  EXPECT_EQ(call.context_id, 7);
  EXPECT_EQ(call.object, object);
  EXPECT_EQ(call.interface, kSvcctl);
  EXPECT_EQ(call.fault_status, 0x1c010002u);
  EXPECT_EQ(call.request.drep.order, ByteOrder::kBig);
}

TEST(Call, ByteOrderIsPerPdu) {
  PduOptions big;
  big.order = ByteOrder::kBig;
  Wire wire;
  wire.bound().c(request(2, 0, 12, "a")).s(response(2, 0, "b", big));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].request.drep.order, ByteOrder::kLittle);
  EXPECT_EQ(wire.calls[0].response.drep.order, ByteOrder::kBig);
}

TEST(Call, FaultsAndDenials) {
  Wire wire;
  wire.bound();
  std::uint32_t statuses[] = {0x1c010002, 5, 0x80070005, 0x1c00000d};
  Outcome outcomes[] = {Outcome::kFault, Outcome::kDenied, Outcome::kDenied, Outcome::kFault};
  for (unsigned i = 0; i < 4; ++i) {
    wire.c(request(10 + i, 0, i, "x")).s(fault(10 + i, 0, statuses[i]));
    EXPECT_EQ(wire.calls.back().outcome, outcomes[i]);
    EXPECT_EQ(wire.calls.back().fault_status, statuses[i]);
    EXPECT_TRUE(wire.calls.back().response.complete);
  }
}

TEST(Call, FaultThatEndsAfterItsStatus) {
  Wire wire;
  wire.bound().c(request(2, 0, 1, "x"));
  wire.s(pdu(3, 2, integer(0, 4) + integer(0, 2) + integer(0, 2) + integer(0x1c00001b, 4)));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].fault_status, 0x1c00001bu);
  EXPECT_EQ(wire.statistics.malformed, 0u);
}

TEST(Call, PairsByCallIdNotByContextOrOrder) {
  Wire wire;
  wire.bound();
  for (unsigned i = 0; i < 500; ++i) wire.c(request(100 + i, 0, i, "in" + std::to_string(i)));
  std::vector<unsigned> order(500);
  for (unsigned i = 0; i < 500; ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  for (unsigned i : order) wire.s(response(100 + i, 0, "out" + std::to_string(i)));
  ASSERT_EQ(wire.calls.size(), 500u);
  for (unsigned i = 0; i < 500; ++i) {
    const SeenCall& call = wire.calls[i];
    EXPECT_EQ(call.opnum, order[i]);
    EXPECT_EQ(call.request_stub, "in" + std::to_string(order[i]));
    EXPECT_EQ(call.response_stub, "out" + std::to_string(order[i]));
  }
  EXPECT_EQ(wire.statistics.limits, 0u);
}

TEST(Call, FragmentsInterleavedBetweenCalls) {
  PduOptions first, middle, last;
  first.flags = 1;
  middle.flags = 0;
  last.flags = 2;
  Wire wire;
  wire.bound();
  wire.c(request(2, 0, 20, "A1", first))
      .c(request(3, 0, 30, "B1", first))
      .c(request(2, 0, 20, "A2", middle));
  wire.c(request(3, 0, 30, "B2", last)).c(request(2, 0, 20, "A3", last));
  wire.s(response(3, 0, "b1", first)).s(response(2, 0, "a1", first)).s(response(3, 0, "b2", last));
  wire.s(response(2, 0, "a2", last));
  ASSERT_EQ(wire.calls.size(), 2u);
  EXPECT_EQ(wire.calls[0].request_stub, "B1B2");
  EXPECT_EQ(wire.calls[0].response_stub, "b1b2");
  EXPECT_EQ(wire.calls[1].request_stub, "A1A2A3");
  EXPECT_EQ(wire.calls[1].response_stub, "a1a2");
  EXPECT_EQ(wire.calls[1].request.fragments, 3u);
  for (const SeenCall& call : wire.calls)
    EXPECT_TRUE(call.request.complete && call.response.complete);
}

TEST(Call, NoResponseIsToldAtTheEnd) {
  Wire wire;
  wire.bound().c(request(2, 0, 1, "a")).c(request(3, 0, 2, "b"));
  EXPECT_TRUE(wire.calls.empty());
  wire.end();
  ASSERT_EQ(wire.calls.size(), 2u);
  EXPECT_EQ(wire.calls[0].call_id, 2u);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kNoResponse);
  EXPECT_TRUE(wire.calls[0].request.complete);
  EXPECT_FALSE(wire.calls[0].response.present);
}

TEST(Call, AnswerTimeout) {
  DceLimits limits;
  limits.answer_timeout = 10;
  Wire wire({}, limits);
  wire.bound().c(request(2, 0, 1, "a"));
  wire.time += 20;
  wire.c(request(3, 0, 2, "b"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kNoResponse);
}

TEST(Call, ReusedCallIdClosesTheOldCall) {
  Wire wire;
  wire.bound().c(request(2, 0, 1, "a")).c(request(2, 0, 9, "b")).s(response(2, 0, "r"));
  ASSERT_EQ(wire.calls.size(), 2u);
  EXPECT_EQ(wire.calls[0].opnum, 1);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kNoResponse);
  EXPECT_EQ(wire.calls[1].opnum, 9);
  EXPECT_EQ(wire.calls[1].outcome, Outcome::kReturned);
}

TEST(Call, MaybeExpectsNoAnswer) {
  PduOptions maybe;
  maybe.flags = 0x43;
  Wire wire;
  wire.bound().c(request(2, 0, 1, "a", maybe));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kMaybe);
  EXPECT_EQ(wire.calls[0].request_stub, "a");
}

TEST(Call, CancelledAndOrphaned) {
  PduOptions first;
  first.flags = 1;
  Wire wire;
  wire.bound().c(request(2, 0, 1, "a")).c(pdu(18, 2, ""));
  wire.c(request(3, 0, 1, "a")).c(pdu(18, 3, "")).s(fault(3, 0, 0x1c00000d));
  wire.c(request(4, 0, 1, "part", first)).c(pdu(19, 4, ""));
  wire.s(pdu(17, 0, ""));
  ASSERT_EQ(wire.calls.size(), 2u);
  EXPECT_EQ(wire.calls[0].call_id, 3u);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kFault);
  EXPECT_EQ(wire.calls[1].call_id, 4u);
  EXPECT_EQ(wire.calls[1].outcome, Outcome::kCancelled);
  EXPECT_FALSE(wire.calls[1].request.complete);
  wire.end();
  ASSERT_EQ(wire.calls.size(), 3u);
  EXPECT_EQ(wire.calls[2].outcome, Outcome::kCancelled);
  EXPECT_EQ(wire.statistics.pdus[17] + wire.statistics.pdus[18] + wire.statistics.pdus[19], 4u);
}

TEST(Call, ResponseWithoutRequest) {
  Wire wire;
  wire.bound().s(response(77, 0, "lost")).end();
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kResponseOnly);
  EXPECT_EQ(wire.calls[0].interface, kSvcctl);
  EXPECT_FALSE(wire.calls[0].request.present);
  EXPECT_EQ(wire.calls[0].response_stub, "lost");
  EXPECT_EQ(wire.statistics.orphan_responses, 1u);
}

TEST(Call, AnswerThatOvertakesItsRequest) {
  // The client's direction waited for a lost segment: its bytes come late, with their own time.
  Wire wire;
  wire.bound().s(response(2, 0, "out")).s(fault(3, 0, 5)).s(response(4, 0, "other"));
  EXPECT_TRUE(wire.calls.empty());
  wire.time = 1;
  PduOptions first, last;
  first.flags = 1;
  last.flags = 2;
  wire.c(request(2, 0, 12, "i", first)).c(request(2, 0, 12, "n", last));
  wire.time = 2;
  wire.c(request(3, 0, 13, "in"));
  wire.time = 100;
  wire.c(request(4, 0, 14, "later than its answer")).end();
  ASSERT_EQ(wire.calls.size(), 4u);
  EXPECT_EQ(wire.calls[0].request_stub, "in");
  EXPECT_EQ(wire.calls[0].response_stub, "out");
  EXPECT_EQ(wire.calls[0].opnum, 12);
  EXPECT_EQ(wire.calls[0].interface, kSvcctl);
  EXPECT_EQ(wire.calls[1].outcome, Outcome::kDenied);
  EXPECT_EQ(wire.calls[1].opnum, 13);
  EXPECT_EQ(wire.calls[2].outcome, Outcome::kResponseOnly);
  EXPECT_EQ(wire.calls[3].outcome, Outcome::kNoResponse);
  EXPECT_EQ(wire.statistics.orphan_responses, 1u);
}

TEST(Call, AnswersWithoutRequestsAreHandedOverAndBounded) {
  Wire wire;
  wire.bound();
  for (unsigned i = 0; i < 1000; ++i) wire.s(response(10 + i, 0, std::string(100, 'x')));
  EXPECT_EQ(wire.calls.size(), 1000u - 64);
  wire.end();
  EXPECT_EQ(wire.calls.size(), 1000u);
  EXPECT_EQ(wire.statistics.orphan_responses, 1000u);
  EXPECT_EQ(wire.statistics.limits, 0u);
}

TEST(Call, PduTypesDecideWhoIsTheClient) {
  Wire wire;
  wire.s(bind(1, {{0, kSvcctl, {kNdr20}}})).c(bind_ack(1, {{0, 0, kNdr20}}));
  wire.s(request(2, 0, 12, "in")).c(response(2, 0, "out"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_TRUE(wire.calls[0].reversed);
  EXPECT_EQ(wire.calls[0].interface, kSvcctl);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kReturned);
}

TEST(Call, CallbacksDoNotDisturbCallsWithTheSameId) {
  Wire wire;
  wire.bound()
      .c(request(2, 0, 12, "in"))
      .s(request(2, 0, 13, "callback in"))
      .c(response(2, 0, "callback out"));
  wire.s(response(2, 0, "out"));
  ASSERT_EQ(wire.calls.size(), 2u);
  EXPECT_TRUE(wire.calls[0].reversed);
  EXPECT_EQ(wire.calls[0].response_stub, "callback out");
  EXPECT_EQ(wire.calls[1].response_stub, "out");
}

TEST(Call, VerificationTrailerIsStripped) {
  std::string trailer("\x8a\xe3\x13\x71\x02\xf4\x36\x71", 8);
  std::string bitmask = integer(1, 2) + integer(4, 2) + integer(1, 4);
  std::string header2 = integer(0x4003, 2) + integer(16, 2) + std::string(16, 'h');
  Wire wire;
  wire.bound();
  wire.c(request(2, 0, 1, "12345678" + trailer + bitmask + header2)).s(response(2, 0, ""));
  EXPECT_EQ(wire.calls.back().request_stub, "12345678");
  // Not at a multiple of four, not to the stub's end, or without its end command: it is data.
  for (std::string stub : {"123456" + trailer + header2, "1234" + trailer + header2 + "tail",
                           "1234" + trailer + bitmask}) {
    wire.c(request(2, 0, 1, stub)).s(response(2, 0, trailer + header2));
    EXPECT_EQ(wire.calls.back().request_stub, stub);
    EXPECT_EQ(wire.calls.back().response_stub, trailer + header2);
  }
  EXPECT_GE(wire.calls.back().request.stub_size, 20u);
}

TEST(Call, LooksLikeDce) {
  std::string start = bind(1, {{0, kSvcctl, {kNdr20}}});
  for (std::size_t size = 0; size < 16; ++size)
    EXPECT_EQ(looks_like_dce(as_bytes(start.substr(0, size))), 0);
  EXPECT_EQ(looks_like_dce(as_bytes(start)), 1);
  EXPECT_EQ(looks_like_dce(as_bytes("ncacn_http/1.0")), 1);
  EXPECT_EQ(looks_like_dce(as_bytes("ncacn_h")), 0);
  EXPECT_EQ(looks_like_dce(as_bytes("GET / HTTP/1.1\r\n\r\n")), -1);
  EXPECT_EQ(looks_like_dce(as_bytes(std::string("\0\0\0\x54\xfeSMB@\0\0\0\0\0\0\0", 16))), -1);
  EXPECT_EQ(looks_like_dce(as_bytes(std::string("\x05\x00\x04\x03", 4))), -1);
}

}  // namespace
}  // namespace rpcmarshal
