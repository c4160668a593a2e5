// What a policy decides: order, unknown, learning, expiry.
#include "run.h"

namespace rpcmarshal::policy {
namespace {

constexpr std::string_view kTwoRules = R"(
default: audit
rules:
  - {id: first, action: allow, when: {operation: A}}
  - {id: second, action: block, fault: 0x1c010002, when: {interface.name: x}}
  - {id: third, action: allow, when: {interface.name: x}}
)";

TEST(Decide, FirstMatchWins) {
  PolicyRun run(kTwoRules);
  EXPECT_EQ(run.say(R"({"interface":{"name":"x"},"operation":"A"})"), "allow by first");
  EXPECT_EQ(run.say(R"({"interface":{"name":"X"},"operation":"B"})"), "block by second");
  EXPECT_EQ(run.say(R"({"interface":{"name":"y"},"operation":"B"})"), "audit by default");
  EXPECT_EQ(run.decide(R"({"interface":{"name":"x"}})").fault_status, 0x1C010002u);
}

// Whatever the rules: the decision is that of the first that matches, or the default.
TEST(Decide, FirstMatchWinsForEveryOrder) {
  std::uint32_t seed = 7;
  const auto next = [&](std::uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % below;
  };
  static constexpr const char* kActions[] = {"allow", "audit", "block"};
  for (int round = 0; round < 300; ++round) {
    std::string yaml = "default: " + std::string(kActions[next(3)]) + "\nrules:\n";
    struct Rule {
      unsigned a, b, action;
    };
    std::vector<Rule> rules(1 + next(8));
    for (std::size_t i = 0; i < rules.size(); ++i) {
      rules[i] = {next(4), next(4), next(3)};
      yaml +=
          "  - {id: r" + std::to_string(i) + ", action: " + kActions[rules[i].action] + ", when: {";
      if (rules[i].a < 3) yaml += "a: " + std::to_string(rules[i].a) + ", ";
      yaml += rules[i].b < 3 ? "b: " + std::to_string(rules[i].b) : "c: null";
      yaml += "}}\n";
    }
    PolicyRun run(yaml);
    ASSERT_NE(run.policy, nullptr) << run.errors();
    for (unsigned a = 0; a < 3; ++a) {
      for (unsigned b = 0; b < 3; ++b) {
        std::uint32_t expected = Decision::kNoRule;
        for (std::size_t i = 0; i < rules.size() && expected == Decision::kNoRule; ++i) {
          if ((rules[i].a == 3 || rules[i].a == a) && (rules[i].b == 3 || rules[i].b == b))
            expected = static_cast<std::uint32_t>(i);
        }
        const Decision d =
            run.decide("{\"a\":" + std::to_string(a) + ",\"b\":\"" + std::to_string(b) + "\"}");
        EXPECT_EQ(d.rule, expected) << yaml;
        EXPECT_EQ(d.action, expected == Decision::kNoRule
                                ? run.policy->default_action()
                                : static_cast<Action>(rules[expected].action));
      }
    }
  }
}

constexpr std::string_view kUndecoded =
    R"("decode":{"request":{"status":"partial"}},"interface":{"name":"efsrpc"})";

TEST(Decide, AnUndecodedArgumentNeverBlocksByAccident) {
  // Block what is not on the list: not known whether it is.
  PolicyRun run(R"(
rules:
  - {id: listed, action: allow, when: {interface.name: efsrpc, request.FileName|startswith: '\\\\fs1\'}}
  - {id: others, action: block, when: {interface.name: efsrpc}}
)");
  EXPECT_EQ(run.say("{" + std::string(kUndecoded) + "}"),
            "audit by listed (unknown request.FileName)");
  // What was decoded before the damage still counts.
  EXPECT_EQ(run.say("{" + std::string(kUndecoded) + R"(,"request":{"FileName":"\\\\fs1\\x"}})"),
            "allow by listed");
  EXPECT_EQ(run.say(R"({"interface":{"name":"efsrpc"},"request":{"FileName":"\\\\evil\\x"}})"),
            "block by others");
  // The other way round: block what is on the list.
  PolicyRun other(R"(
unknown: block
rules:
  - {id: listed, action: block, fault: 1722, when: {interface.name: efsrpc, request.FileName|startswith: '\\\\fs1\'}}
)");
  EXPECT_EQ(other.say("{" + std::string(kUndecoded) + "}"),
            "block by listed (unknown request.FileName)");
  EXPECT_EQ(other.decide("{" + std::string(kUndecoded) + "}").fault_status, 1722u);
  // Calls the rule is not for are not touched by what it asks of arguments.
  EXPECT_EQ(other.say(R"({"decode":{"request":{"status":"partial"}},"interface":{"name":"x"}})"),
            "allow by default");
}

TEST(Decide, UnknownThatMakesNoDifferenceIsNone) {
  PolicyRun run(R"(
unknown: block
rules:
  - {id: a, action: allow, when: {request.x: 1}}
  - {id: b, action: audit, when: {interface.name: efsrpc}}
  - {id: c, action: block, when: any}
)");
  EXPECT_EQ(run.say("{" + std::string(kUndecoded) + "}"), "audit by b");
}

TEST(Decide, ARuleSaysWhatUnknownMeans) {
  PolicyRun match("rules:\n  - {id: a, action: block, unknown: match, when: {request.x: 1}}\n");
  EXPECT_EQ(match.say("{" + std::string(kUndecoded) + "}"), "block by a (unknown request.x)");
  EXPECT_EQ(match.say(R"({"request":{"x":2}})"), "allow by default");
  PolicyRun no_match(
      "rules:\n  - {id: a, action: block, unknown: no_match, when: {request.x: 1}}\n");
  EXPECT_EQ(no_match.say("{" + std::string(kUndecoded) + "}"), "allow by default");
}

// "evil\0.ok" ends with ".ok" for a server that counts, and is "evil" for one that does not.
TEST(Decide, WhatIsTrueOfOneReadingOnlyIsUnknown) {
  PolicyRun run(R"(
rules:
  - {id: suffix, action: block, when: {request.f|endswith: .ok}}
  - {id: word, action: block, when: {request.f: evil}}
  - {id: prefix, action: block, when: {request.f|startswith: ev}}
  - {id: same, action: block, when: {request.f|fieldref: request.g}}
)");
  const auto say = [&](std::string_view f) {
    return run.say(R"({"request":{"f":")" + std::string(f) + R"(","g":"x"}})");
  };
  EXPECT_EQ(say("evil"), "block by word");
  EXPECT_EQ(say("a.ok"), "block by suffix");
  EXPECT_EQ(say(R"(a.ok\u0000)"), "audit by suffix (unknown request.f)");
  EXPECT_EQ(say(R"(a\u0000b.ok)"), "audit by suffix (unknown request.f)");
  EXPECT_EQ(say(R"(every\u0000thing)"), "block by prefix") << "either way";
  EXPECT_EQ(say(R"(x\u0000)"), "audit by same (unknown request.f)");
  EXPECT_EQ(say("other"), "allow by default");
}

TEST(Decide, NotUnknownIsUnknown) {
  PolicyRun run(R"(
rules:
  - id: a
    action: block
    when: {s: {interface.name: efsrpc}, f: {request.FileName|contains: ok}, condition: s and not f}
)");
  EXPECT_EQ(run.say("{" + std::string(kUndecoded) + "}"), "audit by a (unknown request.FileName)");
  EXPECT_EQ(run.say(R"({"interface":{"name":"efsrpc"},"request":{"FileName":"x"}})"), "block by a");
  EXPECT_EQ(run.say(R"({"interface":{"name":"efsrpc"},"request":{"FileName":"ok"}})"),
            "allow by default");
}

TEST(Decide, LearnModeBlocksNothing) {
  PolicyRun run("mode: learn\nrules:\n  - {id: a, action: block, when: any}\n");
  EXPECT_EQ(run.say("{}"), "audit instead of block by a");
  // A rule that learns is reported, and the others decide.
  PolicyRun one(R"(
rules:
  - {id: trial, action: block, mode: learn, when: {a: 1}}
  - {id: real, action: block, when: {b: 1}}
)");
  EXPECT_EQ(one.say(R"({"a":1})"), "audit by default learning trial");
  EXPECT_EQ(one.say(R"({"a":1,"b":1})"), "block by real learning trial");
}

TEST(Decide, RulesExpire) {
  PolicyRun run("rules:\n  - {id: a, action: block, expires: 2026-12-31, when: any}\n");
  EXPECT_EQ(run.say("{}", 1798761599), "block by a");  // 2026-12-31T23:59:59Z
  EXPECT_EQ(run.say("{}", 1798761600), "allow by default");
  EXPECT_EQ(parse_expiry("2026-12-31T18:00:00Z"), 1798740000);
  EXPECT_EQ(parse_expiry("soon"), std::nullopt);
  EXPECT_EQ(parse_expiry("2026-13-01"), std::nullopt);
}

TEST(Decide, FaultsHaveNames) {
  EXPECT_EQ(parse_fault("5"), 5u);
  EXPECT_EQ(parse_fault("0x1C010003"), 0x1C010003u);
  EXPECT_EQ(parse_fault("access_denied"), 5u);
  EXPECT_EQ(parse_fault("ERROR_ACCESS_DENIED"), 5u);
  EXPECT_EQ(parse_fault("nca_s_unk_if"), 0x1C010003u);
  EXPECT_EQ(parse_fault("nonsense"), std::nullopt);
  EXPECT_EQ(parse_fault(""), std::nullopt);
}

// A set of values is searched as a set, and means what the list means.
TEST(Decide, LongLists) {
  std::string yaml = "rules:\n  - {id: a, action: block, when: {operation: [";
  for (int i = 0; i < 500; ++i) yaml += "Op" + std::to_string(i) + ", ";
  PolicyRun run(yaml + "'x*', 17]}}\n");
  EXPECT_EQ(run.say(R"({"operation":"oP499"})"), "block by a");
  EXPECT_EQ(run.say(R"({"operation":"Op0"})"), "block by a");
  EXPECT_EQ(run.say(R"({"operation":17})"), "block by a");
  EXPECT_EQ(run.say(R"({"operation":"XYZ"})"), "block by a");
  EXPECT_EQ(run.say(R"({"operation":"Op500"})"), "allow by default");
  EXPECT_EQ(run.say(R"({})"), "allow by default");
}

TEST(Decide, EveryValue) {
  PolicyRun run(R"(
values: {hosts: [fs1, 'fs2*']}
default: block
rules:
  - {id: learn, action: allow, mode: learn, when: {unc_hosts|every|expand: '%hosts%', extra|every|neq: x}}
  - {id: listed, action: allow, when: {unc_hosts|expand|every: '%hosts%'}}
  - {id: number, action: allow, when: {n|every|gt: 3}}
  - {id: none, action: allow, when: {unc_hosts: null, n: null}}
)");
  const auto hosts = [&](std::string_view list, std::string_view more = "") {
    return run.say(R"({"request":{"x":"fs1 FS2b evil"},"unc_hosts":[)" + std::string(list) + "]" +
                   std::string(more) + "}");
  };
  EXPECT_EQ(hosts(R"("fs1")"), "audit by listed learning learn");
  EXPECT_EQ(hosts(R"("fs1")", R"(,"extra":["x","x"])"), "allow by listed");
  EXPECT_EQ(hosts(R"("fs1")", R"(,"extra":["x","y"])"), "audit by listed learning learn");
  EXPECT_EQ(hosts(R"("FS1","FS2b")", R"(,"extra":"x")"), "allow by listed");
  EXPECT_EQ(hosts(R"("fs1","evil")"), "block by default");
  EXPECT_EQ(hosts(R"("evil","fs1")"), "block by default");
  EXPECT_EQ(hosts(""), "allow by none");
  EXPECT_EQ(run.say(R"({"n":[4,5]})"), "allow by number");
  EXPECT_EQ(run.say(R"({"n":[4,3]})"), "block by default");
  // What is not known may be another value; one that is known not to match decides.
  constexpr std::string_view kPart = R"(,"decode":{"request":{"status":"partial"}})";
  EXPECT_EQ(hosts(R"("fs1")", kPart), "audit by listed (unknown unc_hosts)");
  EXPECT_EQ(hosts(R"("evil")", kPart), "block by default");
  EXPECT_EQ(hosts(R"("fs1\u0000x")"), "audit by listed (unknown unc_hosts)");
}

TEST(Decide, EveryGoesWithValuesOnly) {
  for (const char* when : {"{a|every|all: [x, y]}", "{a|every|exists: true}", "{a|every: null}",
                           "{a|every|fieldref: b}"}) {
    const PolicyRun run("rules:\n  - {id: r, action: block, when: " + std::string(when) + "}\n");
    EXPECT_EQ(run.policy, nullptr) << when;
    EXPECT_NE(run.errors().find("p.yml:2:"), std::string::npos) << run.errors();
    EXPECT_NE(run.errors().find("'every'"), std::string::npos) << run.errors();
  }
  EXPECT_EQ(PolicyRun("rules:\n  - {id: r, action: block, when: {a|everything: 1}}\n").policy,
            nullptr);
}

// With one value `every` is what it is without; in general, what Sigma's words mean taken one by
// one.
TEST(Decide, EveryForRandomValues) {
  std::uint32_t seed = 11;
  const auto next = [&](std::uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % below;
  };
  static constexpr const char* kValues[] = {"a", "ab", "b", "abc", "c"};
  static constexpr const char* kHow[] = {"", "|contains", "|startswith", "|endswith"};
  for (int round = 0; round < 300; ++round) {
    std::string list;
    for (std::uint32_t i = 0, n = 1 + next(3); i < n; ++i)
      list += std::string(i ? ", " : "") + kValues[next(5)];
    const std::string how = kHow[next(4)];
    PolicyRun every("rules:\n  - {id: r, action: block, when: {f|every" + how + ": [" + list +
                    "]}}\n");
    PolicyRun some("rules:\n  - {id: r, action: block, when: {f" + how + ": [" + list + "]}}\n");
    std::string values;
    bool expected = true;
    for (std::uint32_t i = 0, n = 1 + next(4); i < n; ++i) {
      const std::string one = "\"" + std::string(kValues[next(5)]) + "\"";
      values += (i ? "," : "") + one;
      expected = expected && some.decide("{\"f\":" + one + "}").action == Action::kBlock;
    }
    EXPECT_EQ(every.decide("{\"f\":[" + values + "]}").action == Action::kBlock, expected)
        << how << list << " of " << values;
  }
}

TEST(Decide, ValuesAreNamedOnce) {
  PolicyRun run(R"(
values: {servers: ['\\\\fs1\', '\\\\fs2\']}
rules:
  - {id: a, action: block, when: {request.f|expand|startswith: '%servers%'}}
)");
  EXPECT_EQ(run.say(R"({"request":{"f":"\\\\FS2\\x"}})"), "block by a");
  EXPECT_EQ(run.say(R"({"request":{"f":"\\\\FS3\\x"}})"), "allow by default");
}

}  // namespace
}  // namespace rpcmarshal::policy
