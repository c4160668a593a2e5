// rpcmarshal detect --rules PATH INPUT...: Sigma rules on logs of others, and on captures.
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "builtin/builtin.h"
#include "capture/capture_file.h"
#include "cli/commands.h"
#include "cli/detector.h"
#include "cli/secret_options.h"
#include "sensor/sensor.h"

namespace rpcmarshal::cli {
namespace {

struct DetectOptions {
  DetectorOptions detector;
  std::vector<std::string> inputs, definitions;
  SecretOptions secrets;
  std::string format = "auto", output, colour = "auto";
  bool no_event = false, no_summary = false, strict = false, warnings = false;
};

struct Closer {
  void operator()(std::FILE* file) const {
    if (file != stdout) std::fclose(file);
  }
};

bool read_capture(const std::string& path, const Catalogue& catalogue, Detector& detector,
                  const std::shared_ptr<const Secrets>& secrets) {
  CaptureFile::Opened opened = CaptureFile::open(path);
  if (!opened.file) {
    std::fprintf(stderr, "rpcmarshal: %s\n", opened.error.c_str());
    return false;
  }
  SensorOptions options;
  options.secrets = secrets;
  Sensor sensor(catalogue, std::move(options),
                [&](const Event& event) { detector.event(event, path); });
  RawPacket packet;
  while (opened.file->next(packet)) sensor.packet(packet);
  sensor.finish();
  if (opened.file->error().empty()) return true;
  std::fprintf(stderr, "rpcmarshal: %s\n", opened.file->error().c_str());
  return false;
}

bool read_input(const std::string& path, const Catalogue& catalogue, Detector& detector,
                const std::shared_ptr<const Secrets>& secrets) {
  logs::OpenedLog log = logs::open_log(path, detector.fields());
  if (log.format == logs::LogFormat::kCapture) {
    if (path != "-") return read_capture(path, catalogue, detector, secrets);
    std::fprintf(stderr, "rpcmarshal: a capture on standard input: use 'rpcmarshal read -'\n");
    return false;
  }
  if (!log.reader) {
    std::fprintf(stderr, "rpcmarshal: %s\n", log.error.c_str());
    return false;
  }
  detector.run(*log.reader, path);
  bool good = true;
  if (!log.reader->error().empty()) {
    std::fprintf(stderr, "rpcmarshal: %s: %s\n", path.c_str(), log.reader->error().c_str());
    good = false;
  }
  if (log.reader->skipped() > 0) {
    std::fprintf(stderr, "rpcmarshal: %s: %llu events could not be read; the first: %s\n",
                 path.c_str(), static_cast<unsigned long long>(log.reader->skipped()),
                 log.reader->first_problem().c_str());
    good = false;
  }
  return good;
}

void print_summary(const Detector& detector, double seconds) {
  static constexpr const char* kNames[] = {"informational", "low", "medium", "high", "critical"};
  std::string levels;
  for (int level = 4; level >= 0; --level) {
    const std::uint64_t n = detector.alerts_by_level()[level];
    if (n == 0) continue;
    levels += (levels.empty() ? ": " : ", ") + std::to_string(n) + " " + kNames[level];
  }
  std::fprintf(stderr, "%llu events, %zu rules, %llu alerts%s (%.1f s)\n",
               static_cast<unsigned long long>(detector.events()), detector.rules(),
               static_cast<unsigned long long>(detector.alerts()), levels.c_str(), seconds);
}

int detect(DetectOptions& o) {
  const auto started = std::chrono::steady_clock::now();
  std::unique_ptr<std::FILE, Closer> out(stdout);
  if (!o.output.empty() && o.output != "-") {
    out.reset(std::fopen(o.output.c_str(), "wb"));
    if (!out) {
      std::fprintf(stderr, "rpcmarshal: cannot write %s: %s\n", o.output.c_str(),
                   std::strerror(errno));
      return kUsage;
    }
  }
  const bool terminal = out.get() == stdout && isatty(STDOUT_FILENO);
  o.detector.json = o.format == "json" || (o.format == "auto" && !terminal);
  o.detector.colour =
      o.colour == "always" || (o.colour == "auto" && terminal && !std::getenv("NO_COLOR"));
  o.detector.with_event = !o.no_event;

  const std::shared_ptr<const Secrets> secrets = load_secrets(o.secrets);
  LoadedCatalogue loaded = load_catalogue(o.definitions);
  for (const idl::Diagnostic& d : loaded.diagnostics) {
    if (d.severity != idl::Diagnostic::Severity::kNote)
      std::fprintf(stderr, "%s\n", d.to_string().c_str());
  }
  Detector detector(o.detector, loaded.catalogue);
  std::size_t refused = 0, warnings = 0;
  for (const sigma::Diagnostic& d : detector.diagnostics()) {
    const bool error = d.severity == sigma::Diagnostic::Severity::kError;
    ++(error ? refused : warnings);
    if (error || o.warnings) std::fprintf(stderr, "%s\n", d.to_string().c_str());
  }
  if (refused > 0 && o.strict) {
    std::fprintf(stderr, "rpcmarshal: %zu errors in rules\n", refused);
    return kUsage;
  }
  if (!detector.usable()) {
    std::fprintf(stderr, "rpcmarshal: %s\n", detector.error().c_str());
    return kUsage;
  }
  bool written = true;
  detector.set_output([&](std::string_view text) {
    written = std::fwrite(text.data(), 1, text.size(), out.get()) == text.size() && written;
  });
  int status = kOk;
  for (const std::string& path : o.inputs) {
    if (!read_input(path, loaded.catalogue, detector, secrets)) status = kDamagedInput;
  }
  detector.finish();
  if (std::fflush(out.get()) != 0 || !written) {
    std::fprintf(stderr, "rpcmarshal: the output could not be written in full: %s\n",
                 std::strerror(errno));
    return kUsage;
  }
  if (!o.no_summary) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    print_summary(detector, took.count());
  }
  return status;
}

}  // namespace

void add_detect(CLI::App& app, Run& run) {
  const auto options = std::make_shared<DetectOptions>();
  CLI::App* detect_command =
      app.add_subcommand("detect", "Run Sigma rules on logs, events and captures");
  detect_command->footer(
      "Inputs are told by their content: JSON (lines or documents; also ours), Zeek logs (TSV and\n"
      "JSON), Windows event logs (EVTX), captures (pcap, pcapng); gzip'd or not.\n"
      "Examples:\n"
      "  rpcmarshal detect --rules rules/ incident.pcapng\n"
      "  rpcmarshal detect --rules sigma/rules --rules own.yml Security.evtx dce_rpc.log.gz\n"
      "  rpcmarshal detect --rules rules/ --level high --format text events.jsonl\n"
      "Exit status: 0 everything was read; 1 an input was damaged or unknown; 2 the command line, "
      "the\nrules or an output could not be used.");
  detect_command
      ->add_option("INPUT", options->inputs, "Files; '-' is standard input (no EVTX, no capture)")
      ->required();
  detect_command
      ->add_option("-r,--rules", options->detector.rules,
                   "Rule file, or folder of rules (.yml, .yaml); may be repeated")
      ->required()
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  detect_command
      ->add_option("--values", options->detector.values,
                   "YAML file with the values of placeholders (%name%); may be repeated")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  detect_command
      ->add_option("--logsource", options->detector.sources,
                   "What the inputs are, when they do not say: windows/process_creation, "
                   "product=zeek,service=dce_rpc; may be repeated")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  detect_command
      ->add_option("--level", options->detector.level, "Only alerts of this level and above")
      ->check(CLI::IsMember({"informational", "low", "medium", "high", "critical"}));
  detect_command
      ->add_option("-f,--format", options->format,
                   "auto (text on a terminal, else json), text, json")
      ->check(CLI::IsMember({"auto", "text", "json"}));
  detect_command->add_option("-o,--output", options->output, "Write alerts to this file");
  detect_command->add_option("--colour,--color", options->colour, "auto, always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  add_secret_options(*detect_command, options->secrets);
  detect_command
      ->add_option("--interfaces", options->definitions,
                   "Folder of .idl files that add to the built-in interfaces")
      ->check(CLI::ExistingPath);
  detect_command->add_flag("--no-event", options->no_event,
                           "JSON: leave the event out of its alerts");
  detect_command->add_flag("--strict", options->strict, "Stop when a rule cannot be loaded");
  detect_command->add_flag("--warnings", options->warnings, "Show warnings about rules, too");
  detect_command->add_flag("--no-summary", options->no_summary,
                           "No closing summary on standard error");
  detect_command->callback([options, &run] { run = [options] { return detect(*options); }; });
}

}  // namespace rpcmarshal::cli
