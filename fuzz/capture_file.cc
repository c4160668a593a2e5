// Arbitrary bytes as a capture file: pcapng by our own reader, pcap by libpcap, gzip.
#include "capture/capture_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int file = ::memfd_create("capture", 0);
  if (file < 0) std::abort();
  if (::write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  auto opened = rpcmarshal::CaptureFile::open("/proc/self/fd/" + std::to_string(file));
  ::close(file);
  if (!opened.file) return 0;
  rpcmarshal::RawPacket packet;
  std::size_t sum = 0;
  while (opened.file->next(packet)) {
    for (const std::byte b : packet.data) sum += std::to_integer<std::size_t>(b);
  }
  // Used, so that every byte is really read.
  static volatile std::size_t keep;
  keep = sum;
  static_cast<void>(keep);
  return 0;
}
