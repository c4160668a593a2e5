// Every counter of the sensor, by group and name, once: summaries, the statistics file and sums
// over workers all walk this list, so a counter added here is everywhere.
#pragma once

#include <iterator>

#include "sensor/sensor.h"

namespace rpcmarshal {

/// Calls `f(group, name, counter, what)` for every counter of `s`, in a fixed order; groups come
/// together. `name` is snake_case, `what` a short description for people. `S` is SensorStatistics,
/// const or not.
template <typename S, typename F>
void for_each_counter(S& s, F&& f) {
  f("drops", "received", s.drops.received, "packets the kernel had for us");
  f("drops", "kernel", s.drops.kernel, "packets dropped by the kernel: capture buffer full");
  f("drops", "interface", s.drops.interface, "packets dropped by the interface");
  f("drops", "queue", s.drops.queue, "packets dropped here: a worker had too much to do");

  f("packets", "seen", s.decap.packets, "packets");
  f("packets", "bytes", s.decap.bytes, "bytes of packets");
  f("packets", "tcp", s.decap.tcp, "TCP segments");
  f("packets", "udp", s.decap.udp, "UDP datagrams");
  f("packets", "other", s.decap.other, "packets that are neither");
  f("packets", "malformed", s.decap.malformed, "malformed packets");
  f("packets", "cut", s.decap.cut, "packets cut by the snap length");
  f("packets", "fragments", s.decap.fragments, "IP fragments");
  f("packets", "reassembled", s.decap.reassembled, "packets made of IP fragments");
  f("packets", "fragment_overlaps", s.decap.fragment_overlaps,
    "overlapping IP fragments with different content");
  f("packets", "fragments_dropped", s.decap.fragments_dropped, "IP fragments given up");

  f("tcp", "connections", s.tcp.connections, "TCP connections");
  f("tcp", "mid_stream", s.tcp.mid_stream, "connections whose start was not captured");
  f("tcp", "payload_bytes", s.tcp.payload_bytes, "bytes of payload");
  f("tcp", "delivered_bytes", s.tcp.delivered_bytes, "bytes given to parsers");
  f("tcp", "ignored_segments", s.tcp.ignored_segments, "segments of connections without RPC");
  f("tcp", "out_of_order", s.tcp.out_of_order, "segments that came before their turn");
  f("tcp", "retransmissions", s.tcp.retransmissions, "retransmissions");
  f("tcp", "conflicts", s.tcp.conflicts, "overlapping retransmissions with different content");
  f("tcp", "keep_alives", s.tcp.keep_alives, "keep-alives");
  f("tcp", "gaps", s.tcp.gaps, "gaps in TCP streams");
  f("tcp", "missing_bytes", s.tcp.missing_bytes, "bytes missing");
  f("tcp", "ended_fin", s.tcp.ended_fin, "connections closed");
  f("tcp", "ended_reset", s.tcp.ended_reset, "connections reset");
  f("tcp", "timed_out", s.tcp.timed_out, "connections forgotten as idle");
  f("tcp", "evicted_flows", s.tcp.evicted_flows, "connections forgotten: too many");
  f("tcp", "evicted_memory", s.tcp.evicted_memory, "connections forgotten: memory limit");
  f("tcp", "out_of_window", s.tcp.out_of_window, "segments with impossible sequence numbers");
  f("tcp", "reused_ports", s.tcp.reused_ports, "ports used again while open");
  f("tcp", "pending_limit", s.tcp.pending_limit, "holes given up: too much waited behind them");

  f("smb", "connections", s.smb_connections, "SMB connections");
  f("smb", "messages", s.smb.messages, "SMB messages");
  f("smb", "pipes", s.smb.pipes, "named pipes");
  f("smb", "encrypted", s.smb.encrypted, "encrypted SMB messages");
  f("smb", "decrypted", s.smb.decrypted, "encrypted SMB messages opened");
  f("smb", "passed_over", s.smb.passed_over,
    "encrypted SMB messages opened only as far as to see that no pipe is in them");
  f("smb", "unopened", s.smb.unopened, "encrypted SMB messages without a key");
  f("smb", "bad_tags", s.smb.bad_tags, "encrypted SMB messages whose tag is wrong");
  f("smb", "signatures", s.smb.signatures, "right SMB signatures");
  f("smb", "bad_signatures", s.smb.bad_signatures, "wrong SMB signatures");
  f("smb", "compressed", s.smb.compressed, "compressed SMB messages");
  f("smb", "malformed", s.smb.malformed, "malformed SMB messages");
  f("smb", "resynchronised", s.smb.resynchronised, "times the next SMB message had to be searched");
  f("smb", "limits", s.smb.limits, "SMB limits reached");

  f("rpc", "connections", s.dce_connections, "RPC over TCP connections");
  f("rpc", "calls", s.calls, "calls");
  f("rpc", "datagrams", s.dce_datagrams, "PDUs of RPC over UDP");
  f("rpc", "http_channels", s.http.channels, "HTTP connections of RPC over HTTP");
  f("rpc", "http_connections", s.http.connections, "connections they make up");
  f("rpc", "http_malformed", s.http.malformed, "channels of RPC over HTTP that could not be read");
  f("rpc", "http_limits", s.http.limits, "limits of RPC over HTTP reached");
  f("rpc", "refused_binds", s.refused_binds, "interfaces refused in a bind");
  f("rpc", "inferred", s.inferred, "calls whose interface was inferred");
  f("rpc", "guesses_skipped", s.guesses_skipped, "inferences not tried: too many at once");
  f("rpc", "malformed", s.dce.malformed, "malformed RPC PDUs");
  f("rpc", "gaps", s.dce.gaps, "gaps in RPC streams");
  f("rpc", "missing_bytes", s.dce.missing_bytes, "bytes missing in RPC streams");
  f("rpc", "limits", s.dce.limits, "RPC limits reached");
  f("rpc", "resynchronised", s.dce.resynchronised, "times the next RPC PDU had to be searched");
  f("rpc", "orphan_responses", s.dce.orphan_responses, "responses without a request");
  f("rpc", "unsealed", s.dce.unsealed, "protected PDUs that were opened or verified");
  f("rpc", "bad_signatures", s.dce.bad_signatures, "PDUs whose signature is wrong");
  f("rpc", "lost_streams", s.dce.lost_streams,
    "sealed PDUs after a loss, whose key stream is lost");
  // By KeyStatus::Code from 2 on.
  static constexpr const char* kNoKey[][2] = {
      {"key_not_negotiated", "protected PDUs whose authentication was not seen"},
      {"key_missing", "protected PDUs of an account or service without a key"},
      {"key_wrong", "protected PDUs for which the account's key does not fit"},
      {"key_version", "protected PDUs under a ticket of another key version"},
      {"key_type", "protected PDUs under a ticket of another encryption type"},
      {"key_unsupported", "protected PDUs under a mechanism that cannot be opened"}};
  static_assert(std::size(kNoKey) + 2 == std::size(decltype(s.dce.no_key){}));
  for (std::size_t code = 0; code < std::size(kNoKey); ++code)
    f("rpc", kNoKey[code][0], s.dce.no_key[code + 2], kNoKey[code][1]);
  // By PTYPE ([C706] 12.6.3, and [C706] 12.5.2 for connectionless ones).
  static constexpr const char* kPdu[] = {
      "pdu_request",    "pdu_ping",   "pdu_response", "pdu_fault",     "pdu_working",
      "pdu_nocall",     "pdu_reject", "pdu_ack",      "pdu_cl_cancel", "pdu_fack",
      "pdu_cancel_ack", "pdu_bind",   "pdu_bind_ack", "pdu_bind_nak",  "pdu_alter_context",
      "pdu_alter_resp", "pdu_auth3",  "pdu_shutdown", "pdu_co_cancel", "pdu_orphaned"};
  static_assert(std::size(kPdu) == std::size(decltype(s.dce.pdus){}));
  for (std::size_t type = 0; type < std::size(kPdu); ++type)
    f("rpc", kPdu[type], s.dce.pdus[type], "PDUs of this type");

  f("state", "other_connections", s.other_connections, "connections that carry neither");
  f("state", "flows", s.flows, "connections known now");
  f("state", "memory", s.memory, "bytes held for connections now");
}

}  // namespace rpcmarshal
