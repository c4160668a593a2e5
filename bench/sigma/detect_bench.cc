// Events per second with every SigmaHQ rule loaded, on one core, from JSON text to matches.
//
//   RPCM_BENCH_EVENTS=events.jsonl build/release/bench/sigma/bench_sigma
//
// Without RPCM_BENCH_EVENTS: the events of SigmaHQ's regression data and Zeek's logs in ../shared.
// bench/sigma/README.md says how the published figures were made.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "logs/classifier.h"
#include "logs/json.h"
#include "logs/reader.h"
#include "sigma/engine.h"
#include "sigma/loader.h"

namespace rpcmarshal {
namespace {

namespace fs = std::filesystem;
const std::string kCorpus = RPCM_SHARED_DIR "/corpus";

struct Setup {
  Setup() {
    const char* rules = std::getenv("RPCM_BENCH_RULES");
    engine = std::make_unique<sigma::Engine>(
        sigma::load_rules({rules != nullptr ? rules : kCorpus + "/sigma-rules"}, {}, diagnostics),
        diagnostics);
    known = std::make_unique<logs::KnownFields>(engine->mutable_fields());
    std::vector<std::string> files;
    if (const char* given = std::getenv("RPCM_BENCH_EVENTS"); given != nullptr) {
      files.emplace_back(given);
    } else {
      std::error_code ec;
      for (const auto& entry :
           fs::recursive_directory_iterator(kCorpus + "/sigma-regression", ec)) {
        if (entry.path().extension() == ".json") files.push_back(entry.path());
      }
      for (const char* log : {"dce_rpc", "smb_files", "kerberos", "ntlm"})
        files.push_back(kCorpus + "/zed-zeek-logs/" + log + ".json.gz");
    }
    for (const std::string& file : files) {
      logs::OpenedLog log = logs::open_log(file, engine->fields());
      while (log.reader && log.reader->next() && offsets.size() < 2'000'000) {
        offsets.push_back(text.size());
        log.reader->append_json(text);
        text += '\n';
      }
    }
    offsets.push_back(text.size());
    text.append(logs::JsonDocument::kPadding, ' ');
  }

  sigma::Diagnostics diagnostics;
  std::unique_ptr<sigma::Engine> engine;
  std::unique_ptr<logs::KnownFields> known;
  std::string text;
  std::vector<std::size_t> offsets;
};

Setup& setup() {
  static Setup instance;
  return instance;
}

enum Stage { kParse, kFill, kMatch };

void run(benchmark::State& state, Stage stage) {
  Setup& s = setup();
  const std::size_t events = s.offsets.size() - 1;
  if (events == 0) {
    state.SkipWithError("no events: see bench/sigma/README.md");
    return;
  }
  logs::JsonDocument document;
  sigma::EventFields fields;
  logs::Classifier classifier(*s.engine, *s.known);
  std::size_t matches = 0;
  bool all = false;
  for (auto _ : state) {
    // A new one each time: what it keeps of values it has seen must not be of the last pass.
    sigma::Matcher matcher(*s.engine);
    for (std::size_t i = 0; i < events; ++i) {
      if (!document.parse(
              std::string_view(s.text).substr(s.offsets[i], s.offsets[i + 1] - s.offsets[i])))
        continue;
      if (stage == kParse) continue;
      document.fill(s.engine->fields(), fields, all);
      const sigma::Plan& plan = classifier.plan(fields, {});
      const bool needs_all = plan.any_value() != nullptr;
      if (needs_all && !all) document.fill(s.engine->fields(), fields, true);
      all = needs_all;
      if (stage == kFill) continue;
      matches += matcher.match(plan, fields).size();
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(events * state.iterations()));
  state.SetBytesProcessed(static_cast<std::int64_t>(s.text.size() * state.iterations()));
  state.counters["rules"] = static_cast<double>(s.engine->rule_count());
  state.counters["matches"] = static_cast<double>(matches) /
                              static_cast<double>(std::max<std::int64_t>(state.iterations(), 1));
}

void BM_Parse(benchmark::State& state) { run(state, kParse); }
void BM_ParseAndFill(benchmark::State& state) { run(state, kFill); }
void BM_Detect(benchmark::State& state) { run(state, kMatch); }

void BM_LoadRules(benchmark::State& state) {
  for (auto _ : state) {
    sigma::Diagnostics diagnostics;
    sigma::Engine engine(sigma::load_rules({kCorpus + "/sigma-rules"}, {}, diagnostics),
                         diagnostics);
    benchmark::DoNotOptimize(engine.rule_count());
  }
}

BENCHMARK(BM_Parse)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ParseAndFill)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Detect)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_LoadRules)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rpcmarshal

BENCHMARK_MAIN();
