#include "logs/reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "logs/evtx_reader.h"
#include "logs/json_reader.h"
#include "logs/zeek_reader.h"

namespace rpcmarshal::logs {
namespace {

bool is_capture(std::string_view start) {
  static constexpr std::string_view kMagics[] = {"\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4",
                                                 "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d",
                                                 "\x0a\x0d\x0d\x0a"};
  for (const std::string_view magic : kMagics) {
    if (start.starts_with(magic)) return true;
  }
  return false;
}

/// libevtx needs to seek: what cannot be seeked in is unpacked to a file without a name first.
std::unique_ptr<LogReader> open_evtx_copy(InputFile& from, const sigma::FieldIndex& index,
                                          std::string& error) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> copy(std::tmpfile());
  std::vector<std::byte> buffer(1u << 20);
  bool good = copy != nullptr;
  for (std::size_t size = 1; good && size > 0;) {
    size = from.read(buffer.data(), buffer.size());
    good = std::fwrite(buffer.data(), 1, size, copy.get()) == size;
  }
  if (!good || std::fflush(copy.get()) != 0) {
    error = std::string("cannot be unpacked to a temporary file: ") + std::strerror(errno);
    return nullptr;
  }
  // The reader opens it anew, so it outlives ours.
  return open_evtx("/proc/self/fd/" + std::to_string(fileno(copy.get())), index, error);
}

}  // namespace

OpenedLog open_log(const std::string& path, const sigma::FieldIndex& index) {
  OpenedLog out;
  int descriptor = STDIN_FILENO;
  if (path != "-") {
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (descriptor < 0 || fstat(descriptor, &status) != 0 || S_ISDIR(status.st_mode)) {
      out.error =
          path + ": cannot be read: " +
          (descriptor >= 0 && S_ISDIR(status.st_mode) ? "is a folder" : std::strerror(errno));
      if (descriptor >= 0) ::close(descriptor);
      return out;
    }
  }
  auto file = std::make_unique<InputFile>(descriptor);
  const std::string_view magic = as_text(file->peek(8));
  if (is_capture(magic)) {
    out.format = LogFormat::kCapture;
    out.capture = std::move(file);
    return out;
  }
  if (magic == std::string_view("ElfFile\0", 8)) {
    out.format = LogFormat::kEvtx;
    std::string error;
    out.reader = path == "-" || file->gzip() ? open_evtx_copy(*file, index, error)
                                             : open_evtx(path, index, error);
    if (!out.reader) out.error = path + ": " + error;
    return out;
  }
  Lines lines(std::move(file));
  const std::string_view start = lines.peek();
  const std::size_t first = start.find_first_not_of(" \t\r\n");
  if (start.starts_with('#')) {
    out.format = LogFormat::kZeek;
    out.reader = std::make_unique<ZeekReader>(index, std::move(lines));
  } else if (start.empty() || first == std::string_view::npos || start[first] == '{' ||
             start[first] == '[') {
    if (!lines.error().empty()) {
      out.error = path + ": " + lines.error();
      return out;
    }
    out.format = LogFormat::kJson;
    out.reader = std::make_unique<JsonReader>(index, std::move(lines), path);
  } else {
    out.error = path + ": neither JSON, a Zeek log, an event log nor a capture";
  }
  return out;
}

}  // namespace rpcmarshal::logs
