// rpcmarshal read FILE...: the events of capture files.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/unicode.h"
#include "builtin/builtin.h"
#include "capture/capture_file.h"
#include "cli/commands.h"
#include "cli/summary.h"
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
  bool no_summary = false;
  bool no_progress = false;
};

/// A file that is closed, unless it is standard output.
struct Closer {
  void operator()(std::FILE* file) const {
    if (file != stdout) std::fclose(file);
  }
};
using Output = std::unique_ptr<std::FILE, Closer>;

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

class Progress {
 public:
  explicit Progress(bool shown) : shown_(shown) {}
  ~Progress() { clear(); }

  void update(const CaptureFile& file, std::uint64_t calls) {
    if (!shown_ || ++packets_ % 4096 != 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    const auto at = file.progress();
    const double done =
        at.size > 0 ? static_cast<double>(at.read) / static_cast<double>(at.size) : 0;
    char bar[21] = "                    ";
    for (int i = 0; i < 20; ++i) bar[i] = i < static_cast<int>(done * 20) ? '#' : '.';
    if (at.size > 0) {
      std::fprintf(stderr, "\r[%s] %3.0f%%  %llu calls  %s\x1b[K", bar, done * 100,
                   static_cast<unsigned long long>(calls), file.path().c_str());
    } else {
      std::fprintf(stderr, "\r%.1f MB  %llu calls\x1b[K", static_cast<double>(at.read) / 1e6,
                   static_cast<unsigned long long>(calls));
    }
    drawn_ = true;
  }
  void clear() {
    if (drawn_) std::fputs("\r\x1b[K", stderr);
    drawn_ = false;
  }

 private:
  bool shown_;
  bool drawn_ = false;
  std::uint64_t packets_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

int read_files(const ReadOptions& o) {
  LoadedCatalogue loaded = load_catalogue(o.definitions);
  for (const idl::Diagnostic& d : loaded.diagnostics) {
    if (d.severity != idl::Diagnostic::Severity::kNote)
      std::fprintf(stderr, "%s\n", d.to_string().c_str());
  }

  Output out(stdout);
  if (!o.output.empty() && o.output != "-") {
    out.reset(std::fopen(o.output.c_str(), "wb"));
    if (!out) {
      std::fprintf(stderr, "rpcmarshal: cannot write %s: %s\n", o.output.c_str(),
                   std::strerror(errno));
      return kUsage;
    }
  }
  const bool terminal = out.get() == stdout && isatty(STDOUT_FILENO);
  const bool text = o.format == "text" || (o.format == "auto" && terminal);
  SinkOptions sink_options;
  sink_options.present.show_secrets = o.show_secrets;
  sink_options.max_bytes = o.max_bytes;
  sink_options.colour =
      o.colour == "always" || (o.colour == "auto" && terminal && !std::getenv("NO_COLOR"));
  const auto sink =
      text ? make_text_sink(out.get(), sink_options) : make_json_sink(out.get(), sink_options);

  Summary summary;
  std::uint64_t calls = 0;
  Sensor sensor(loaded.catalogue, {}, [&](const Event& event) {
    ++calls;
    if (!wanted(o, event)) return;
    summary.count(event);
    sink->write(event);
  });

  int status = kOk;
  Progress progress(!o.no_progress && isatty(STDERR_FILENO) && !(text && terminal));
  for (const std::string& path : o.files) {
    CaptureFile::Opened opened = CaptureFile::open(path);
    if (!opened.file) {
      progress.clear();
      std::fprintf(stderr, "rpcmarshal: %s\n", opened.error.c_str());
      status = kDamagedInput;
      continue;
    }
    RawPacket packet;
    while (opened.file->next(packet)) {
      sensor.packet(packet);
      progress.update(*opened.file, calls);
    }
    if (!opened.file->error().empty()) {
      progress.clear();
      std::fprintf(stderr, "rpcmarshal: %s\n", opened.file->error().c_str());
      status = kDamagedInput;
    }
  }
  sensor.finish();
  progress.clear();
  if (!sink->flush()) {
    std::fprintf(stderr, "rpcmarshal: the output could not be written in full: %s\n",
                 std::strerror(errno));
    return kUsage;
  }
  if (!o.no_summary) summary.print(stderr, sensor.statistics());
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
                   "auto (text on a terminal, else json), text, json")
      ->check(CLI::IsMember({"auto", "text", "json"}));
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
  read->add_flag("--no-summary", options->no_summary, "No closing summary on standard error");
  read->add_flag("--no-progress", options->no_progress, "No progress bar");
  read->callback([options, &run] { run = [options] { return read_files(*options); }; });
}

}  // namespace rpcmarshal::cli
