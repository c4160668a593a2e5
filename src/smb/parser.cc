// One SMB connection: frames of both directions in, to the parser of the protocol each one speaks.
#include <algorithm>
#include <array>

#include "smb/compression.h"
#include "smb/nbss.h"
#include "smb/pipe.h"
#include "smb/smb1_parser.h"
#include "smb/smb2_parser.h"
#include "smb/state.h"

namespace rpcmarshal {
namespace {

// Far more than goes through a pipe at once; a larger message is not worth its cost, which its
// sender could have for a few bytes.
constexpr std::size_t kMaxUnpacked = 2u << 20;

class SmbParser : public StreamConsumer, private FrameSink {
 public:
  SmbParser(const ConnectionInfo& connection, PipeFactory pipes, SmbFileHandler files,
            SmbStatistics& statistics, std::shared_ptr<SmbChannels> channels)
      : direction_known_(connection.initiator_known),
        shared_(std::make_shared<SmbState>(std::move(pipes), std::move(files), statistics)),
        state_(*shared_),
        smb1_(state_),
        smb2_(shared_, std::move(channels)),
        framers_{NbssFramer(*this, Direction::kForward, statistics),
                 NbssFramer(*this, Direction::kBackward, statistics)} {}

  void on_data(Direction direction, Timestamp time, Bytes data) override {
    framer(direction).data(time, data);
  }
  void on_gap(Direction direction, Timestamp time, std::uint64_t missing) override {
    framer(direction).gap(time, missing);
  }
  void on_end(Timestamp time) override {
    smb2_.end(time);
    // Other channels of its sessions may live on; the last one ends what is open.
    if (shared_.use_count() == kOwnReferences) state_.end(time);
  }
  std::size_t memory() const override {
    return sizeof *this + framers_[0].memory() + framers_[1].memory() + state_.memory() +
           smb1_.memory() + smb2_.memory();
  }

 private:
  NbssFramer& framer(Direction direction) {
    return framers_[direction == Direction::kForward ? 0 : 1];
  }
  bool from_client(Direction direction) const {
    return (direction == Direction::kForward) != swapped_;
  }

  bool expects_raw(Direction direction) const override {
    return smb1_.expects_raw(from_client(direction));
  }

  bool wants_whole(Direction, Bytes head, std::size_t) override {
    switch (smb_magic(head)) {
      case kSmb1Magic:
        return smb1_.wants_whole(head);
      case kSmb2Magic:
        return smb2_.wants_whole(head);
      case kEncryptedMagic:
        return false;
      default:
        return true;  // compressed, or a raw read or write
    }
  }

  void frame(Direction direction, Timestamp time, Bytes data, std::size_t length) override {
    std::vector<std::byte> unpacked;
    if (smb_magic(data) == kCompressedMagic) {
      ++state_.statistics.compressed;
      auto message = data.size() == length ? unpack_message(data, kMaxUnpacked) : std::nullopt;
      if (!message) {
        ++state_.statistics.malformed;
        return;
      }
      unpacked = std::move(*message);
      data = unpacked;
      length = unpacked.size();
    }
    switch (smb_magic(data)) {
      case kSmb1Magic:
        if (client_side(direction, Smb1Parser::is_response(data)))
          smb1_.message(from_client(direction), time, data, length);
        break;
      case kSmb2Magic:
        if (client_side(direction, Smb2Parser::is_response(data)))
          smb2_.message(from_client(direction), time, data, length);
        break;
      case kEncryptedMagic:
        encrypted(data);
        break;
      default:
        if (expects_raw(direction)) {
          smb1_.raw(from_client(direction), time, data, length);
        } else {
          ++state_.statistics.malformed;
        }
    }
  }

  // Compares a message's response flag with the side it came from. When the handshake was not seen,
  // the first message tells which side is the client; later, a contradiction is malformed.
  bool client_side(Direction direction, int is_response) {
    if (is_response < 0) {
      ++state_.statistics.malformed;
      return false;
    }
    bool client = is_response == 0;
    if (!direction_known_) {
      direction_known_ = true;
      swapped_ = client != (direction == Direction::kForward);
    }
    if (client == from_client(direction)) return true;
    ++state_.statistics.malformed;
    return false;
  }

  // [MS-SMB2] 2.2.41: the session is all that an encrypted message tells.
  void encrypted(Bytes data) {
    ++state_.statistics.encrypted;
    if (data.size() < 52) return;
    auto id = load<std::uint64_t>(data.data() + 44, ByteOrder::kLittle);
    if (auto session = state_.find_session(id)) session->encrypted = true;
  }

  bool direction_known_;
  bool swapped_ = false;
  static constexpr long kOwnReferences = 2;  // here and in smb2_
  std::shared_ptr<SmbState> shared_;
  SmbState& state_;
  Smb1Parser smb1_;
  Smb2Parser smb2_;
  std::array<NbssFramer, 2> framers_;
};

}  // namespace

std::unique_ptr<StreamConsumer> make_smb_parser(const ConnectionInfo& connection, PipeFactory pipes,
                                                SmbFileHandler files, SmbStatistics& statistics,
                                                std::shared_ptr<SmbChannels> channels) {
  return std::make_unique<SmbParser>(connection, std::move(pipes), std::move(files), statistics,
                                     std::move(channels));
}

int looks_like_smb(Bytes start) {
  auto u8 = [&](std::size_t at) { return std::to_integer<std::uint8_t>(start[at]); };
  if (start.empty()) return 0;
  if (u8(0) == 0x81) {
    // A NetBIOS session request: two encoded names of 34 bytes, [RFC 1002] 4.3.2.
    if (start.size() < 5) return 0;
    return u8(1) == 0 && u8(2) == 0 && u8(3) == 68 && u8(4) == 32 ? 1 : -1;
  }
  if (u8(0) >= 0x82 && u8(0) <= 0x85) {
    // Its answer, or a keep-alive: no data, or an error code or an address.
    if (start.size() < 4) return 0;
    return u8(1) == 0 && u8(2) == 0 && u8(3) <= 6 ? 1 : -1;
  }
  if (u8(0) != 0) return -1;
  if (start.size() >= 5 && u8(4) < kCompressedMagic) return -1;
  if (start.size() < 8) return 0;
  return smb_magic(start.subspan(4)) != 0 ? 1 : -1;
}

}  // namespace rpcmarshal
