// The file that events are written to: whole lines, a new file when it is large or old enough, old
// ones deleted. events.jsonl is always the one being written; it becomes
// events-20261121T165312Z.jsonl, as the sensor's files do (live/rotating_file.h, which packs them
// too but needs POSIX and zlib). What the disk refuses is counted. Not for several threads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace rpcmarshal::agent {

struct EventFileOptions {
  std::string path;                  ///< UTF-8
  std::uint64_t rotate_bytes = 0;    ///< 0: whatever its size
  std::uint64_t rotate_seconds = 0;  ///< at multiples of this since 1970, UTC; 0: never
  std::uint32_t keep = 0;            ///< so many finished files; 0: all
};

class EventFiles {
 public:
  /// Opens nothing: the first write does. `now`, here and below, in seconds since 1970.
  explicit EventFiles(EventFileOptions options);

  /// Whole lines, each with its line end.
  void write(std::string_view lines, std::int64_t now);
  /// Gives lines to the system, begins a new file when its time has come. About once a second.
  void tick(std::int64_t now);

  std::uint64_t lines_written() const { return lines_written_; }
  std::uint64_t lines_lost() const { return lines_lost_; }
  std::uint64_t rotations() const { return rotations_; }
  /// The last failure; empty when the last write went well.
  const std::string& error() const { return error_; }

 private:
  bool open(std::int64_t now);
  void rotate(std::int64_t now);
  void remove_old();

  const EventFileOptions options_;
  const std::filesystem::path path_;
  std::ofstream out_;
  std::uint64_t size_ = 0;
  std::int64_t period_ = 0;        // number of the period the file belongs to
  std::int64_t retry_rotate_ = 0;  // not before this time
  std::uint64_t lines_written_ = 0, lines_lost_ = 0, rotations_ = 0;
  std::string error_;
};

}  // namespace rpcmarshal::agent
