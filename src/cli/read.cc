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
};

/// What a run gives besides its events.
struct Result {
  int status = kOk;
  bool written = true;  ///< all events are with the operating system
  Summary summary;
  SensorStatistics statistics;
};

Result read_alone(const ReadOptions& o, const Catalogue& catalogue, std::FILE* out,
                  const std::string& format, bool terminal, Progress& progress) {
  Result result;
  // People at a terminal want each event as it comes.
  const auto sink = make_sink(out, make_format(format, o.events.sink(terminal)),
                              terminal ? 0 : std::size_t{1} << 18);
  std::uint64_t calls = 0;
  SensorOptions options = o.events.sensor();
  options.secrets = load_secrets(o.events.secrets);
  options.losses = [&](const ConnectionLosses& losses) { result.summary.add(losses); };
  Sensor sensor(catalogue, std::move(options), [&](const Event& event) {
    ++calls;
    if (!o.events.wanted(event)) return;
    result.summary.count(event);
    sink->write(event);
  });
  DropStatistics drops;
  result.status = read_captures(
      o.files, progress, [&](const RawPacket& packet) { sensor.packet(packet); },
      [&] { return calls; }, &drops);
  sensor.finish();
  result.written = sink->finish();
  result.statistics = sensor.statistics();
  result.statistics.drops += drops;
  return result;
}

Result read_with_workers(const ReadOptions& o, const Catalogue& catalogue, std::FILE* out,
                         const std::string& format, bool terminal, Progress& progress) {
  Result result;
  WorkerOptions options;
  options.workers = o.workers;
  options.wait = true;
  options.sensor = o.events.sensor();
  options.sensor.secrets = load_secrets(o.events.secrets);
  options.format = format;
  options.sink = o.events.sink(terminal);
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
  Progress progress(!o.no_progress && isatty(STDERR_FILENO) && !(format == "text" && terminal));
  const Result result = (o.workers > 1 ? read_with_workers : read_alone)(
      o, loaded.catalogue, out.get(), format, terminal, progress);
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
  if (!o.no_summary) result.summary.print(stderr, result.statistics);
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
      "Exit status: 0 everything was read; 1 an input was damaged (all before the damage was "
      "read);\n"
      "2 the command line or an output could not be used.");
  read->add_option("FILE", options->files, "Capture files; '-' is standard input")->required();
  read->add_option("-o,--output", options->output,
                   "Write events to this file instead of standard output");
  add_event_options(*read, options->events);
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
