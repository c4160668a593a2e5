// What a program pays for its interface definitions: at its start, at the first call on an
// interface, and when it wants all of them at once (rpcmarshal interfaces). bench/builtin/count
// counts instructions of whole runs.
#include <benchmark/benchmark.h>

#include "builtin/builtin.h"

namespace rpcmarshal {
namespace {

void BM_Start(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(load_catalogue());
}
BENCHMARK(BM_Start)->Unit(benchmark::kMicrosecond);

void BM_FirstCall(benchmark::State& state, const char* uuid) {
  const Guid guid = *Guid::parse(uuid);
  for (auto _ : state) {
    const LoadedCatalogue loaded = load_catalogue();
    benchmark::DoNotOptimize(loaded.catalogue.find(guid));
  }
}
BENCHMARK_CAPTURE(BM_FirstCall, svcctl, "367abb81-9844-35f1-ad32-98f038001003")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_FirstCall, drsuapi, "e3514235-4b06-11d1-ab04-00c04fc2dcd2")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_FirstCall, unknown, "01020304-0506-0708-090a-0b0c0d0e0f10")
    ->Unit(benchmark::kMicrosecond);

void BM_Everything(benchmark::State& state) {
  std::size_t interfaces = 0;
  for (auto _ : state) {
    const LoadedCatalogue loaded = load_catalogue();
    interfaces = loaded.catalogue.all().size();
  }
  state.counters["interfaces"] = static_cast<double>(interfaces);
}
BENCHMARK(BM_Everything)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rpcmarshal
