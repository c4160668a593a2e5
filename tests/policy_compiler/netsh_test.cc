// Rules as native RPC filters: what is exported, and what is not, and why.
#include "policy/compiler/netsh.h"

#include <gmock/gmock.h>

#include "catalogue.h"
#include "run.h"

namespace rpcmarshal::policy {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

NetshExport exported(std::string_view yaml, bool by_opnum = false) {
  PolicyModel model;
  sigma::Diagnostics diagnostics;
  EXPECT_TRUE(parse_policy(yaml, "p.yml", model, diagnostics));
  for (const sigma::Diagnostic& d : diagnostics) ADD_FAILURE() << d.to_string();
  return export_netsh(model, operations(), by_opnum, 1'800'000'000);
}
std::string why(std::string_view when, std::string_view more = "") {
  const NetshExport result = exported("rules:\n  - {id: r, action: block, " + std::string(more) +
                                      "when: " + std::string(when) + "}\n");
  return result.refused.empty() ? "" : result.refused[0].why;
}

constexpr std::string_view kSvcctl = "367abb81-9844-35f1-ad32-98f038001003";

TEST(Netsh, WritesFilters) {
  const NetshExport result = exported(R"(
policy: Services
rules:
  - id: admins
    action: allow
    when: {interface.name: svcctl, user.groups: S-1-5-32-544, user.level: privacy}
  - id: others
    action: block
    reason: Not an administrator
    when: {interface.name: svcctl}
)");
  EXPECT_THAT(result.refused, IsEmpty());
  EXPECT_EQ(result.exported, 2u);
  EXPECT_THAT(result.script, HasSubstr("rpc filter\n"));
  EXPECT_THAT(result.script,
              HasSubstr("add rule layer=um actiontype=permit\n"
                        "add condition field=if_uuid matchtype=equal data=" +
                        std::string(kSvcctl) +
                        "\nadd condition field=remote_user_token matchtype=equal "
                        "data=D:(A;;CC;;;S-1-5-32-544)\n"
                        "add condition field=auth_level matchtype=equal data=6\nadd filter\n"));
  EXPECT_THAT(result.script, HasSubstr("# others: Not an administrator\n"
                                       "add rule layer=um actiontype=block\n"
                                       "add condition field=if_uuid matchtype=equal data=" +
                                       std::string(kSvcctl) + "\nadd filter\n"));
  EXPECT_THAT(result.script, testing::EndsWith("quit\n"));
}

TEST(Netsh, OperationsNeedTheWindowsThatFiltersByThem) {
  const char* yaml = "rules:\n  - {id: r, action: block, when: {operation: RCreateServiceW}}\n";
  EXPECT_THAT(exported(yaml).refused.at(0).why, HasSubstr("24H2"));
  const NetshExport result = exported(yaml, true);
  EXPECT_THAT(result.refused, IsEmpty());
  EXPECT_THAT(result.script, HasSubstr("add condition field=opnum matchtype=equal data=12\n"));
  EXPECT_THAT(result.script, HasSubstr("Windows Server 2025 and later ONLY"));
}

TEST(Netsh, AddressesProtocolsAndPipes) {
  const NetshExport result = exported(R"(
rules:
  - id: r
    action: audit
    when: {interface.uuid: 367abb81-9844-35f1-ad32-98f038001003, client.address: [10.0.0.1, 10.0.0.2], transport.protocol: ncacn_ip_tcp}
  - id: s
    action: block
    when: {interface.name: eventlog, transport.pipe: '\pipe\eventlog'}
)");
  EXPECT_THAT(result.refused, IsEmpty());
  EXPECT_THAT(result.script, HasSubstr("actiontype=permit audit=enable\n"));
  EXPECT_THAT(result.script, HasSubstr("field=remote_addr_v4 matchtype=equal data=10.0.0.1\n"
                                       "add condition field=remote_addr_v4 matchtype=equal "
                                       "data=10.0.0.2\n"));
  EXPECT_THAT(result.script, HasSubstr("field=protocol matchtype=equal data=ncacn_ip_tcp\n"));
  EXPECT_THAT(result.script, HasSubstr("field=pipe matchtype=equal data=\\pipe\\eventlog\n"));
}

TEST(Netsh, CallsFromOtherMachinesOnly) {
  const NetshExport result = exported(
      "rules:\n  - {id: r, action: block, when: {interface.name: svcctl, "
      "transport.protocol|neq: ncalrpc}}\n");
  EXPECT_THAT(result.refused, IsEmpty());
  EXPECT_THAT(
      result.script,
      HasSubstr("add condition field=protocol matchtype=equal data=ncacn_ip_tcp\n"
                "add condition field=protocol matchtype=equal data=ncacn_np\n"
                "add condition field=protocol matchtype=equal data=ncacn_http\nadd filter"));
}

TEST(Netsh, SaysWhatCannotBeExported) {
  EXPECT_EQ(why("{interface.name: svcctl}"), "");
  EXPECT_THAT(why("{interface.name: svcctl, request.lpServiceName: x}"),
              HasSubstr("'request.lpServiceName' has no filter condition"));
  EXPECT_THAT(why("{interface.name: svcctl, user.name: x}"), HasSubstr("by SID only"));
  EXPECT_THAT(why("{interface.name: svcctl, client.address|cidr: 10.0.0.0/8}"),
              HasSubstr("networks in RPC filters match nothing"));
  EXPECT_THAT(why("{user.sid: S-1-5-18}"), HasSubstr("names no interface"));
  EXPECT_THAT(why("any"), HasSubstr("every call"));
  EXPECT_THAT(why("{s: {interface.name: svcctl}, t: {user.sid: S-1-5-18}, condition: s and not t}"),
              HasSubstr("'not user.sid'"));
  EXPECT_THAT(why("{interface.name: svcctl}", "mode: learn, "), HasSubstr("learn mode"));
  EXPECT_THAT(why("{interface.name: svcctl}", "expires: 2030-01-01, "), HasSubstr("it expires"));
  EXPECT_THAT(why("{interface.name: svcctl, user.groups: 'S-1-5-21-*-512'}"),
              HasSubstr("with wildcards"));
  EXPECT_THAT(exported("default: block\nrules: []\n").refused.at(0).why,
              HasSubstr("cut the machine off"));
}

// A filter that blocks what an earlier rule, which cannot be exported, allows would be wrong.
TEST(Netsh, OrderIsKeptOrRefused) {
  const NetshExport result = exported(R"(
rules:
  - {id: exception, action: allow, when: {interface.name: svcctl, request.lpServiceName: x}}
  - {id: others, action: block, when: {interface.name: svcctl}}
  - {id: elsewhere, action: block, when: {interface.name: winreg}}
)");
  ASSERT_EQ(result.refused.size(), 2u);
  EXPECT_THAT(result.refused[1].why, HasSubstr("'exception' before it decides some of its calls"));
  EXPECT_EQ(result.exported, 1u);
  const NetshExport equal = exported(R"(
rules:
  - {id: a, action: allow, when: {interface.name: svcctl, user.sid: S-1-5-18}}
  - {id: b, action: block, when: {interface.name: svcctl, transport.protocol: ncacn_np}}
)");
  ASSERT_EQ(equal.refused.size(), 1u);
  EXPECT_THAT(equal.refused[0].why, HasSubstr("prefers the filter with more conditions"));
}

TEST(Netsh, NothingInNamesReachesTheShell) {
  const NetshExport result = exported(
      "policy: \"x\\nquit\"\nrules:\n  - {id: \"a\\nadd rule\", action: block, when: "
      "{interface.name: svcctl}}\n");
  EXPECT_THAT(result.script, Not(HasSubstr("\nadd rule\n")));
}

}  // namespace
}  // namespace rpcmarshal::policy
