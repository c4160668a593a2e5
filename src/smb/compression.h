// Unpacks SMB 3.1.1 compressed messages ([MS-SMB2] 2.2.42, 3.1.4.4): LZNT1, plain LZ77 and LZ77
// with Huffman coding ([MS-XCA] 2), and Pattern_V1, chained or not. Internal to smb/.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace rpcmarshal {

/// [MS-SMB2] 2.2.3.1.3.
enum class Compression : std::uint16_t {
  kNone = 0,
  kLznt1 = 1,
  kLz77 = 2,
  kLz77Huffman = 3,
  kPatternV1 = 4,
  kLz4 = 5
};

/// Each appends what `packed` unpacks to, at most `limit` bytes; false when it is malformed or
/// longer.
bool unpack_lznt1(Bytes packed, std::size_t limit, std::vector<std::byte>& out);
bool unpack_lz77(Bytes packed, std::size_t limit, std::vector<std::byte>& out);
bool unpack_lz77_huffman(Bytes packed, std::size_t limit, std::vector<std::byte>& out);

/// The message inside `message`, which starts with a compression transform header; nullopt when it
/// is malformed, uses an algorithm that is not known, or would be longer than `limit`.
std::optional<std::vector<std::byte>> unpack_message(Bytes message, std::size_t limit);

}  // namespace rpcmarshal
