// rpcmarshal detect --rules PATH INPUT...: Sigma rules on logs of others, and on captures.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "capture/capture_file.h"
#include "cli/captures.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/rule_options.h"
#include "cli/secret_options.h"
#include "detect/detector.h"
#include "logs/reader.h"
#include "sensor/sensor.h"

namespace rpcmarshal::cli {
namespace {

struct DetectOptions {
  RuleArguments rules;
  std::vector<std::string> inputs, definitions;
  std::string format = "auto", output, colour = "auto";
  bool no_event = false, no_summary = false;
  SecretOptions secrets;
};

/// Rules on inputs, one after the other.
class DetectRun {
 public:
  DetectRun(const DetectOptions& options, const Catalogue& catalogue, detect::LoadedRules& loaded,
            Output& out)
      : options_(options),
        catalogue_(catalogue),
        out_(out),
        fields_(loaded.rules.fields()),
        detector_(loaded.rules, loaded.correlations) {
    const bool terminal = out.get() == stdout && isatty(STDOUT_FILENO);
    json_ = options.format == "json" || (options.format == "auto" && !terminal);
    colour_ = options.colour == "always" ||
              (options.colour == "auto" && terminal && !std::getenv("NO_COLOR"));
  }

  /// False, and why on standard error, when it could not be read in full.
  bool input(const std::string& path) {
    detector_.set_input(path);
    logs::OpenedLog log = logs::open_log(path, fields_);
    if (log.format == logs::LogFormat::kCapture) return capture(path, std::move(log.capture));
    if (!log.reader) {
      std::fprintf(stderr, "rpcmarshal: %s\n", log.error.c_str());
      return false;
    }
    while (log.reader->next()) {
      write(detector_.event(*log.reader, json_ && !options_.no_event));
      write_correlated();
    }
    return read_well(*log.reader, path);
  }

  /// False when alerts could not be written.
  bool finish() {
    detector_.set_input({});
    detector_.finish();
    write_correlated();
    return flushed(out_) && written_;
  }

  const detect::Detector& detector() const { return detector_; }

 private:
  bool capture(const std::string& path, std::unique_ptr<InputFile> file) {
    CaptureFile::Opened opened =
        file ? CaptureFile::open(std::move(file), path) : CaptureFile::open(path);
    if (!opened.file) {
      std::fprintf(stderr, "rpcmarshal: %s\n", opened.error.c_str());
      return false;
    }
    SensorOptions options;
    options.secrets = secrets_;
    options.shares = [&](const Endpoint& client, const Endpoint& server,
                         const SmbFileEvent& event) {
      with_event_.clear();
      const std::span<const Alert> alerts = detector_.share(client, server, event);
      with_event_.assign(alerts.begin(), alerts.end());
      if (options_.no_event) {
        for (Alert& alert : with_event_) alert.event = {};
      }
      write(with_event_);
      write_correlated();
    };
    Sensor sensor(catalogue_, std::move(options), [&](const Event& event) {
      const std::span<const Alert> alerts = detector_.event(event);
      if (json_ && !options_.no_event) {
        with_event_.assign(alerts.begin(), alerts.end());
        for (Alert& alert : with_event_) alert.event = detector_.event_json(event);
        write(with_event_);
      } else {
        write(alerts);
      }
      write_correlated();
    });
    RawPacket packet;
    while (opened.file->next(packet)) sensor.packet(packet);
    sensor.finish();
    if (opened.file->error().empty()) return true;
    std::fprintf(stderr, "rpcmarshal: %s\n", opened.file->error().c_str());
    return false;
  }

  void write(std::span<const Alert> alerts) {
    for (const Alert& alert : alerts) {
      line_.clear();
      if (json_) {
        append_alert_json(line_, alert);
      } else {
        append_alert_text(line_, alert, colour_);
      }
      written_ = std::fwrite(line_.data(), 1, line_.size(), out_.get()) == line_.size() && written_;
    }
  }
  void write_correlated() { write(detector_.take_correlated()); }

  const DetectOptions& options_;
  const Catalogue& catalogue_;
  Output& out_;
  const sigma::FieldIndex& fields_;
  detect::Detector detector_;
  bool json_ = false, colour_ = false, written_ = true;
  std::shared_ptr<const Secrets> secrets_ = load_secrets(options_.secrets);
  std::vector<Alert> with_event_;
  std::string line_;
};

int detect_alerts(const DetectOptions& o) {
  const auto started = std::chrono::steady_clock::now();
  Output out = open_output(o.output);
  if (!out) return kUsage;
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  const auto rules = o.rules.load(loaded.catalogue, 1);
  if (!rules) return kUsage;
  DetectRun run(o, loaded.catalogue, *rules, out);
  int status = kOk;
  for (const std::string& path : o.inputs) {
    if (!run.input(path)) status = kDamagedInput;
  }
  if (!run.finish()) return kUsage;
  if (!o.no_summary) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    std::array<std::uint64_t, 5> by_level{};
    std::ranges::copy(run.detector().alerts_by_level(), by_level.begin());
    std::fprintf(stderr, "%llu events, %zu rules, %s (%.1f s)\n",
                 static_cast<unsigned long long>(run.detector().events()), rules->rules.size(),
                 detect::alert_summary(by_level).c_str(), took.count());
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
  detect_command->add_option("INPUT", options->inputs, "Files; '-' is standard input (no EVTX)")
      ->required();
  add_detection_options(*detect_command, options->rules, true);
  detect_command
      ->add_option("--logsource", options->rules.sources,
                   "What the inputs are, when they do not say: windows/process_creation, "
                   "product=zeek,service=dce_rpc; may be repeated")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
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
  detect_command->add_flag("--no-summary", options->no_summary,
                           "No closing summary on standard error");
  detect_command->callback(
      [options, &run] { run = [options] { return detect_alerts(*options); }; });
}

}  // namespace rpcmarshal::cli
