// Log files of any kind but EVTX, read to the end with a rule's fields and with all.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "logs/known_fields.h"
#include "logs/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal;
  if (size >= 4 && data[0] == 'E' && data[1] == 'l') return 0;  // libevtx has its own fuzzers
  const int descriptor = memfd_create("log", 0);
  if (descriptor < 0 || ::write(descriptor, data, size) != static_cast<ssize_t>(size)) return 0;
  sigma::FieldIndex index;
  const logs::KnownFields known(index);
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  logs::OpenedLog log = logs::open_log(path, index);
  while (log.reader && log.reader->next()) {
    logs::event_time(log.reader->fields(), known);
    log.reader->fill_all();
    std::string json;
    log.reader->append_json(json);
  }
  ::close(descriptor);
  return 0;
}
