// Where the passes of the front end put what they find. Keeps the file names that places index, and
// a bounded list of diagnostics.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "idl/diagnostic.h"
#include "idl/parser.h"

namespace rpcmarshal::idl {

struct Place {
  std::uint32_t file = 0;    ///< index given by Reporter::add_file
  std::uint32_t line = 0;    ///< from 1
  std::uint32_t column = 0;  ///< from 1, in bytes
};

class Reporter {
 public:
  using Severity = Diagnostic::Severity;

  std::uint32_t add_file(std::string name) {
    files_.push_back(std::move(name));
    return static_cast<std::uint32_t>(files_.size() - 1);
  }
  const std::string& file_name(std::uint32_t file) const { return files_[file]; }

  void report(Severity severity, Place place, std::string message, std::string why = {},
              std::string fix = {}) {
    ++counts_[static_cast<std::size_t>(severity)];
    if (found_.size() >= kLimits.diagnostics) return;
    found_.push_back({place,
                      {severity, files_[place.file], place.line, place.column, std::move(message),
                       std::move(why), std::move(fix)}});
  }
  void error(Place place, std::string message, std::string why = {}, std::string fix = {}) {
    report(Severity::kError, place, std::move(message), std::move(why), std::move(fix));
  }
  void warn(Place place, std::string message, std::string why = {}, std::string fix = {}) {
    report(Severity::kWarning, place, std::move(message), std::move(why), std::move(fix));
  }
  void note(Place place, std::string message, std::string why = {}, std::string fix = {}) {
    report(Severity::kNote, place, std::move(message), std::move(why), std::move(fix));
  }

  std::size_t count(Severity severity) const { return counts_[static_cast<std::size_t>(severity)]; }
  /// The diagnostics in the order of files and lines. The reporter is empty afterwards.
  std::vector<Diagnostic> take();

 private:
  struct Found {
    Place place;
    Diagnostic diagnostic;
  };
  std::deque<std::string> files_;
  std::vector<Found> found_;
  std::array<std::size_t, 3> counts_{};
};

}  // namespace rpcmarshal::idl
