// Cuts one direction of a TCP connection into SMB messages: the NetBIOS session header of port 139
// ([RFC 1002] 4.3.1) and the same four bytes on port 445 ([MS-SMB2] 2.1). A message that lies
// within one TCP segment is handed on without a copy. Of a message that does not, the first bytes
// are collected and the sink says whether it wants the rest, so that file contents pass by
// unbuffered. After a gap, or when the bytes make no sense, the framer looks for the next plausible
// message. Internal to smb/.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "capture/stream.h"
#include "smb/pipe.h"

namespace rpcmarshal {

/// SMB message protocol identifiers: the first byte before "SMB".
inline constexpr std::uint8_t kSmb1Magic = 0xff, kSmb2Magic = 0xfe, kEncryptedMagic = 0xfd,
                              kCompressedMagic = 0xfc;

/// Which protocol a message that starts with these bytes is, or 0.
std::uint8_t smb_magic(Bytes start);

class FrameSink {
 public:
  virtual ~FrameSink() = default;
  /// Whether a message of `length` bytes that starts with `head` is wanted beyond `head`.
  virtual bool wants_whole(Direction direction, Bytes head, std::size_t length) = 0;
  /// A message of `length` bytes; `data` is its start, shorter than `length` when it was not wanted
  /// or bytes are missing. Lives for the call.
  virtual void frame(Direction direction, Timestamp time, Bytes data, std::size_t length) = 0;
  /// Whether the next message in this direction may be without SMB header (SMB1 raw read and
  /// write).
  virtual bool expects_raw(Direction direction) const = 0;
};

class NbssFramer {
 public:
  NbssFramer(FrameSink& sink, Direction direction, SmbStatistics& statistics)
      : sink_(sink), direction_(direction), statistics_(statistics) {}
  void data(Timestamp time, Bytes bytes);
  void gap(Timestamp time, std::uint64_t missing);
  std::size_t memory() const { return buffer_.capacity(); }

  /// What wants_whole() is shown, when the message is that long: enough of an encrypted message to
  /// see what is written or read.
  static constexpr std::size_t kHead = 212;
  /// Longer messages are never kept whole. Windows offers 8 MiB reads and writes at most.
  static constexpr std::size_t kMaxWhole = (8u << 20) + 4096;

 private:
  enum class State : std::uint8_t { kHeader, kBody, kSkip, kSearch };

  Bytes header(Bytes bytes);
  Bytes body(Timestamp time, Bytes bytes);
  Bytes search(Bytes bytes);
  void begin_body(Bytes four);
  void begin_search(Bytes carry);
  void emit(Timestamp time, Bytes data);
  void skip(std::uint64_t size);

  FrameSink& sink_;
  Direction direction_;
  SmbStatistics& statistics_;
  State state_ = State::kHeader;
  bool head_done_ = false;  ///< the sink wants the whole message
  std::size_t length_ = 0;  ///< of the message, kBody
  std::uint64_t skip_ = 0;  ///< bytes left, kSkip
  std::vector<std::byte>
      buffer_;  ///< the start of a header or message, or the tail while searching
};

}  // namespace rpcmarshal
