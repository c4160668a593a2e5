// rpcmarshal read FILE...: the events of capture files.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/unicode.h"
#include "cli/captures.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "live/summary.h"
#include "sensor/sensor.h"
#include "sink/sink.h"

namespace rpcmarshal::cli {
namespace {

struct ReadOptions {
  std::vector<std::string> files;
  std::string format = "auto";
  std::string output;
  std::vector<std::string> interfaces, operations, clients, servers;
  std::vector<std::string> definitions;
  std::string colour = "auto";
  std::size_t max_bytes = 1024;
  bool show_secrets = false;
  std::string summary;
  bool stats = false;
  bool no_summary = false;
  bool no_progress = false;
};

/// "*" at the end matches any rest; letters match in either case.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.ends_with('*')) {
    pattern.remove_suffix(1);
    text = text.substr(0, pattern.size());
  }
  return equal_ignoring_case(pattern, text);
}

template <typename... Texts>
bool any_matches(const std::vector<std::string>& patterns, const Texts&... texts) {
  if (patterns.empty()) return true;
  for (const std::string& pattern : patterns) {
    if ((matches(pattern, texts) || ...)) return true;
  }
  return false;
}

bool wanted(const ReadOptions& o, const Event& e) {
  if (!o.interfaces.empty()) {
    const std::string uuid = e.interface_id ? e.interface_id->uuid.to_string() : std::string();
    if (!any_matches(o.interfaces, uuid,
                     e.interface ? std::string_view(e.interface->name) : std::string_view()))
      return false;
  }
  if (!o.operations.empty() &&
      !any_matches(o.operations, e.operation(),
                   e.procedure ? e.procedure->annotations.value("alias") : std::string_view(),
                   e.opnum ? std::to_string(*e.opnum) : std::string())) {
    return false;
  }
  if (!o.clients.empty() && !any_matches(o.clients, e.client.address.to_string(), e.client_host))
    return false;
  return o.servers.empty() || any_matches(o.servers, e.server.address.to_string(), e.server_host);
}

int read_files(const ReadOptions& o) {
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  Output out = open_output(o.output);
  if (!out) return kUsage;
  const bool terminal = out.get() == stdout && isatty(STDOUT_FILENO);
  const bool text = o.format == "text" || (o.format == "auto" && terminal);
  SinkOptions sink_options;
  sink_options.present.show_secrets = o.show_secrets;
  sink_options.max_bytes = o.max_bytes;
  sink_options.colour =
      o.colour == "always" || (o.colour == "auto" && terminal && !std::getenv("NO_COLOR"));
  const std::string format = text ? "text" : o.format == "auto" ? "json" : o.format;
  // People at a terminal want each event as it comes.
  const auto sink =
      make_sink(out.get(), make_format(format, sink_options), terminal ? 0 : 1u << 18);

  Summary summary;
  std::uint64_t calls = 0;
  SensorOptions options;
  options.losses = [&](const ConnectionLosses& losses) { summary.add(losses); };
  Sensor sensor(loaded.catalogue, std::move(options), [&](const Event& event) {
    ++calls;
    if (!wanted(o, event)) return;
    summary.count(event);
    sink->write(event);
  });

  Progress progress(!o.no_progress && isatty(STDERR_FILENO) && !(text && terminal));
  const int status = read_captures(
      o.files, progress, [&](const RawPacket& packet) { sensor.packet(packet); },
      [&] { return calls; });
  sensor.finish();
  if (!sink->finish()) {
    std::fprintf(stderr, "rpcmarshal: the output could not be written in full: %s\n",
                 std::strerror(errno));
    return kUsage;
  }
  const SensorStatistics statistics = sensor.statistics();
  if (!o.summary.empty()) {
    Output to = open_output(o.summary);
    if (!to) return kUsage;
    std::string json;
    summary.append_json(json, statistics);
    json += '\n';
    std::fputs(json.c_str(), to.get());
    if (!flushed(to)) return kUsage;
  }
  if (!o.no_summary) summary.print(stderr, statistics);
  if (o.stats) summary.print_statistics(stderr, statistics);
  return status;
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
  read->add_option("-f,--format", options->format,
                   "auto (text on a terminal, else json), text, json, zeek (dce_rpc.log with our "
                   "columns after Zeek's), zeek-json")
      ->check(CLI::IsMember({"auto", "text", "json", "zeek", "zeek-json"}));
  read->add_option("-o,--output", options->output,
                   "Write events to this file instead of standard output");
  read->add_option(
      "--interface", options->interfaces,
      "Only this interface: a name or UUID ('*' at the end matches any rest); may be repeated");
  read->add_option("--operation", options->operations,
                   "Only this operation: a name, alias or opnum; may be repeated");
  read->add_option("--client", options->clients,
                   "Only calls from this address or workstation; may be repeated");
  read->add_option("--server", options->servers,
                   "Only calls to this address or host; may be repeated");
  read->add_option(
      "--interfaces", options->definitions,
      "Folder of .idl files (or a file) that add to the built-in interfaces, or override them");
  read->add_option("--colour,--color", options->colour, "auto, always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  read->add_option("--max-bytes", options->max_bytes,
                   "Bytes shown of binary data and raw stubs (JSON)");
  read->add_flag("--show-secrets", options->show_secrets,
                 "Show passwords and other secrets in arguments instead of withholding them");
  read->add_flag("--stats", options->stats,
                 "Every counter on standard error, and the connections that lost packets");
  read->add_option("--summary", options->summary,
                   "Write the closing summary with every counter to this file, as JSON");
  read->add_flag("--no-summary", options->no_summary, "No closing summary on standard error");
  read->add_flag("--no-progress", options->no_progress, "No progress bar");
  read->callback([options, &run] { run = [options] { return read_files(*options); }; });
}

}  // namespace rpcmarshal::cli
