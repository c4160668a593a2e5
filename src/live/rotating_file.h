// The file events are written to while the sensor runs: a new one begins when it is large or old
// enough, and the one before is packed. Written with write(2) in pieces of whole lines, so that a
// reader never waits for half a line longer than a moment, and nothing is lost when the program is
// ended or the disk is full for a while.
//
// events.jsonl is always the one being written; it becomes events-20261121T165312Z.jsonl, and then
// events-20261121T165312Z.jsonl.gz, by a thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace rpcmarshal {

struct RotationOptions {
  std::uint64_t max_bytes = 0;  ///< 0: whatever its size
  std::int64_t every_seconds =
      0;                 ///< at multiples of this since 1970, UTC (3600: each full hour); 0: never
  bool gzip = true;      ///< pack files that are done
  std::size_t keep = 0;  ///< so many done files; older ones are deleted. 0: all
};

class RotatingFile {
 public:
  /// What each file begins and ends with.
  using Edge = std::function<std::string()>;

  /// "-" or empty is standard output: never rotated. Throws std::runtime_error when the file cannot
  /// be written.
  RotatingFile(std::string path, RotationOptions options, Edge header, Edge trailer);
  /// As close().
  ~RotatingFile();
  RotatingFile(const RotatingFile&) = delete;
  RotatingFile& operator=(const RotatingFile&) = delete;

  /// Whole lines. From any thread. What the disk refuses is lost and counted; writing is tried
  /// again with the next lines.
  void write(std::string_view lines);
  /// Begins a new file when its time has come. Call it about once a second.
  void tick();
  /// For SIGHUP: lets go of the file and opens `path` anew, which may have been moved away.
  void reopen();
  /// Writes the trailer and waits for files being packed.
  void close();

  std::uint64_t lost_bytes() const;
  std::uint64_t rotations() const;
  /// The last error, empty when the last write went well.
  std::string error() const;

 private:
  void open();         // mutex_ held, as below
  void finish_file();  // trailer, close
  void rotate();
  bool put(std::string_view bytes);
  void pack();  // thread
  void remove_old();

  const std::string path_;
  const RotationOptions options_;
  const Edge header_, trailer_;
  mutable std::mutex mutex_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::int64_t period_ = 0;  // number of the period the file belongs to
  std::uint64_t lost_ = 0, rotations_ = 0;
  std::time_t last_rotation_ = 0;
  int last_number_ = 0;  ///< in the name of the last file of that second
  std::string error_;
  bool closed_ = false;

  std::condition_variable packing_;
  std::deque<std::string> to_pack_;
  std::thread packer_;
};

}  // namespace rpcmarshal
