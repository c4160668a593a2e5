#include <cstdio>
#include <exception>

#include "cli/commands.h"

namespace {

/// "--interface svcctl a.pcap" names one interface and one file: an option that may be repeated
/// takes one value each time, or it would swallow the files behind it.
void one_value_each(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_positional() || option->get_items_expected_max() <= 1) continue;
    option->expected(1)->allow_extra_args(false)->multi_option_policy(
        CLI::MultiOptionPolicy::TakeAll);
  }
  for (CLI::App* command : app.get_subcommands({})) one_value_each(*command);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace rpcmarshal::cli;
  CLI::App app{"rpcmarshal: one authoritative event per Microsoft RPC call"};
  app.set_version_flag("--version", "rpcmarshal " RPCM_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);
  Run run;
  add_read(app, run);
  add_detect(app, run);
  add_coverage(app, run);
  add_sensor(app, run);
  add_idl(app, run);
  add_interfaces(app, run);
  add_rules(app, run);
  add_policy(app, run);
  one_value_each(app);
  if (argc == 1) {
    std::fputs(app.help().c_str(), stdout);
    return kUsage;
  }
  try {
    app.parse(argc, argv);
    return run();
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kOk : kUsage;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "rpcmarshal: %s\n", e.what());
    return kUsage;
  }
}
