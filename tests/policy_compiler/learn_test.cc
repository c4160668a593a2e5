// Proposed policies: they parse, and allow exactly what they were made from.
#include "policy/compiler/learn.h"

#include <gmock/gmock.h>

#include "policy/compiler/yaml_writer.h"
#include "run.h"
#include "sigma/yaml.h"

namespace rpcmarshal::policy {
namespace {

using testing::HasSubstr;
using testing::Not;

SeenCall call(std::string_view interface, std::string_view operation, std::string_view client,
              std::string_view user) {
  SeenCall out;
  out.interface = interface;
  out.uuid = "367abb81-9844-35f1-ad32-98f038001003";
  out.operation = operation;
  out.client = client;
  out.user = user;
  return out;
}

constexpr std::string_view kUuid = R"("interface":{"uuid":"367abb81-9844-35f1-ad32-98f038001003"})";

std::string event(std::string_view operation, std::string_view client, std::string_view user) {
  return "{\"sensor\":\"host\"," + std::string(kUuid) + ",\"operation\":\"" +
         std::string(operation) + "\",\"client\":{\"address\":\"" + std::string(client) +
         "\"},\"user\":{\"name\":\"" + std::string(user) + "\"}}";
}

TEST(Learn, AllowsWhatWasSeenAndNothingElse) {
  Learner learner;
  learner.add(call("svcctl", "ROpenServiceW", "10.0.0.1", "alice"));
  learner.add(call("svcctl", "ROpenSCManagerW", "10.0.0.2", "b*b"));
  const std::string text = learner.policy("monday");
  PolicyRun run(text);
  ASSERT_NE(run.policy, nullptr) << run.errors() << text;
  EXPECT_TRUE(run.policy->learn());
  EXPECT_EQ(run.policy->name(), "monday");
  EXPECT_EQ(run.say(event("ROpenServiceW", "10.0.0.1", "alice")), "allow by seen-1");
  EXPECT_EQ(run.say(event("ROpenServiceW", "10.0.0.2", "B*B")), "allow by seen-1");
  EXPECT_EQ(run.say(event("ROpenServiceW", "10.0.0.2", "bob")),
            "audit instead of block by default");
  EXPECT_EQ(run.say(event("RCreateServiceW", "10.0.0.1", "alice")),
            "audit instead of block by default");
  EXPECT_EQ(run.say(event("ROpenServiceW", "10.0.0.3", "alice")),
            "audit instead of block by default");
}

TEST(Learn, NotableOperationsHaveARuleWithTheirHosts) {
  Learner learner;
  SeenCall one = call("efsrpc", "EfsRpcOpenFileRaw", "10.0.0.1", "alice");
  one.notable = one.decoded = true;
  one.unc_hosts = {"fs2"};
  learner.add(one);
  one.operation = "EfsRpcCloseRaw";
  one.unc_hosts.clear();
  learner.add(one);
  PolicyRun run(learner.policy("x"));
  ASSERT_NE(run.policy, nullptr) << run.errors();
  const std::string rest = event("EfsRpcOpenFileRaw", "10.0.0.1", "alice");
  const auto with_host = [&](std::string_view host) {
    return rest.substr(0, rest.size() - 1) + ",\"request\":{\"FileName\":\"\\\\\\\\" +
           std::string(host) + "\\\\x\"},\"unc_hosts\":[\"" + std::string(host) + "\"]}";
  };
  EXPECT_EQ(run.say(with_host("FS2")), "allow by seen-2");
  EXPECT_EQ(run.say(with_host("evil")), "audit instead of block by default");
  EXPECT_EQ(run.say(event("EfsRpcCloseRaw", "10.0.0.1", "alice")), "allow by seen-1");
  // A host that was seen beside one that was not.
  EXPECT_EQ(
      run.say(rest.substr(0, rest.size() - 1) +
              R"(,"request":{"FileName":"\\\\fs2\\x \\\\evil\\y"},"unc_hosts":["fs2","evil"]})"),
      "audit instead of block by default");
  EXPECT_EQ(run.say(rest), "audit instead of block by default");
  // Seen with and without a host.
  one.operation = "EfsRpcOpenFileRaw";
  learner.add(one);
  PolicyRun both(learner.policy("x"));
  ASSERT_NE(both.policy, nullptr) << both.errors();
  EXPECT_EQ(both.say(with_host("FS2")), "allow by seen-2");
  EXPECT_EQ(both.say(with_host("evil")), "audit instead of block by default");
  EXPECT_EQ(both.say(rest), "allow by seen-2-no-host");
}

TEST(Learn, WhatIsMissingOrTooMuchIsNotAskedFor) {
  Learner learner;
  for (int i = 0; i < 30; ++i) {
    const std::string client = "10.0.0." + std::to_string(i);
    learner.add(call("svcctl", "ROpenServiceW", client, i == 3 ? "" : "alice"));
  }
  const std::string text = learner.policy("x");
  EXPECT_THAT(text, Not(HasSubstr("client.address")));
  EXPECT_THAT(text, Not(HasSubstr("user.name")));
  learner.add({});
  EXPECT_THAT(learner.policy("x"), HasSubstr("not known"));
}

TEST(Learn, NamesOfPeersAreNothingButText) {
  Learner learner;
  learner.add(call("x\n  - id: evil", "Op\n'\"%: #", "10.0.0.1", "a: 'b' \\* {x}"));
  SeenCall unnamed;
  unnamed.interface = "y";
  unnamed.opnum = "7";
  learner.add(unnamed);
  PolicyRun run(learner.policy("n\nrules: []"));
  ASSERT_NE(run.policy, nullptr) << run.errors() << learner.policy("n");
  EXPECT_EQ(run.policy->rule_count(), 2u);
  EXPECT_EQ(run.say(R"({"sensor":"host","interface":{"name":"Y"},"opnum":7})"), "allow by seen-2");
}

TEST(YamlText, ComesBackAsItWas) {
  for (const std::string text :
       {"plain", "yes",  "null",     "7",          "1.5", "",         " x",  "a: b", "#x",
        "it's",  "a\\b", "\t\n\x01", "'",          "-",   "*x",       "&y",  "!z",   "%w",
        "@",     "`",    "x #y",     "2026-11-21", "~",   "\xC3\xA4", "a,b", "[x]",  "{y}"}) {
    sigma::Diagnostics diagnostics;
    const auto documents = sigma::parse_yaml("k: " + yaml_text(text) + "\n", "t.yml", diagnostics);
    ASSERT_EQ(documents.size(), 1u) << text;
    EXPECT_TRUE(diagnostics.empty());
    EXPECT_EQ(documents[0].map.at(0).second.text, text);
    EXPECT_EQ(documents[0].map.at(0).second.kind, sigma::Yaml::Kind::kString) << text;
  }
}

}  // namespace
}  // namespace rpcmarshal::policy
