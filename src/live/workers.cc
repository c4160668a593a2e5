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
  for (const auto& worker : workers_)
    worker->thread = std::thread([this, &worker] { run(*worker); });
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
  PacketQueue& queue = workers_[at]->queue;
  if (queue.filling().add(packet)) return true;
  if (queue.push(wait)) {
    queue.filling().add(packet);
    return true;
  }
  dropped_shown_.store(++dropped_, std::memory_order_relaxed);
  return false;
}

void Workers::flush() {
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
}

void Workers::run(Worker& worker) {
  using Clock = std::chrono::steady_clock;
  const auto format = make_format(options_.format, options_.sink);
  std::string lines;
  Summary summary;
  SensorOptions options = options_.sensor;
  options.losses = [&](const ConnectionLosses& losses) { summary.add(losses); };
  options.ids = &calls_;
  const auto drain = [&] {
    if (lines.empty()) return;
    const std::lock_guard lock(output_mutex_);
    output_(lines);
    lines.clear();
  };
  Sensor sensor(catalogue_, std::move(options), [&](const Event& event) {
    if (options_.wanted && !options_.wanted(event)) return;
    summary.count(event);
    format->append(lines, event);
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
      if (!abandoned_) block->for_each([&](const RawPacket& packet) { sensor.packet(packet); });
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
    sensor.finish();
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
