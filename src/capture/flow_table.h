// The connections a TcpReassembler knows, by addresses and ports, and in order of their last
// packet. A chained hash table with a per-process seed (so that nobody can choose colliding ports),
// and two age lists: flows worth keeping, and short-lived ones (no data yet, closed, reset), which
// are the first to go when room is short. Internal to capture/.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "capture/decap.h"
#include "capture/pending_segments.h"
#include "capture/recent_bytes.h"
#include "capture/stream.h"

namespace rpcmarshal {

/// Both ends, the smaller first, so that the packets of both directions give the same key.
struct FlowKey {
  std::array<std::uint64_t, 4> addresses{};
  std::uint32_t ports = 0;
  bool v6 = false;
  bool operator==(const FlowKey&) const = default;

  /// `side` becomes 0 when the packet's source is the smaller end, else 1.
  static FlowKey of(const TransportPacket& packet, int& side);
  Endpoint endpoint(int side) const;
};

/// One direction's state: what was delivered, what waits.
struct HalfStream {
  std::uint32_t next = 0;   ///< sequence number of the next byte to deliver; valid when synced
  std::uint32_t acked = 0;  ///< highest acknowledgment from the other side; valid when has_acked
  std::uint32_t fin = 0;    ///< sequence number of the FIN; valid when has_fin
  std::uint32_t first = 0;  ///< initial sequence number; valid when has_syn
  std::uint32_t reuse = 0;  ///< sequence number of a later, different SYN; valid when has_reuse
  bool synced = false, has_acked = false, has_fin = false, has_syn = false, has_reuse = false;
  std::uint8_t lost = 0;  ///< segments in a row that were out of the window
  Timestamp hole_since = 0;
  std::unique_ptr<PendingSegments> pending;
  /// The last segments handed on, to notice a retransmission that differs.
  std::unique_ptr<DeliveredSegments> delivered;
};

struct Flow {
  FlowKey key;
  std::array<HalfStream, 2> half;  ///< by side
  std::unique_ptr<StreamConsumer> consumer;
  Timestamp start = 0, last = 0;
  std::uint64_t number = 0;
  std::size_t charged = 0;      ///< memory counted for segments and consumer
  std::int8_t initiator = -1;   ///< side, when a SYN told it
  std::int8_t forward = -1;     ///< side whose bytes are Direction::kForward, once known
  std::uint32_t conflicts = 0;  ///< as TcpStatistics counts them, of this connection
  std::uint32_t limits = 0;
  std::uint8_t deliveries = 0;  ///< wraps; the consumer's memory is asked for now and then
  bool ignored = false;         ///< no consumer wants it
  bool closed = false;          ///< ended; kept so that late segments do not start a new one
  bool reset = false;           ///< a RST was seen, and nothing after it
  bool short_lived = false;     ///< in which age list
  Flow* chain = nullptr;
  Flow* newer = nullptr;
  Flow* older = nullptr;
};

class FlowTable {
 public:
  FlowTable();
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  Flow* find(const FlowKey& key);
  Flow* add(const FlowKey& key, bool short_lived);
  void remove(Flow* flow);
  /// Makes it the newest of its list, or of the other list.
  void touch(Flow* flow, bool short_lived);
  Flow* oldest(bool short_lived) const { return lists_[short_lived].oldest; }
  std::size_t size() const { return size_; }
  std::size_t memory() const { return size_ * sizeof(Flow) + buckets_.size() * sizeof(Flow*); }

 private:
  struct List {
    Flow* newest = nullptr;
    Flow* oldest = nullptr;
  };
  std::size_t bucket(const FlowKey& key) const;
  void unlink(Flow* flow);
  void link(Flow* flow);
  void grow();

  std::vector<Flow*> buckets_;
  std::array<List, 2> lists_;
  std::size_t size_ = 0;
  std::uint64_t seed_;
  Flow* recent_ = nullptr;  // bulk transfers ask for the same flow again and again
};

}  // namespace rpcmarshal
