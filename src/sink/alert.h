// Alerts of rules, and how they are written: as JSON lines of their own, as part of an event's
// JSON, and as text for people. What found them is detect/'s business.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sink/json_writer.h"

namespace rpcmarshal {

/// Views live as long as the rules and the event they are of.
struct Alert {
  std::string_view id, title, level, status, file;  ///< of the rule; empty: it does not say
  std::span<const std::string> tags;
  std::int64_t time = 0;  ///< nanoseconds; 0: the event has none
  std::string_view input;
  /// Why: a field (empty: a keyword) and its value.
  struct Match {
    std::string_view field;
    std::string value;
  };
  std::span<const Match> matched;
  /// The rule's members, and `matched`, as JSON that was made before (rule_json(), matched_json());
  /// empty: to be made when they are written.
  std::string_view rule_json, matched_json;
  std::string_view event;  ///< JSON; empty: not to be shown
  /// Of a correlation: its type (empty: a rule on one event), its group, and what was counted.
  std::string_view correlation;
  std::vector<std::pair<std::string_view, std::string>> group;
  double value = 0;
};

/// One line. `kind`: with "kind":"alert", which tells it from the events among which it stands.
void append_alert_json(std::string& out, const Alert& alert, bool kind = false);
/// Several lines.
void append_alert_text(std::string& out, const Alert& alert, bool colour);
/// "high  Service created ...  T1569.002", as below an event.
void append_alert_title(std::string& out, const Alert& alert, bool colour);
/// The alerts of one event as a JSON array.
void append_event_alerts(JsonWriter& json, std::span<const Alert> alerts);

/// What of an alert's JSON is the same for all of a rule: members, without braces.
std::string rule_json(const Alert& alert);
/// An array; empty when nothing matched.
std::string matched_json(std::span<const Alert::Match> matched);

/// 0 (informational) to 4 (critical); rules without a level count as medium.
int level_rank(std::string_view level);

}  // namespace rpcmarshal
