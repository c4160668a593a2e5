// The linter and the scorer on any text: they end, say places that are in the text, and what they
// write is made of what they found. Fixes are applied until nothing changes, which must end, too.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "builtin/builtin.h"
#include "lint/finding.h"
#include "lint/layer.h"
#include "lint/linter.h"
#include "lint/score.h"
#include "sigma/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal;
  static const LoadedCatalogue loaded = load_catalogue();
  static const lint::Operations operations(loaded.catalogue);
  if (size > 16384) return 0;
  std::string text(reinterpret_cast<const char*>(data), size);
  for (int round = 0; round < 3; ++round) {
    const std::vector<lint::Finding> findings = lint::lint_text(text, "fuzz.yml", operations);
    lint::findings_text(findings);
    lint::findings_json(findings);
    lint::findings_sarif(findings, "0");
    std::size_t applied = 0;
    const std::string fixed = lint::apply_edits(text, "fuzz.yml", findings, applied);
    if ((applied == 0) != (fixed == text)) std::abort();
    if (applied == 0) break;
    text = fixed;
  }
  sigma::RuleSet rules;
  sigma::Diagnostics diagnostics;
  sigma::parse_rules(text, "fuzz.yml", rules, diagnostics);
  std::vector<lint::RuleScore> scores;
  for (const sigma::Rule& rule : rules.rules) scores.push_back(lint::score_rule(rule, operations));
  lint::scores_text(scores);
  lint::scores_json(scores);
  lint::scores_svg(scores);
  lint::navigator_layer(rules);
  return 0;
}
