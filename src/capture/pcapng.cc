#include "capture/pcapng.h"

#include <algorithm>

namespace rpcmarshal {
namespace {

// Section 11.1 of the draft.
enum BlockType : std::uint32_t {
  kInterface = 1,
  kOldPacket = 2,
  kSimplePacket = 3,
  kStatistics = 5,
  kEnhancedPacket = 6,
  kSection = 0x0a0d0d0a,  // the same in both byte orders
};
constexpr std::uint32_t kMagic = 0x1a2b3c4d;
constexpr std::uint16_t kEndOfOptions = 0;
constexpr std::uint16_t kResolution = 9, kOffset = 14;                         // of an interface
constexpr std::uint16_t kDroppedBefore = 4;                                    // of a packet
constexpr std::uint16_t kReceived = 4, kInterfaceDrops = 5, kSystemDrops = 7;  // of statistics

}  // namespace

bool PcapngReader::recognises(Bytes start) {
  if (start.size() < 12) return false;
  if (load<std::uint32_t>(start.data(), ByteOrder::kLittle) != kSection) return false;
  return load<std::uint32_t>(start.data() + 8, ByteOrder::kLittle) == kMagic ||
         load<std::uint32_t>(start.data() + 8, ByteOrder::kBig) == kMagic;
}

PcapngReader::Result PcapngReader::damaged(std::string_view why) {
  reason_ = why;
  return Result::kDamaged;
}

PcapngReader::Result PcapngReader::next(RawPacket& out) {
  while (true) {
    block_start_ = input_.position();
    std::byte head[8];
    const std::size_t have = input_.read(head, sizeof head);
    if (have == 0) return input_.error().empty() ? Result::kEnd : damaged("");
    if (have < sizeof head) return damaged("the file ends within a block");
    const auto type_little = load<std::uint32_t>(head, ByteOrder::kLittle);
    if (type_little == kSection) {
      // Its byte order is not known before its third word.
      const Bytes magic = input_.peek(4);
      if (magic.size() < 4) return damaged("the file ends within a block");
      order_ = load<std::uint32_t>(magic.data(), ByteOrder::kLittle) == kMagic ? ByteOrder::kLittle
                                                                               : ByteOrder::kBig;
    }
    const auto type = load<std::uint32_t>(head, order_);
    const auto length = load<std::uint32_t>(head + 4, order_);
    if (length < 12 || length % 4 != 0 || length > kMaxBlock)
      return damaged("a block has an impossible length");
    body_.resize(length - 8);
    if (input_.read(body_.data(), body_.size()) < body_.size())
      return damaged("the file ends within a block");
    if (load<std::uint32_t>(body_.data() + body_.size() - 4, order_) != length)
      return damaged("a block's two lengths differ");
    body_.resize(body_.size() - 4);
    switch (type) {
      case kSection:
        if (!section()) return damaged("a section header cannot be read");
        break;
      case kInterface:
        if (!interface()) return damaged("an interface description cannot be read");
        break;
      case kStatistics:
        statistics();
        break;
      case kOldPacket:
      case kSimplePacket:
      case kEnhancedPacket:
        if (!packet(out, type)) return damaged("a packet is of no known interface, or too long");
        return Result::kPacket;
      default:
        break;  // names, secrets
    }
  }
}

CaptureDrops PcapngReader::drops() const {
  CaptureDrops all = before_;
  for (const Interface& one : interfaces_) {
    all.received += one.counted.received;
    all.interface += one.counted.interface;
    // The statistics, where there are any, count what the packets note as well.
    all.kernel += std::max(one.counted.kernel, one.noted);
  }
  return all;
}

template <typename Found>
bool PcapngReader::options(std::size_t at, Found found) const {
  while (at + 4 <= body_.size()) {
    const auto code = load<std::uint16_t>(body_.data() + at, order_);
    const std::size_t size = load<std::uint16_t>(body_.data() + at + 2, order_);
    at += 4;
    if (code == kEndOfOptions) break;
    if (size > body_.size() - at) return false;
    found(code, Bytes(body_).subspan(at, size));
    at += (size + 3) / 4 * 4;
  }
  return true;
}

/// Statistics that cannot be read cost no packets.
void PcapngReader::statistics() {
  if (body_.size() < 12) return;
  const auto number = load<std::uint32_t>(body_.data(), order_);
  if (number >= interfaces_.size()) return;
  CaptureDrops& counted = interfaces_[number].counted;
  // Counted from the start of the capture on: the last block says all.
  options(12, [&](std::uint16_t code, Bytes value) {
    if (value.size() < 8) return;
    const auto count = load<std::uint64_t>(value.data(), order_);
    if (code == kReceived) counted.received = count;
    if (code == kInterfaceDrops) counted.interface = count;
    if (code == kSystemDrops) counted.kernel = count;
  });
}

bool PcapngReader::section() {
  before_ = drops();
  interfaces_.clear();
  return body_.size() >= 16 && load<std::uint32_t>(body_.data(), order_) == kMagic &&
         load<std::uint16_t>(body_.data() + 4, order_) == 1;
}

bool PcapngReader::interface() {
  if (body_.size() < 8 || interfaces_.size() >= kMaxInterfaces) return false;
  Interface& made = interfaces_.emplace_back();
  made.link_type = load<std::uint16_t>(body_.data(), order_);
  made.snap_length = load<std::uint32_t>(body_.data() + 4, order_);
  return options(8, [&](std::uint16_t code, Bytes value) {
    if (code == kResolution && !value.empty())
      made.resolution = std::to_integer<std::uint8_t>(value[0]);
    if (code == kOffset && value.size() >= 8) {
      made.offset = static_cast<std::int64_t>(load<std::uint64_t>(value.data(), order_));
    }
  });
}

bool PcapngReader::packet(RawPacket& out, std::uint32_t type) {
  const Bytes body(body_);
  const auto u32 = [&](std::size_t at) { return load<std::uint32_t>(body.data() + at, order_); };
  std::size_t data_at = 20, interface = 0, captured = 0;
  std::uint64_t units = 0;
  if (type == kSimplePacket) {
    data_at = 4;
    if (body.size() < data_at || interfaces_.empty()) return false;
    const std::uint32_t snap = interfaces_[0].snap_length;
    out.original_length = u32(0);
    captured = std::min<std::size_t>(out.original_length, body.size() - data_at);
    if (snap != 0) captured = std::min<std::size_t>(captured, snap);
  } else {
    if (body.size() < data_at) return false;
    interface = type == kOldPacket ? load<std::uint16_t>(body.data(), order_) : std::size_t{u32(0)};
    units = std::uint64_t{u32(4)} << 32 | u32(8);
    captured = u32(12);
    out.original_length = u32(16);
  }
  if (interface >= interfaces_.size() || captured > body.size() - data_at) return false;
  Interface& from = interfaces_[interface];
  if (type == kEnhancedPacket) {
    // Options that do not fit say nothing about the packet, which is whole.
    options(data_at + (captured + 3) / 4 * 4, [&](std::uint16_t code, Bytes value) {
      if (code == kDroppedBefore && value.size() >= 8)
        from.noted += load<std::uint64_t>(value.data(), order_);
    });
  } else if (type == kOldPacket) {
    // Its drops stand in the header; all ones: not counted.
    const auto dropped = load<std::uint16_t>(body.data() + 2, order_);
    if (dropped != 0xffff) from.noted += dropped;
  }
  out.time = type == kSimplePacket ? 0 : time(from, units);  // a simple packet has none
  out.data = body.subspan(data_at, captured);
  out.link_type = from.link_type;
  return true;
}

/// Units of the interface since 1970 to nanoseconds; what does not fit is the last moment that
/// does.
Timestamp PcapngReader::time(const Interface& interface, std::uint64_t units) const {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kLastSecond = 9'000'000'000;
  const unsigned exponent = interface.resolution & 0x7f;
  std::uint64_t seconds = 0, nanoseconds = 0;
  if (interface.resolution & 0x80) {  // a power of two
    seconds = exponent < 64 ? units >> exponent : 0;
    std::uint64_t rest = exponent < 64 ? units & ((std::uint64_t{1} << exponent) - 1) : units;
    // Thirty bits of a second are as fine as nanoseconds.
    const unsigned bits = std::min(exponent, 30u);
    const unsigned finer = exponent - bits;
    rest = finer < 64 ? rest >> finer : 0;
    nanoseconds = rest * kSecond >> bits;
  } else {
    std::uint64_t per_second = 1;
    unsigned digits = std::min(exponent, 19u);
    for (unsigned i = 0; i < digits; ++i) per_second *= 10;
    seconds = exponent <= 19 ? units / per_second : 0;
    const std::uint64_t rest = exponent <= 19 ? units % per_second : 0;
    nanoseconds = digits <= 9 ? rest * (kSecond / per_second) : rest / (per_second / kSecond);
  }
  if (seconds > static_cast<std::uint64_t>(kLastSecond)) seconds = kLastSecond;
  const std::int64_t offset = std::clamp(interface.offset, -kLastSecond, kLastSecond);
  const std::int64_t whole =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(seconds) + offset, 0, kLastSecond);
  return whole * static_cast<std::int64_t>(kSecond) + static_cast<std::int64_t>(nanoseconds);
}

}  // namespace rpcmarshal
