#include "live/workers.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <mutex>
#include <thread>

#include "live/host_pair.h"
#include "live/packet_queue.h"
#include "security/ticket_names.h"

namespace rpcmarshal {

Timestamp host_time() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<Timestamp>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

struct Workers::Worker {
  explicit Worker(std::size_t blocks) : queue(blocks) {}
  PacketQueue queue;
  std::mutex mutex;  // of what follows: what the worker shows to others
  SensorStatistics shown_statistics;
  Summary shown_summary;
  std::thread thread;
};

Workers::Workers(const Catalogue& catalogue, WorkerOptions options, Output output)
    : catalogue_(catalogue), options_(std::move(options)), output_(std::move(output)) {
  // A ticket is given out on a connection between other hosts than those it is used between.
  if (!options_.sensor.tickets) options_.sensor.tickets = std::make_shared<TicketNames>();
  const std::size_t blocks = std::max<std::size_t>(2, options_.queue_bytes / PacketBlock::kBytes);
  for (int i = 0; i < std::max(1, options_.workers); ++i)
    workers_.push_back(std::make_unique<Worker>(blocks));
  for (std::size_t i = 0; i < workers_.size(); ++i)
    workers_[i]->thread = std::thread([this, i] { run(*workers_[i], static_cast<int>(i)); });
}

Workers::~Workers() {
  abandoned_ = true;
  for (const auto& worker : workers_) worker->queue.close();
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

bool Workers::packet(const RawPacket& packet, bool wait) {
  // The hash's high bits choose, so that any number of workers gets even shares.
  const std::size_t at =
      workers_.size() == 1
          ? 0
          : static_cast<std::size_t>((host_pair_hash(packet) >> 32) * workers_.size() >> 32);
  ++packets_;
  last_time_ = packet.time;
  if (options_.rules && packets_ % kMarkEvery == 0) mark_all(wait);
  PacketQueue& queue = workers_[at]->queue;
  if (queue.filling().add(packet, packets_)) return true;
  if (queue.push(wait)) {
    queue.filling().add(packet, packets_);
    return true;
  }
  dropped_shown_.store(++dropped_, std::memory_order_relaxed);
  return false;
}

void Workers::mark_all(bool wait) {
  if (workers_.size() == 1) return;  // it knows by itself
  for (const auto& worker : workers_) {
    worker->queue.filling().mark(packets_, last_time_);
    worker->queue.push(wait);
  }
}

void Workers::flush() {
  // One worker needs no marks, but its packets.
  if (options_.rules && packets_ > 0 && workers_.size() > 1) return mark_all(false);
  for (const auto& worker : workers_) worker->queue.push(false);
}

void Workers::finish() {
  for (const auto& worker : workers_) {
    worker->queue.push(true);
    worker->queue.close();
  }
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
  if (!options_.rules) return;
  const auto format = make_format(options_.format, options_.sink);
  detect::LiveDetector last(options_.rules, 0, false, options_.alerts != nullptr);
  last.finish();
  std::string lines;
  for (const Alert& alert : last.correlated()) format->append_alert(lines, alert);
  if (!lines.empty()) output_(lines);
  if (!last.records().empty()) options_.alerts(last.records());
}

void Workers::run(Worker& worker, int number) {
  using Clock = std::chrono::steady_clock;
  const auto format = make_format(options_.format, options_.sink);
  std::string lines;
  Summary summary;
  SensorOptions options = options_.sensor;
  options.losses = [&](const ConnectionLosses& losses) { summary.add(losses); };
  options.ids = &calls_;
  detect::LiveDetector rules(
      options_.rules, number,
      options_.format == "json" && detect::writes_as_rules_read(options_.sink),
      options_.alerts != nullptr);
  const auto drain = [&] {
    if (lines.empty() && rules.records().empty()) return;
    const std::lock_guard lock(output_mutex_);
    if (!lines.empty()) output_(lines);
    lines.clear();
    if (!rules.records().empty()) options_.alerts(rules.records());
    rules.records().clear();
  };
  const auto write_correlated = [&] {
    for (const Alert& alert : rules.correlated()) format->append_alert(lines, alert);
  };
  if (options_.rules) {
    options.shares = [&](const Endpoint& client, const Endpoint& server,
                         const SmbFileEvent& event) {
      for (const Alert& alert : rules.share(client, server, event))
        format->append_alert(lines, alert);
      if (rules.any_beside_events()) write_correlated();
    };
  }
  Sensor sensor(catalogue_, std::move(options), [&](const Event& event) {
    if (options_.wanted && !options_.wanted(event)) return;
    summary.count(event);
    format->append(lines, event, rules.event(event));
    if (rules.any_beside_events()) write_correlated();
    if (lines.size() >= options_.output_block) drain();
  });
  const auto show = [&] {
    SensorStatistics statistics = sensor.statistics();
    const std::lock_guard lock(worker.mutex);
    worker.shown_statistics = statistics;
    worker.shown_summary = summary;
  };

  const auto period = std::chrono::milliseconds(options_.flush_milliseconds);
  auto drained = Clock::now(), shown = drained;
  while (!worker.queue.finished()) {
    if (std::unique_ptr<PacketBlock> block = worker.queue.pop(options_.flush_milliseconds)) {
      if (!abandoned_) {
        block->for_each([&](const RawPacket& packet, std::uint64_t place) {
          rules.set_place(place);
          sensor.packet(packet);
        });
      }
      if (options_.rules && block->mark() != 0) {
        rules.progress(block->mark(), block->mark_time());
        write_correlated();
      }
      worker.queue.recycle(std::move(block));
    }
    const auto now = Clock::now();
    if (now - drained >= period) {
      drain();
      drained = now;
    }
    if (now - shown >= std::chrono::seconds(1)) {
      if (options_.clock) sensor.tick(host_time());
      show();
      shown = now;
    }
  }
  if (!abandoned_) {
    rules.set_place(detect::Correlations::kEnd);
    sensor.finish();
    rules.progress(detect::Correlations::kEnd, 0);
    if (options_.rules) write_correlated();
    drain();
  }
  show();
}

SensorStatistics Workers::statistics() const {
  SensorStatistics all;
  for (const auto& worker : workers_) {
    const std::lock_guard lock(worker->mutex);
    all += worker->shown_statistics;
  }
  all.drops.queue = dropped_shown_.load(std::memory_order_relaxed);
  return all;
}

Summary Workers::summary() const {
  Summary all;
  for (const auto& worker : workers_) {
    const std::lock_guard lock(worker->mutex);
    all.merge(worker->shown_summary);
  }
  return all;
}

}  // namespace rpcmarshal
