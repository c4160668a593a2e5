// What the SMB fuzz targets share: pieces of a connection, both directions, gaps, and mid-stream.
#pragma once

#include <cstdlib>

#include "smb/pipe.h"

namespace rpcmarshal::fuzz {

struct PipeSink : StreamConsumer {
  bool ended = false;
  void on_data(Direction, Timestamp, Bytes data) override {
    if (ended || data.empty()) std::abort();
    for (std::byte b : data) sum += std::to_integer<unsigned>(b);
  }
  void on_gap(Direction, Timestamp, std::uint64_t missing) override {
    if (ended || missing == 0) std::abort();
  }
  void on_end(Timestamp) override {
    if (ended) std::abort();
    ended = true;
  }
  unsigned sum = 0;
};

/// Input: a flag byte, then records of control, 16-bit length and bytes. When control has 0x40, a
/// session header is put before the bytes, which makes every record a message.
inline void run_smb(const std::uint8_t* data, std::size_t size, std::string_view magic) {
  ByteReader in({reinterpret_cast<const std::byte*>(data), size});
  ConnectionInfo info;
  info.initiator_known = in.u8() & 1;
  SmbStatistics statistics;
  std::size_t file_events = 0;
  auto parser = make_smb_parser(
      info, [](const PipeInfo&) { return std::make_unique<PipeSink>(); },
      [&](const SmbFileEvent& event) { file_events += event.path.size(); }, statistics);
  Timestamp now = 0;
  while (in.ok() && in.remaining() > 0) {
    std::uint8_t control = in.u8();
    Direction direction = (control & 1) ? Direction::kBackward : Direction::kForward;
    std::size_t length = in.u16();
    if ((control & 0x0e) == 0x0e) {
      parser->on_gap(direction, ++now, length + 1);
      continue;
    }
    Bytes bytes = in.take(std::min(length, in.remaining()));
    if (control & 0x40) {
      std::string message(4, '\0');
      std::size_t whole = bytes.size() + ((control & 0x80) ? magic.size() : 0);
      message[1] = static_cast<char>(whole >> 16);
      message[2] = static_cast<char>(whole >> 8);
      message[3] = static_cast<char>(whole);
      if (control & 0x80) message += magic;
      message += as_text(bytes);
      parser->on_data(direction, ++now, as_bytes(message));
    } else if (!bytes.empty()) {
      parser->on_data(direction, ++now, bytes);
    }
    if (parser->memory() > (64u << 20)) std::abort();
  }
  parser->on_end(++now);
}

}  // namespace rpcmarshal::fuzz
