// What a decision costs: the fields of an event's JSON, and the rules. bench_policy.
#include <benchmark/benchmark.h>

#include <fstream>
#include <iterator>

#include "policy/compiler/compile.h"
#include "policy/compiler/parser.h"
#include "policy/evaluator.h"
#include "policy/json_fields.h"

namespace rpcmarshal::policy {
namespace {

/// A call of RCreateServiceW, as the agent sees it before the call.
constexpr std::string_view kEvent =
    R"({"ts":"2026-11-21T15:00:40.104000Z","id":1,"sensor":"host","transport":{"protocol":"ncacn_np","pipe":"\\pipe\\svcctl"},"client":{"address":"10.77.0.2","port":44492},"server":{"address":"10.77.0.4","port":445},"user":{"domain":"CONTOSO","name":"jdoe","sid":"S-1-5-21-1-2-3-1104","authentication":"ntlm","level":"privacy"},"interface":{"uuid":"367abb81-9844-35f1-ad32-98f038001003","version":"2.0","name":"svcctl","document":"MS-SCMR"},"opnum":12,"operation":"RCreateServiceW","syntax":{"name":"ndr"},"request":{"hSCManager":{"handle":"3a4afa24-4bef-4c17-873e-0d6c765d0aae","name":"SCM \\\\FS1"},"lpServiceName":"Updater","lpDisplayName":"Windows Update Helper","dwDesiredAccess":"SERVICE_ALL_ACCESS","dwServiceType":"SERVICE_WIN32_OWN_PROCESS","dwStartType":"SERVICE_DEMAND_START","dwErrorControl":"SERVICE_ERROR_IGNORE","lpBinaryPathName":"C:\\Windows\\System32\\cmd.exe /Q /c whoami /all > \\\\127.0.0.1\\ADMIN$\\Temp\\o.txt 2>&1","lpLoadOrderGroup":null,"lpdwTagId":null,"lpDependencies":null,"dwDependSize":0,"lpServiceStartName":null,"lpPassword":null,"dwPwSize":0},"outcome":"no_response","decode":{"status":"complete","request":{"status":"complete","size":520},"response":{"status":"absent","size":0}},"unc_hosts":["127.0.0.1"]})";

std::unique_ptr<const Policy> compiled(const std::string& text) {
  PolicyModel model;
  sigma::Diagnostics diagnostics;
  if (!parse_policy(text, "bench.yml", model, diagnostics)) std::abort();
  return Policy::load(compile_policy(model, diagnostics)).policy;
}

std::string file(const char* name) {
  std::ifstream in(std::string(RPCM_SOURCE_DIR) + "/policies/" + name);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void decide(benchmark::State& state, const std::string& text) {
  const auto policy = compiled(text);
  JsonFields fields(*policy);
  Evaluator evaluator(*policy);
  for (auto _ : state) {
    fields.parse(kEvent);
    benchmark::DoNotOptimize(evaluator.decide(fields, 1));
  }
}

void services(benchmark::State& state) { decide(state, file("services.yml")); }
void callers(benchmark::State& state) { decide(state, file("callers.yml")); }
void thousand_rules(benchmark::State& state) {
  std::string text = "rules:\n";
  for (int i = 0; i < 1000; ++i) {
    text += "  - {id: r" + std::to_string(i) + ", action: block, when: {operation: Op" +
            std::to_string(i) + ", request.lpServiceName|contains: x" + std::to_string(i) + "}}\n";
  }
  decide(state, text);
}
void rules_alone(benchmark::State& state) {
  const auto policy = compiled(file("services.yml"));
  JsonFields fields(*policy);
  Evaluator evaluator(*policy);
  fields.parse(kEvent);
  for (auto _ : state) benchmark::DoNotOptimize(evaluator.decide(fields, 1));
}
BENCHMARK(services);
BENCHMARK(callers);
BENCHMARK(thousand_rules);
BENCHMARK(rules_alone);

}  // namespace
}  // namespace rpcmarshal::policy

BENCHMARK_MAIN();
