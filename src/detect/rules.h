// The rules of one run, compiled: what threads share. A Detector (detector.h) is what each thread
// has of its own.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "detect/route.h"
#include "event/event.h"
#include "interface/model.h"
#include "logs/derived.h"
#include "logs/known_fields.h"
#include "sigma/correlation.h"
#include "sigma/engine.h"
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
  /// others need not be tried. Locks; kept by the caller (route.h says for how long).
  struct Route {
    const sigma::Plan* plan = nullptr;
    std::pair<std::string, std::string>
        zeek_names;  ///< endpoint and operation, of keys with a procedure
    /// The plan's rules, and the correlations they feed, ask for nothing but what is here: values
    /// that all events of this key have, and those of `headers`, from headers_of().
    bool by_header = false;
    std::vector<std::pair<sigma::FieldId, sigma::EventValue>> constants;
    std::vector<std::pair<sigma::FieldId, HeaderField>> headers;
    std::deque<std::string> texts;  ///< of `constants`
  };
  Route route(const Event& event);

  /// For what clients do on shares, as Zeek's smb_files and smb_mapping logs; rules() may be empty.
  const sigma::Plan& share_files() const { return *share_files_; }
  const sigma::Plan& share_mappings() const { return *share_mappings_; }
  bool watch_shares() const {
    return !share_files_->rules().empty() || !share_mappings_->rules().empty();
  }

 private:
  void find_constants(const Event& event, Route& route);
  std::pair<std::string, std::string> zeek_names(std::string_view uuid,
                                                 std::string_view opnum) const;

  RuleOptions options_;
  const Catalogue& catalogue_;
  sigma::Diagnostics diagnostics_;
  std::string error_;
  std::unique_ptr<sigma::Engine> engine_;
  std::unique_ptr<logs::KnownFields> known_;
  std::unique_ptr<logs::DerivedFields> derived_;
  std::unique_ptr<sigma::Correlator> correlator_;
  std::vector<sigma::LogSource> sources_, own_sources_;
  const sigma::Plan* share_files_ = nullptr;
  const sigma::Plan* share_mappings_ = nullptr;
  int least_level_ = 0;
};

}  // namespace rpcmarshal::detect
