#include "capture/tcp.h"

#include <algorithm>
#include <cstring>

#include "capture/flow_table.h"

namespace rpcmarshal {
namespace {

using Packet = TransportPacket;

// A segment or reset further from the expected byte than this is not of this connection's window,
// unless the other side acknowledged bytes near it.
constexpr std::int32_t kMaxAhead = 16 << 20;
constexpr std::int32_t kMaxResetAhead = 1 << 20;
// So many segments in a row out of the window mean that it is the window that is wrong: the capture
// lost much.
constexpr std::uint8_t kLostSegments = 16;

bool is_server_port(std::uint16_t port) {
  return port == 135 || port == 139 || port == 445 || port == 593;
}

}  // namespace

class TcpReassembler::Impl {
 public:
  Impl(StreamFactory factory, const TcpLimits& limits)
      : factory_(std::move(factory)), limits_(limits) {}

  void segment(const Packet& packet);
  void expire(Timestamp now, int at_most);
  void finish();

  TcpStatistics statistics;
  std::size_t flows() const { return table_.size(); }
  std::size_t memory() const { return table_.memory() + charged_; }

 private:
  Flow* create(const FlowKey& key, const Packet& packet, int initiator);
  void start(Flow& flow, int side);
  bool synchronise(Flow*& flow, const FlowKey& key, int side, const Packet& packet);
  void acknowledge(Flow& flow, int side, const Packet& packet);
  void data(Flow& flow, int side, std::uint32_t sequence, const Packet& packet);
  bool in_window(HalfStream& half, std::int32_t distance, std::uint32_t sequence);
  void old_data(Flow& flow, int side, std::int32_t distance, std::uint32_t sequence,
                const Packet& packet);
  void keep(Flow& flow, int side, std::uint32_t sequence, std::uint32_t length, Bytes bytes,
            Timestamp time);
  void deliver(Flow& flow, int side, Timestamp time, Bytes bytes, std::uint32_t length);
  void drain(Flow& flow, int side);
  void settle_hole(Flow& flow, int side, Timestamp now, bool answered = false);
  void give_up_hole(Flow& flow, int side);
  void gap(Flow& flow, int side, Timestamp time, std::uint64_t missing);
  void conflict(Flow& flow) {
    ++statistics.conflicts;
    ++flow.conflicts;
  }
  void finish_flow(Flow& flow);  // holes become gaps, on_end; the flow stays as closed
  void remove(Flow* flow);
  void ignore(Flow& flow);
  void charge(Flow& flow);
  void make_room();

  static Direction direction(const Flow& flow, int side) {
    return side == flow.forward ? Direction::kForward : Direction::kBackward;
  }

  StreamFactory factory_;
  TcpLimits limits_;
  FlowTable table_;
  RecentBytes recent_;
  std::size_t charged_ = 0;
  std::uint64_t next_number_ = 0;
};

Flow* TcpReassembler::Impl::create(const FlowKey& key, const Packet& packet, int initiator) {
  while (table_.size() >= limits_.max_flows && table_.size() > 0) {
    ++statistics.evicted_flows;
    Flow* victim = table_.oldest(true);
    remove(victim ? victim : table_.oldest(false));
  }
  Flow* flow = table_.add(key, true);
  flow->start = flow->last = packet.time;
  flow->number = next_number_++;
  flow->initiator = static_cast<std::int8_t>(initiator);
  ++statistics.connections;
  if (initiator < 0) ++statistics.mid_stream;
  return flow;
}

// The first payload came from `side`: decides who the initiator is, and asks for a consumer.
void TcpReassembler::Impl::start(Flow& flow, int side) {
  int initiator = flow.initiator;
  ConnectionInfo info;
  info.initiator_known = initiator >= 0;
  if (initiator < 0) {
    initiator = side;
    bool low_serves = is_server_port(flow.key.endpoint(0).port);
    bool high_serves = is_server_port(flow.key.endpoint(1).port);
    if (low_serves != high_serves) initiator = low_serves ? 1 : 0;
  }
  flow.forward = static_cast<std::int8_t>(initiator);
  info.initiator = flow.key.endpoint(initiator);
  info.responder = flow.key.endpoint(1 - initiator);
  info.start = flow.start;
  info.number = flow.number;
  flow.consumer = factory_ ? factory_(info) : nullptr;
  if (!flow.consumer) flow.ignored = true;
}

void TcpReassembler::Impl::ignore(Flow& flow) {
  flow.ignored = true;
  flow.consumer.reset();
  for (HalfStream& half : flow.half) {
    half.pending.reset();
    half.delivered.reset();
  }
  charge(flow);
}

void TcpReassembler::Impl::charge(Flow& flow) {
  std::size_t now = flow.consumer ? flow.consumer->memory() : 0;
  for (const HalfStream& half : flow.half) {
    if (half.pending) now += sizeof(PendingSegments) + half.pending->memory();
    if (half.delivered) now += sizeof(DeliveredSegments);
  }
  charged_ = charged_ - flow.charged + now;
  flow.charged = now;
}

void TcpReassembler::Impl::make_room() {
  while (memory() > limits_.max_memory) {
    // Flows without data give little back, but they are worth least.
    Flow* victim = table_.oldest(true);
    if (!victim) victim = table_.oldest(false);
    if (!victim) return;
    ++statistics.evicted_memory;
    remove(victim);
  }
}

void TcpReassembler::Impl::segment(const Packet& packet) {
  ++statistics.segments;
  statistics.payload_bytes += packet.payload.size();
  int side = 0;
  FlowKey key = FlowKey::of(packet, side);
  Flow* flow = table_.find(key);
  std::uint32_t sequence = packet.sequence;

  if (packet.flags & Packet::kSyn) {
    if (!synchronise(flow, key, side, packet)) return;
    ++sequence;  // the SYN takes one number; data after it is TCP Fast Open's
  }
  if (!flow) {
    if (packet.payload_length == 0 || (packet.flags & Packet::kRst)) {
      expire(packet.time, 2);
      return;
    }
    flow = create(key, packet, -1);
  }
  flow->last = packet.time;
  if (flow->ignored || flow->closed) {
    if (packet.payload_length > 0) ++statistics.ignored_segments;
    bool over = flow->closed || (packet.flags & (Packet::kRst | Packet::kFin));
    table_.touch(flow, flow->short_lived || over);
    expire(packet.time, 2);
    return;
  }
  if (packet.flags & Packet::kAck) acknowledge(*flow, side, packet);
  // The acknowledgment may have settled a hole, and the consumer may want no more after it.
  if (packet.payload_length > 0 && !flow->ignored) data(*flow, side, sequence, packet);
  HalfStream& half = flow->half[side];
  if ((packet.flags & Packet::kFin) && !flow->ignored) {
    half.has_fin = true;
    half.fin = sequence + packet.payload_length;
    if (!half.synced) {
      half.synced = true;
      half.next = half.fin;
    }
  }
  if ((packet.flags & Packet::kRst) && !flow->ignored) {
    std::int32_t distance = sequence_distance(sequence, half.next);
    if (!half.synced || (distance >= -1 && distance <= kMaxResetAhead)) {
      flow->reset = true;
    } else {
      ++statistics.out_of_window;
    }
  }
  const HalfStream &a = flow->half[0], &b = flow->half[1];
  auto ended = [](const HalfStream& h) {
    return h.has_fin && (sequence_distance(h.next, h.fin) >= 0 ||
                         (h.has_acked && sequence_distance(h.acked, h.fin) > 0));
  };
  if (!flow->ignored && ended(a) && ended(b)) {
    ++statistics.ended_fin;
    finish_flow(*flow);
  }
  bool short_lived = flow->closed || flow->reset || flow->forward < 0 || (a.has_fin && b.has_fin);
  table_.touch(flow, short_lived);
  expire(packet.time, 2);
  if (memory() > limits_.max_memory) make_room();
}

// A SYN: a new connection, the answer to one, a repetition, or the same ports used again. False
// when there is nothing more to do with the packet.
bool TcpReassembler::Impl::synchronise(Flow*& flow, const FlowKey& key, int side,
                                       const Packet& packet) {
  bool answer = (packet.flags & Packet::kAck) != 0;
  if (packet.flags & Packet::kRst) return false;
  auto begin = [&](Flow& f) {
    HalfStream& half = f.half[side];
    half.has_syn = half.synced = true;
    half.first = packet.sequence;
    half.next = packet.sequence + 1;
  };
  if (flow && flow->half[side].has_syn && flow->half[side].first == packet.sequence)
    return true;  // repeated
  if (flow && !flow->closed && !flow->reset && !flow->ignored && flow->forward >= 0) {
    // Ports used again, or a forged SYN into a living connection: believed when it is answered.
    HalfStream& peer = flow->half[1 - side];
    if (!answer) {
      flow->half[side].reuse = packet.sequence;
      flow->half[side].has_reuse = true;
      return false;
    }
    if (!peer.has_reuse || packet.acknowledgment != peer.reuse + 1) {
      ++statistics.out_of_window;
      return false;
    }
    ++statistics.reused_ports;
    std::uint32_t first = peer.reuse;
    remove(flow);
    flow = create(key, packet, 1 - side);
    HalfStream& client = flow->half[1 - side];
    client.has_syn = client.synced = true;
    client.first = first;
    client.next = first + 1;
    begin(*flow);
    return true;
  }
  bool other = flow && !answer && flow->half[side].has_syn;  // tried again with a new number
  if (flow && (flow->closed || flow->reset || flow->ignored || other)) {
    remove(flow);
    flow = nullptr;
  }
  if (!flow) flow = create(key, packet, answer ? 1 - side : side);
  begin(*flow);
  if (flow->initiator < 0) flow->initiator = static_cast<std::int8_t>(answer ? 1 - side : side);
  if (answer) {
    HalfStream& client = flow->half[1 - side];
    if (!client.synced) {
      client.synced = true;
      client.next = packet.acknowledgment;
    }
  }
  return true;
}

void TcpReassembler::Impl::acknowledge(Flow& flow, int side, const Packet& packet) {
  HalfStream& peer = flow.half[1 - side];
  if (!peer.has_acked || sequence_distance(packet.acknowledgment, peer.acked) > 0) {
    peer.has_acked = true;
    peer.acked = packet.acknowledgment;
  }
  if (peer.pending) settle_hole(flow, 1 - side, packet.time, packet.payload_length > 0);
}

bool TcpReassembler::Impl::in_window(HalfStream& half, std::int32_t distance,
                                     std::uint32_t sequence) {
  bool near = distance <= kMaxAhead && distance > -(1 << 30);
  if (!near && half.has_acked) {
    std::int32_t from_ack = sequence_distance(sequence, half.acked);
    near = distance > 0 && from_ack >= -kMaxAhead && from_ack <= kMaxAhead;
  }
  if (near) {
    half.lost = 0;
    return true;
  }
  ++statistics.out_of_window;
  return distance > 0 && ++half.lost >= kLostSegments;
}

void TcpReassembler::Impl::data(Flow& flow, int side, std::uint32_t sequence,
                                const Packet& packet) {
  HalfStream& half = flow.half[side];
  if (half.has_reuse && sequence == half.reuse + 1 && sequence != half.next) {
    // The answer to the second SYN was not captured, but its data comes: a new connection.
    ++statistics.reused_ports;
    finish_flow(flow);
    FlowKey key = flow.key;
    std::uint32_t first = half.reuse;
    Timestamp now = packet.time;
    for (HalfStream& h : flow.half) h = HalfStream{};
    flow.closed = flow.reset = flow.ignored = false;
    flow.key = key;
    flow.start = now;
    flow.number = next_number_++;
    flow.initiator = static_cast<std::int8_t>(side);
    flow.forward = -1;
    ++statistics.connections;
    half.has_syn = half.synced = true;
    half.first = first;
    half.next = first + 1;
  }
  if (!half.synced) {
    half.synced = true;
    half.next = sequence;
  }
  std::uint32_t length = packet.payload_length;
  Bytes bytes = packet.payload;
  std::int32_t distance = sequence_distance(sequence, half.next);
  if (distance != 0 && !in_window(half, distance, sequence)) return;
  if (distance > 0 && half.pending && half.pending->size() >= limits_.max_flow_segments) {
    ++statistics.pending_limit;
    ++flow.limits;
    give_up_hole(flow, side);
    if (flow.ignored) return;
    distance = sequence_distance(sequence, half.next);
  }
  if (distance < 0) {
    old_data(flow, side, distance, sequence, packet);
    std::uint32_t seen = half.next - sequence;
    if (seen >= length) return;
    length -= seen;
    bytes = bytes.subspan(std::min<std::size_t>(seen, bytes.size()));
  }
  if (flow.forward < 0) {
    start(flow, side);
    if (flow.ignored) return;
  }
  flow.reset = false;
  if (distance > 0) {
    keep(flow, side, sequence, length, bytes, packet.time);
    return;
  }
  deliver(flow, side, packet.time, bytes, length);
  if (half.pending && !flow.ignored) drain(flow, side);
}

// A segment that starts before the next byte: a keep-alive or a retransmission.
void TcpReassembler::Impl::old_data(Flow& flow, int side, std::int32_t distance,
                                    std::uint32_t sequence, const Packet& packet) {
  if (distance == -1 && packet.payload_length == 1) {
    ++statistics.keep_alives;
    return;
  }
  ++statistics.retransmissions;
  const auto& delivered = flow.half[side].delivered;
  if (delivered && delivered->conflicts(sequence, packet.payload, recent_)) conflict(flow);
}

void TcpReassembler::Impl::keep(Flow& flow, int side, std::uint32_t sequence, std::uint32_t length,
                                Bytes bytes, Timestamp time) {
  HalfStream& half = flow.half[side];
  if (!half.pending) half.pending = std::make_unique<PendingSegments>();
  if (half.pending->empty()) half.hole_since = time;
  ++statistics.out_of_order;
  auto result = half.pending->insert(sequence, length, bytes, time, limits_.max_flow_segments);
  if (result.overlapped) ++statistics.retransmissions;
  if (result.conflict) conflict(flow);
  charge(flow);
  if (result.refused || half.pending->memory() > limits_.max_flow_pending ||
      half.pending->bytes() > 4 * limits_.max_flow_pending) {
    ++statistics.pending_limit;
    ++flow.limits;
    give_up_hole(flow, side);
  } else {
    settle_hole(flow, side, time);
  }
}

void TcpReassembler::Impl::deliver(Flow& flow, int side, Timestamp time, Bytes bytes,
                                   std::uint32_t length) {
  HalfStream& half = flow.half[side];
  if (!bytes.empty()) {
    if (!half.delivered) half.delivered = std::make_unique<DeliveredSegments>();
    half.delivered->add(half.next, bytes, recent_);
  }
  half.next += length;
  if (!bytes.empty()) {
    statistics.delivered_bytes += bytes.size();
    flow.consumer->on_data(direction(flow, side), time, bytes);
  }
  if (bytes.size() < length) gap(flow, side, time, length - bytes.size());
  if ((++flow.deliveries & 15) == 1) charge(flow);
  if (!flow.consumer->interested()) ignore(flow);
}

void TcpReassembler::Impl::gap(Flow& flow, int side, Timestamp time, std::uint64_t missing) {
  ++statistics.gaps;
  statistics.missing_bytes += missing;
  flow.consumer->on_gap(direction(flow, side), time, missing);
}

// Hands on the kept segments that have become the next, up to the next hole.
void TcpReassembler::Impl::drain(Flow& flow, int side) {
  HalfStream& half = flow.half[side];
  while (half.pending && !half.pending->empty()) {
    const PendingSegments::Segment& front = half.pending->front();
    std::int32_t distance = sequence_distance(front.sequence, half.next);
    if (distance > 0) {
      half.hole_since = front.time;
      break;
    }
    std::uint32_t seen = half.next - front.sequence;
    if (seen < front.length) {
      Bytes bytes = front.data;
      deliver(flow, side, front.time, bytes.subspan(std::min<std::size_t>(seen, bytes.size())),
              front.length - seen);
      if (flow.ignored) return;
    }
    half.pending->pop_front();
  }
  if (half.pending && half.pending->empty()) half.pending.reset();
  charge(flow);
}

// Decides whether the missing bytes before the kept segments will still come.
// `answered`: the receiver acknowledges with data of its own, which is about to be delivered. What
// it answers has to reach the consumer first, or the answer would come before the question.
void TcpReassembler::Impl::settle_hole(Flow& flow, int side, Timestamp now, bool answered) {
  HalfStream& half = flow.half[side];
  if (!half.pending || half.pending->empty()) return;
  bool acked = half.has_acked && sequence_distance(half.acked, half.pending->front().sequence) >= 0;
  bool enough = half.pending->bytes() >= limits_.gap_window;
  Timestamp age = now - half.hole_since;
  bool old = age > limits_.gap_age;
  bool very_old = age > 10 * limits_.gap_age;
  if ((acked && (enough || old || answered)) || very_old || half.lost >= kLostSegments)
    give_up_hole(flow, side);
}

void TcpReassembler::Impl::give_up_hole(Flow& flow, int side) {
  HalfStream& half = flow.half[side];
  const PendingSegments::Segment& front = half.pending->front();
  std::uint32_t missing = front.sequence - half.next;
  half.next = front.sequence;
  half.lost = 0;
  if (missing > 0) gap(flow, side, front.time, missing);
  if (!flow.consumer->interested()) {
    ignore(flow);
    return;
  }
  drain(flow, side);
}

void TcpReassembler::Impl::finish_flow(Flow& flow) {
  if (flow.closed) return;
  for (int side = 0; side < 2 && flow.consumer; ++side) {
    while (flow.consumer && flow.half[side].pending && !flow.half[side].pending->empty())
      give_up_hole(flow, side);
  }
  if (flow.consumer) {
    if (flow.conflicts != 0 || flow.limits != 0)
      flow.consumer->on_reassembly({.conflicts = flow.conflicts, .limits = flow.limits});
    flow.consumer->on_end(flow.last);
  }
  flow.conflicts = flow.limits = 0;
  flow.closed = true;
  flow.consumer.reset();
  for (HalfStream& half : flow.half) {
    half.pending.reset();
    half.delivered.reset();
  }
  charge(flow);
}

void TcpReassembler::Impl::remove(Flow* flow) {
  if (flow->reset && !flow->closed) ++statistics.ended_reset;
  finish_flow(*flow);
  charged_ -= flow->charged;
  table_.remove(flow);
}

void TcpReassembler::Impl::expire(Timestamp now, int at_most) {
  for (int n = 0; n < at_most; ++n) {
    Flow* flow = table_.oldest(true);
    if (!flow || now - flow->last <= limits_.half_open_timeout) flow = table_.oldest(false);
    if (!flow ||
        now - flow->last <= (flow->short_lived ? limits_.half_open_timeout : limits_.idle_timeout))
      return;
    if (!flow->closed && !flow->reset) ++statistics.timed_out;
    remove(flow);
  }
}

void TcpReassembler::Impl::finish() {
  // Longest idle first: calls that stay without an answer are told in the order of time.
  for (bool short_lived : {false, true}) {
    while (Flow* flow = table_.oldest(short_lived)) remove(flow);
  }
}

TcpReassembler::TcpReassembler(StreamFactory factory, const TcpLimits& limits)
    : impl_(std::make_unique<Impl>(std::move(factory), limits)) {}
TcpReassembler::~TcpReassembler() = default;
void TcpReassembler::segment(const TransportPacket& packet) { impl_->segment(packet); }
void TcpReassembler::tick(Timestamp now) { impl_->expire(now, 1 << 20); }
void TcpReassembler::finish() { impl_->finish(); }
const TcpStatistics& TcpReassembler::statistics() const { return impl_->statistics; }
std::size_t TcpReassembler::flows() const { return impl_->flows(); }
std::size_t TcpReassembler::memory() const { return impl_->memory(); }

void PacketPipeline::packet(const RawPacket& packet) {
  switch (decap_.parse(packet, parsed_)) {
    case Decapsulator::Result::kTcp:
      tcp_.segment(parsed_);
      break;
    case Decapsulator::Result::kUdp:
      if (datagrams_)
        datagrams_(parsed_.source, parsed_.destination, parsed_.time, parsed_.payload);
      break;
    case Decapsulator::Result::kNothing:
      break;
  }
}

}  // namespace rpcmarshal
