// How alerts are written: JSON lines for machines, some lines of text for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigma/engine.h"
#include "sigma/rule.h"

namespace rpcmarshal::cli {

struct Alert {
  const sigma::Metadata* rule = nullptr;
  std::int64_t time = 0;  ///< nanoseconds; 0: the event has none
  std::string_view input;
  std::vector<sigma::MatchedField> matched;
  std::string_view event;  ///< JSON; empty: not to be shown
  /// Of a correlation: its group, and what was counted.
  std::vector<std::pair<std::string, std::string>> group;
  std::string_view correlation;  ///< its type; empty: a rule on one event
  double value = 0;
};

void append_alert_json(std::string& out, const Alert& alert);
void append_alert_text(std::string& out, const Alert& alert, bool colour);

/// 0 (informational) to 4 (critical); rules without a level count as medium.
int level_rank(std::string_view level);

}  // namespace rpcmarshal::cli
