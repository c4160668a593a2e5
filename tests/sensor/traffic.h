// Packets of made-up hosts for a Sensor under test, and what the sensor makes of them. Hosts are
// numbers: host 7 is 10.0.0.7.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builtin/builtin.h"
#include "dcerpc/pdu_builder.h"
#include "sensor/sensor.h"
#include "sink/sink.h"

namespace rpcmarshal::testing {

inline const LoadedCatalogue& builtin_catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded;
}

/// An event that outlives the callback.
struct SeenEvent {
  std::string json;
  std::string operation, inferred, user, domain, pipe, interface;
  std::optional<std::uint16_t> opnum;
  Outcome outcome{};
  DecodeStatus decode{};
  Endpoint client, server;
  std::uint64_t connection = 0;
  bool has(std::string_view text) const { return json.find(text) != std::string::npos; }
};

inline std::string be(std::uint64_t value, int size) {
  return integer(value, size, ByteOrder::kBig);
}

class Net {
 public:
  explicit Net(SensorOptions options = {})
      : sensor(builtin_catalogue().catalogue, with_numbers(std::move(options)),
               [this](const Event& e) { see(e); }) {}

  void frame(const std::string& ip) {
    std::string bytes = std::string(12, '\2') + be(0x0800, 2) + ip;
    RawPacket packet;
    packet.time = now += 1'000'000;
    packet.data = as_bytes(bytes);
    packet.original_length = static_cast<std::uint32_t>(bytes.size());
    sensor.packet(packet);
  }
  /// `fragment` is the flags and offset field of the IP header.
  static std::string ip(unsigned from, unsigned to, unsigned protocol, const std::string& payload,
                        unsigned id = 1, unsigned fragment = 0) {
    return std::string("\x45\0", 2) + be(20 + payload.size(), 2) + be(id, 2) + be(fragment, 2) +
           char(64) + static_cast<char>(protocol) + be(0, 2) + be(0x0a000000 + from, 4) +
           be(0x0a000000 + to, 4) + payload;
  }
  static std::string udp(unsigned from_port, unsigned to_port, const std::string& payload) {
    return be(from_port, 2) + be(to_port, 2) + be(8 + payload.size(), 2) + be(0, 2) + payload;
  }
  void datagram(unsigned from, unsigned from_port, unsigned to, unsigned to_port,
                const std::string& payload) {
    frame(ip(from, to, 17, udp(from_port, to_port, payload)));
  }
  void segment(unsigned from, unsigned from_port, unsigned to, unsigned to_port, std::uint32_t seq,
               std::uint32_t ack, unsigned flags, const std::string& payload) {
    frame(ip(from, to, 6,
             be(from_port, 2) + be(to_port, 2) + be(seq, 4) + be(ack, 4) + char(0x50) +
                 static_cast<char>(flags) + be(8192, 2) + be(0, 4) + payload));
  }

  Sensor sensor;
  std::vector<SeenEvent> events;
  Timestamp now = 1'600'000'000'000'000'000;

 private:
  static SensorOptions with_numbers(SensorOptions options) {
    options.connection_numbers = std::make_shared<std::atomic<std::uint64_t>>(1);
    return options;
  }
  void see(const Event& e) {
    SeenEvent& seen = events.emplace_back();
    json_.append(seen.json, e);
    seen.operation = e.operation();
    seen.inferred = e.inferred;
    seen.pipe = e.transport.pipe;
    if (e.interface) seen.interface = e.interface->name;
    if (e.user) {
      seen.user = e.user->user;
      seen.domain = e.user->domain;
    }
    seen.opnum = e.opnum;
    seen.outcome = e.outcome;
    seen.decode = e.decode();
    seen.client = e.client;
    seen.server = e.server;
    seen.connection = e.connection;
  }
  EventJson json_;
};

/// One TCP connection on a Net. c() is what the client sends, s() the server.
class Tcp {
 public:
  Tcp(Net& net, unsigned client, unsigned client_port, unsigned server, unsigned server_port,
      bool handshake = true)
      : net_(net), host_{client, server}, port_{client_port, server_port} {
    if (!handshake) return;
    raw(0, kSyn, "");
    raw(1, kSyn | kAck, "");
    raw(0, kAck, "");
  }
  static constexpr unsigned kFin = 1, kSyn = 2, kRst = 4, kAck = 16;

  Tcp& c(const std::string& bytes) { return send(0, bytes); }
  Tcp& s(const std::string& bytes) { return send(1, bytes); }
  Tcp& close() {
    raw(0, kFin | kAck, "");
    raw(1, kFin | kAck, "");
    raw(0, kAck, "");
    return *this;
  }
  /// In segments of at most `step` bytes.
  Tcp& send(int side, const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += step) raw(side, kAck, bytes.substr(at, step));
    return *this;
  }
  /// One segment at the next sequence number, which moves on.
  void raw(int side, unsigned flags, const std::string& bytes) {
    at(side, next[side], flags, bytes);
    next[side] += static_cast<std::uint32_t>(bytes.size()) + ((flags & (kSyn | kFin)) ? 1 : 0);
  }
  /// One segment anywhere; nothing moves on.
  void at(int side, std::uint32_t sequence, unsigned flags, const std::string& bytes) {
    net_.segment(host_[side], port_[side], host_[1 - side], port_[1 - side], sequence,
                 (flags & kAck) ? next[1 - side] : 0, flags, bytes);
  }

  std::size_t step = 1400;
  std::uint32_t next[2] = {1000, 500000};

 private:
  Net& net_;
  unsigned host_[2], port_[2];
};

}  // namespace rpcmarshal::testing
