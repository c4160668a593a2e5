// RpcFw.conf: what it means, and each trap of its grammar.
#include "policy/compiler/rpcfw.h"

#include <gmock/gmock.h>

#include "catalogue.h"
#include "run.h"

namespace rpcmarshal::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Read {
  explicit Read(std::string_view text) {
    sigma::Diagnostics diagnostics;
    policy = read_rpcfw(text, "RpcFw.conf", operations(), diagnostics);
    for (const sigma::Diagnostic& d : diagnostics) findings.push_back(d.to_string());
  }
  RpcFwPolicy policy;
  std::vector<std::string> findings;
};

constexpr std::string_view kCall =
    R"({"sensor":"host","interface":{"uuid":"367abb81-9844-35f1-ad32-98f038001003"},"opnum":12,
  "client":{"address":"10.0.0.5"},"transport":{"protocol":"ncacn_np"},"user":{"sid":"S-1-5-21-1-2-3-1000","groups":["S-1-5-32-545","S-1-5-21-1-2-3-512"]}})";

/// What the translated fw: lines say of kCall.
std::string decided(std::string_view line) {
  const Read read(line);
  PolicyRun run(read.policy.firewall);
  EXPECT_NE(run.policy, nullptr) << run.errors() << read.policy.firewall;
  return run.say(kCall);
}

TEST(RpcFw, RulesMeanWhatTheyMeanThere) {
  const std::string uuid = "uuid:367abb81-9844-35f1-ad32-98f038001003 ";
  EXPECT_EQ(decided("fw:" + uuid + "action:block"), "block by fw-line-1");
  EXPECT_EQ(decided("fw:UUID:x action:block uuid:367ABB81-9844-35F1-AD32-98F038001003"),
            "block by fw-line-1");
  EXPECT_EQ(decided("fw:" + uuid + "opnum:12 addr:10.0.0.0/8 prot:ncacn_np sid:DA action:block"),
            "block by fw-line-1");
  EXPECT_EQ(decided("fw:" + uuid + "opnum:13 action:block"), "allow by default");
  EXPECT_EQ(decided("fw:" + uuid + "addr:10.0.0.6 action:block"), "allow by default");
  EXPECT_EQ(decided("fw:" + uuid + "sid:BA action:block"), "allow by default");
  EXPECT_EQ(decided("fw:" + uuid + "sid:S-1-5-21-1-2-3-1000 action:block"), "block by fw-line-1");
  EXPECT_EQ(decided("fw:" + uuid + "prot:NP action:block"), "block by fw-line-1");
  EXPECT_EQ(decided("fw:action:block"), "block by fw-line-1");
  EXPECT_EQ(decided("fw:audit:true"), "audit by fw-line-1");
  EXPECT_EQ(decided("fw:" + uuid + "action:allow\r\nfw:action:block"), "allow by fw-line-1");
  EXPECT_EQ(decided("Prose about svcctl\n\n   fw:" + uuid + "action:block"), "block by fw-line-3");
  EXPECT_EQ(decided("flt:action:block"), "allow by default");
  EXPECT_EQ(decided(""), "allow by default");
}

TEST(RpcFw, AGoodFileIsReadWithoutAWord) {
  EXPECT_THAT(Read("fw:uuid:367abb81-9844-35f1-ad32-98f038001003 opnum:12 sid:BA action:block "
                   "audit:true verbose:false\n")
                  .findings,
              IsEmpty());
}

TEST(RpcFw, AValueLostToASpace) {
  const Read read("fw:action:block audit:true uuid: 367abb81-9844-35f1-ad32-98f038001003");
  EXPECT_THAT(read.findings,
              ElementsAre(HasSubstr("RpcFw.conf:1:33: warning: a space behind 'uuid:'")));
  EXPECT_EQ(decided("fw:action:block uuid: 6bffd098-a112-3610-9833-46c3f87e345a"),
            "allow by default");  // there it would block everything
  EXPECT_EQ(decided("fw:uuid: action:block"), "audit by default learning fw-line-1");
  EXPECT_THAT(Read("flt: action:block uuid:367abb81-9844-35f1-ad32-98f038001003").findings,
              ElementsAre(HasSubstr("1:5: warning: a space behind 'flt:'")));
}

TEST(RpcFw, CommentsAreNone) {
  EXPECT_THAT(Read("#fw:action:block").findings,
              ElementsAre(HasSubstr("does not make this a comment")));
  EXPECT_EQ(decided("#fw:action:block"), "block by fw-line-1");
  EXPECT_THAT(Read("uuid:367abb81-9844-35f1-ad32-98f038001003 action:block").findings,
              ElementsAre(HasSubstr("neither 'fw:' nor 'flt:'")));
}

TEST(RpcFw, PlaceholdersAndMalformedAddresses) {
  EXPECT_THAT(
      Read("fw:addr:<dc_addr1> action:allow").findings,
      ElementsAre(HasSubstr("1:9: warning: the placeholder '<dc_addr1>' was never replaced")));
  EXPECT_EQ(decided("fw:addr:<dc_addr1> action:block"), "audit by default learning fw-line-1");
  EXPECT_THAT(Read("fw:addr:10.0.0 action:block").findings,
              ElementsAre(HasSubstr("is no address")));
  EXPECT_THAT(Read("fw:addr:10.0.0.5/8 action:block").findings,
              ElementsAre(HasSubstr("it is read as 10.0.0.0/8")));
  EXPECT_EQ(decided("fw:addr:10.0.0.9/8 action:block"), "block by fw-line-1");
  EXPECT_THAT(Read("fw:addr:10.0.0.5/99 action:block").findings,
              ElementsAre(HasSubstr("decides nothing")));
  EXPECT_THAT(Read("fw:addr:fe80::1/128 action:block").findings,
              ElementsAre(HasSubstr("reads beyond the address")));
}

TEST(RpcFw, LongLinesAndFiles) {
  const Read read("fw:action:block " + std::string(300, 'x') + "\nfw:action:block\n");
  EXPECT_THAT(read.findings, ElementsAre(HasSubstr("1:256: warning: a line of more than 255")));
  EXPECT_THAT(read.policy.firewall, HasSubstr("fw-line-2"));
  EXPECT_THAT(Read(std::string(70'000, '\n')).findings, ElementsAre(HasSubstr("65,534 bytes")));
}

TEST(RpcFw, OperationNumbers) {
  EXPECT_THAT(Read("fw:opnum:3,12 action:block").findings,
              ElementsAre(HasSubstr("takes the first number")));
  EXPECT_EQ(decided("fw:opnum:3,12 action:block"), "block by fw-line-1");
  EXPECT_THAT(Read("fw:opnum:99999999999 action:block").findings,
              ElementsAre(HasSubstr("exception")));
  EXPECT_THAT(Read("fw:opnum:create action:block").findings,
              ElementsAre(HasSubstr("is no number")));
  EXPECT_EQ(decided("fw:opnum:create action:block"), "audit by default learning fw-line-1");
  EXPECT_THAT(Read("flt:uuid:367abb81-9844-35f1-ad32-98f038001003 opnum:12 action:block").findings,
              ElementsAre(HasSubstr("ignores 'opnum:' in filters")));
}

TEST(RpcFw, OtherWords) {
  EXPECT_THAT(Read("fw:action:deny").findings, ElementsAre(HasSubstr("'deny' is no 'block'")));
  EXPECT_THAT(Read("fw:audit:true").findings, ElementsAre(HasSubstr("no 'action:'")));
  EXPECT_THAT(Read("fw:action:block audit:yes").findings,
              ElementsAre(HasSubstr("'yes' is no 'true'")));
  EXPECT_THAT(Read("fw:action:block sec:privacy").findings,
              ElementsAre(HasSubstr("no key 'sec:'")));
  EXPECT_THAT(Read("fw:not_saddr:10.0.0.1 action:block").findings,
              ElementsAre(HasSubstr("reads it as 'addr:'")));
  EXPECT_THAT(Read("fw:action:block action:allow").findings,
              ElementsAre(HasSubstr("the first one counts")));
  EXPECT_THAT(Read("fw:prot:smb action:block").findings, ElementsAre(HasSubstr("never matches")));
  EXPECT_THAT(Read("fw:sid:Administrators action:block").findings,
              ElementsAre(HasSubstr("neither a SID")));
  EXPECT_THAT(Read("fw:uuid:svcctl action:block").findings,
              ElementsAre(HasSubstr("holds no UUID")));
  EXPECT_THAT(Read("fw:uuid:367abb81-9844-35f1-ad32-98f038001004 action:block").findings,
              ElementsAre(HasSubstr("did you mean 367abb81-9844-35f1-ad32-98f038001003?")));
  EXPECT_THAT(Read("fw:action:block\taudit:true").findings, testing::Contains(HasSubstr("a tab")));
}

}  // namespace
}  // namespace rpcmarshal::policy
