// Findings of `policy check`: what, and where.
#include "policy/compiler/check.h"

#include <gmock/gmock.h>

#include "catalogue.h"
#include "run.h"

namespace rpcmarshal::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> findings(std::string_view yaml, std::int64_t now = 1'800'000'000) {
  PolicyModel model;
  sigma::Diagnostics diagnostics;
  if (parse_policy(yaml, "p.yml", model, diagnostics))
    check_policy(model, operations(), now, diagnostics);
  std::vector<std::string> out;
  for (const sigma::Diagnostic& d : diagnostics) out.push_back(d.to_string());
  return out;
}

std::string rule(std::string_view when, std::string_view more = "") {
  return "rules:\n  - id: r\n    action: block\n" + std::string(more) +
         "    when: " + std::string(when) + "\n";
}

// Events redact secrets, and a policy sees what an event shows.
TEST(Check, SecretsAreNotCompared) {
  EXPECT_THAT(findings(rule("{operation: RCreateServiceW, request.lpPassword: Winter2026}")),
              ElementsAre(HasSubstr("p.yml:4:40: warning: 'request.lpPassword' of RCreateServiceW "
                                    "is a secret: it is compared as events show it")));
  EXPECT_THAT(findings(rule("{operation: RCreateServiceW, request.lpPassword|contains: x}")),
              ElementsAre(HasSubstr("is a secret")));
  EXPECT_THAT(findings(rule("{operation: RCreateServiceW, request.lpPassword|exists: true}")),
              IsEmpty());
  EXPECT_THAT(findings(rule("{operation: RCreateServiceW, request.lpPassword: null}")), IsEmpty());
  EXPECT_THAT(
      findings(rule("{operation: RCreateServiceW, request.lpPassword|startswith: '<redacted'}")),
      IsEmpty());
  EXPECT_THAT(findings(rule("{operation: RCreateServiceW, request.lpServiceName: x}")), IsEmpty());
}

TEST(Check, GrammarSaysWhereAndWhatToDo) {
  EXPECT_THAT(
      findings("rulez: []"),
      ElementsAre(HasSubstr("p.yml:1:1: error: a policy has no 'rulez'; did you mean 'rules'?"),
                  HasSubstr("no 'rules'")));
  EXPECT_THAT(findings(""), ElementsAre(HasSubstr("the file is empty")));
  EXPECT_THAT(findings("- a"), ElementsAre(HasSubstr("a policy is a mapping")));
  EXPECT_THAT(findings("rules: [\n"), ElementsAre(HasSubstr("error: this is not valid YAML")));
  EXPECT_THAT(
      findings("mode: lern\nrules: []"),
      ElementsAre(HasSubstr(
          "p.yml:1:7: error: 'mode' is enforce or learn, not 'lern'; did you mean 'learn'?")));
  EXPECT_THAT(findings("default: deny\nrules: []"),
              ElementsAre(HasSubstr("'default' is allow, audit or block, not 'deny'")));
  EXPECT_THAT(findings("rules:\n  - {id: a, when: any}"),
              ElementsAre(HasSubstr("p.yml:2:5: error: the rule has no 'action'")));
  EXPECT_THAT(findings("rules:\n  - {id: a, action: block}"),
              ElementsAre(HasSubstr("'when: any' for all")));
  EXPECT_THAT(findings("rules:\n  - {id: a, action: allow, fault: 5, when: any}"),
              ElementsAre(HasSubstr("only a rule that blocks has a 'fault'")));
  EXPECT_THAT(findings("rules:\n  - {id: a, action: block, fault: 0, when: any}"),
              ElementsAre(HasSubstr("would tell the client that the call succeeded")));
  EXPECT_THAT(findings("rules:\n  - {id: a, action: block, expires: soon, when: any}"),
              ElementsAre(HasSubstr("p.yml:2:37: error: 'expires' is a date")));
  EXPECT_THAT(findings("rules:\n  - {id: a, action: block, when: any}\n  - {id: a, action: block, "
                       "when: {opnum: 1}}"),
              testing::Contains(HasSubstr("another rule has the id 'a'")));
  EXPECT_THAT(findings(rule("[words]")),
              ElementsAre(HasSubstr("name the field this text stands in")));
  EXPECT_THAT(findings(rule("{operation|contain: x}")),
              ElementsAre(HasSubstr("unknown modifier 'contain'; did you mean 'contains'?")));
  EXPECT_THAT(findings(rule("{request.FileName|expand: '%hosts%'}")),
              ElementsAre(HasSubstr("the placeholder %hosts% has no values")));
}

TEST(Check, FieldsExistBeforeTheCall) {
  EXPECT_THAT(
      findings(rule("{interface.nam: svcctl}")),
      ElementsAre(HasSubstr("p.yml:4:12: error: events have no field 'interface.nam'; did you "
                            "mean 'interface.name'?")));
  EXPECT_THAT(findings(rule("{pipe: x}")),
              ElementsAre(HasSubstr("did you mean 'transport.pipe'?")));
  EXPECT_THAT(findings(rule("{response.return.value: 0}")),
              ElementsAre(HasSubstr("is known only after the call")));
  EXPECT_THAT(findings(rule("{decode.status: sealed}")),
              ElementsAre(HasSubstr("use 'decode.request.status'")));
  EXPECT_THAT(findings(rule("{operation: RCreateServiceW, request.lpBinaryPath|contains: x}")),
              ElementsAre(HasSubstr("sends an argument 'lpBinaryPath'; did you mean "
                                    "'lpBinaryPathName'?")));
  EXPECT_THAT(findings(rule("{operation: RCreateServiceW, request.lpBinaryPathName|contains: x}")),
              IsEmpty());
  EXPECT_THAT(findings(rule("{user.groups: S-1-5-32-544, client.process|endswith: x}")), IsEmpty());
  EXPECT_THAT(findings(rule("{request.lpServiceName|fieldref: respons.x}")),
              ElementsAre(HasSubstr("events have no field 'respons.x'")));
}

TEST(Check, RulesThatNeverMatch) {
  EXPECT_THAT(
      findings(rule("{operation: RCreateServicW}")),
      ElementsAre(HasSubstr("never match: no operation that is known fits; 'RCreateServicW' "
                            "looks like 'CreateService")));
  EXPECT_THAT(findings(rule("{interface.name: winreg, operation: RCreateServiceW}")),
              ElementsAre(HasSubstr("never match")));
  EXPECT_THAT(findings(rule("{s: {transport.protocol: ncacn_np}, t: {transport.protocol: ncalrpc}, "
                            "condition: s and t}")),
              ElementsAre(HasSubstr("'transport.protocol' cannot be both")));
  EXPECT_THAT(findings(rule("{s: {user.name: x}, condition: s and not s}")),
              ElementsAre(HasSubstr("never match")));
  EXPECT_THAT(findings(rule("{user.name|all: [a, b]}")), IsEmpty());  // not judged
  EXPECT_THAT(findings(rule("{opnum: 1}", "    expires: 2020-01-01\n")),
              ElementsAre(HasSubstr("has expired")));
}

TEST(Check, ShadowedRules) {
  const auto two = [](std::string_view a, std::string_view b, std::string_view more = "") {
    return findings("rules:\n  - {id: a, action: allow, " + std::string(more) +
                    "when: " + std::string(a) +
                    "}\n  - {id: b, action: block, when: " + std::string(b) + "}\n");
  };
  const auto shadowed =
      ElementsAre(HasSubstr("p.yml:3:5: warning: this rule never decides: every call it matches is "
                            "decided by the rule 'a' (line 2) before it, with another action"));
  EXPECT_THAT(two("{interface.name: svcctl}", "{interface.name: svcctl, user.name: x}"), shadowed);
  EXPECT_THAT(two("{interface.name: svcctl}", "{operation: RCreateServiceW}"), shadowed);
  EXPECT_THAT(two("{interface.uuid: 367abb81-9844-35f1-ad32-98f038001003}",
                  "{interface.name: svcctl, opnum: 12}"),
              shadowed);
  EXPECT_THAT(two("{client.address|cidr: 10.0.0.0/8}", "{client.address|cidr: 10.1.0.0/16}"),
              shadowed);
  EXPECT_THAT(two("{client.address|cidr: 10.0.0.0/8}", "{client.address: 10.1.2.3}"), shadowed);
  EXPECT_THAT(two("{user.name|startswith: svc}", "{user.name: ['SVC-a', 'svc-b*']}"), shadowed);
  EXPECT_THAT(two("{user.name|contains: v}", "{user.name|endswith: 'av'}"), shadowed);
  EXPECT_THAT(two("{s: {user.name: x}, condition: not s}", "{user.name: [y, z]}"), shadowed);
  EXPECT_THAT(two("{user.name|exists: true}", "{user.name: y}"), shadowed);
  EXPECT_THAT(two("[{user.name: x}, {user.name: y}]", "[{user.name: y}, {user.name: x, opnum: 1}]"),
              shadowed);
  EXPECT_THAT(two("{opnum|gt: 3}", "{opnum: 4}"), shadowed);

  EXPECT_THAT(two("{interface.name: svcctl, user.name: x}", "{interface.name: svcctl}"), IsEmpty());
  EXPECT_THAT(two("{operation: RCreateServiceW}", "{interface.name: svcctl}"), IsEmpty());
  EXPECT_THAT(two("{user.name|startswith: svc}", "{user.name: ['svc-a', 'x']}"), IsEmpty());
  EXPECT_THAT(two("{user.name|cased: x}", "{user.name: x}"), IsEmpty());
  EXPECT_THAT(two("{user.name: 'a?'}", "{user.name: 'a*'}"), IsEmpty());
  EXPECT_THAT(two("{client.address|cidr: 10.1.0.0/16}", "{client.address|cidr: 10.0.0.0/8}"),
              IsEmpty());
  // One value of several may satisfy the one, another the other.
  EXPECT_THAT(two("{s: {user.groups: x}, condition: not s}", "{user.groups: y}"), IsEmpty());
  // A rule that learns, or expires before, leaves everything to the next.
  EXPECT_THAT(two("{interface.name: svcctl}", "{interface.name: svcctl}", "mode: learn, "),
              IsEmpty());
  EXPECT_THAT(two("{interface.name: svcctl}", "{interface.name: svcctl}", "expires: 2030-01-01, "),
              IsEmpty());
  EXPECT_THAT(
      findings("rules:\n  - {id: a, action: allow, when: any}\n  - {id: b, action: block, when: "
               "{opnum: 1}}\n"),
      ElementsAre(HasSubstr("the rules behind it are never reached")));
}

TEST(Check, BackslashesOfPaths) {
  EXPECT_THAT(findings(rule("{request.FileName|startswith: '\\\\fs1\\'}")),
              ElementsAre(HasSubstr("a UNC path begins with four")));
  EXPECT_THAT(findings(rule("{request.FileName|startswith: '\\\\\\\\fs1\\'}")), IsEmpty());
  EXPECT_THAT(findings(rule("{transport.pipe: '\\pipe\\x'}")), IsEmpty());
  EXPECT_THAT(findings(rule("{request.FileName: 'C:\\x\\*'}")),
              ElementsAre(HasSubstr("is a plain star")));
  EXPECT_THAT(findings(rule("{request.FileName: 'C:\\x\\\\*'}")), IsEmpty());
}

}  // namespace
}  // namespace rpcmarshal::policy
