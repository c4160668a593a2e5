#include "cli/captures.h"

#include <cstdio>

#include "cli/commands.h"

namespace rpcmarshal::cli {

void Progress::update(const CaptureFile& file, std::uint64_t calls) {
  if (!shown_ || ++packets_ % 4096 != 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(200)) return;
  last_ = now;
  const auto at = file.progress();
  const double done = at.size > 0 ? static_cast<double>(at.read) / static_cast<double>(at.size) : 0;
  char bar[21] = "                    ";
  for (int i = 0; i < 20; ++i) bar[i] = i < static_cast<int>(done * 20) ? '#' : '.';
  if (at.size > 0) {
    std::fprintf(stderr, "\r[%s] %3.0f%%  %llu calls  %s\x1b[K", bar, done * 100,
                 static_cast<unsigned long long>(calls), file.path().c_str());
  } else {
    std::fprintf(stderr, "\r%.1f MB  %llu calls\x1b[K", static_cast<double>(at.read) / 1e6,
                 static_cast<unsigned long long>(calls));
  }
  drawn_ = true;
}

void Progress::clear() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

int read_captures(const std::vector<std::string>& files, Progress& progress,
                  const std::function<void(const RawPacket&)>& packet,
                  const std::function<std::uint64_t()>& calls, DropStatistics* drops) {
  int status = kOk;
  for (const std::string& path : files) {
    CaptureFile::Opened opened = CaptureFile::open(path);
    if (!opened.file) {
      progress.clear();
      std::fprintf(stderr, "rpcmarshal: %s\n", opened.error.c_str());
      status = kDamagedInput;
      continue;
    }
    RawPacket raw;
    while (opened.file->next(raw)) {
      packet(raw);
      progress.update(*opened.file, calls());
    }
    if (drops) {
      const CaptureDrops lost = opened.file->drops();
      *drops += {lost.received, lost.kernel, lost.interface, 0};
    }
    if (!opened.file->error().empty()) {
      progress.clear();
      std::fprintf(stderr, "rpcmarshal: %s\n", opened.file->error().c_str());
      status = kDamagedInput;
    }
  }
  progress.clear();
  return status;
}

bool read_well(const logs::LogReader& reader, const std::string& path) {
  bool good = true;
  if (!reader.error().empty()) {
    std::fprintf(stderr, "rpcmarshal: %s: %s\n", path.c_str(), reader.error().c_str());
    good = false;
  }
  if (reader.skipped() > 0) {
    std::fprintf(stderr, "rpcmarshal: %s: %llu events could not be read; the first: %s\n",
                 path.c_str(), static_cast<unsigned long long>(reader.skipped()),
                 reader.first_problem().c_str());
    good = false;
  }
  return good;
}

}  // namespace rpcmarshal::cli
