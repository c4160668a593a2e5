// TCP reassembly: segments of any number of connections in, ordered bytes of each connection out,
// to the StreamConsumer that the factory makes for it.
//
// The idea: in-order data is handed on from the packet's own memory, nothing is copied. Only
// segments after a hole are kept (sorted, bounded per flow and in all). A hole is given up, and
// told as a gap, when the receiver has acknowledged past it and either answers with data of its own
// (a question must come before its answer) or enough later data has come, when the buffer limit is
// reached, or when the connection ends. Bytes that were delivered first stay; a
// retransmission that differs is counted as a conflict.
#pragma once

#include <cstdint>
#include <memory>

#include "capture/decap.h"
#include "capture/packet.h"
#include "capture/stream.h"

namespace rpcmarshal {

struct TcpLimits {
  std::size_t max_flows = 262'144;  ///< over it: flows without data first, then the longest idle
  std::size_t max_memory = 256u << 20;      ///< bytes held for flows, segments and consumers in all
  std::size_t max_flow_pending = 1u << 20;  ///< bytes kept after a hole, per direction
  std::size_t max_flow_segments = 4096;     ///< segments kept after a hole, per direction
  std::size_t gap_window = 64u << 10;       ///< later bytes that make an acknowledged hole a gap
  Timestamp gap_age = 2'000'000'000;        ///< or its age, nanoseconds
  Timestamp idle_timeout = 3'600'000'000'000;    ///< of a connection that carried data
  Timestamp half_open_timeout = 60'000'000'000;  ///< of one without data, and of a closed one
};

struct TcpStatistics {
  std::uint64_t segments = 0, payload_bytes = 0;
  std::uint64_t connections = 0;       ///< flows created
  std::uint64_t mid_stream = 0;        ///< of them without a SYN
  std::uint64_t delivered_bytes = 0;   ///< given to consumers
  std::uint64_t ignored_segments = 0;  ///< with payload, of flows no consumer wants
  std::uint64_t out_of_order = 0;      ///< segments kept for later
  std::uint64_t retransmissions = 0;   ///< segments wholly or partly seen before
  std::uint64_t conflicts = 0;         ///< overlaps whose content differs (first kept)
  std::uint64_t keep_alives = 0;
  std::uint64_t gaps = 0, missing_bytes = 0;
  std::uint64_t ended_fin = 0, ended_reset = 0, timed_out = 0;
  std::uint64_t evicted_flows = 0;   ///< for max_flows
  std::uint64_t evicted_memory = 0;  ///< for max_memory
  std::uint64_t out_of_window = 0;   ///< segments and resets with an impossible sequence number
  std::uint64_t reused_ports = 0;    ///< a new SYN on a flow that was not closed
  std::uint64_t pending_limit = 0;   ///< holes given up for max_flow_pending or max_flow_segments
};

class TcpReassembler {
 public:
  explicit TcpReassembler(StreamFactory factory, const TcpLimits& limits = {});
  ~TcpReassembler();
  void segment(const TransportPacket& packet);
  /// Expires idle flows; for live captures, when no packet came for a while.
  void tick(Timestamp now);
  /// The capture ended: every hole becomes a gap, every consumer gets on_end.
  void finish();
  const TcpStatistics& statistics() const;
  std::size_t flows() const;
  std::size_t memory() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The whole of capture/: raw packets in, streams and datagrams out.
class PacketPipeline {
 public:
  PacketPipeline(StreamFactory streams, DatagramHandler datagrams, const TcpLimits& limits = {})
      : tcp_(std::move(streams), limits), datagrams_(std::move(datagrams)) {}
  void packet(const RawPacket& packet);
  void tick(Timestamp now) { tcp_.tick(now); }
  void finish() { tcp_.finish(); }
  const DecapStatistics& decap_statistics() const { return decap_.statistics(); }
  const TcpStatistics& statistics() const { return tcp_.statistics(); }
  const TcpReassembler& tcp() const { return tcp_; }

 private:
  Decapsulator decap_;
  TcpReassembler tcp_;
  DatagramHandler datagrams_;
  TransportPacket parsed_;
};

}  // namespace rpcmarshal
