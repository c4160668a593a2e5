#include "agent/service/event_files.h"

#include <algorithm>
#include <cstdio>
#include <system_error>
#include <vector>

namespace rpcmarshal::agent {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kRetrySeconds = 10;

fs::path path_of(const std::string& utf8) {
  return fs::path(std::u8string(utf8.begin(), utf8.end()));
}

std::string text_of(const fs::path& path) {
  const std::u8string text = path.u8string();
  return {text.begin(), text.end()};
}

// 20261121T165312Z. The calendar is computed, for gmtime_r and gmtime_s differ.
std::string stamp(std::int64_t now) {
  const std::int64_t days = now / 86400, second = now % 86400;
  // Days to civil date, proleptic Gregorian (eras of 400 years that begin on 1 March).
  const std::int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
  const std::int64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
  const std::int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  char text[64];
  std::snprintf(text, sizeof text, "%04lld%02lld%02lldT%02lld%02lld%02lldZ",
                static_cast<long long>(year), static_cast<long long>(month),
                static_cast<long long>(day), static_cast<long long>(second / 3600),
                static_cast<long long>(second / 60 % 60), static_cast<long long>(second % 60));
  return text;
}

std::uint64_t count_lines(std::string_view lines) {
  return static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
}

}  // namespace

EventFiles::EventFiles(EventFileOptions options)
    : options_(std::move(options)), path_(path_of(options_.path)) {}

bool EventFiles::open(std::int64_t now) {
  std::error_code error;
  // A file that an earlier run left belongs to the period it was last written in.
  period_ = options_.rotate_seconds ? now / static_cast<std::int64_t>(options_.rotate_seconds) : 0;
  size_ = 0;
  if (const auto size = fs::file_size(path_, error); !error && size > 0) {
    size_ = size;
    const auto written = fs::last_write_time(path_, error);
    if (!error && options_.rotate_seconds) {
      const auto age = std::chrono::duration_cast<std::chrono::seconds>(
          fs::file_time_type::clock::now() - written);
      period_ = (now - std::max<std::int64_t>(age.count(), 0)) /
                static_cast<std::int64_t>(options_.rotate_seconds);
    }
  }
  out_.clear();
  out_.open(path_, std::ios::binary | std::ios::app);
  if (!out_) {
    error_ = "cannot write " + options_.path;
    return false;
  }
  return true;
}

void EventFiles::rotate(std::int64_t now) {
  if (now < retry_rotate_) return;
  out_.close();
  const fs::path folder = path_.parent_path();
  const std::string stem = text_of(path_.stem()) + "-" + stamp(now);
  std::error_code error;
  fs::path name;
  for (int again = 0;; ++again) {
    char number[16] = "";
    if (again > 0) std::snprintf(number, sizeof number, "-%04d", again);  // so that names sort
    name = folder / path_of(stem + number + text_of(path_.extension()));
    if (!fs::exists(name, error)) break;
  }
  fs::rename(path_, name, error);
  if (error) {
    // Somebody reads it in a way that forbids renaming: it goes on growing, and is tried again.
    error_ = "cannot rename " + options_.path + ": " + error.message();
    retry_rotate_ = now + kRetrySeconds;
  } else {
    ++rotations_;
    error_.clear();
    if (options_.keep > 0) remove_old();
  }
}

void EventFiles::write(std::string_view lines, std::int64_t now) {
  if (!out_.is_open() && !open(now)) {
    lines_lost_ += count_lines(lines);
    return;
  }
  if (options_.rotate_seconds &&
      now / static_cast<std::int64_t>(options_.rotate_seconds) != period_) {
    rotate(now);
    if (!out_.is_open() && !open(now)) {
      lines_lost_ += count_lines(lines);
      return;
    }
  }
  out_.write(lines.data(), static_cast<std::streamsize>(lines.size()));
  out_.flush();
  if (!out_) {
    // The disk is full, or gone; the next write tries a fresh handle.
    error_ = "cannot write " + options_.path;
    lines_lost_ += count_lines(lines);
    out_.close();
    return;
  }
  size_ += lines.size();
  lines_written_ += count_lines(lines);
  if (options_.rotate_bytes > 0 && size_ >= options_.rotate_bytes) rotate(now);
}

void EventFiles::tick(std::int64_t now) {
  if (!out_.is_open() || !options_.rotate_seconds || size_ == 0) return;
  if (now / static_cast<std::int64_t>(options_.rotate_seconds) != period_) rotate(now);
}

void EventFiles::remove_old() {
  const std::string stem = text_of(path_.stem()) + "-2", extension = text_of(path_.extension());
  std::vector<std::string> done;  // without the extension: "...Z" sorts before "...Z-0001"
  std::error_code error;
  const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = text_of(entry.path().filename());
    if (name.starts_with(stem) && name.ends_with(extension))
      done.push_back(name.substr(0, name.size() - extension.size()));
  }
  if (done.size() <= options_.keep) return;
  std::sort(done.begin(), done.end());
  done.resize(done.size() - options_.keep);
  for (const std::string& name : done) fs::remove(folder / path_of(name + extension), error);
}

}  // namespace rpcmarshal::agent
