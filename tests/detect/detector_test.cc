#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "detect/run.h"
#include "live/workers.h"
#include "logs/json.h"
#include "logs/sources.h"

namespace rpcmarshal::detect {
namespace {

/// A rule's title, and what it matched.
template <typename Matched>
std::string finding(std::string_view title, const Matched& matched) {
  std::string out(title);
  for (const auto& m : matched) out += "; " + std::string(m.field) + '=' + m.value;
  return out;
}

/// What rules say of an event when every one of them is tried.
class TriesAll {
 public:
  explicit TriesAll(Rules& rules)
      : rules_(rules), matcher_(rules.engine()), derived_(rules.derived()) {}

  std::set<std::string> findings(const Event& event) {
    text_.clear();
    EventJson().append(text_, event);
    const std::size_t size = text_.size();
    text_.append(logs::JsonDocument::kPadding, ' ');
    if (!document_.parse(std::string_view(text_).substr(0, size))) return {"no JSON"};
    document_.fill(rules_.fields(), fields_, true);
    derived_.add(fields_);
    std::set<std::string> out;
    for (const std::uint32_t rule :
         matcher_.match(rules_.engine().plan(logs::own_sources()), fields_)) {
      if (!rules_.correlator().silent(rule)) {
        out.insert(finding(rules_.engine().program().rules[rule].rule->about.title,
                           matcher_.explain(rule)));
      }
    }
    return out;
  }

 private:
  Rules& rules_;
  sigma::Matcher matcher_;
  logs::DerivedFields derived_;
  logs::JsonDocument document_;
  sigma::EventFields fields_;
  std::string text_;
};

std::set<std::string> findings(std::span<const Alert> alerts) {
  std::set<std::string> out;
  for (const Alert& alert : alerts) out.insert(finding(alert.title, alert.matched));
  return out;
}

// The way to the rules that may match must not lose one: on every event of every capture the same
// is found, for the same reasons, as when all are tried.
void expect_routes_lose_nothing(const RuleOptions& options, std::size_t at_least) {
  LoadedRules loaded(options, catalogue(), 1);
  ASSERT_EQ(loaded.rules.error(), "");
  TriesAll all(loaded.rules);
  Detector detector(loaded.rules, loaded.correlations);
  std::size_t found = 0;
  for (const std::string& capture : captures()) {
    for_each_event(capture, [&](const Event& event) {
      const std::set<std::string> expected = all.findings(event);
      ASSERT_EQ(findings(detector.event(event)), expected) << capture << " event " << event.id;
      found += expected.size();
    });
  }
  EXPECT_GE(found, at_least);
}

TEST(Route, LosesNothingOfOurRules) { expect_routes_lose_nothing(own_rules(), 200); }

TEST(Route, LosesNothingWhereRulesAskForWhatIsNotThere) {
  const RuleFile file(R"(
title: no handle
logsource: {product: rpcmarshal}
detection: {s: {handles: null, operation|contains: Open}, condition: s}
---
title: argument is not there
logsource: {product: rpcmarshal}
detection: {s: {request.lpServiceName: null, interface.name: svcctl}, condition: s}
---
title: argument is there
logsource: {product: rpcmarshal}
detection: {s: {request.lpServiceName|exists: true}, condition: s}
---
title: result
logsource: {product: rpcmarshal}
detection: {s: {response.return.name|startswith: ERROR_}, condition: s}
---
title: not this
logsource: {product: rpcmarshal}
detection: {s: {interface.name: [svcctl, winreg]}, condition: not s}
---
title: not without UNC
logsource: {product: rpcmarshal}
detection: {s: {unc_hosts: null}, condition: not s}
---
title: word
logsource: {product: rpcmarshal}
detection: {s: [svcctl, SAM], condition: s}
---
title: by number
logsource: {product: rpc_firewall, category: application}
detection:
  s: {EventLog: RPCFW, EventID: 3, InterfaceUuid: 367abb81-9844-35f1-ad32-98f038001003, OpNum: [12, 24]}
  condition: s
---
title: by number compared
logsource: {product: rpcmarshal}
detection: {s: {opnum|gte: 20, interface.uuid|startswith: 367ABB81}, condition: s}
---
title: Zeek's name
logsource: {product: zeek, service: dce_rpc}
detection: {s: {endpoint: svcctl, operation: CreateServiceW}, condition: s}
---
title: one field as another
logsource: {product: rpcmarshal}
detection: {s: {interface.name|fieldref: endpoint}, condition: s}
---
title: outcomes
logsource: {product: rpcmarshal}
detection: {s: {outcome|re: '^(denied|fault)$'}, f: {fault.name|contains: access}, condition: s or f}
---
title: WMI
logsource: {product: rpcmarshal}
detection: {s: {wmi.class|contains: Process}, t: {dcom.class|contains: W}, d: {details|exists: true}, condition: 1 of them}
)");
  expect_routes_lose_nothing(file.options(), 200);
}

// Without keywords, for which every value is looked at: what is left of rules is all there is.
TEST(Route, LosesNothingOfWhatIsLeftOfRules) {
  const RuleFile file(R"(
title: denied
logsource: {product: rpcmarshal}
detection: {s: {response.return.name|contains: DENIED}, f: {outcome: fault}, condition: s or f}
---
title: no such thing
logsource: {product: rpcmarshal}
detection: {s: {response.return.name|endswith: _NOT_FOUND, response.return.value|gt: 1}, condition: s}
---
title: more data
logsource: {product: rpcmarshal}
detection: {s: {response.return.value: [234, 259, 261]}, condition: s}
---
title: one of two
logsource: {product: rpcmarshal}
detection:
  a: {interface.name: [svcctl, winreg]}
  b: {handles.name|contains: a}
  c: {client.port|gt: 1}
  condition: (a or b) and c
---
title: not from here
logsource: {product: rpcmarshal}
detection:
  s: {operation|startswith: R, request.lpServiceName|contains: e}
  f: {client.address|cidr: 10.0.0.0/8}
  condition: s and not f
---
title: task
logsource: {product: rpcmarshal}
detection: {s: {details.task.command_lines|exists: true}, condition: s}
---
title: no task
logsource: {product: rpcmarshal}
detection: {s: {details.task.command_lines: null, details|exists: true}, condition: s}
---
title: header and body
logsource: {product: rpcmarshal}
detection: {s: {transport.pipe|contains: c, outcome: returned}, t: {opnum: 0, decode.status: complete}, condition: 1 of them}
)");
  expect_routes_lose_nothing(file.options(), 200);
}

TEST(Route, LosesNothingOfTheReturnedStatus) {
  const RuleFile file(R"(
title: without a name
logsource: {product: rpcmarshal}
detection: {s: {response.return.name: null}, condition: s}
---
title: fails
logsource: {product: rpcmarshal}
detection: {s: {response.return.name|exists: true}, t: {response.return.value: 0}, condition: s and not t}
---
title: as itself
logsource: {product: rpcmarshal}
detection: {s: {response.return.name|fieldref: response.return.name}, condition: s}
)");
  expect_routes_lose_nothing(file.options(), 200);
}

const char kCounted[] = R"(
title: any call
name: any
logsource: {product: rpcmarshal}
detection: {s: {outcome: returned}, condition: s}
---
title: three calls of a client
correlation: {type: event_count, rules: [any], group-by: [client.address, server.address], timespan: 1m, condition: {gte: 3}}
---
title: open, then close
correlation: {type: temporal_ordered, rules: [opened, closed], group-by: [client.address], timespan: 5m}
---
title: opened
name: opened
logsource: {product: rpcmarshal}
detection: {s: {operation|contains: Open}, condition: s}
---
title: closed
name: closed
logsource: {product: rpcmarshal}
detection: {s: {operation|contains: Close}, condition: s}
---
title: few
correlation: {type: event_count, rules: [opened], group-by: [client.address], timespan: 10s, condition: {lt: 3}}
---
title: many targets
correlation: {type: value_count, rules: [any], group-by: [client.address], timespan: 1h, condition: {gte: 2, field: server.address}}
)";

/// Correlations that fire on all captures one after the other, as lines, with `workers` threads.
std::vector<std::string> fired(const RuleOptions& options, int workers) {
  auto loaded = std::make_shared<LoadedRules>(options, catalogue(), workers);
  EXPECT_EQ(loaded->rules.error(), "");
  EXPECT_TRUE(loaded->rules.diagnostics().empty());
  LiveRules rules(loaded);
  WorkerOptions worker_options;
  worker_options.workers = workers;
  worker_options.wait = true;
  worker_options.rules = &rules;
  std::string out;
  Workers pool(catalogue(), std::move(worker_options), [&](std::string_view text) { out += text; });
  for (const std::string& capture : captures()) {
    auto opened = CaptureFile::open(capture);
    if (!opened.file) continue;
    RawPacket packet;
    while (opened.file->next(packet)) pool.packet(packet);
  }
  pool.finish();
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < out.size();) {
    const std::size_t end = out.find('\n', at);
    const std::string line = out.substr(at, end - at);
    if (line.find("\"kind\":\"alert\"") != std::string::npos) lines.push_back(line);
    at = end + 1;
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST(Correlations, AreTheSameWithAnyNumberOfWorkers) {
  const RuleFile file(kCounted);
  const std::vector<std::string> alone = fired(file.options(), 1);
  std::map<std::string, int> kinds;
  for (const std::string& line : alone) {
    for (const char* title : {"three calls", "open, then", "few", "many targets"})
      kinds[title] += line.find(title) != std::string::npos ? 1 : 0;
  }
  for (const auto& [title, count] : kinds) EXPECT_GT(count, 0) << title;
  for (const int workers : {2, 3, 7}) EXPECT_EQ(fired(file.options(), workers), alone) << workers;
}

TEST(Correlations, OfThreadsAreTakenInTheOrderOfPackets) {
  const RuleFile file(kCounted);
  LoadedRules loaded(file.options(), catalogue(), 2);
  std::uint32_t opened = 0, closed = 0;
  const auto& program = loaded.rules.engine().program();
  for (std::uint32_t i = 0; i < program.rules.size(); ++i) {
    if (program.rules[i].rule->about.title == "opened") opened = i;
    if (program.rules[i].rule->about.title == "closed") closed = i;
  }
  const sigma::FieldId client = loaded.rules.fields().find("client.address");
  const auto seen = [&](std::uint64_t place, std::uint32_t rule) {
    Observation out{place, static_cast<std::int64_t>(place) * 1'000'000'000, {rule}, {}};
    out.values.add_copy(client, "10.0.0.1");
    return out;
  };
  std::vector<sigma::CorrelationMatch> out;
  // The thread with the later packet is faster.
  loaded.correlations.add(seen(20, closed), out);
  loaded.correlations.progress(1, 30, 0, out);
  EXPECT_TRUE(out.empty());
  loaded.correlations.add(seen(10, opened), out);
  EXPECT_TRUE(out.empty()) << "the first thread may still find something earlier";
  loaded.correlations.progress(0, 30, 0, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].correlation->about.title, "open, then close");
}

TEST(LiveRules, AreReplacedBetweenEvents) {
  const RuleFile file(
      "title: one\nlogsource: {product: rpcmarshal}\ndetection: {s: {outcome: returned}, "
      "condition: s}\n");
  const auto load = [&] { return std::make_shared<LoadedRules>(file.options(), catalogue(), 1); };
  LiveRules rules(load());
  LiveDetector detector(&rules, 0, true, true);
  std::vector<std::string> found;
  for_each_event(RPCM_SOURCE_DIR "/tests/captures/svcctl_smb2.pcap", [&](const Event& event) {
    const EventFindings findings = detector.event(event);
    for (const Alert& alert : findings.alerts) found.emplace_back(alert.title);
    EXPECT_EQ(findings.json.empty(), findings.alerts.empty());
    if (found.size() == 2) {
      file.write(
          "title: two\nlogsource: {product: rpcmarshal}\ndetection: {s: {outcome: returned}, "
          "condition: s}\n");
      rules.replace(load());
    }
  });
  ASSERT_GT(found.size(), 3u);
  EXPECT_EQ(found[1], "one");
  EXPECT_EQ(found[2], "two");
  EXPECT_EQ(rules.alerts_by_level()[2], found.size()) << "no level counts as medium";
  EXPECT_EQ(std::ranges::count(detector.records(), '\n'), static_cast<long>(found.size()));
  EXPECT_NE(detector.records().find("\"event\":{\"ts\""), std::string::npos);
}

TEST(LiveRules, CorrelationsGoOnWithNewRules) {
  const std::string counted = std::string(kCounted) +
                              "---\ntitle: many\ncorrelation: {type: event_count, rules: [opened], "
                              "timespan: 60s, condition: "
                              "{gte: 2}}\n";
  const RuleFile file(counted);
  const auto load = [&] { return std::make_shared<LoadedRules>(file.options(), catalogue(), 2); };
  const auto first = load();
  file.write(
      "title: new\nlogsource: {product: rpcmarshal}\ndetection: {s: {x: y}, condition: s}\n"
      "---\n" +
      counted);
  const auto next = load();
  const auto rule = [](LoadedRules& loaded) {
    const auto& rules = loaded.rules.engine().program().rules;
    std::uint32_t out = 0;
    while (rules[out].rule->about.title != "opened") ++out;
    return out;
  };
  ASSERT_NE(rule(*first), rule(*next));
  const auto seen = [&](LoadedRules& loaded, std::uint64_t place) {
    return Observation{place, static_cast<std::int64_t>(place) * 1'000'000'000, {rule(loaded)}, {}};
  };
  const auto titles = [](const std::vector<sigma::CorrelationMatch>& matches) {
    std::vector<std::string> out;
    for (const auto& match : matches) {
      if (match.correlation->about.title == "many") out.emplace_back("many");
    }
    return out;
  };
  LiveRules rules(first);
  std::vector<sigma::CorrelationMatch> out;
  first->correlations.add(seen(*first, 10), out);
  first->correlations.progress(0, 15, 0, out);
  first->correlations.progress(1, 15, 0, out);     // counted
  first->correlations.add(seen(*first, 20), out);  // waits
  rules.replace(next);
  // One thread has the new rules, the other not yet.
  next->correlations.progress(0, 30, 0, out);
  EXPECT_TRUE(titles(out).empty());
  first->correlations.progress(1, 30, 0, out);
  EXPECT_EQ(titles(out).size(), 1u)
      << "one was counted, one waited, before the rules were replaced";
  out.clear();
  next->correlations.add(seen(*next, 40), out);
  first->correlations.add(seen(*first, 41), out);
  first->correlations.finish(out);
  EXPECT_EQ(titles(out).size(), 1u);
}

}  // namespace
}  // namespace rpcmarshal::detect
