// Rules on events, for every command that takes --rules: loads them, evaluates, writes alerts.
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/alerts.h"
#include "event/event.h"
#include "interface/model.h"
#include "logs/classifier.h"
#include "logs/derived.h"
#include "logs/json.h"
#include "logs/reader.h"
#include "sigma/correlation.h"
#include "sigma/engine.h"
#include "sigma/loader.h"
#include "sink/sink.h"

namespace rpcmarshal::cli {

struct DetectorOptions {
  std::vector<std::string> rules, values, sources;
  std::string level;       ///< least level of alerts, or empty
  bool with_event = true;  ///< JSON: the event itself in the alert
  bool json = true, colour = false;
};

class Detector {
 public:
  /// `catalogue` gives Zeek's names for our events; it outlives the detector.
  Detector(const DetectorOptions& options, const Catalogue& catalogue);

  /// What was wrong with the rules, in words, one a line.
  const sigma::Diagnostics& diagnostics() const { return diagnostics_; }
  /// False when nothing can match: no rule could be loaded, or an option makes no sense (error()).
  bool usable() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  std::size_t rules() const { return engine_->rule_count(); }
  const sigma::FieldIndex& fields() const { return engine_->fields(); }

  /// All events of a log. Alerts are handed to `write` as text, whole lines.
  void run(logs::LogReader& log, std::string_view input);
  /// One event of ours.
  void event(const Event& event, std::string_view input);
  /// No more events: correlations whose time is not over are judged.
  void finish();
  void set_output(std::function<void(std::string_view)> write) { write_ = std::move(write); }

  std::uint64_t events() const { return events_; }
  std::uint64_t alerts() const;
  const std::uint64_t (&alerts_by_level() const)[5] { return by_level_; }

 private:
  void evaluate(sigma::EventFields& fields, const std::vector<sigma::LogSource>& file_sources,
                std::string_view input, const std::function<void(bool)>& fill_all,
                const std::function<void(std::string&)>& append_json);
  void correlate(const std::vector<std::uint32_t>& matches, std::int64_t time,
                 std::string_view input);
  void emit_correlations(std::string_view input);
  void emit(Alert& alert, const std::function<void(std::string&)>& append_json);
  std::pair<std::string, std::string> zeek_names(std::string_view uuid, std::string_view opnum);

  DetectorOptions options_;
  const Catalogue& catalogue_;
  sigma::Diagnostics diagnostics_;
  std::string error_;
  std::unique_ptr<sigma::Engine> engine_;
  std::unique_ptr<logs::KnownFields> known_;
  std::unique_ptr<logs::DerivedFields> derived_;
  std::unique_ptr<logs::Classifier> classifier_;
  std::unique_ptr<sigma::Correlator> correlator_;
  std::unique_ptr<sigma::Matcher> matcher_;
  std::vector<sigma::CorrelationMatch> correlated_;
  std::function<void(std::string_view)> write_;
  std::unique_ptr<EventFormat> format_;
  logs::JsonDocument document_;
  sigma::EventFields own_fields_;
  std::string own_json_, event_json_, alert_;
  int least_level_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t by_level_[5] = {};
};

}  // namespace rpcmarshal::cli
