#include <cstdio>
#include <exception>

#include "cli/commands.h"

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
