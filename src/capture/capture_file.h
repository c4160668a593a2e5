// Reads a capture file (pcap or pcapng, plain or gzip'd, a path or standard input) packet by
// packet.
//
//   auto opened = CaptureFile::open("x.pcap");
//   if (!opened.file) die(opened.error);
//   RawPacket packet;
//   while (opened.file->next(packet)) pipeline.packet(packet);
//   if (!opened.file->error().empty()) warn(opened.file->error());  // exit status non-zero
//
// The interfaces of a pcapng file may be of different link types; packets of one that is not
// supported are passed over, and error() says how many. A truncated or corrupt file yields every
// packet before the damage; then next() is false and error() tells the byte offset.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "capture/packet.h"

namespace rpcmarshal {

class InputFile;  // input_file.h

class CaptureFile {
 public:
  struct Opened {
    std::unique_ptr<CaptureFile> file;  ///< null on failure
    std::string error;                  ///< one line, naming the file, when `file` is null
  };
  /// Opens `path`; "-" is standard input. Does not throw.
  static Opened open(const std::string& path);
  /// The same, for a file of which nothing but peek() was read; `path` is for messages.
  static Opened open(std::unique_ptr<InputFile> file, const std::string& path);
  ~CaptureFile();
  CaptureFile(const CaptureFile&) = delete;
  CaptureFile& operator=(const CaptureFile&) = delete;

  /// Reads the next packet; `packet.data` lives until the next call. False at the end or at damage.
  bool next(RawPacket& packet);

  /// After next() returned false: empty at a clean end, else one line such as
  /// "x.pcap: damaged at byte 1234: truncated dump file; ...: everything before it was read".
  /// In a gzip'd file the offset counts unpacked bytes.
  const std::string& error() const;

  struct Progress {
    std::uint64_t read = 0;  ///< bytes taken from the file, as stored (before gzip is unpacked)
    std::int64_t size = -1;  ///< of the file; -1 when unknown (a pipe)
  };
  Progress progress() const;
  std::uint64_t packets() const;
  /// What the program that wrote the file says it lost (pcapng only).
  CaptureDrops drops() const;
  const std::string& path() const;

 private:
  bool next_block(RawPacket& packet);

  struct Impl;
  explicit CaptureFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rpcmarshal
