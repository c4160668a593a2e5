// Reads log files event by event, whatever their format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "capture/input_file.h"
#include "logs/known_fields.h"
#include "sigma/engine.h"

namespace rpcmarshal::logs {

class LogReader {
 public:
  virtual ~LogReader() = default;

  /// The next event; false at the end, or at damage that ends the file (error() says what).
  virtual bool next() = 0;
  /// Its fields; valid until next(). At first only those that rules name; fill_all() adds the rest.
  const sigma::EventFields& fields() const { return fields_; }
  virtual void fill_all() = 0;
  /// Whether next() is to give all values at once: cheaper when most events need them.
  void expect_all(bool all) { expect_all_ = all; }
  /// Whether fields() has all values now.
  bool has_all() const { return expect_all_; }
  /// Not empty: every event of this file is of these sources (the file says so).
  const std::vector<sigma::LogSource>& sources() const { return sources_; }
  /// The event as one JSON object, appended.
  virtual void append_json(std::string& out) = 0;

  const std::string& error() const { return error_; }
  /// Lines or records that could not be read and were passed over; the first one's reason.
  std::uint64_t skipped() const { return skipped_; }
  const std::string& first_problem() const { return first_problem_; }

 protected:
  explicit LogReader(const sigma::FieldIndex& index) : index_(index) {}
  void skip(std::string problem) {
    if (skipped_++ == 0) first_problem_ = std::move(problem);
  }

  const sigma::FieldIndex& index_;
  sigma::EventFields fields_;
  std::vector<sigma::LogSource> sources_;
  std::string error_, first_problem_;
  std::uint64_t skipped_ = 0;
  bool expect_all_ = false;
};

/// What a file's first bytes say it is.
enum class LogFormat : std::uint8_t { kUnknown, kJson, kZeek, kEvtx, kCapture };

struct OpenedLog {
  LogFormat format = LogFormat::kUnknown;
  std::unique_ptr<LogReader> reader;   ///< not for captures (the sensor reads them)
  std::unique_ptr<InputFile> capture;  ///< the file, when it is one; nothing was read of it
  std::string error;                   ///< when the file cannot be read
};

/// "-" is standard input. `index` must outlive the reader and know all rules' fields.
OpenedLog open_log(const std::string& path, const sigma::FieldIndex& index);

}  // namespace rpcmarshal::logs
