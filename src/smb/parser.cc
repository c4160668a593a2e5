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
            SmbStatistics& statistics, std::shared_ptr<SmbChannels> channels,
            const Secrets* secrets)
      : direction_known_(connection.initiator_known),
        shared_(
            std::make_shared<SmbState>(SmbRoutes::Route{connection.initiator, connection.responder},
                                       std::move(pipes), std::move(files), statistics)),
        state_(*shared_),
        smb1_(state_, secrets),
        smb2_(shared_, {connection.initiator, connection.responder}, std::move(channels), secrets),
        framers_{NbssFramer(*this, Direction::kForward, statistics),
                 NbssFramer(*this, Direction::kBackward, statistics)} {}

  void on_data(Direction direction, Timestamp time, Bytes data) override {
    framer(direction).data(time, data);
  }
  void on_gap(Direction direction, Timestamp time, std::uint64_t missing) override {
    framer(direction).gap(time, missing);
  }
  void on_end(Timestamp time) override {
    release_held();
    smb1_.end();
    smb2_.end(time);
    // Other channels of its sessions may live on; the last one ends what is open.
    if (shared_.use_count() == kOwnReferences) state_.end(time);
  }
  std::size_t memory() const override {
    return sizeof *this + framers_[0].memory() + framers_[1].memory() + state_.memory() +
           smb1_.memory() + smb2_.memory() + plain_.capacity() + held_bytes_;
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

  bool wants_whole(Direction direction, Bytes head, std::size_t) override {
    switch (smb_magic(head)) {
      case kSmb1Magic:
        return smb1_.wants_whole(head);
      case kSmb2Magic:
        return smb2_.wants_whole(head);
      case kEncryptedMagic:
        return smb2_.wants_whole_sealed(from_client(direction), head);
      default:
        return true;  // compressed, or a raw read or write
    }
  }

  void frame(Direction direction, Timestamp time, Bytes data, std::size_t length) override {
    if (smb_magic(data) != kEncryptedMagic) {
      message(direction, time, data, length, 0);
      if (!held_.empty() && !smb2_.setting_up()) release_held();
      return;
    }
    // The answer that completes a session may come late, when a segment of the server's was lost.
    if (!smb2_.can_open(data) && smb2_.setting_up() && data.size() == length &&
        held_bytes_ + length <= kMaxHeld) {
      held_.push_back({direction, time, std::vector<std::byte>(data.begin(), data.end())});
      held_bytes_ += length;
      return;
    }
    encrypted(direction, time, data, length);
  }

  void encrypted(Direction direction, Timestamp time, Bytes data, std::size_t length) {
    const auto inside = smb2_.open(from_client(direction), data, length, plain_);
    if (!inside) return;
    const auto session = load<std::uint64_t>(data.data() + 44, ByteOrder::kLittle);
    message(direction, time, plain_, *inside, session);
    if (plain_.capacity() > kMaxKept) plain_ = {};
  }

  void release_held() {
    std::vector<Held> held;
    held.swap(held_);
    held_bytes_ = 0;
    for (const Held& h : held) encrypted(h.direction, h.time, h.data, h.data.size());
  }

  // A message that came in clear, or in the session `sealed_by`.
  void message(Direction direction, Timestamp time, Bytes data, std::size_t length,
               std::uint64_t sealed_by) {
    std::vector<std::byte> unpacked;
    if (smb_magic(data) == kCompressedMagic) {
      ++state_.statistics.compressed;
      auto inside = data.size() == length ? unpack_message(data, kMaxUnpacked) : std::nullopt;
      if (!inside) {
        ++state_.statistics.malformed;
        return;
      }
      unpacked = std::move(*inside);
      data = unpacked;
      length = unpacked.size();
    }
    switch (smb_magic(data)) {
      case kSmb1Magic:
        if (sealed_by != 0) {
          ++state_.statistics.malformed;
        } else if (client_side(direction, Smb1Parser::is_response(data))) {
          smb1_.message(from_client(direction), time, data, length);
        }
        break;
      case kSmb2Magic:
        if (client_side(direction, Smb2Parser::is_response(data)))
          smb2_.message(from_client(direction), time, data, length, sealed_by);
        break;
      default:
        if (sealed_by == 0 && expects_raw(direction)) {
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

  // An encrypted message that came before its session's key.
  struct Held {
    Direction direction;
    Timestamp time;
    std::vector<std::byte> data;
  };
  static constexpr std::size_t kMaxHeld = 256u << 10;
  static constexpr std::size_t kMaxKept = 64u << 10;  // of plain_, between messages

  bool direction_known_;
  bool swapped_ = false;
  static constexpr long kOwnReferences = 2;  // here and in smb2_
  std::shared_ptr<SmbState> shared_;
  SmbState& state_;
  Smb1Parser smb1_;
  Smb2Parser smb2_;
  std::array<NbssFramer, 2> framers_;
  std::vector<std::byte> plain_;  // of the encrypted message at hand
  std::vector<Held> held_;
  std::size_t held_bytes_ = 0;
};

}  // namespace

std::unique_ptr<StreamConsumer> make_smb_parser(const ConnectionInfo& connection, PipeFactory pipes,
                                                SmbFileHandler files, SmbStatistics& statistics,
                                                std::shared_ptr<SmbChannels> channels,
                                                const Secrets* secrets) {
  return std::make_unique<SmbParser>(connection, std::move(pipes), std::move(files), statistics,
                                     std::move(channels), secrets);
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
