// rpcmarshal coverage FILE...: how much of what was called can be read.
#include "live/coverage.h"

#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "builtin/builtin.h"
#include "cli/captures.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/secret_options.h"
#include "sensor/sensor.h"

namespace rpcmarshal::cli {
namespace {

struct CoverageOptions {
  std::vector<std::string> files, definitions;
  SecretOptions secrets;
  std::string format = "text";
  std::string output;
  bool incomplete = false;
};

int coverage(const CoverageOptions& o) {
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  Output out = open_output(o.output);
  if (!out) return kUsage;
  Coverage report;
  std::uint64_t calls = 0;
  SensorOptions options;
  options.secrets = load_secrets(o.secrets);
  Sensor sensor(loaded.catalogue, std::move(options), [&](const Event& event) {
    ++calls;
    report.count(event);
  });
  Progress progress(isatty(STDERR_FILENO));
  const int status = read_captures(
      o.files, progress, [&](const RawPacket& packet) { sensor.packet(packet); },
      [&] { return calls; });
  sensor.finish();
  if (o.format == "json") {
    std::string text;
    report.append_json(text, o.incomplete);
    text += '\n';
    std::fputs(text.c_str(), out.get());
  } else {
    report.print(out.get(), o.incomplete);
  }
  return flushed(out) ? status : kUsage;
}

}  // namespace

void add_coverage(CLI::App& app, Run& run) {
  const auto options = std::make_shared<CoverageOptions>();
  CLI::App* command = app.add_subcommand(
      "coverage", "How much of the calls in capture files can be read, per operation");
  command->add_option("FILE", options->files, "Capture files; '-' is standard input")->required();
  command->add_option("-f,--format", options->format, "text, json")
      ->check(CLI::IsMember({"text", "json"}));
  command->add_option("-o,--output", options->output, "Write to this file");
  command->add_flag("--incomplete", options->incomplete,
                    "Only operations of which some call was not decoded completely");
  command
      ->add_option(
          "--interfaces", options->definitions,
          "Folder of .idl files (or a file) that add to the built-in interfaces, or override them")
      ->check(CLI::ExistingPath);
  add_secret_options(*command, options->secrets);
  command->callback([options, &run] { run = [options] { return coverage(*options); }; });
}

}  // namespace rpcmarshal::cli
