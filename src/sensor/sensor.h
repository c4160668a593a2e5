// The wire sensor: packets in, events out. It joins the rooms (capture, smb, dcerpc, event) and
// decides by content, never by port alone, what each TCP connection carries.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "capture/packet.h"
#include "capture/tcp.h"
#include "dcerpc/call.h"
#include "dcerpc/http_tunnel.h"
#include "event/builder.h"
#include "event/event.h"
#include "sensor/loss_account.h"
#include "smb/pipe.h"

namespace rpcmarshal {

/// What a client does on shares: connects, opens, writes files (the first of several in a row
/// only), renames, deletes. The event lives for the call.
using ShareHandler =
    std::function<void(const Endpoint& client, const Endpoint& server, const SmbFileEvent&)>;

struct SensorOptions {
  TcpLimits tcp;
  DceLimits dce;
  DceLimits datagrams = {.max_stub = 1u << 20, .max_outstanding = 65536};
  /// Counts Event::connection; several sensors of one program share one. Null: the process's own.
  std::shared_ptr<std::atomic<std::uint64_t>> connection_numbers;
  /// Whose Kerberos ticket is whose; several sensors of one program share one. Null: its own.
  std::shared_ptr<TicketNames> tickets;
  /// The defender's keys, to open what is sealed; shared by all sensors. Null: none.
  std::shared_ptr<const Secrets> secrets;
  LossHandler losses;   ///< may be empty
  ShareHandler shares;  ///< may be empty
  /// Numbers the events of several sensors together; null: each counts from 1.
  std::atomic<std::uint64_t>* ids = nullptr;
};

/// Packets that never reached the sensor. The source of packets fills it in.
struct DropStatistics {
  std::uint64_t received = 0;   ///< by the kernel, for us (live captures)
  std::uint64_t kernel = 0;     ///< no room in the capture buffer
  std::uint64_t interface = 0;  ///< by the network card or its driver
  std::uint64_t queue = 0;      ///< by this program: a worker had too much to do

  DropStatistics& operator+=(const DropStatistics& other) {
    received += other.received;
    kernel += other.kernel;
    interface += other.interface;
    queue += other.queue;
    return *this;
  }
};

struct SensorStatistics {
  DropStatistics drops;
  DecapStatistics decap;
  TcpStatistics tcp;
  SmbStatistics smb;
  DceStatistics dce;
  HttpTunnelStatistics http;
  std::uint64_t smb_connections = 0, dce_connections = 0, other_connections = 0;
  std::uint64_t dce_datagrams = 0;  ///< PDUs of connectionless RPC
  std::uint64_t calls = 0;
  std::uint64_t refused_binds = 0;      ///< interfaces that a server refused in a bind
  std::uint64_t inferred = 0;           ///< calls whose interface was inferred
  std::uint64_t guesses_skipped = 0;    ///< inferences not tried: too many at once
  std::uint64_t flows = 0, memory = 0;  ///< now: connections known, bytes held for them

  /// Sums, of several workers.
  SensorStatistics& operator+=(const SensorStatistics& other);
};

/// Single-threaded. Events are handed over in the order in which the calls end.
class Sensor {
 public:
  /// `catalogue` outlives the sensor.
  Sensor(const Catalogue& catalogue, SensorOptions options, EventHandler handler);
  ~Sensor();
  Sensor(const Sensor&) = delete;
  Sensor& operator=(const Sensor&) = delete;

  void packet(const RawPacket& packet);
  /// Expires idle connections; for live captures when no packet came for a while.
  void tick(Timestamp now);
  /// Ends every connection: calls without an answer are handed over.
  void finish();
  SensorStatistics statistics() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rpcmarshal
