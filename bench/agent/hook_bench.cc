// The hook's own work per call. Before anything is measured the call must have given the event that
// it should.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "agent/fake_rpc.h"
#include "agent/hook/event_maker.h"
#include "agent/hook/policy_decider.h"
#include "builtin/builtin.h"
#include "policy/compiler/compile.h"
#include "policy/compiler/parser.h"
#include "stubs.h"

namespace rpcmarshal::agent {
namespace {

void original(RpcMessage*) {}

struct Machine {
  Machine() : svcctl(std::vector<DispatchFunction>(64, &original), *Guid::parse(stub.uuid), 2) {
    HookedTable* table = hook.originals().add(
        {{*Guid::parse(stub.uuid), 2, 0}, {kNdr20Syntax, 2, 0}, svcctl.entries.data(), 64});
    for (int i = 0; i < 64; ++i) table->originals[i] = &original;
    callers.next.client.address.bytes = {10, 0, 0, 5};
    callers.next.endpoint = "49700";
    hook.start(std::make_unique<Session>(SessionOptions{}));
  }
  void call(FakeMessage& message) {
    CallFrame frame;
    hook.enter(&message.message, frame);
    message.message.buffer = reply.data();
    message.message.buffer_length = static_cast<std::uint32_t>(reply.size());
    hook.leave(frame, 0);
    message.message.buffer = message.request.data();
    message.message.buffer_length = static_cast<std::uint32_t>(message.request.size());
  }

  ndr::bench::Stub stub = ndr::bench::create_service();
  std::string reply = std::string(28, '\0');  // no tag, a handle, ERROR_SUCCESS
  FakePlatform platform;
  FakeCallers callers;
  Hook hook{platform, callers};
  FakeInterface svcctl;
};

const Catalogue& catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded.catalogue;
}

void check(Machine& m, const CallRecord& record) {
  static const ProcessFacts process{4, "services.exe"};
  EventMaker maker(catalogue(), process);
  const Event& event = maker.finished(record);
  if (event.operation() != "RCreateServiceW" || event.decode() != DecodeStatus::kComplete ||
      m.hook.counters().failures != 0) {
    std::fprintf(stderr, "the call did not give the event that it should\n");
    std::exit(1);
  }
}

/// In the thread of the call: entry to queue.
void InTheCall(benchmark::State& state) {
  Machine m;
  FakeMessage message(m.svcctl, m.stub.opnum, m.stub.bytes);
  m.call(message);
  check(m, *m.hook.session()->queue.take(0).at(0));
  int waiting = 0;
  for (auto _ : state) {
    m.call(message);
    if (++waiting == 4096) {  // as the reporter does, on its own time
      state.PauseTiming();
      m.hook.session()->queue.take(0);
      waiting = 0;
      state.ResumeTiming();
    }
  }
  if (m.hook.counters().dropped != 0) state.SkipWithError("calls were dropped");
}
BENCHMARK(InTheCall);

/// The policy of policy.yml, as `rpcmarshal policy compile` compiles it.
std::shared_ptr<PolicyDecider> policy() {
  std::ifstream file(RPCM_SOURCE_DIR "/bench/agent/policy.yml");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  sigma::Diagnostics diagnostics;
  policy::PolicyModel model;
  if (!policy::parse_policy(text, "policy.yml", model, diagnostics)) std::exit(1);
  static const ProcessFacts process{4, "services.exe"};
  std::string error;
  auto decider =
      PolicyDecider::make(policy::compile_policy(model, diagnostics), catalogue(), process, error);
  if (!decider || decider->policy().rule_count() != 20) {
    std::fprintf(stderr, "the policy is none: %s\n", error.c_str());
    std::exit(1);
  }
  return decider;
}

void in_the_call_with_policy(benchmark::State& state, Machine& m, FakeMessage& message,
                             std::string_view rule) {
  m.hook.session()->decider = policy();
  m.call(message);
  const auto calls = m.hook.session()->queue.take(0);
  if (calls.at(0)->verdict.action.rule != rule || m.hook.counters().failures != 0 ||
      m.hook.counters().unknown != 0) {
    const EventAction& action = calls.at(0)->verdict.action;
    std::fprintf(stderr, "the policy did not decide as it should: rule '%.*s', unknown '%.*s'\n",
                 static_cast<int>(action.rule.size()), action.rule.data(),
                 static_cast<int>(action.unknown.size()), action.unknown.data());
    std::exit(1);
  }
  int waiting = 0;
  for (auto _ : state) {
    m.call(message);
    if (++waiting == 4096) {
      state.PauseTiming();
      m.hook.session()->queue.take(0);
      waiting = 0;
      state.ResumeTiming();
    }
  }
}

/// As InTheCall, with four rules that look at this operation's arguments.
void WithPolicyOnArguments(benchmark::State& state) {
  Machine m;
  FakeMessage message(m.svcctl, m.stub.opnum, m.stub.bytes);
  in_the_call_with_policy(state, m, message, "from-the-lab");
}
BENCHMARK(WithPolicyOnArguments);

/// And with rules that look at other operations' arguments: RDeleteService.
void WithPolicyOnOthers(benchmark::State& state) {
  Machine m;
  m.reply = std::string(4, '\0');
  FakeMessage message(m.svcctl, 2, std::string(20, '\1'));
  in_the_call_with_policy(state, m, message, "from-the-lab");
}
BENCHMARK(WithPolicyOnOthers);

/// In the reporter's thread: event and JSON.
void InTheReporter(benchmark::State& state) {
  Machine m;
  FakeMessage message(m.svcctl, m.stub.opnum, m.stub.bytes);
  m.call(message);
  const auto calls = m.hook.session()->queue.take(0);
  check(m, *calls.at(0));
  const ProcessFacts process{4, "services.exe"};
  EventMaker maker(catalogue(), process);
  std::string json;
  for (auto _ : state) {
    json.clear();
    maker.append_json(json, maker.finished(*calls[0]));
    benchmark::DoNotOptimize(json.data());
  }
  state.counters["json"] = static_cast<double>(json.size());
}
BENCHMARK(InTheReporter);

}  // namespace
}  // namespace rpcmarshal::agent
