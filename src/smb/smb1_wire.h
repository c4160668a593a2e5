// Numbers and strings of SMB1 messages ([MS-CIFS] 2.2). Internal to smb/.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/unicode.h"

namespace rpcmarshal::smb1 {

inline constexpr std::size_t kHeaderSize = 32;

/// [MS-CIFS] 2.2.2.1, commands.
enum Command : std::uint8_t {
  kOpen = 0x02,
  kCreate = 0x03,
  kClose = 0x04,
  kRead = 0x0a,
  kWrite = 0x0b,
  kLockAndRead = 0x13,
  kWriteAndUnlock = 0x14,
  kReadRaw = 0x1a,
  kWriteRaw = 0x1d,
  kLockingAndX = 0x24,
  kTransaction = 0x25,
  kTransactionSecondary = 0x26,
  kWriteAndClose = 0x2c,
  kOpenAndX = 0x2d,
  kReadAndX = 0x2e,
  kWriteAndX = 0x2f,
  kTreeConnect = 0x70,
  kTreeDisconnect = 0x71,
  kNegotiate = 0x72,
  kSessionSetupAndX = 0x73,
  kLogoffAndX = 0x74,
  kTreeConnectAndX = 0x75,
  kNtCreateAndX = 0xa2,
  kNtCancel = 0xa4,
};

/// [MS-CIFS] 2.2.5, subcommands of Transaction on named pipes.
enum PipeFunction : std::uint16_t {
  kRawReadNmPipe = 0x11,
  kTransactNmPipe = 0x26,
  kRawWriteNmPipe = 0x31,
  kReadNmPipe = 0x36,
  kWriteNmPipe = 0x37,
  kCallNmPipe = 0x54,
};

inline constexpr std::uint16_t kFlags2Signed = 0x0004;  // [MS-CIFS] 2.2.3.1
inline constexpr std::uint32_t kStatusMoreProcessing = 0xc0000016;

constexpr bool has_andx(std::uint8_t command) {
  switch (command) {
    case kLockingAndX:
    case kOpenAndX:
    case kReadAndX:
    case kWriteAndX:
    case kSessionSetupAndX:
    case kLogoffAndX:
    case kTreeConnectAndX:
    case kNtCreateAndX:
      return true;
    default:
      return false;
  }
}

/// NUL-terminated strings after each other in the bytes of a command, UTF-16 (aligned to two from
/// the header's start) or single-byte, as UTF-8.
class StringReader {
 public:
  /// `base`: offset of `data` from the header's start; `at`: where in `data` the first string is.
  StringReader(Bytes data, std::size_t base, bool unicode, std::size_t at)
      : data_(data), base_(base), unicode_(unicode), at_(at) {}
  std::string next() {
    std::string out;
    if (unicode_ && ((base_ + at_) & 1)) ++at_;
    if (at_ >= data_.size()) return out;
    Bytes rest = data_.subspan(at_);
    std::size_t step = unicode_ ? 2 : 1;
    std::size_t end = 0;
    while (end + step <= rest.size() &&
           !(rest[end] == std::byte{0} && rest[end + step - 1] == std::byte{0}))
      end += step;
    if (unicode_) {
      append_utf8(out, rest.first(end));
    } else {
      append_utf8_latin1(out, rest.first(end));
    }
    at_ += end + step;
    return out;
  }

 private:
  Bytes data_;
  std::size_t base_;
  bool unicode_;
  std::size_t at_;
};

inline std::string text(Bytes data, std::size_t base, bool unicode, std::size_t at) {
  return StringReader(data, base, unicode, at).next();
}

}  // namespace rpcmarshal::smb1
