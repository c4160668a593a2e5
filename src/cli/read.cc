// rpcmarshal read FILE...: the events of capture files.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cli/captures.h"
#include "cli/commands.h"
#include "cli/event_options.h"
#include "cli/output.h"
#include "cli/rule_options.h"
#include "live/summary.h"
#include "live/workers.h"
#include "sensor/sensor.h"
#include "sink/sink.h"

namespace rpcmarshal::cli {
namespace {

struct ReadOptions {
  std::vector<std::string> files;
  std::string output;
  EventOptions events;
  std::string summary;
  int workers = 1;
  bool stats = false;
  bool no_summary = false;
  bool no_progress = false;
  RuleArguments rules;
};

/// What a run gives besides its events.
struct Result {
  int status = kOk;
  bool written = true;  ///< all events are with the operating system
  Summary summary;
  SensorStatistics statistics;
};

/// What rules need during a run.
struct Detection {
  std::unique_ptr<detect::LiveRules> rules;  ///< null: none
  Output alerts;                             ///< null: not wanted
  bool written = true;

  void write(std::string_view records) {
    if (written && !records.empty())
      written = std::fwrite(records.data(), 1, records.size(), alerts.get()) == records.size();
  }
};

Result read_alone(const ReadOptions& o, const Catalogue& catalogue, std::FILE* out,
                  const std::string& format, bool terminal, Progress& progress,
                  Detection& detection) {
  Result result;
  SinkOptions sink_options = o.events.sink(terminal);
  sink_options.rules = detection.rules != nullptr;
  // People at a terminal want each event as it comes.
  const auto sink =
      make_sink(out, make_format(format, sink_options), terminal ? 0 : std::size_t{1} << 18);
  detect::LiveDetector rules(detection.rules.get(), 0,
                             format == "json" && detect::writes_as_rules_read(sink_options),
                             detection.alerts != nullptr);
  const auto write_correlated = [&] {
    for (const Alert& alert : rules.correlated()) sink->write(alert);
    detection.write(rules.records());
    rules.records().clear();
  };
  std::uint64_t calls = 0;
  SensorOptions options = o.events.sensor();
  options.secrets = load_secrets(o.events.secrets);
  options.losses = [&](const ConnectionLosses& losses) { result.summary.add(losses); };
  if (detection.rules) {
    options.shares = [&](const Endpoint& client, const Endpoint& server,
                         const SmbFileEvent& event) {
      for (const Alert& alert : rules.share(client, server, event)) sink->write(alert);
      if (rules.any_beside_events()) write_correlated();
    };
  }
  Sensor sensor(catalogue, std::move(options), [&](const Event& event) {
    ++calls;
    if (!o.events.wanted(event)) return;
    result.summary.count(event);
    sink->write(event, rules.event(event));
    if (rules.any_beside_events()) write_correlated();
  });
  DropStatistics drops;
  result.status = read_captures(
      o.files, progress, [&](const RawPacket& packet) { sensor.packet(packet); },
      [&] { return calls; }, &drops);
  rules.set_place(detect::Correlations::kEnd);
  sensor.finish();
  rules.finish();
  if (detection.rules) write_correlated();
  result.written = sink->finish();
  result.statistics = sensor.statistics();
  result.statistics.drops += drops;
  return result;
}

Result read_with_workers(const ReadOptions& o, const Catalogue& catalogue, std::FILE* out,
                         const std::string& format, bool terminal, Progress& progress,
                         Detection& detection) {
  Result result;
  WorkerOptions options;
  options.rules = detection.rules.get();
  if (detection.alerts)
    options.alerts = [&](std::string_view records) { detection.write(records); };
  options.workers = o.workers;
  options.wait = true;
  options.sensor = o.events.sensor();
  options.sensor.secrets = load_secrets(o.events.secrets);
  options.format = format;
  options.sink = o.events.sink(terminal);
  options.sink.rules = detection.rules != nullptr;
  options.wanted = [&](const Event& event) { return o.events.wanted(event); };
  const auto edges = make_format(format, options.sink);
  const auto put = [&](std::string_view text) {
    if (result.written)
      result.written = std::fwrite(text.data(), 1, text.size(), out) == text.size();
  };
  put(edges->header(host_time()));
  Workers workers(catalogue, std::move(options), put);
  DropStatistics drops;
  result.status = read_captures(
      o.files, progress, [&](const RawPacket& packet) { workers.packet(packet); },
      [&] { return workers.calls(); }, &drops);
  workers.finish();
  put(edges->trailer(host_time()));
  result.written = result.written && std::fflush(out) == 0;
  result.summary = workers.summary();
  result.statistics = workers.statistics();
  result.statistics.drops += drops;
  return result;
}

int read_files(const ReadOptions& o) {
  const LoadedCatalogue loaded = load_definitions(o.events.definitions);
  Output out = open_output(o.output);
  if (!out) return kUsage;
  const bool terminal = out.get() == stdout && isatty(STDOUT_FILENO);
  const std::string format =
      o.events.format != "auto" ? o.events.format : std::string(terminal ? "text" : "json");
  Detection detection;
  if (!o.rules.rules.empty()) {
    if (!o.rules.place_for_alerts(format)) return kUsage;
    auto rules = o.rules.load(loaded.catalogue, o.workers);
    if (!rules) return kUsage;
    detection.rules = std::make_unique<detect::LiveRules>(std::move(rules));
    if (!o.rules.alerts.empty()) {
      detection.alerts = open_output(o.rules.alerts);
      if (!detection.alerts) return kUsage;
    }
  }
  Progress progress(!o.no_progress && isatty(STDERR_FILENO) && !(format == "text" && terminal));
  const Result result = (o.workers > 1 ? read_with_workers : read_alone)(
      o, loaded.catalogue, out.get(), format, terminal, progress, detection);
  if (detection.alerts && !(flushed(detection.alerts) && detection.written)) return kUsage;
  if (!result.written) {
    std::fprintf(stderr, "rpcmarshal: the output could not be written in full: %s\n",
                 std::strerror(errno));
    return kUsage;
  }
  if (!o.summary.empty()) {
    Output to = open_output(o.summary);
    if (!to) return kUsage;
    std::string json;
    result.summary.append_json(json, result.statistics);
    json += '\n';
    std::fputs(json.c_str(), to.get());
    if (!flushed(to)) return kUsage;
  }
  if (!o.no_summary) {
    result.summary.print(stderr, result.statistics);
    if (detection.rules)
      std::fprintf(stderr, "%s\n",
                   detect::alert_summary(detection.rules->alerts_by_level()).c_str());
  }
  if (o.stats) result.summary.print_statistics(stderr, result.statistics);
  return result.status;
}

}  // namespace

void add_read(CLI::App& app, Run& run) {
  const auto options = std::make_shared<ReadOptions>();
  CLI::App* read =
      app.add_subcommand("read", "Show the RPC calls of capture files (pcap, pcapng, also gzip'd)");
  read->footer(
      "Examples:\n"
      "  rpcmarshal read incident.pcapng                         events as text, for people\n"
      "  rpcmarshal read *.pcap.gz --output events.jsonl         one JSON object per line\n"
      "  tcpdump -w - | rpcmarshal read - --interface svcctl     from standard input, one "
      "interface\n"
      "  rpcmarshal read --rules rules/ incident.pcapng          with the alerts of Sigma rules\n"
      "Exit status: 0 everything was read; 1 an input was damaged (all before the damage was "
      "read);\n"
      "2 the command line or an output could not be used.");
  read->add_option("FILE", options->files, "Capture files; '-' is standard input")->required();
  read->add_option("-o,--output", options->output,
                   "Write events to this file instead of standard output");
  add_event_options(*read, options->events);
  add_rule_options(*read, options->rules);
  read->add_option("--workers", options->workers,
                   "Decode in so many threads besides the one that reads; events then come in "
                   "order per pair of hosts only")
      ->check(CLI::Range(1, 256));
  read->add_flag("--stats", options->stats,
                 "Every counter on standard error, and the connections that lost packets");
  read->add_option("--summary", options->summary,
                   "Write the closing summary with every counter to this file, as JSON");
  read->add_flag("--no-summary", options->no_summary, "No closing summary on standard error");
  read->add_flag("--no-progress", options->no_progress, "No progress bar");
  read->callback([options, &run] { run = [options] { return read_files(*options); }; });
}

}  // namespace rpcmarshal::cli
