// The rules of one run, compiled: what threads share. A Detector (detector.h) is what each thread
// has of its own.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "detect/event_fields.h"
#include "detect/route.h"
#include "event/event.h"
#include "interface/model.h"
#include "logs/derived.h"
#include "logs/known_fields.h"
#include "sigma/correlation.h"
#include "sigma/engine.h"
#include "sigma/loader.h"
#include "sink/alert.h"
#include "smb/pipe.h"

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
  /// Whether a rule (index into program().rules) alerts itself.
  bool alerts(std::uint32_t rule) const;

  /// Where the values of some fields come from.
  struct Sources {
    /// That all events of a kind have, and texts of those; from the event's header; from the rest
    /// of it (nullptr: nothing else is asked for).
    std::vector<std::pair<sigma::FieldId, sigma::EventValue>> constants;
    std::vector<std::pair<sigma::FieldId, HeaderField>> headers;
    const EventFieldTree* tree = nullptr;
    bool outside = false;  ///< some of `tree` are in the header of the event's tree
    bool all = false;      ///< keywords: besides the fields of `tree`, every other value
    /// Add what logs/derived.h adds: where the constants do not hold it.
    bool derived = false;
    std::deque<std::string> texts;
  };
  /// A rule that matches all events of a kind.
  struct Certain {
    std::uint32_t rule = 0;
    std::vector<Alert::Match> matched;
    std::string matched_json;
  };
  /// What rules come to for events of one kind. Of ours: with this operation, outcome and these
  /// parts (route.h says for how long it may be kept).
  struct Route {
    std::vector<Certain> certain;
    std::vector<std::uint32_t> counted;  ///< of those, the ones that feed correlations
    /// For the rules that may match; perhaps none. `known`: for Matcher::explain().
    const sigma::Plan* plan = nullptr;
    std::vector<std::vector<sigma::MatchedField>> known;
    Sources asked;        ///< what evaluating `plan` asks for
    Sources fed;          ///< what correlations ask for, of all rules here that feed any
    bool nothing = true;  ///< neither: no event of this kind matches
  };
  /// Locks; kept by the caller.
  Route route(const Event& event, const RouteKey& key);
  const RouteHints& hints() const { return hints_; }
  /// Zeek's endpoint and operation for an event of ours.
  std::pair<std::string, std::string> zeek_names(const Event& event) const;

  /// For what clients do on shares, as Zeek's smb_files and smb_mapping logs.
  const Route& share(SmbFileEvent::Action action, bool pipe) const {
    return shares_[static_cast<std::size_t>(action) * 2 + (pipe ? 1 : 0)];
  }

 private:
  /// Rules and their fields for events of `sources`. `outlook`: what is known of them for
  /// evaluating predicates; `known`: of that, what has the same value in all of them. `header`
  /// names the fields that need not be looked for.
  Route route(const std::vector<sigma::LogSource>& sources, const sigma::KnownValues& outlook,
              const sigma::KnownValues& known, HeaderField (*header)(std::string_view field));
  Sources sources_of(std::vector<sigma::FieldId> fields, const sigma::KnownValues& known,
                     HeaderField (*header)(std::string_view field));
  /// `every`: of all fields.
  Route share_route(SmbFileEvent::Action action, bool pipe, const sigma::FieldTree& every);
  /// Locks; kept for the next who asks.
  const EventFieldTree* tree_of(const std::vector<sigma::FieldId>& fields);
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
  RouteHints hints_;
  std::array<Route, 16> shares_;  // by action and pipe
  std::mutex mutex_;
  std::map<std::vector<sigma::FieldId>, std::unique_ptr<EventFieldTree>> trees_;
  int least_level_ = 0;
};

}  // namespace rpcmarshal::detect
