// The rules of one run, compiled: what threads share. A Detector (detector.h) is what each thread
// has of its own.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "detect/route.h"
#include "event/event.h"
#include "interface/model.h"
#include "logs/derived.h"
#include "logs/known_fields.h"
#include "sigma/correlation.h"
#include "sigma/engine.h"
#include "sigma/field_tree.h"
#include "sigma/loader.h"

namespace rpcmarshal::detect {

struct RuleOptions {
  std::vector<std::string> rules;      ///< files and folders
  std::vector<std::string> values;     ///< files with placeholders' values
  std::vector<std::string> pipelines;  ///< files with processing pipelines
  std::vector<std::string> sources;    ///< log sources of every event; empty: events say it
  std::string level;                   ///< least level of alerts, or empty
};

class Rules {
 public:
  /// Reads and compiles. `catalogue` gives Zeek's names for our events; it outlives this.
  Rules(RuleOptions options, const Catalogue& catalogue);
  Rules(const Rules&) = delete;
  Rules& operator=(const Rules&) = delete;

  /// What was wrong with the rules.
  const sigma::Diagnostics& diagnostics() const { return diagnostics_; }
  /// Not empty: nothing can match, since no rule could be loaded or an option makes no sense.
  const std::string& error() const { return error_; }
  std::size_t size() const { return engine_->rule_count(); }
  const RuleOptions& options() const { return options_; }

  sigma::Engine& engine() { return *engine_; }
  const sigma::FieldIndex& fields() const { return engine_->fields(); }
  const logs::KnownFields& known() const { return *known_; }
  /// To be copied: each thread has one.
  const logs::DerivedFields& derived() const { return *derived_; }
  const std::vector<sigma::LogSource>& fixed_sources() const { return sources_; }
  /// Its state is Correlations' (correlations.h), which locks it.
  sigma::Correlator& correlator() { return *correlator_; }
  int least_level() const { return least_level_; }

  /// The rules that an event of ours with this operation, outcome and these parts may match: the
  /// others need not be tried. And where the values come from that these rules, and the
  /// correlations they feed, ask for. Locks; kept by the caller (route.h says for how long).
  struct Route {
    const sigma::Plan* plan = nullptr;
    /// Values that all events of this key have; from the event's header; from the rest of it
    /// (nullptr: nothing else is asked for).
    std::vector<std::pair<sigma::FieldId, sigma::EventValue>> constants;
    std::vector<std::pair<sigma::FieldId, HeaderField>> headers;
    const sigma::FieldTree* tree = nullptr;
    bool all = false;  ///< rules with keywords: every value, and no constants and headers
    /// Add what logs/derived.h adds: where the constants do not hold it.
    bool derived = false;
    std::deque<std::string> texts;  ///< of `constants`
  };
  Route route(const Event& event);
  /// Zeek's endpoint and operation for an event of ours.
  std::pair<std::string, std::string> zeek_names(const Event& event) const;

  /// For what clients do on shares, as Zeek's smb_files and smb_mapping logs; rules() may be empty.
  struct SharePlan {
    const sigma::Plan* plan = nullptr;
    const sigma::FieldTree* tree = nullptr;
  };
  const SharePlan& share_files() const { return share_files_; }
  const SharePlan& share_mappings() const { return share_mappings_; }
  bool watch_shares() const {
    return !share_files_.plan->rules().empty() || !share_mappings_.plan->rules().empty();
  }

 private:
  /// Fields that evaluating the plan's rules, or counting them, may ask for.
  std::vector<sigma::FieldId> needed_by(const sigma::Plan& plan) const;
  /// Locks; kept for the next who asks.
  const sigma::FieldTree* tree_of(const std::vector<sigma::FieldId>& fields);
  std::pair<std::string, std::string> zeek_names(std::string_view uuid,
                                                 std::string_view opnum) const;
  std::pair<std::string, std::string> zeek_names(const Guid& uuid,
                                                 std::optional<std::uint16_t> opnum) const;

  RuleOptions options_;
  const Catalogue& catalogue_;
  sigma::Diagnostics diagnostics_;
  std::string error_;
  std::unique_ptr<sigma::Engine> engine_;
  std::unique_ptr<logs::KnownFields> known_;
  std::unique_ptr<logs::DerivedFields> derived_;
  std::unique_ptr<sigma::Correlator> correlator_;
  std::vector<sigma::LogSource> sources_, own_sources_;
  SharePlan share_files_, share_mappings_;
  std::mutex mutex_;
  std::map<std::vector<sigma::FieldId>, std::unique_ptr<sigma::FieldTree>> trees_;
  int least_level_ = 0;
};

}  // namespace rpcmarshal::detect
