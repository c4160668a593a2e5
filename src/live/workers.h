// Several sensors at work at once, each in a thread of its own. Packets go to a worker by their two
// hosts (host_pair.h), so everything between two hosts stays together and in order; the catalogue
// is shared, and whose Kerberos ticket is whose; nothing else is. Each worker makes text of its
// events; pieces of whole lines come out.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "capture/packet.h"
#include "detect/live_rules.h"
#include "event/event.h"
#include "live/summary.h"
#include "sensor/sensor.h"
#include "sink/sink.h"

namespace rpcmarshal {

/// The host's clock.
Timestamp host_time();

struct WorkerOptions {
  int workers = 1;
  std::size_t queue_bytes = 64u << 20;  ///< packets waiting for one worker
  /// Wait when a queue is full (files), or drop the packet and count it (live).
  bool wait = false;
  /// Lines are handed on when so many bytes wait, and at the latest after `flush_milliseconds`.
  std::size_t output_block = 64u << 10;
  int flush_milliseconds = 200;
  /// Tell the sensors the host's time while no packets come, so that they forget idle connections.
  bool clock = false;
  SensorOptions sensor;  ///< `losses` and `ids` are set here
  std::string format = "json";
  SinkOptions sink;
  /// Whether to write an event; called from several threads. Empty: all.
  std::function<bool(const Event&)> wanted;
  /// Rules that run on the events that are written; outlives the workers. Null: none.
  detect::LiveRules* rules = nullptr;
  /// Takes alerts as JSON lines, as Output takes events. Empty: they are not wanted.
  std::function<void(std::string_view)> alerts;
};

class Workers {
 public:
  /// Takes whole lines. Called from the workers' threads, one call at a time.
  using Output = std::function<void(std::string_view)>;

  /// `catalogue` outlives this.
  Workers(const Catalogue& catalogue, WorkerOptions options, Output output);
  /// Without finish(): what waits is thrown away.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// From one thread only. False: it was dropped (counted).
  bool packet(const RawPacket& packet) { return this->packet(packet, options_.wait); }
  bool packet(const RawPacket& packet, bool wait);
  /// Hands over what fills no whole block yet. Call it when there is nothing to read.
  void flush();
  /// Everything that was taken is read to its end, every connection is ended, and its events are
  /// written. Last call but for the ones below.
  void finish();

  /// Sums over the workers: at most a second old, or final after finish(). From any thread.
  SensorStatistics statistics() const;
  Summary summary() const;
  std::uint64_t calls() const { return calls_.load(std::memory_order_relaxed); }

 private:
  struct Worker;
  void run(Worker& worker, int number);
  void mark_all(bool wait);

  /// Every so many packets all workers hear how far the capture is: correlations wait for that.
  static constexpr std::uint64_t kMarkEvery = 4096;

  const Catalogue& catalogue_;
  WorkerOptions options_;
  Output output_;
  std::atomic<std::uint64_t> calls_{0};
  std::uint64_t dropped_ = 0;
  std::uint64_t packets_ = 0;
  Timestamp last_time_ = 0;
  std::atomic<std::uint64_t> dropped_shown_{0};
  std::atomic<bool> abandoned_{false};
  std::mutex output_mutex_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace rpcmarshal
