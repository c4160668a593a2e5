// How fast stubs become values, and values JSON, with the interfaces of the product. "ns/byte" is
// per byte of stub. Before anything is measured, each stub is decoded once: it must be complete,
// to the last byte, and agree with its size_is.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "builtin/builtin.h"
#include "json.h"
#include "ndr/decode.h"
#include "stubs.h"

namespace rpcmarshal::ndr::bench {
namespace {

const Catalogue& catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded.catalogue;
}

const Program& program(const Stub& stub, Syntax syntax) {
  static const Codec codec(catalogue());
  const Interface* iface = catalogue().find(*Guid::parse(stub.uuid), stub.version);
  const Program* found = iface ? codec.program(*iface, stub.opnum, stub.half, syntax) : nullptr;
  Tape tape;
  DecodeResult result;
  if (found) result = decode(*found, {.stub = as_bytes(stub.bytes)}, tape);
  if (!found || !result.complete() || result.trailing > 0 || result.mismatches > 0) {
    std::fprintf(stderr, "%s opnum %u: %s at %zu, %zu trailing, %u mismatches\n", stub.uuid,
                 stub.opnum, std::string(result.reason).c_str(), result.failed_at, result.trailing,
                 result.mismatches);
    std::exit(1);
  }
  return *found;
}

void finish(benchmark::State& state, const Stub& stub) {
  state.counters["stub"] = static_cast<double>(stub.bytes.size());
  state.counters["ns/byte"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * 1e-9 * static_cast<double>(stub.bytes.size()),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void to_values(benchmark::State& state, const Stub& stub, Syntax syntax) {
  const Program& p = program(stub, syntax);
  Tape tape;
  for (auto _ : state) {
    decode(p, {.stub = as_bytes(stub.bytes)}, tape);
    benchmark::DoNotOptimize(tape.entry_count());
  }
  finish(state, stub);
}

void to_json(benchmark::State& state, const Stub& stub, Syntax syntax) {
  const Program& p = program(stub, syntax);
  Tape tape;
  Walker walker;
  Out out(std::size_t{4} << 20);
  for (auto _ : state) {
    decode(p, {.stub = as_bytes(stub.bytes)}, tape);
    out.clear();
    append_json(out, walker, tape.root());
    benchmark::DoNotOptimize(out.data());
  }
  finish(state, stub);
  state.counters["json"] = static_cast<double>(out.size());
}

#define RPCM_BENCH(name, stub, syntax)                      \
  BENCHMARK_CAPTURE(to_values, name, stub, Syntax::syntax); \
  BENCHMARK_CAPTURE(to_json, name, stub, Syntax::syntax)
RPCM_BENCH(RCreateServiceW, create_service(), kNdr20);
RPCM_BENCH(RCreateServiceW_NDR64, create_service(Syntax::kNdr64), kNdr64);
RPCM_BENCH(SamrEnumerateUsersInDomain, enumerate_users(), kNdr20);
RPCM_BENCH(SchRpcRegisterTask, register_task(), kNdr20);
RPCM_BENCH(NetrShareEnum_1000, enumerate_shares(), kNdr20);
RPCM_BENCH(DRSGetNCChanges_200, replicate(), kNdr20);

}  // namespace
}  // namespace rpcmarshal::ndr::bench
