// How hard it is for an attacker to get around a rule: Summiting the Pyramid's model (Center for
// Threat-Informed Defense). Every observable has a level: 1 ephemeral values, 2 core to a tool the
// attacker brings, 3 core to a tool that is there, 4 core to part of a technique, 5 core to the
// technique; and a column: where the data is from. docs/rules.md says how levels are told from
// fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lint/operations.h"

namespace rpcmarshal::lint {

struct Score {
  std::uint8_t level = 0;  ///< 1-5; 0: nothing that could be scored
  char column = 0;         ///< P payload, H header; A application, U user mode, K kernel mode
  bool operator==(const Score&) const = default;
  std::string to_string() const;  ///< "4H", or "-"
};

/// One item of a selection.
struct ObservableScore {
  std::string what;  ///< "endpoint: svcctl"
  Score score;
  std::string why;
};

struct SelectionScore {
  std::string name;
  bool filter = false;    ///< only used to take events away
  bool can_match = true;  ///< false: as written it matches nothing, and does not count
  Score score;
  std::vector<ObservableScore> observables;  ///< without those that say which log it is
  std::string limited_by;                    ///< the weakest observable
  std::string raise;                         ///< what would make it stronger
  std::vector<std::string> techniques;       ///< of the operations matched
};

struct RuleScore {
  std::string file, title, id, source;
  Score analytic;     ///< without filters
  Score filter;       ///< of what is taken away; level 0: nothing is
  Score final_score;  ///< the weaker of both
  std::vector<SelectionScore> selections;
  std::string limited_by, raise;
};

RuleScore score_rule(const sigma::Rule& rule, const Operations& operations);

std::string scores_text(const std::vector<RuleScore>& scores);
std::string scores_json(const std::vector<RuleScore>& scores);
/// The matrix: levels by columns, each with the rules (one rule: its selections) that are there.
std::string scores_svg(const std::vector<RuleScore>& scores);

}  // namespace rpcmarshal::lint
