#include "cli/rule_options.h"

#include <cstdio>
#include <set>

namespace rpcmarshal::cli {

std::shared_ptr<detect::LoadedRules> RuleArguments::load(const Catalogue& catalogue,
                                                         int threads) const {
  auto loaded = std::make_shared<detect::LoadedRules>(*this, catalogue, threads);
  std::size_t errors = 0;
  for (const sigma::Diagnostic& d : loaded->rules.diagnostics()) {
    const bool error = d.severity == sigma::Diagnostic::Severity::kError;
    errors += error ? 1 : 0;
    if (error || warnings) std::fprintf(stderr, "%s\n", d.to_string().c_str());
  }
  if (errors > 0 && strict) {
    std::fprintf(stderr, "rpcmarshal: %zu errors in rules\n", errors);
    return nullptr;
  }
  if (!loaded->rules.error().empty()) {
    std::fprintf(stderr, "rpcmarshal: %s\n", loaded->rules.error().c_str());
    return nullptr;
  }
  return loaded;
}

std::shared_ptr<detect::LoadedRules> RuleArguments::reload(const Catalogue& catalogue, int threads,
                                                           const detect::LoadedRules& old) const {
  std::set<std::string> known;
  for (const sigma::Diagnostic& d : old.rules.diagnostics()) known.insert(d.to_string());
  auto loaded = load(catalogue, threads);
  bool worse = loaded == nullptr;
  if (loaded) {
    for (const sigma::Diagnostic& d : loaded->rules.diagnostics())
      worse = worse ||
              (d.severity == sigma::Diagnostic::Severity::kError && !known.contains(d.to_string()));
  }
  if (worse) {
    std::fprintf(stderr,
                 "rpcmarshal: the rules were not replaced: correct the errors above and send "
                 "SIGHUP again; the %zu rules from before keep running\n",
                 old.rules.size());
    return nullptr;
  }
  std::fprintf(stderr, "rpcmarshal: %zu rules loaded in place of %zu\n", loaded->rules.size(),
               old.rules.size());
  return loaded;
}

bool RuleArguments::place_for_alerts(const std::string& format) const {
  if (format == "json" || format == "text" || !alerts.empty()) return true;
  std::fprintf(stderr,
               "rpcmarshal: the format %s has no place for alerts: add --alerts FILE, or write "
               "json\n",
               format.c_str());
  return false;
}

void add_detection_options(CLI::App& command, RuleArguments& a, bool required) {
  const auto several = [](CLI::Option* option) {
    return option->expected(1)->allow_extra_args(false)->multi_option_policy(
        CLI::MultiOptionPolicy::TakeAll);
  };
  several(command.add_option("-r,--rules", a.rules,
                             "Sigma rule file, or folder of rules (.yml, .yaml); may be repeated"))
      ->required(required);
  several(command.add_option(
      "--values", a.values,
      "YAML file with the values of placeholders (%name%) in rules; may be repeated"));
  several(command.add_option("--pipeline", a.pipelines,
                             "Processing pipeline (YAML, as pySigma's) that fits rules to your "
                             "fields and log sources; may be repeated"));
  command.add_option("--level", a.level, "Only alerts of this level and above")
      ->check(CLI::IsMember({"informational", "low", "medium", "high", "critical"}));
  command.add_flag("--strict", a.strict, "Stop when a rule cannot be loaded");
  command.add_flag("--warnings", a.warnings, "Show warnings about rules, too");
}

void add_rule_options(CLI::App& command, RuleArguments& a) {
  add_detection_options(command, a, false);
  command.add_option("--alerts", a.alerts,
                     "Write alerts to this file, too: one JSON object per line, each with its "
                     "event");
}

}  // namespace rpcmarshal::cli
