// The commands of `rpcmarshal`. Each adds itself to the command line and runs when it was chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

namespace rpcmarshal::cli {

/// Exit statuses of every command.
enum ExitStatus : int {
  kOk = 0,
  kDamagedInput = 1,  ///< something could not be read; everything before it was
  kUsage = 2,         ///< the command line, a definition file or an output cannot be used
};

/// What a chosen command does; returns the exit status.
using Run = std::function<int()>;

void add_read(CLI::App& app, Run& run);
void add_detect(CLI::App& app, Run& run);
void add_coverage(CLI::App& app, Run& run);
void add_sensor(CLI::App& app, Run& run);
void add_idl(CLI::App& app, Run& run);
void add_interfaces(CLI::App& app, Run& run);
void add_rules(CLI::App& app, Run& run);
void add_policy(CLI::App& app, Run& run);

}  // namespace rpcmarshal::cli
