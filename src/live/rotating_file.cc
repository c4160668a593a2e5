#include "live/rotating_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <utility>
#include <vector>

namespace rpcmarshal {
namespace {

bool is_stdout(const std::string& path) { return path.empty() || path == "-"; }

/// "dir/events", ".jsonl".
std::pair<std::string, std::string> split(const std::string& path) {
  const std::filesystem::path p(path);
  return {(p.parent_path() / p.stem()).string(), p.extension().string()};
}

// Packs `path` into path.gz, by way of a name that nobody takes for whole, and deletes it. On any
// failure the unpacked file stays.
bool pack_file(const std::string& path) {
  const int in = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (in < 0) return false;
  const std::string part = path + ".gz.part", whole = path + ".gz";
  const int out = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  gzFile gzip = out < 0 ? nullptr : gzdopen(out, "wb6");
  if (out >= 0 && !gzip) ::close(out);
  bool good = gzip != nullptr;
  std::vector<char> buffer(256u << 10);
  while (good) {
    const ssize_t got = ::read(in, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) good = false;
    if (got <= 0) break;
    good = gzwrite(gzip, buffer.data(), static_cast<unsigned>(got)) == got;
  }
  ::close(in);
  if (gzip) good = gzclose(gzip) == Z_OK && good;
  std::error_code ignored;
  if (good) good = std::rename(part.c_str(), whole.c_str()) == 0;
  std::filesystem::remove(good ? path : part, ignored);
  return good;
}

}  // namespace

RotatingFile::RotatingFile(std::string path, RotationOptions options, Edge header, Edge trailer)
    : path_(std::move(path)),
      options_(options),
      header_(std::move(header)),
      trailer_(std::move(trailer)) {
  const std::lock_guard lock(mutex_);
  open();
  if (descriptor_ < 0) throw std::runtime_error("cannot write " + path_ + ": " + error_);
  if (!is_stdout(path_)) packer_ = std::thread([this] { pack(); });
}

RotatingFile::~RotatingFile() { close(); }

void RotatingFile::open() {
  if (is_stdout(path_)) {
    descriptor_ = STDOUT_FILENO;
  } else {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (descriptor_ < 0) {
      error_ = std::strerror(errno);
      return;
    }
  }
  struct stat status {};
  size_ = 0;
  if (!is_stdout(path_) && ::fstat(descriptor_, &status) == 0)
    size_ = static_cast<std::uint64_t>(status.st_size);
  if (options_.every_seconds > 0) period_ = std::time(nullptr) / options_.every_seconds;
  // A file that is continued has its header, and a trailer in its middle if it was closed: readers
  // of Zeek's format take both for comments.
  put(header_());
}

bool RotatingFile::put(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = descriptor_ < 0 ? -1 : ::write(descriptor_, bytes.data(), bytes.size());
    if (done < 0 && descriptor_ >= 0 && errno == EINTR) continue;
    if (done < 0) {
      if (descriptor_ >= 0) error_ = std::strerror(errno);
      lost_ += bytes.size();
      return false;
    }
    size_ += static_cast<std::uint64_t>(done);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  error_.clear();
  return true;
}

void RotatingFile::finish_file() {
  if (descriptor_ < 0) return;
  put(trailer_());
  if (!is_stdout(path_)) ::close(descriptor_);
  descriptor_ = -1;
}

void RotatingFile::rotate() {
  finish_file();
  const auto [stem, extension] = split(path_);
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char time[32];
  std::strftime(time, sizeof time, "-%Y%m%dT%H%M%SZ", &parts);
  std::string name;
  // A number is not used twice in one second, though its file may be deleted by now: the newest
  // file would get the oldest name.
  for (int again = now == last_rotation_ ? last_number_ + 1 : 0;; ++again) {
    char number[16] = "";
    if (again > 0) std::snprintf(number, sizeof number, "-%04d", again);  // so that names sort
    name = stem + time + number + extension;
    last_number_ = again;
    if (!std::filesystem::exists(name) && !std::filesystem::exists(name + ".gz")) break;
  }
  last_rotation_ = now;
  if (std::rename(path_.c_str(), name.c_str()) == 0) {
    ++rotations_;
    to_pack_.push_back(name);
    packing_.notify_one();
  }
  open();
}

void RotatingFile::write(std::string_view lines) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  if (descriptor_ < 0) open();  // the disk may be writable again
  put(lines);
  if (!is_stdout(path_) && options_.max_bytes > 0 && size_ >= options_.max_bytes) rotate();
}

void RotatingFile::tick() {
  const std::lock_guard lock(mutex_);
  if (closed_ || is_stdout(path_) || options_.every_seconds <= 0) return;
  if (std::time(nullptr) / options_.every_seconds != period_) rotate();
}

void RotatingFile::reopen() {
  const std::lock_guard lock(mutex_);
  if (closed_ || is_stdout(path_)) return;
  finish_file();
  open();
}

void RotatingFile::close() {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    finish_file();
    closed_ = true;
  }
  packing_.notify_one();
  if (packer_.joinable()) packer_.join();
}

void RotatingFile::pack() {
  std::unique_lock lock(mutex_);
  for (;;) {
    packing_.wait(lock, [&] { return closed_ || !to_pack_.empty(); });
    if (to_pack_.empty()) return;  // closed, and nothing left to do
    const std::string name = std::move(to_pack_.front());
    to_pack_.pop_front();
    lock.unlock();
    if (options_.gzip) pack_file(name);
    if (options_.keep > 0) remove_old();
    lock.lock();
  }
}

void RotatingFile::remove_old() {
  namespace fs = std::filesystem;
  const fs::path path(path_);
  const std::string stem = path.stem().string() + "-2", extension = path.extension().string();
  std::vector<std::string> done;  // names sort by time
  std::error_code error;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(stem) && (name.ends_with(extension) || name.ends_with(extension + ".gz")))
      done.push_back(name);
  }
  if (done.size() <= options_.keep) return;
  // Without the extension: "...Z" comes before "...Z-0001".
  std::ranges::sort(done, {},
                    [&](const std::string& name) { return name.substr(0, name.rfind(extension)); });
  done.resize(done.size() - options_.keep);
  for (const std::string& name : done) fs::remove(folder / name, error);
}

std::uint64_t RotatingFile::lost_bytes() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}
std::uint64_t RotatingFile::rotations() const {
  const std::lock_guard lock(mutex_);
  return rotations_;
}
std::string RotatingFile::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace rpcmarshal
