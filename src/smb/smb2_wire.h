// Numbers and fields of SMB 2 and 3 messages ([MS-SMB2] 2.2). Internal to smb/.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace rpcmarshal::smb2 {

inline constexpr std::size_t kHeaderSize = 64;
inline constexpr std::uint32_t kMagic = 0x424d53fe;
inline constexpr std::size_t kTransformSession = 44;  ///< SessionId in a transform header, 2.2.41

// [MS-SMB2] 2.2.1.2, commands and flags.
enum Command : std::uint16_t {
  kNegotiate = 0,
  kSessionSetup = 1,
  kLogoff = 2,
  kTreeConnect = 3,
  kTreeDisconnect = 4,
  kCreate = 5,
  kClose = 6,
  kRead = 8,
  kWrite = 9,
  kIoctl = 11,
  kCancel = 12,
  kSetInfo = 17,
  kLastCommand = 19,
};
inline constexpr std::uint32_t kFlagResponse = 1, kFlagAsync = 2, kFlagRelated = 4, kFlagSigned = 8;

// [MS-ERREF] 2.3.
inline constexpr std::uint32_t kStatusPending = 0x103, kStatusBufferOverflow = 0x80000005,
                               kStatusMoreProcessing = 0xc0000016;

inline constexpr std::uint32_t kPipeTransceive = 0x0011c017;  // [MS-FSCC] 2.3
inline constexpr std::uint32_t kDeleteOnClose = 0x1000;       // [MS-SMB2] 2.2.13, CreateOptions
inline constexpr std::uint8_t kShareTypePipe = 2;             // [MS-SMB2] 2.2.10
inline constexpr std::uint8_t kSessionBinding = 1;            // [MS-SMB2] 2.2.5, Flags
inline constexpr std::uint16_t kSessionGuest = 1, kSessionNull = 2, kSessionEncrypt = 4;  // 2.2.6
inline constexpr std::uint8_t kInfoFile = 1;  // [MS-SMB2] 2.2.39
inline constexpr std::uint32_t kRename = 10, kDisposition = 13, kDispositionEx = 64, kRenameEx = 65;

// Sizes of the fixed part that the response of a success has; an error's is 9 ([MS-SMB2] 2.2.2).
inline constexpr std::uint16_t kReadResponse = 17, kIoctlResponse = 49, kCreateResponse = 89;

inline std::uint8_t u8(Bytes b, std::size_t at) {
  return at < b.size() ? std::to_integer<std::uint8_t>(b[at]) : 0;
}
inline std::uint16_t u16(Bytes b, std::size_t at) {
  return at + 2 <= b.size() ? load<std::uint16_t>(b.data() + at, ByteOrder::kLittle) : 0;
}
inline std::uint32_t u32(Bytes b, std::size_t at) {
  return at + 4 <= b.size() ? load<std::uint32_t>(b.data() + at, ByteOrder::kLittle) : 0;
}
inline std::uint64_t u64(Bytes b, std::size_t at) {
  return at + 8 <= b.size() ? load<std::uint64_t>(b.data() + at, ByteOrder::kLittle) : 0;
}

// Offsets of fields count from the message's header, as the protocol's own offsets do.
inline constexpr std::size_t kBody = kHeaderSize;

}  // namespace rpcmarshal::smb2
