// The hook's own work per call. Before anything is measured the call must have given the event that
// it should.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>

#include "agent/fake_rpc.h"
#include "agent/hook/event_maker.h"
#include "builtin/builtin.h"
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
