#include "dcerpc/datagrams.h"

#include <algorithm>
#include <list>
#include <unordered_map>
#include <vector>

#include "dcerpc/fault.h"
#include "dcerpc/pdu.h"

namespace rpcmarshal {
namespace {

// The header ([C706] 12.5.2.1): vers 0, ptype 1, flags1 2, flags2 3, drep 4 to 6, serial 7, object
// 8, interface 24, activity 40, boot time 56, interface version 60, sequence number 64, opnum 68,
// hints 70 and 72, body length 74, fragment number 76, auth protocol 78, serial 79.
constexpr std::size_t kHeaderSize = 80;

enum class Type : std::uint8_t {
  kRequest,
  kPing,
  kResponse,
  kFault,
  kWorking,
  kNocall,
  kReject,
  kAck,
  kCancel,
  kFack,
  kCancelAck
};

// flags1.
constexpr unsigned kLastFragment = 0x02;
constexpr unsigned kFragment = 0x04;
constexpr unsigned kMaybe = 0x10;
// flags2: the only bit that has a meaning.
constexpr unsigned kCancelPending = 0x02;

/// nca_unk_if and nca_unsupported_type: the server does not offer this interface.
bool is_refusal(std::uint32_t status) { return status == 0x1c010003 || status == 0x1c010017; }

struct Header {
  Type type{};
  unsigned flags = 0;
  DataRepresentation drep;
  Guid object, interface, activity;
  std::uint32_t version = 0, sequence = 0;
  std::uint16_t opnum = 0, length = 0, fragment = 0;
  std::uint8_t auth = 0;
  Bytes body;
  AuthLevel level = AuthLevel::kNone;
};

bool read_header(Bytes data, Header& out) {
  if (data.size() < kHeaderSize) return false;
  auto at = [&](std::size_t i) { return std::to_integer<unsigned>(data[i]); };
  if (at(0) != 4 || at(1) > static_cast<unsigned>(Type::kCancelAck)) return false;
  // Two bits of flags1 are for implementations to use ([C706] 12.5.2.3).
  if ((at(3) & ~kCancelPending) != 0) return false;
  if (at(4) > 0x11 || (at(4) & 0x0f) > 1 || at(5) > 3 || at(6) != 0) return false;
  out.type = static_cast<Type>(at(1));
  out.flags = at(2);
  out.drep = read_drep(data[4], data[5]);
  ByteReader reader(data, out.drep.order);
  reader.seek(8);
  out.object = Guid::read(reader);
  out.interface = Guid::read(reader);
  out.activity = Guid::read(reader);
  reader.skip(4);
  out.version = reader.u32();
  out.sequence = reader.u32();
  out.opnum = reader.u16();
  reader.skip(4);
  out.length = reader.u16();
  out.fragment = reader.u16();
  out.auth = reader.u8();
  reader.skip(1);
  if (out.length > reader.remaining() || out.activity.is_nil()) return false;
  out.body = reader.take(out.length);
  if (out.auth == 0) return reader.remaining() < 8;
  // The verifier opens with the protection level ([C706] 13.3).
  if (reader.remaining() > 0) out.level = static_cast<AuthLevel>(reader.u8());
  return true;
}

/// One half while its fragments come, in any order and more than once.
struct Half {
  bool present = false, complete = false, sealed = false, cut = false, last_seen = false;
  std::uint32_t last = 0;  ///< number of the last fragment, when seen
  std::uint32_t next = 0;  ///< first number that is missing
  std::uint32_t fragments = 0;
  std::uint64_t size = 0;
  Timestamp time = 0;
  DataRepresentation drep;
  std::vector<std::byte> stub;  ///< of the fragments before `next`
  std::vector<std::pair<std::uint16_t, std::vector<std::byte>>> early;
};

struct Activity {
  Guid id;
  std::uint64_t number = 0;
  bool open = false;      ///< a call is under way
  bool answered = false;  ///< the call `sequence` was handed over
  bool cancelled = false;
  std::uint32_t sequence = 0;
  Endpoint client, server;
  std::uint16_t opnum = 0;
  SyntaxId interface;
  Guid object;
  std::uint8_t auth = 0;
  AuthLevel level = AuthLevel::kNone;
  Half request, response;
};

class Datagrams final : public DceDatagrams {
 public:
  Datagrams(const DceLimits& limits, DatagramCallHandler handler, DceStatistics& statistics,
            std::atomic<std::uint64_t>& numbers)
      : limits_(limits), handler_(std::move(handler)), statistics_(statistics), numbers_(numbers) {}

  bool on_datagram(const Endpoint& source, const Endpoint& destination, Timestamp time,
                   Bytes data) override {
    Header header;
    if (!read_header(data, header)) return false;
    ++statistics_.pdus[static_cast<std::size_t>(header.type)];
    expire(time);
    switch (header.type) {
      case Type::kRequest:
        on_request(source, destination, time, header);
        break;
      case Type::kResponse:
      case Type::kFault:
      case Type::kReject:
        on_answer(source, destination, time, header);
        break;
      case Type::kCancel:
        if (Activity* activity = find(header.activity)) {
          if (activity->open && activity->sequence == header.sequence) activity->cancelled = true;
        }
        break;
      default:
        break;  // pings, acknowledgments and the like carry no call
    }
    return true;
  }

  void expire(Timestamp now) override {
    if (limits_.answer_timeout == 0) return;
    while (!activities_.empty()) {
      const Activity& oldest = activities_.front();
      Timestamp since = std::max(oldest.request.time, oldest.response.time);
      if (now - since < limits_.answer_timeout) return;
      drop_oldest();
    }
  }

  void on_end() override {
    for (Activity& activity : activities_) finish(activity);
    activities_.clear();
    index_.clear();
  }

  std::size_t memory() const override {
    return held_ + activities_.size() * (sizeof(Activity) + 8 * sizeof(void*));
  }

 private:
  using Position = std::list<Activity>::iterator;

  Activity* find(const Guid& id) {
    auto entry = index_.find(id);
    return entry == index_.end() ? nullptr : &*entry->second;
  }

  /// The activity, now the newest.
  Activity& touch(const Guid& id) {
    auto entry = index_.find(id);
    if (entry != index_.end()) {
      activities_.splice(activities_.end(), activities_, entry->second);
      return activities_.back();
    }
    if (!activities_.empty() && activities_.size() >= limits_.max_outstanding) {
      if (activities_.front().open) ++statistics_.limits;
      drop_oldest();
    }
    Activity& made = activities_.emplace_back();
    made.id = id;
    made.number = numbers_.fetch_add(1, std::memory_order_relaxed);
    index_[id] = std::prev(activities_.end());
    return made;
  }

  void drop_oldest() {
    finish(activities_.front());
    index_.erase(activities_.front().id);
    activities_.pop_front();
  }

  static bool is_over(const Activity& activity, std::uint32_t sequence) {
    return activity.answered && static_cast<std::int32_t>(sequence - activity.sequence) <= 0;
  }

  void start(Activity& activity, const Endpoint& client, const Endpoint& server,
             const Header& header) {
    activity.open = true;
    activity.answered = activity.cancelled = false;
    activity.sequence = header.sequence;
    activity.client = client;
    activity.server = server;
    activity.opnum = header.opnum;
    activity.interface = {header.interface, static_cast<std::uint16_t>(header.version & 0xffff),
                          static_cast<std::uint16_t>(header.version >> 16)};
    activity.object = header.object;
    activity.auth = header.auth;
    activity.level = header.level;
  }

  void on_request(const Endpoint& source, const Endpoint& destination, Timestamp time,
                  const Header& header) {
    Activity& activity = touch(header.activity);
    if (is_over(activity, header.sequence)) return;  // sent again
    if (!activity.open || activity.sequence != header.sequence) {
      finish(activity);
      start(activity, source, destination, header);
    }
    collect(activity.request, header, time);
    shed(activity);
    if (activity.request.complete && (header.flags & kMaybe)) {
      deliver(activity, Outcome::kMaybe, 0);
    }
  }

  void on_answer(const Endpoint& source, const Endpoint& destination, Timestamp time,
                 const Header& header) {
    Activity& activity = touch(header.activity);
    if (is_over(activity, header.sequence)) return;
    if (!activity.open || activity.sequence != header.sequence) {
      finish(activity);
      start(activity, destination, source, header);
      ++statistics_.orphan_responses;
    }
    // Whoever answers is the server: a broadcast's destination is nobody, and a host with several
    // addresses may answer from another one.
    if (source != activity.client) activity.server = source;
    if (header.type == Type::kResponse) {
      collect(activity.response, header, time);
      shed(activity);
      if (activity.response.complete) deliver(activity, Outcome::kReturned, 0);
      return;
    }
    std::uint32_t status =
        header.body.size() >= 4 ? load<std::uint32_t>(header.body.data(), header.drep.order) : 0;
    Half& half = activity.response;
    clear(half);
    half.present = half.complete = true;
    half.time = time;
    half.drep = header.drep;
    half.fragments = 1;
    Outcome outcome = is_access_denied(status) ? Outcome::kDenied : Outcome::kFault;
    if (header.type == Type::kReject && is_refusal(status)) outcome = Outcome::kRejected;
    deliver(activity, outcome, status);
  }

  void collect(Half& half, const Header& header, Timestamp time) {
    if (!half.present) {
      half.present = true;
      half.time = time;
      half.drep = header.drep;
    }
    if (half.complete) return;
    std::uint32_t number = (header.flags & kFragment) ? header.fragment : 0;
    bool known = number < half.next;
    for (const auto& [early, bytes] : half.early) known |= early == number;
    if (known) return;  // sent again
    if (half.stub.size() + header.body.size() > limits_.max_stub ||
        half.fragments >= limits_.max_fragments || half.early.size() >= kMaxEarly) {
      if (!half.cut) ++statistics_.limits;
      half.cut = true;
      return;
    }
    ++half.fragments;
    half.size += header.body.size();
    half.sealed |= header.auth != 0 && header.level == AuthLevel::kPrivacy;
    if (!(header.flags & kFragment) || (header.flags & kLastFragment)) {
      half.last_seen = true;
      half.last = number;
    }
    held_ += header.body.size();
    if (number != half.next) {
      half.early.emplace_back(static_cast<std::uint16_t>(number),
                              std::vector<std::byte>(header.body.begin(), header.body.end()));
      return;
    }
    half.stub.insert(half.stub.end(), header.body.begin(), header.body.end());
    ++half.next;
    for (std::size_t i = 0; i < half.early.size();) {
      if (half.early[i].first != half.next) {
        ++i;
        continue;
      }
      half.stub.insert(half.stub.end(), half.early[i].second.begin(), half.early[i].second.end());
      half.early.erase(half.early.begin() + static_cast<std::ptrdiff_t>(i));
      ++half.next;
      i = 0;
    }
    half.complete = half.last_seen && half.next > half.last;
  }

  /// Gives up the longest idle activities when too many bytes are held.
  void shed(const Activity& keep) {
    while (held_ > limits_.max_connection_bytes && &activities_.front() != &keep) {
      ++statistics_.limits;
      drop_oldest();
    }
  }

  void clear(Half& half) {
    held_ -= half.stub.size();
    for (const auto& [number, bytes] : half.early) held_ -= bytes.size();
    half = Half{};
  }

  void finish(Activity& activity) {
    if (!activity.open) return;
    if (activity.response.present) return deliver(activity, Outcome::kReturned, 0);
    deliver(activity, activity.cancelled ? Outcome::kCancelled : Outcome::kNoResponse, 0);
  }

  void deliver(Activity& activity, Outcome outcome, std::uint32_t status) {
    Call call;
    call.connectionless = true;
    call.call_id = activity.sequence;
    call.connection = activity.number;
    call.opnum = activity.opnum;
    call.interface = activity.interface;
    call.bind_seen = true;  // the header itself names the interface
    call.transfer_syntax = {kNdr20Syntax, 2, 0};
    if (!activity.object.is_nil()) call.object = activity.object;
    call.outcome = activity.request.present ? outcome : Outcome::kResponseOnly;
    call.fault_status = status;
    call.auth_service = static_cast<AuthService>(activity.auth);
    call.auth_level = activity.level;
    fill(call.request, activity.request);
    fill(call.response, activity.response);
    handler_(activity.client, activity.server, call);
    activity.open = false;
    activity.answered = true;
    clear(activity.request);
    clear(activity.response);
    // For expire(): the activity was heard of just now.
    activity.request.time = std::max(call.request.time, call.response.time);
  }

  static void fill(CallHalf& out, const Half& half) {
    out.present = half.present;
    out.complete = half.complete && !half.cut;
    out.sealed = half.sealed;
    out.time = half.time;
    out.drep = half.drep;
    out.stub = half.stub;
    out.stub_size = half.size;
    out.fragments = half.fragments;
  }

  /// Fragments kept ahead of a missing one: more than any window a sender uses.
  static constexpr std::size_t kMaxEarly = 64;

  DceLimits limits_;
  DatagramCallHandler handler_;
  DceStatistics& statistics_;
  std::list<Activity> activities_;  // longest idle first
  std::unordered_map<Guid, Position> index_;
  std::size_t held_ = 0;
  std::atomic<std::uint64_t>& numbers_;
};

}  // namespace

std::unique_ptr<DceDatagrams> make_dce_datagrams(const DceLimits& limits, DatagramCallHandler calls,
                                                 DceStatistics& statistics,
                                                 std::atomic<std::uint64_t>& numbers) {
  return std::make_unique<Datagrams>(limits, std::move(calls), statistics, numbers);
}

bool looks_like_dce_datagram(Bytes data) {
  Header header;
  return read_header(data, header);
}

}  // namespace rpcmarshal
