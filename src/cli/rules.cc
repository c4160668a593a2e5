// rpcmarshal rules: what is wrong with Sigma rules, how robust they are, whether they do what their
// tests say, and which techniques they cover.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <sstream>

#include "cli/commands.h"
#include "cli/output.h"
#include "detect/live_rules.h"
#include "lint/layer.h"
#include "lint/linter.h"
#include "lint/score.h"
#include "sigma/parser.h"
#include "sigma/yaml.h"

namespace rpcmarshal::cli {
namespace {

namespace fs = std::filesystem;

struct RulesOptions {
  std::vector<std::string> paths, definitions, values;
  std::string format = "text", output, severity = "note";
  bool fix = false;
};

/// Rule files of the paths, in order of their names; false, and a message, when one is not there.
bool list_files(const std::vector<std::string>& paths, std::vector<std::string>& out) {
  bool good = true;
  for (const std::string& path : paths) {
    std::error_code ec;
    if (!fs::is_directory(path, ec)) {
      if (fs::exists(path, ec)) {
        out.push_back(path);
      } else {
        std::fprintf(stderr, "rpcmarshal: %s: no such file or folder\n", path.c_str());
        good = false;
      }
      continue;
    }
    std::vector<std::string> files;
    for (fs::recursive_directory_iterator
             it(path, fs::directory_options::skip_permission_denied, ec),
         end;
         !ec && it != end; it.increment(ec)) {
      const std::string name = it->path().filename().string();
      std::error_code ignored;
      const bool rule = name.ends_with(".yml") || name.ends_with(".yaml");
      if (rule && it->is_regular_file(ignored)) files.push_back(it->path().string());
    }
    std::ranges::sort(files);
    out.insert(out.end(), files.begin(), files.end());
  }
  return good;
}

bool read_text(const std::string& path, std::string& out) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  out = std::move(text).str();
  if (file && out.size() <= sigma::kMaxYamlSize) return true;
  std::fprintf(stderr, "rpcmarshal: %s cannot be read, or is too large\n", path.c_str());
  return false;
}

bool write_text(const std::string& path, const std::string& text) {
  // Beside the file, then renamed: a full disk costs no rule.
  const std::string temporary = path + ".new";
  std::ofstream file(temporary, std::ios::binary);
  file << text;
  file.close();
  std::error_code ec;
  if (file) fs::rename(temporary, path, ec);
  if (file && !ec) return true;
  fs::remove(temporary, ec);
  std::fprintf(stderr, "rpcmarshal: %s cannot be written\n", path.c_str());
  return false;
}

int lint_rules(const RulesOptions& o) {
  std::vector<std::string> files;
  if (!list_files(o.paths, files)) return kUsage;
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  const lint::Operations operations(loaded.catalogue);
  std::vector<lint::Finding> findings;
  std::size_t fixed = 0;
  int status = kOk;
  for (const std::string& file : files) {
    std::string text;
    if (!read_text(file, text)) {
      status = kUsage;
      continue;
    }
    std::vector<lint::Finding> found = lint::lint_text(text, file, operations);
    if (o.fix) {
      // Fixing one thing may uncover another; twice is enough for all that is known.
      for (int round = 0; round < 2; ++round) {
        std::size_t applied = 0;
        const std::string better = lint::apply_edits(text, file, found, applied);
        if (applied == 0 || better == text) break;
        if (!write_text(file, better)) return kUsage;
        fixed += applied;
        text = better;
        found = lint::lint_text(text, file, operations);
      }
    }
    findings.insert(findings.end(), std::make_move_iterator(found.begin()),
                    std::make_move_iterator(found.end()));
  }
  std::size_t count[3] = {};
  for (const lint::Finding& f : findings) ++count[static_cast<int>(f.severity)];
  const int least = o.severity == "error" ? 2 : o.severity == "warning" ? 1 : 0;
  std::erase_if(findings,
                [&](const lint::Finding& f) { return static_cast<int>(f.severity) < least; });
  const Output out = open_output(o.output);
  if (!out) return kUsage;
  const std::string text = o.format == "sarif"  ? lint::findings_sarif(findings, RPCM_VERSION)
                           : o.format == "json" ? lint::findings_json(findings)
                                                : lint::findings_text(findings);
  std::fwrite(text.data(), 1, text.size(), out.get());
  if (!flushed(out)) return kUsage;
  std::fprintf(stderr, "%zu files: %zu errors, %zu warnings, %zu notes", files.size(), count[2],
               count[1], count[0]);
  std::fprintf(stderr, fixed > 0 ? "; %zu findings fixed\n" : "\n", fixed);
  if (status != kOk) return status;
  return count[2] > 0 ? kDamagedInput : kOk;
}

/// Every rule of the files that parses; problems go to standard error.
bool parse_files(const std::vector<std::string>& paths, sigma::RuleSet& out) {
  std::vector<std::string> files;
  if (!list_files(paths, files)) return false;
  for (const std::string& file : files) {
    std::string text;
    if (!read_text(file, text)) return false;
    sigma::Diagnostics diagnostics;
    sigma::parse_rules(text, file, out, diagnostics);
    for (const sigma::Diagnostic& d : diagnostics) {
      if (d.severity == sigma::Diagnostic::Severity::kError)
        std::fprintf(stderr, "%s\n", d.to_string().c_str());
    }
  }
  return true;
}

int write_output(const RulesOptions& o, const std::string& text) {
  const Output out = open_output(o.output);
  if (!out) return kUsage;
  std::fwrite(text.data(), 1, text.size(), out.get());
  return flushed(out) ? kOk : kUsage;
}

int score_rules(const RulesOptions& o) {
  sigma::RuleSet rules;
  if (!parse_files(o.paths, rules)) return kUsage;
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  const lint::Operations operations(loaded.catalogue);
  std::vector<lint::RuleScore> scores;
  for (const sigma::Rule& rule : rules.rules) scores.push_back(lint::score_rule(rule, operations));
  return write_output(o, o.format == "svg"    ? lint::scores_svg(scores)
                         : o.format == "json" ? lint::scores_json(scores)
                                              : lint::scores_text(scores));
}

/// The examples of a rule file: tests/NAME.match.jsonl and tests/NAME.other.jsonl beside it.
fs::path examples(const fs::path& rule, std::string_view kind) {
  return rule.parent_path() / "tests" / (rule.stem().string() + "." + std::string(kind) + ".jsonl");
}

/// Alerts by the id (without one: the title) of their rule.
class AlertCount {
 public:
  void add(std::span<const Alert> alerts) {
    for (const Alert& alert : alerts)
      ++counts_[std::string(alert.id.empty() ? alert.title : alert.id)];
  }
  std::uint64_t of(const sigma::Metadata& about) const {
    const auto found = counts_.find(about.id.empty() ? about.title : about.id);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  std::map<std::string, std::uint64_t> counts_;
};

struct TestTotals {
  std::size_t files = 0, failed = 0, untested = 0;
};

/// Runs one file of examples; says on standard output what is not as it should be.
void run_examples(const RulesOptions& o, const Catalogue& catalogue, const fs::path& rule,
                  const std::vector<const sigma::Metadata*>& abouts, bool correlation, bool match,
                  TestTotals& totals) {
  const std::string path = examples(rule, match ? "match" : "other").string();
  std::error_code ec;
  if (!fs::exists(path, ec)) {
    ++totals.untested;
    std::printf("%s: no examples: %s is not there\n", rule.c_str(), path.c_str());
    return;
  }
  ++totals.files;
  detect::RuleOptions options;
  // A correlation needs the rules it counts: those of its folder.
  options.rules = {correlation ? rule.parent_path().string() : rule.string()};
  if (options.rules[0].empty()) options.rules[0] = ".";
  options.values = o.values;
  detect::LoadedRules loaded(std::move(options), catalogue, 1);
  std::string problem;
  for (const sigma::Diagnostic& d : loaded.rules.diagnostics()) {
    if (d.severity == sigma::Diagnostic::Severity::kError && problem.empty() &&
        d.file == rule.string())
      problem = d.to_string();
  }
  if (problem.empty()) problem = loaded.rules.error();
  detect::Detector detector(loaded.rules, loaded.correlations);
  AlertCount alerts;
  logs::OpenedLog log = logs::open_log(path, loaded.rules.fields());
  if (!log.reader) {
    if (problem.empty()) problem = log.error.empty() ? "no log of events" : log.error;
  } else {
    while (log.reader->next()) {
      alerts.add(detector.event(*log.reader, false));
      alerts.add(detector.take_correlated());
    }
    detector.finish();
    alerts.add(detector.take_correlated());
    if (!log.reader->error().empty()) problem = log.reader->error();
    if (log.reader->skipped() > 0) problem = log.reader->first_problem();
  }
  std::uint64_t found = 0;
  for (const sigma::Metadata* about : abouts) found += alerts.of(*about);
  const std::uint64_t expected = !match ? 0 : correlation ? 1 : detector.events();
  if (problem.empty() && match && detector.events() == 0) problem = "there is no event in it";
  if (problem.empty() && found != expected) {
    problem = std::to_string(found) + " alerts for " + std::to_string(detector.events()) +
              " events, expected " + std::to_string(expected);
  }
  if (problem.empty()) return;
  ++totals.failed;
  std::printf("%s: %s\n", path.c_str(), problem.c_str());
}

int test_rules(const RulesOptions& o) {
  std::vector<std::string> files;
  if (!list_files(o.paths, files)) return kUsage;
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  TestTotals totals;
  std::size_t broken = 0;
  for (const std::string& file : files) {
    std::string text;
    if (!read_text(file, text)) return kUsage;
    sigma::RuleSet rules;
    sigma::Diagnostics diagnostics;
    sigma::parse_rules(text, file, rules, diagnostics);
    bool error = false;
    for (const sigma::Diagnostic& d : diagnostics) {
      if (d.severity != sigma::Diagnostic::Severity::kError) continue;
      std::printf("%s\n", d.to_string().c_str());
      error = true;
    }
    if (error) ++broken;
    // A file with a correlation is about that; the rules beside it are its parts.
    const bool correlation = !rules.correlations.empty();
    std::vector<const sigma::Metadata*> abouts;
    if (correlation) {
      abouts.push_back(&rules.correlations.back().about);
    } else {
      for (const sigma::Rule& rule : rules.rules) abouts.push_back(&rule.about);
    }
    if (abouts.empty()) continue;
    for (const bool match : {true, false})
      run_examples(o, loaded.catalogue, file, abouts, correlation, match, totals);
  }
  std::fprintf(stderr, "%zu rule files, %zu files of examples: %zu failed, %zu missing\n",
               files.size(), totals.files, totals.failed, totals.untested);
  return totals.failed + totals.untested + broken > 0 ? kDamagedInput : kOk;
}

int write_layer(const RulesOptions& o) {
  sigma::RuleSet rules;
  if (!parse_files(o.paths, rules)) return kUsage;
  return write_output(o, lint::navigator_layer(rules));
}

}  // namespace

void add_rules(CLI::App& app, Run& run) {
  const auto options = std::make_shared<RulesOptions>();
  CLI::App* rules = app.add_subcommand("rules", "Examine Sigma rules about RPC");
  rules->require_subcommand(1);
  const auto common = [&](CLI::App* command) {
    command->add_option("PATH", options->paths, "Rule files, or folders of rules")->required();
    command->add_option("-o,--output", options->output, "Write to this file");
    command
        ->add_option("--interfaces", options->definitions,
                     "Folder of .idl files that add to the built-in interfaces")
        ->check(CLI::ExistingPath);
  };
  CLI::App* lint = rules->add_subcommand("lint", "Say what is wrong with rules");
  common(lint);
  lint->add_option("-f,--format", options->format, "text, json (one finding per line), sarif")
      ->check(CLI::IsMember({"text", "json", "sarif"}));
  lint->add_option("--severity", options->severity, "Least severity shown: note, warning, error")
      ->check(CLI::IsMember({"note", "warning", "error"}));
  lint->add_flag("--fix", options->fix, "Apply the fixes that are safe to the files");
  lint->footer("Exit status: 0 no errors; 1 errors were found; 2 a file or an option is unusable.");
  lint->callback([options, &run] { run = [options] { return lint_rules(*options); }; });

  CLI::App* score = rules->add_subcommand(
      "score", "Say how hard rules are to get around (Summiting the Pyramid)");
  common(score);
  score
      ->add_option("-f,--format", options->format,
                   "text, json (one rule per line), svg (the matrix)")
      ->check(CLI::IsMember({"text", "json", "svg"}));
  score->callback([options, &run] { run = [options] { return score_rules(*options); }; });

  CLI::App* test = rules->add_subcommand("test", "Run rules on the examples beside them");
  common(test);
  test->add_option("--values", options->values,
                   "YAML file with the values of placeholders (%name%); may be repeated")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  test->footer(
      "Beside each RULE.yml: tests/RULE.match.jsonl, every event of which it must match (a\n"
      "correlation: the whole file once), and tests/RULE.other.jsonl, of which none.\n"
      "Exit status: 0 all is as it should be; 1 a test failed or is missing; 2 unusable.");
  test->callback([options, &run] { run = [options] { return test_rules(*options); }; });

  CLI::App* layer = rules->add_subcommand(
      "layer", "Write an ATT&CK Navigator layer of the techniques that rules are tagged with");
  common(layer);
  layer->callback([options, &run] { run = [options] { return write_layer(*options); }; });
}

}  // namespace rpcmarshal::cli
