// Presentation contexts, security contexts, inference.
#include <gtest/gtest.h>

#include "dcerpc/pdu_builder.h"
#include "security/builders.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

const SyntaxId kFeatures{*Guid::parse("6cb71c2c-9812-4540-0300-000000000000"), 1, 0};

TEST(Context, WindowsBindOfThree) {
  Wire wire;
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}, {1, kSvcctl, {kNdr64}}, {2, kSvcctl, {kFeatures}}}));
  wire.s(bind_ack(1, {{2, 2, {}}, {0, 0, kNdr64}, {3, 3, {}}}));
  wire.c(request(2, 1, 12, "in")).s(response(2, 1, "out"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].transfer_syntax, kNdr64);
  ASSERT_EQ(wire.binds.size(), 1u);
  EXPECT_EQ(wire.binds[0].answer, Bind::Answer::kAck);
  ASSERT_EQ(wire.binds[0].list.size(), 3u);
  EXPECT_EQ(wire.binds[0].list[0].result, 2);
  EXPECT_EQ(wire.binds[0].list[1].transfer_syntax, kNdr64);
  EXPECT_EQ(wire.binds[0].list[2].result, 3);
}

TEST(Context, BindWhoseListIsDeclaredToBePadding) {
  PduOptions options;
  options.auth_type = 9;
  options.auth_level = 2;
  options.token = "token";
  std::string offered = bind(1, {{1, kSvcctl, {kNdr20}}}, options);
  offered[offered.size() - 5 - 8 + 2] = 48;
  Wire wire;
  wire.c(offered).s(bind_ack(1, {{0, 0, kNdr20}}));
  wire.c(request(2, 1, 12, "in")).s(response(2, 1, "out"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].interface, kSvcctl);
  EXPECT_TRUE(wire.calls[0].bind_seen);
}

TEST(Context, Ndr20AndNdr64InOneAssociation) {
  Wire wire;
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}, {1, kSvcctl, {kNdr64}}}));
  wire.s(bind_ack(1, {{0, 0, kNdr20}, {0, 0, kNdr64}}));
  wire.c(request(2, 0, 1, "")).c(request(3, 1, 1, "")).s(response(3, 1, "")).s(response(2, 0, ""));
  ASSERT_EQ(wire.calls.size(), 2u);
  EXPECT_EQ(wire.calls[0].transfer_syntax, kNdr64);
  EXPECT_EQ(wire.calls[1].transfer_syntax, kNdr20);
}

TEST(Context, ChosenFromSeveralTransfersOfOneContext) {
  Wire wire;
  wire.c(bind(1, {{0, kSvcctl, {kNdr20, kNdr64}}})).c(request(2, 0, 1, ""));
  wire.end();
  EXPECT_TRUE(wire.calls[0].transfer_syntax.uuid.is_nil());
  EXPECT_EQ(wire.calls[0].interface, kSvcctl);

  Wire answered;
  answered.c(bind(1, {{0, kSvcctl, {kNdr20, kNdr64}}})).c(request(2, 0, 1, ""));
  answered.s(bind_ack(1, {{0, 0, kNdr64}})).s(response(2, 0, ""));
  EXPECT_EQ(answered.calls[0].transfer_syntax,
            kNdr64);  // also for the request sent before the answer
}

TEST(Context, AlterContextAddsAnInterface) {
  Wire wire;
  wire.bound()
      .c(bind(2, {{1, kWinreg, {kNdr20}}}, {}, true))
      .s(bind_ack(2, {{0, 0, kNdr20}}, {}, "", true));
  wire.c(request(3, 1, 15, "")).s(response(3, 1, ""));
  wire.c(request(4, 0, 15, "")).s(response(4, 0, ""));
  EXPECT_EQ(wire.calls[0].interface, kWinreg);
  EXPECT_EQ(wire.calls[1].interface, kSvcctl);
  EXPECT_EQ(wire.calls[1].address, "\\PIPE\\svcctl");
  EXPECT_TRUE(wire.binds[1].alter);
}

TEST(Context, RequestOnARejectedContextIsToldSo) {
  Wire wire;
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}, {1, kWinreg, {kNdr20}}}));
  wire.s(bind_ack(1, {{2, 1, {}}, {0, 0, kNdr20}}));
  wire.c(request(2, 0, 12, "decoy")).s(fault(2, 0, 0x1c010003));
  wire.c(request(3, 0, 13, "unanswered"));
  wire.c(request(4, 1, 14, "real")).s(response(4, 1, ""));
  wire.end();
  ASSERT_EQ(wire.calls.size(), 3u);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kRejected);
  EXPECT_EQ(wire.calls[0].interface, kSvcctl);
  EXPECT_EQ(wire.calls[0].fault_status, 0x1c010003u);
  EXPECT_EQ(wire.calls[1].outcome, Outcome::kReturned);
  EXPECT_EQ(wire.calls[1].interface, kWinreg);
  EXPECT_EQ(wire.calls[2].outcome, Outcome::kRejected);
  EXPECT_EQ(wire.calls[2].fault_status, 1u);  // abstract_syntax_not_supported
}

TEST(Context, BindNakRejectsAll) {
  Wire wire;
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}})).s(bind_nak(1, 8)).c(request(2, 0, 1, "x")).end();
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].outcome, Outcome::kRejected);
  EXPECT_EQ(wire.calls[0].fault_status, 8u);
  ASSERT_EQ(wire.binds.size(), 1u);
  EXPECT_EQ(wire.binds[0].answer, Bind::Answer::kNak);
  EXPECT_EQ(wire.binds[0].refusal, 8);
}

TEST(Context, IdIsReusedForAnotherInterface) {
  Wire wire;
  wire.bound().c(request(2, 0, 1, "")).s(response(2, 0, ""));
  wire.c(bind(3, {{0, kWinreg, {kNdr20}}}, {}, true))
      .s(bind_ack(3, {{0, 0, kNdr20}}, {}, "", true));
  wire.c(request(4, 0, 1, "")).s(response(4, 0, ""));
  // A refused redefinition changes nothing.
  wire.c(bind(5, {{0, kSvcctl, {kNdr20}}}, {}, true)).s(bind_ack(5, {{2, 1, {}}}, {}, "", true));
  wire.c(request(6, 0, 1, "")).s(response(6, 0, ""));
  ASSERT_EQ(wire.calls.size(), 3u);
  EXPECT_EQ(wire.calls[0].interface, kSvcctl);
  EXPECT_EQ(wire.calls[1].interface, kWinreg);
  EXPECT_EQ(wire.calls[2].interface, kWinreg);
}

TEST(Context, FaultMayAnswerAnAlterContext) {
  Wire wire;
  wire.bound().c(bind(9, {{0, kWinreg, {kNdr20}}}, {}, true)).s(fault(9, 0, 0x1c01000b));
  wire.c(request(10, 0, 1, "")).s(response(10, 0, ""));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].interface, kSvcctl);
  EXPECT_EQ(wire.statistics.orphan_responses, 0u);
  ASSERT_EQ(wire.binds.size(), 2u);
  EXPECT_EQ(wire.binds[1].answer, Bind::Answer::kFault);
  EXPECT_EQ(wire.binds[1].refusal, 0x1c01000bu);
}

TEST(Context, UnansweredBindIsToldAtTheEnd) {
  Wire wire;
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}})).end();
  ASSERT_EQ(wire.binds.size(), 1u);
  EXPECT_EQ(wire.binds[0].answer, Bind::Answer::kNone);
}

TEST(Context, ManyUnansweredBindsAreBounded) {
  Wire wire;
  for (unsigned i = 0; i < 1000; ++i) wire.c(bind(i, {{i, kSvcctl, {kNdr20}}}));
  EXPECT_EQ(wire.binds.size(), 1000u - 16);
  wire.end();
  EXPECT_EQ(wire.binds.size(), 1000u);
  EXPECT_EQ(wire.statistics.limits, 1000u - 16);
}

TEST(Context, NeverOfferedIsNotAnUnseenBind) {
  Wire wire({"\\pipe\\svcctl", {}});
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}})).s(bind_ack(1, {{0, 0, kNdr20}}));
  wire.c(request(2, 7, 12, "in")).s(response(2, 7, "out"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_TRUE(wire.calls[0].bind_seen);
  EXPECT_TRUE(wire.calls[0].never_offered);
  EXPECT_FALSE(wire.calls[0].interface);
  EXPECT_TRUE(wire.calls[0].inferred.empty());
}

TEST(Context, AnEarlyAnswerOfAnotherContextSaysNothingOfTheRequest) {
  Wire wire({"\\pipe\\svcctl", {}});
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}})).s(bind_ack(1, {{0, 0, kNdr20}}));
  wire.s(response(2, 0, "out"));
  --wire.time;  // the request was captured after its answer, and sent before it
  wire.c(request(2, 7, 12, "in"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_TRUE(wire.calls[0].never_offered);
  EXPECT_FALSE(wire.calls[0].interface);
}

TEST(Context, AfterALossABindMayBeMissing) {
  Wire wire({"\\pipe\\svcctl", {}});
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}})).s(bind_ack(1, {{0, 0, kNdr20}}));
  wire.gap(Direction::kForward, 100);
  wire.c(request(2, 7, 12, "in")).s(response(2, 7, "out"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_FALSE(wire.calls[0].bind_seen);
  EXPECT_FALSE(wire.calls[0].never_offered);
}

TEST(Infer, FromThePipe) {
  Wire wire({"\\pipe\\svcctl", {}});
  wire.c(request(2, 0, 12, "in")).s(response(2, 0, "out"));
  ASSERT_EQ(wire.calls.size(), 1u);
  EXPECT_EQ(wire.calls[0].interface, kSvcctl);
  EXPECT_FALSE(wire.calls[0].bind_seen);
  EXPECT_EQ(wire.calls[0].inferred, "pipe name");
}

TEST(Infer, NothingWithoutAPipeOrOnASharedOne) {
  for (const char* pipe : {"", "\\pipe\\unknown", "\\pipe\\atsvc", "\\pipe\\epmapper"}) {
    Wire wire({pipe, {}});
    wire.c(request(2, 0, 1, "in")).s(response(2, 0, "out"));
    EXPECT_FALSE(wire.calls[0].interface) << pipe;
    EXPECT_TRUE(wire.calls[0].inferred.empty());
  }
}

TEST(Infer, LsarpcOrEfsrByTheStub) {
  std::string handle = std::string(4, '\0') + std::string(16, 'g');
  std::string name =
      integer(9, 4) + integer(0, 4) + integer(9, 4) + utf16("\\\\a\\b\\c.d") + std::string(2, '\0');
  Wire wire({"\\PIPE\\lsarpc", {}});
  wire.c(request(2, 0, 0, handle)).s(response(2, 0, handle));
  wire.c(request(3, 0, 0, name)).s(response(3, 0, handle));
  EXPECT_EQ(wire.calls[0].interface->uuid.to_string(), "12345778-1234-abcd-ef00-0123456789ab");
  EXPECT_EQ(wire.calls[1].interface->uuid.to_string(), "c681d488-d850-11d0-8c52-00c04fd90f7e");
  EXPECT_EQ(wire.calls[1].inferred, "pipe and stub");
}

TEST(Infer, FromTheAnswerOfAnUnseenBind) {
  Wire wire;
  wire.s(bind_ack(1, {{0, 0, kNdr64}})).c(request(2, 0, 12, "in")).s(response(2, 0, "out"));
  EXPECT_EQ(wire.calls[0].interface, kSvcctl);
  EXPECT_EQ(wire.calls[0].transfer_syntax, kNdr64);
  EXPECT_FALSE(wire.calls[0].bind_seen);
}

TEST(Infer, FromTheEndpointMapper) {
  DceTransport transport;
  transport.endpoint = kWinreg;
  Wire wire(transport);
  wire.c(request(2, 0, 12, "in")).s(response(2, 0, "out"));
  EXPECT_EQ(wire.calls[0].interface, kWinreg);
  EXPECT_EQ(wire.calls[0].inferred, "endpoint mapper");
}

PduOptions with_auth(int type, int level, std::uint32_t context, const std::string& token,
                     unsigned pad = 0) {
  PduOptions options;
  options.auth_type = type;
  options.auth_level = level;
  options.auth_context = context;
  options.token = token;
  options.auth_pad = pad;
  return options;
}
std::string ntlm_of(const std::string& user) {
  return ntlm_authenticate({utf16("LAB"), utf16(user), utf16("WS1")}, 1);
}

TEST(Security, NtlmThroughBindAndAuth3) {
  Wire wire;
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}}, with_auth(10, 5, 9, ntlm_negotiate())));
  wire.s(bind_ack(1, {{0, 0, kNdr20}}, with_auth(10, 5, 9, ntlm_challenge(1, "FS1", "fs1.lab"))));
  wire.c(pdu(16, 1, std::string(4, '\0'), with_auth(10, 5, 9, ntlm_of("alice"))));
  wire.c(request(2, 0, 12, "12345", with_auth(10, 5, 9, std::string(16, 's'), 11)));
  wire.s(response(2, 0, "123456", with_auth(10, 5, 9, std::string(16, 's'), 2)));
  ASSERT_EQ(wire.calls.size(), 1u);
  const SeenCall& call = wire.calls[0];
  ASSERT_TRUE(call.who);
  EXPECT_EQ(call.who->user, "alice");
  EXPECT_EQ(call.who->domain, "LAB");
  EXPECT_EQ(call.who->server_name, "FS1");
  EXPECT_EQ(call.auth_service, AuthService::kNtlm);
  EXPECT_EQ(call.auth_level, AuthLevel::kIntegrity);
  EXPECT_EQ(call.request_stub, "12345");
  EXPECT_EQ(call.response_stub, "123456");
  EXPECT_FALSE(call.request.sealed);
}

TEST(Security, PrivacySealsTheStubs) {
  Wire wire;
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}}, with_auth(10, 6, 0, ntlm_of("alice"))))
      .s(bind_ack(1, {{0, 0, kNdr20}}));
  wire.c(request(2, 0, 12, "ciphertext", with_auth(10, 6, 0, std::string(16, 's'), 6)));
  wire.s(response(2, 0, "secret", with_auth(10, 6, 0, std::string(16, 's'), 10)));
  const SeenCall& call = wire.calls[0];
  EXPECT_TRUE(call.request.sealed && call.response.sealed);
  EXPECT_TRUE(call.request.complete);
  EXPECT_EQ(call.request.stub_size, 10u);
  EXPECT_EQ(call.request_stub, "ciphertext");
  EXPECT_EQ(call.opnum, 12);
  EXPECT_EQ(call.interface, kSvcctl);
}

TEST(Security, SeveralContextsOnOneConnection) {
  Wire wire;
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}}, with_auth(10, 5, 1, ntlm_of("alice"))))
      .s(bind_ack(1, {{0, 0, kNdr20}}));
  wire.c(bind(2, {{0, kSvcctl, {kNdr20}}}, with_auth(10, 4, 2, ntlm_of("bob")), true));
  wire.s(bind_ack(2, {{0, 0, kNdr20}}, {}, "", true));
  wire.c(request(3, 0, 1, "", with_auth(10, 5, 1, "sig"))).s(response(3, 0, ""));
  wire.c(request(4, 0, 1, "", with_auth(10, 4, 2, "sig"))).s(response(4, 0, ""));
  wire.c(request(5, 0, 1, "", with_auth(10, 4, 3, "sig"))).s(response(5, 0, ""));
  EXPECT_EQ(wire.calls[0].who->user, "alice");
  EXPECT_EQ(wire.calls[1].who->user, "bob");
  EXPECT_EQ(wire.calls[1].auth_level, AuthLevel::kPacket);
  EXPECT_FALSE(wire.calls[2].who);
  EXPECT_EQ(wire.calls[2].auth_service, AuthService::kNtlm);
}

TEST(Security, ConnectLevelNeedsNoVerifier) {
  Wire wire;
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}}, with_auth(10, 2, 0, ntlm_of("alice"))))
      .s(bind_ack(1, {{0, 0, kNdr20}}));
  wire.c(request(2, 0, 1, "")).s(response(2, 0, ""));
  EXPECT_EQ(wire.calls[0].who->user, "alice");
  EXPECT_EQ(wire.calls[0].auth_level, AuthLevel::kConnect);
}

TEST(Security, UnprotectedRequestIsNobodysWhenTheContextProtects) {
  Wire wire;
  wire.c(bind(1, {{0, kSvcctl, {kNdr20}}}, with_auth(10, 5, 0, ntlm_of("alice"))))
      .s(bind_ack(1, {{0, 0, kNdr20}}));
  wire.c(request(2, 0, 1, "")).s(response(2, 0, ""));
  EXPECT_FALSE(wire.calls[0].who);
  EXPECT_EQ(wire.calls[0].auth_service, AuthService::kNone);
}

TEST(Security, TooManyContextsDropTheOldest) {
  Wire wire;
  wire.bound();
  wire.c(bind(2, {{0, kSvcctl, {kNdr20}}}, with_auth(10, 5, 0, ntlm_of("user0")), true));
  wire.c(request(7, 0, 1, "", with_auth(10, 5, 0, "sig")));  // waits while its context goes
  for (unsigned i = 1; i < 300; ++i) {
    wire.c(
        pdu(16, 2, std::string(4, '\0'), with_auth(10, 5, i, ntlm_of("user" + std::to_string(i)))));
  }
  wire.c(request(8, 0, 1, "", with_auth(10, 5, 299, "sig")))
      .s(response(8, 0, ""))
      .s(response(7, 0, ""));
  EXPECT_EQ(wire.calls[0].who->user, "user299");
  EXPECT_FALSE(wire.calls[1].who);
  EXPECT_GT(wire.statistics.limits, 100u);
}

}  // namespace
}  // namespace rpcmarshal
