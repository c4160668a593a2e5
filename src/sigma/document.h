// What the parsers of rules, correlations and filters share: reporting, and the parts that all
// documents have.
#pragma once

#include <string>

#include "sigma/rule.h"
#include "sigma/yaml.h"

namespace rpcmarshal::sigma {

/// Collects what is wrong with one document.
class Reporter {
 public:
  Reporter(std::string file, std::string rule, Diagnostics& diagnostics)
      : file_(std::move(file)), rule_(std::move(rule)), diagnostics_(diagnostics) {}

  void error(Location at, std::string message) {
    failed_ = true;
    add(Diagnostic::Severity::kError, at, std::move(message));
  }
  void warning(Location at, std::string message) {
    add(Diagnostic::Severity::kWarning, at, std::move(message));
  }
  bool failed() const { return failed_; }

 private:
  void add(Diagnostic::Severity severity, Location at, std::string message) {
    diagnostics_.push_back({severity, file_, at, std::move(message), rule_});
  }

  std::string file_, rule_;
  Diagnostics& diagnostics_;
  bool failed_ = false;
};

Metadata parse_metadata(const Yaml& document, const std::string& file, Reporter& report);
LogSource parse_logsource(const Yaml& document, Reporter& report);
/// The selections of a mapping (its keys but those in `reserved`) and its conditions.
Detection parse_detection(const Yaml& mapping, std::initializer_list<std::string_view> reserved,
                          Reporter& report);
/// Text, or a list of text.
std::vector<std::string> parse_texts(const Yaml* value, Reporter& report,
                                     std::vector<Location>* places = nullptr);

/// Fields and values that a pipeline adds: a detection with one condition.
Detection parse_added_condition(const Yaml& fields, Reporter& report);

Rule parse_rule(const Yaml& document, const std::string& file, Reporter& report);
Correlation parse_correlation(const Yaml& document, const std::string& file, Reporter& report);
Filter parse_filter(const Yaml& document, const std::string& file, Reporter& report);

}  // namespace rpcmarshal::sigma
