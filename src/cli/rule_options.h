// What commands that run rules share on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "detect/live_rules.h"

namespace rpcmarshal::cli {

struct RuleArguments : detect::RuleOptions {
  bool strict = false, warnings = false;
  std::string alerts;  ///< `read` and `sensor`: file for alerts of their own

  /// Reads and compiles, and says on standard error what is wrong. Null when nothing can run, or
  /// with --strict when anything was wrong.
  std::shared_ptr<detect::LoadedRules> load(const Catalogue& catalogue, int threads) const;
  /// The same again, to replace `old`: null also when something is wrong that was right before, so
  /// that a slip of the pen does not switch a rule off.
  std::shared_ptr<detect::LoadedRules> reload(const Catalogue& catalogue, int threads,
                                              const detect::LoadedRules& old) const;
  /// False, and why on standard error: events of this format have no place for alerts, and --alerts
  /// was not given.
  bool place_for_alerts(const std::string& format) const;
};

/// --rules, --values, --level, --strict, --warnings.
void add_detection_options(CLI::App& command, RuleArguments& arguments, bool required);
/// Those, and what `read` and `sensor` have beside.
void add_rule_options(CLI::App& command, RuleArguments& arguments);

}  // namespace rpcmarshal::cli
