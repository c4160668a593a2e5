// Reading capture files on the command line: one after the other, with a progress bar on a
// terminal, telling what is damaged.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "capture/capture_file.h"
#include "logs/reader.h"
#include "sensor/sensor.h"

namespace rpcmarshal::cli {

/// A progress bar on standard error, drawn now and then.
class Progress {
 public:
  explicit Progress(bool shown) : shown_(shown) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(const CaptureFile& file, std::uint64_t calls);
  void clear();

 private:
  bool shown_;
  bool drawn_ = false;
  std::uint64_t packets_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// Gives every packet of every file to `packet`; after each, `calls()` is for the progress bar.
/// `drops` is added what the programs that wrote the files say they lost.
/// Returns the exit status: kOk, or kDamagedInput when a file could not be read to its end.
int read_captures(const std::vector<std::string>& files, Progress& progress,
                  const std::function<void(const RawPacket&)>& packet,
                  const std::function<std::uint64_t()>& calls, DropStatistics* drops = nullptr);

/// After a log's last record: says on standard error what of it could not be read. False when
/// anything.
bool read_well(const logs::LogReader& reader, const std::string& path);

}  // namespace rpcmarshal::cli
