// Reads the blocks of a pcapng file: packets of all its interfaces, of whatever link types, time
// resolutions and snap lengths, and of several sections after each other. libpcap stops at an
// interface that differs from the first. Source: draft-ietf-opsawg-pcapng. Internal to capture/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "capture/input_file.h"
#include "capture/packet.h"

namespace rpcmarshal {

class PcapngReader {
 public:
  /// `input` stands at the file's first byte, and outlives the reader.
  explicit PcapngReader(InputFile& input) : input_(input) {}

  /// Whether a file that starts with these bytes (at least 12) is pcapng.
  static bool recognises(Bytes start);

  enum class Result : std::uint8_t { kPacket, kEnd, kDamaged };
  /// The next packet; `packet.data` lives until the next call. The link type is the LINKTYPE_ of
  /// its interface, and not necessarily one that anybody supports.
  Result next(RawPacket& packet);
  std::string_view reason() const { return reason_; }  ///< after kDamaged
  /// What the program that wrote the file says it lost, so far, of all interfaces and sections.
  CaptureDrops drops() const;
  /// Where the block begins that was read last, in unpacked bytes.
  std::uint64_t block_start() const { return block_start_; }

 private:
  struct Interface {
    int link_type = 0;
    std::uint32_t snap_length = 0;  ///< 0: no limit
    std::uint8_t resolution = 6;    ///< if_tsresol
    std::int64_t offset = 0;        ///< if_tsoffset, seconds
    CaptureDrops counted;           ///< of its last statistics block
    std::uint64_t noted = 0;        ///< sum of its packets' epb_dropcount
  };
  static constexpr std::size_t kMaxBlock = 16u << 20;
  static constexpr std::size_t kMaxInterfaces = 16384;

  Result damaged(std::string_view why);
  bool section();
  bool interface();
  bool packet(RawPacket& packet, std::uint32_t type);
  void statistics();
  /// Calls `found(code, value)` for each option from `at` on; false when one does not fit.
  template <typename Found>
  bool options(std::size_t at, Found found) const;
  Timestamp time(const Interface& interface, std::uint64_t units) const;

  InputFile& input_;
  ByteOrder order_ = ByteOrder::kLittle;
  std::vector<Interface> interfaces_;  ///< of this section
  CaptureDrops before_;                ///< of earlier sections
  std::vector<std::byte> body_;        ///< of this block, without its two lengths
  std::uint64_t block_start_ = 0;
  std::string_view reason_;
};

}  // namespace rpcmarshal
