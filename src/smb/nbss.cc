#include "smb/nbss.h"

#include <algorithm>
#include <cstring>

namespace rpcmarshal {
namespace {

constexpr std::size_t kHeaderSize = 4;
constexpr std::size_t kSignature = 10;  // bytes that tell the start of a message while searching

std::uint8_t u8(Bytes b, std::size_t at) { return std::to_integer<std::uint8_t>(b[at]); }

// Length in a session header; port 445 uses all 24 bits, NetBIOS 17.
std::size_t frame_length(Bytes header) {
  return static_cast<std::size_t>(u8(header, 1)) << 16 |
         static_cast<std::size_t>(u8(header, 2)) << 8 | u8(header, 3);
}

// Session packet types other than the message, [RFC 1002] 4.3.1: request, answers, keep-alive.
bool is_control(std::uint8_t type) { return type >= 0x81 && type <= 0x85; }

// The shortest message of a protocol, by its header.
std::size_t least(std::uint8_t magic) {
  switch (magic) {
    case kSmb1Magic:
      return 35;
    case kSmb2Magic:
      return 64 + 4;
    case kEncryptedMagic:
      return 52;
    default:
      return 16;
  }
}

// Whether ten bytes are a session header and the start of a message.
bool is_message_start(Bytes b) {
  if (u8(b, 0) != 0) return false;
  std::uint8_t magic = smb_magic(b.subspan(kHeaderSize));
  if (magic == 0 || frame_length(b) < least(magic)) return false;
  return magic != kSmb2Magic || (u8(b, 8) == 64 && u8(b, 9) == 0);
}

}  // namespace

std::uint8_t smb_magic(Bytes start) {
  if (start.size() < 4 || std::memcmp(start.data() + 1, "SMB", 3) != 0) return 0;
  std::uint8_t first = u8(start, 0);
  return first >= kCompressedMagic ? first : 0;
}

void NbssFramer::data(Timestamp time, Bytes bytes) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::kHeader:
        bytes = header(bytes);
        break;
      case State::kBody:
        bytes = body(time, bytes);
        break;
      case State::kSkip: {
        auto now = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
        bytes = bytes.subspan(now);
        skip(skip_ - now);
        break;
      }
      case State::kSearch:
        bytes = search(bytes);
        break;
    }
  }
}

void NbssFramer::skip(std::uint64_t size) {
  skip_ = size;
  state_ = size > 0 ? State::kSkip : State::kHeader;
}

Bytes NbssFramer::header(Bytes bytes) {
  if (buffer_.empty() && bytes.size() >= kHeaderSize) {
    begin_body(bytes.first(kHeaderSize));
    return bytes.subspan(kHeaderSize);
  }
  std::size_t now = std::min(kHeaderSize - buffer_.size(), bytes.size());
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(now));
  if (buffer_.size() == kHeaderSize) {
    std::byte four[kHeaderSize];
    std::memcpy(four, buffer_.data(), kHeaderSize);
    buffer_.clear();
    begin_body(four);
  }
  return bytes.subspan(now);
}

void NbssFramer::begin_body(Bytes four) {
  std::uint8_t type = u8(four, 0);
  length_ = frame_length(four);
  if (is_control(type) && length_ <= 1024) {
    skip(length_);
  } else if (type == 0) {
    state_ = length_ > 0 ? State::kBody : State::kHeader;
    head_done_ = false;
  } else {
    begin_search(four);
  }
}

void NbssFramer::emit(Timestamp time, Bytes data) { sink_.frame(direction_, time, data, length_); }

Bytes NbssFramer::body(Timestamp time, Bytes bytes) {
  bool raw = sink_.expects_raw(direction_);
  if (buffer_.empty() && bytes.size() >= length_) {
    Bytes message = bytes.first(length_);
    if (!raw && smb_magic(message) == 0) {
      begin_search({});
      return bytes;
    }
    state_ = State::kHeader;
    emit(time, message);
    return bytes.subspan(length_);
  }
  std::size_t target = head_done_ ? length_ : std::min(length_, kHead);
  std::size_t now = std::min(target - buffer_.size(), bytes.size());
  // Nothing but a message is worth collecting, so its first four bytes are looked at at once.
  std::size_t before = buffer_.size();
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(now));
  bytes = bytes.subspan(now);
  if (before < 4 && buffer_.size() >= std::min<std::size_t>(4, length_) && !raw &&
      smb_magic(buffer_) == 0) {
    std::vector<std::byte> carry;
    carry.swap(buffer_);
    begin_search(carry);
    return bytes;
  }
  if (buffer_.size() < target) return bytes;
  if (buffer_.size() < length_) {
    bool wanted = sink_.wants_whole(direction_, buffer_, length_);
    if (wanted && length_ > kMaxWhole) {
      ++statistics_.limits;
      wanted = false;
    }
    if (wanted) {
      head_done_ = true;
      return bytes;
    }
  }
  std::uint64_t rest = length_ - buffer_.size();
  emit(time, buffer_);
  buffer_.clear();
  if (buffer_.capacity() > (64u << 10)) buffer_.shrink_to_fit();
  skip(rest);
  return bytes;
}

void NbssFramer::gap(Timestamp time, std::uint64_t missing) {
  std::uint64_t left = 0;
  if (state_ == State::kSkip) {
    left = skip_;
  } else if (state_ == State::kBody) {
    left = length_ - buffer_.size();
    if (!buffer_.empty()) emit(time, buffer_);
    buffer_.clear();
  }
  if (missing <= left) {
    skip(left - missing);
  } else if (state_ != State::kSearch) {
    buffer_.clear();
    begin_search({});
  } else {
    buffer_.clear();
  }
}

void NbssFramer::begin_search(Bytes carry) {
  ++statistics_.resynchronised;
  state_ = State::kSearch;
  std::size_t keep = std::min(carry.size(), kSignature - 1);
  Bytes tail = carry.last(keep);
  std::vector<std::byte> kept(tail.begin(), tail.end());
  buffer_.swap(kept);
}

// Looks for the next message; returns what follows the point up to which all is decided.
Bytes NbssFramer::search(Bytes bytes) {
  if (!buffer_.empty()) {
    // A start that lies across the border of the last bytes seen and these.
    std::byte joint[2 * (kSignature - 1)];
    std::size_t old = buffer_.size();
    std::size_t more = std::min(kSignature - 1, bytes.size());
    std::memcpy(joint, buffer_.data(), old);
    std::memcpy(joint + old, bytes.data(), more);
    Bytes window(joint, old + more);
    for (std::size_t i = 0; i < old && i + kSignature <= window.size(); ++i) {
      if (!is_message_start(window.subspan(i))) continue;
      Bytes start = window.subspan(i, old - i);
      buffer_.clear();
      state_ = State::kHeader;
      if (start.size() >= kHeaderSize) {
        begin_body(start.first(kHeaderSize));
        start = start.subspan(kHeaderSize);
      }
      buffer_.assign(start.begin(), start.end());
      return bytes;
    }
    if (bytes.size() < kSignature - 1) {
      // Still too little: what stays is the tail of both.
      Bytes tail = window.last(std::min(window.size(), kSignature - 1));
      std::vector<std::byte> kept(tail.begin(), tail.end());
      buffer_.swap(kept);
      return {};
    }
    buffer_.clear();
  }
  const std::byte* begin = bytes.data();
  std::size_t from = 0;
  while (from + kSignature <= bytes.size()) {
    // "SMB" stands at the sixth byte of a start.
    auto* hit =
        static_cast<const std::byte*>(memmem(begin + from + 5, bytes.size() - from - 5, "SMB", 3));
    if (!hit) break;
    std::size_t start = static_cast<std::size_t>(hit - begin) - 5;
    if (start + kSignature <= bytes.size() && is_message_start(bytes.subspan(start))) {
      state_ = State::kHeader;
      return bytes.subspan(start);
    }
    from = start + 1;
  }
  Bytes tail = bytes.last(std::min(bytes.size(), kSignature - 1));
  buffer_.assign(tail.begin(), tail.end());
  return {};
}

}  // namespace rpcmarshal
