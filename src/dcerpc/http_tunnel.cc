#include "dcerpc/http_tunnel.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "base/unicode.h"
#include "dcerpc/pdu.h"

namespace rpcmarshal {
namespace {

constexpr std::string_view kIn = "RPC_IN_DATA ", kOut = "RPC_OUT_DATA ";

/// The cookie of the virtual connection, which is the first one in an RTS PDU ([MS-RPCH] 2.2.4).
/// False when the PDU is none, or names none.
bool read_cookie(Bytes pdu, std::array<std::byte, 16>& out) {
  if (pdu.size() < 20) return false;
  ByteReader reader(pdu);
  reader.seek(18);
  const unsigned count = reader.u16();
  for (unsigned i = 0; i < count && reader.ok(); ++i) {
    // [MS-RPCH] 2.2.3.5: what each command is followed by.
    switch (reader.u32()) {
      case 0:   // ReceiveWindowSize
      case 2:   // ConnectionTimeout
      case 4:   // ChannelLifetime
      case 5:   // ClientKeepalive
      case 6:   // Version
      case 13:  // Destination
      case 14:  // PingTrafficSentNotify
        reader.skip(4);
        break;
      case 1:  // FlowControlAck
        reader.skip(24);
        break;
      case 3: {  // Cookie
        const Bytes cookie = reader.take(out.size());
        if (!reader.ok()) return false;
        std::ranges::copy(cookie, out.begin());
        return true;
      }
      case 7:   // Empty
      case 9:   // NegativeANCE
      case 10:  // ANCE
        break;
      case 8:  // Padding
        reader.skip(reader.u32());
        break;
      case 11:  // ClientAddress
        reader.skip((reader.u32() == 0 ? 4 : 16) + 12);
        break;
      case 12:  // AssociationGroupId
        reader.skip(16);
        break;
      default:
        return false;
    }
  }
  return false;
}

std::vector<std::byte> from_base64(std::string_view text) {
  std::vector<std::byte> out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    int value;
    if (c >= 'A' && c <= 'Z') {
      value = c - 'A';
    } else if (c >= 'a' && c <= 'z') {
      value = c - 'a' + 26;
    } else if (c >= '0' && c <= '9') {
      value = c - '0' + 52;
    } else if (c == '+' || c == '/') {
      value = c == '+' ? 62 : 63;
    } else {
      break;
    }
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if ((count += 6) < 8) continue;
    count -= 8;
    out.push_back(static_cast<std::byte>(bits >> count & 0xff));
  }
  return out;
}

/// The value of a header field, or empty. `head` holds whole lines.
std::string_view field(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;) {
    std::string_view line = head.substr(at + 2);
    const std::size_t end = line.find("\r\n");
    line = line.substr(0, end);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        equal_ignoring_case(line.substr(0, name.size()), name)) {
      line.remove_prefix(name.size() + 1);
      while (line.starts_with(' ')) line.remove_prefix(1);
      return line;
    }
    at = end == std::string_view::npos ? end : at + 2 + end;
  }
  return {};
}

/// "/rpc/rpcproxy.dll?exch1:6001" -> "exch1:6001".
std::string_view target_of(std::string_view request_line) {
  const std::size_t question = request_line.find('?');
  if (question == std::string_view::npos) return {};
  request_line.remove_prefix(question + 1);
  return request_line.substr(0, std::min<std::size_t>(request_line.find(' '), 256));
}

}  // namespace

/// One HTTP connection: heads and bodies of both directions in turn.
class HttpTunnels::Channel final : public StreamConsumer {
 public:
  Channel(HttpTunnels& owner, const ConnectionInfo& connection) : owner_(owner) {
    info_.channel = connection;
  }

  void on_data(Direction direction, Timestamp time, Bytes data) override {
    Half& half = halves_[direction == Direction::kBackward];
    while (!data.empty() && !lost_) {
      if (half.left == 0) {
        data = half.next == Next::kHead ? take_head(direction, half, data) : take_line(half, data);
        continue;
      }
      const std::size_t count =
          static_cast<std::size_t>(std::min<std::uint64_t>(half.left, data.size()));
      half.left -= count;
      body(direction, half, time, data.first(count));
      data = data.subspan(count);
    }
  }
  void on_gap(Direction direction, Timestamp time, std::uint64_t missing) override {
    Half& half = halves_[direction == Direction::kBackward];
    if (missing > half.left || !half.carries || !virtual_) {
      lost_ = true;  // in a head: nothing tells where the next begins
      return;
    }
    half.left -= missing;
    if (virtual_->consumer) virtual_->consumer->on_gap(direction, time, missing);
  }
  void on_end(Timestamp time) override {
    if (virtual_ && virtual_.use_count() == 1 && virtual_->consumer) {
      virtual_->consumer->on_end(time);
      virtual_->consumer.reset();
    }
    virtual_.reset();
  }
  bool interested() const override { return !lost_; }
  std::size_t memory() const override {
    std::size_t out =
        sizeof *this + halves_[0].head.capacity() + halves_[1].head.capacity() + start_.capacity();
    // Counted with the channel that carries the client's PDUs, so that it counts once.
    if (in_ && virtual_ && virtual_->consumer) out += virtual_->consumer->memory();
    return out;
  }

 private:
  /// What follows when no byte of a body is left.
  enum class Next : std::uint8_t {
    kHead,
    kChunk,     ///< the size of a chunk ([RFC 9112] 7.1)
    kChunkEnd,  ///< the end of the line, after a chunk's data
    kTrailer,   ///< fields after the last chunk, up to an empty line
  };
  struct Half {
    std::string head;  ///< a head or a line between chunks, until it is whole
    Next next = Next::kHead;
    std::uint64_t left = 0;  ///< bytes of the body still to come
    bool carries = false;    ///< the body is PDUs of the virtual connection
  };
  static constexpr std::size_t kMaxHead = 32u << 10;
  static constexpr std::size_t kMaxLine = 4096;
  static constexpr std::size_t kMaxFirstPdu = 4096;

  /// Collects a head; returns what follows it.
  Bytes take_head(Direction direction, Half& half, Bytes data) {
    const std::size_t before = half.head.size() < 3 ? 0 : half.head.size() - 3;
    const std::size_t old = half.head.size();
    half.head.append(as_text(data.first(std::min(data.size(), kMaxHead))));
    const std::size_t end = half.head.find("\r\n\r\n", before);
    if (end == std::string::npos) {
      if (half.head.size() > kMaxHead) fail();
      return {};
    }
    data = data.subspan(end + 4 - old);
    half.head.resize(end + 2);
    if (direction == Direction::kForward) {
      request(half);
    } else {
      response(half);
    }
    half.head.clear();
    return data;
  }

  /// Collects a line between chunks; returns what follows it.
  Bytes take_line(Half& half, Bytes data) {
    const std::string_view text = as_text(data.first(std::min(data.size(), kMaxLine)));
    const std::size_t end = text.find('\n');
    half.head.append(text.substr(0, end));
    if (half.head.size() > kMaxLine || (end == std::string_view::npos && text.size() == kMaxLine)) {
      fail();
      return {};
    }
    if (end == std::string_view::npos) return {};
    std::string_view line = half.head;
    if (line.ends_with('\r')) line.remove_suffix(1);
    switch (half.next) {
      case Next::kChunk: {
        const char* const line_end = line.data() + line.size();
        const auto size = std::from_chars(line.data(), line_end, half.left, 16);
        if (size.ec != std::errc() ||
            (size.ptr != line_end && *size.ptr != ';' && *size.ptr != ' ' && *size.ptr != '\t')) {
          half.left = 0;
          fail();
        }
        half.next = half.left > 0 ? Next::kChunkEnd : Next::kTrailer;
        break;
      }
      case Next::kChunkEnd:
        if (!line.empty()) fail();
        half.next = Next::kChunk;
        break;
      default:
        if (line.empty()) half.next = Next::kHead;
    }
    half.head.clear();
    return data.subspan(end + 1);
  }

  void fail() {
    ++owner_.statistics_.malformed;
    lost_ = true;
  }

  void request(Half& half) {
    const std::string_view head = half.head;
    in_ = head.starts_with(kIn);
    if (!in_ && !head.starts_with(kOut)) return fail();
    if (const auto target = target_of(head.substr(0, head.find("\r\n"))); !target.empty())
      info_.target = target;
    authorization(true, field(head, "Authorization"));
    if (!length(half)) return fail();
    half.carries = true;
    start_.clear();
  }

  void response(Half& half) {
    const std::string_view head = half.head;
    if (!head.starts_with("HTTP/1.")) return fail();
    authorization(false, field(head, "WWW-Authenticate"));
    const std::string_view status = head.size() > 12 ? head.substr(9, 3) : std::string_view();
    half.carries = status == "200" && !in_;
    if (status.starts_with('1')) return;  // 100 Continue has no body
    if (!length(half)) fail();
  }

  /// How the body's end is found; false when that cannot be told.
  static bool length(Half& half) {
    half.left = 0;
    if (const auto coding = field(half.head, "Transfer-Encoding"); !coding.empty()) {
      half.next = Next::kChunk;
      return equal_ignoring_case(coding, "chunked");
    }
    const std::string_view text = field(half.head, "Content-Length");
    if (text.empty()) return true;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), half.left);
    return result.ec == std::errc();
  }

  void authorization(bool from_client, std::string_view text) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return;
    const std::string_view scheme = text.substr(0, space);
    if (!equal_ignoring_case(scheme, "NTLM") && !equal_ignoring_case(scheme, "Negotiate")) return;
    if (!info_.auth) info_.auth = make_auth_exchange(AuthService::kSpnego);
    info_.auth->token(from_client, from_base64(text.substr(space + 1)));
  }

  void body(Direction direction, Half& half, Timestamp time, Bytes data) {
    if (!half.carries) return;
    if (direction == Direction::kForward && !virtual_) {
      data = find_cookie(data);
      if (!virtual_) return;
      if (in_) deliver(direction, time, start_);
      start_ = {};
    }
    // The client's own bytes on the OUT channel are only about the channel.
    if (direction == Direction::kForward && !in_) return;
    deliver(direction, time, data);
  }

  /// Collects the first PDU of a request's body. Returns what follows it.
  Bytes find_cookie(Bytes data) {
    while (!data.empty() && !virtual_) {
      std::size_t wanted = kPduHeaderSize;
      if (start_.size() >= kPduHeaderSize) {
        const auto header = read_pdu_header(Bytes(start_).first(kPduHeaderSize), false);
        if (!header || header->type != PduType::kRts || header->length > kMaxFirstPdu) {
          fail();
          return {};
        }
        wanted = header->length;
      }
      const std::size_t count = std::min(wanted - start_.size(), data.size());
      start_.insert(start_.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(count));
      data = data.subspan(count);
      if (start_.size() < wanted || wanted == kPduHeaderSize) continue;
      Cookie cookie;
      if (read_cookie(start_, cookie)) {
        virtual_ = owner_.join(cookie, info_);
      } else {
        start_.clear();  // an echo
      }
    }
    return data;
  }

  void deliver(Direction direction, Timestamp time, Bytes data) {
    if (!data.empty() && virtual_ && virtual_->consumer)
      virtual_->consumer->on_data(direction, time, data);
  }

  HttpTunnels& owner_;
  HttpTunnelInfo info_;
  std::shared_ptr<Virtual> virtual_;
  Half halves_[2];
  std::vector<std::byte> start_;  ///< first PDU of the request's body, until it is whole
  bool in_ = false;
  bool lost_ = false;
};

std::unique_ptr<StreamConsumer> HttpTunnels::channel(const ConnectionInfo& connection) {
  ++statistics_.channels;
  return std::make_unique<Channel>(*this, connection);
}

std::shared_ptr<HttpTunnels::Virtual> HttpTunnels::join(const Cookie& cookie,
                                                        const HttpTunnelInfo& info) {
  const auto found = connections_.find(cookie);
  if (found != connections_.end()) {
    if (auto known = found->second.lock()) return known;
    connections_.erase(found);
  }
  if (connections_.size() >= kMaxConnections) {
    std::erase_if(connections_, [](const auto& entry) { return entry.second.expired(); });
    if (connections_.size() >= kMaxConnections) {
      ++statistics_.limits;
      connections_.erase(connections_.begin());
    }
  }
  ++statistics_.connections;
  auto made = std::make_shared<Virtual>();
  made->consumer = open_(info);
  connections_[cookie] = made;
  return made;
}

int looks_like_rpc_http(Bytes start) {
  const std::string_view text = as_text(start);
  for (const std::string_view word : {kIn, kOut}) {
    if (text.starts_with(word)) return 1;
    if (word.starts_with(text)) return 0;
  }
  return -1;
}

}  // namespace rpcmarshal
