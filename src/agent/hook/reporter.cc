#include "agent/hook/reporter.h"

#include <chrono>

namespace rpcmarshal::agent {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBatch = std::size_t{1} << 18;
/// Between batches, so that a busy server pays ten wake-ups a second and not one for each call; an
/// event is this much late at most.
constexpr int kGatherMilliseconds = 100;

}  // namespace

Reporter::Reporter(Session& session, Counters& counters, const Catalogue& catalogue,
                   const ProcessFacts& process, EventChannel& channel,
                   std::function<HookStatus()> status)
    : session_(session),
      counters_(counters),
      maker_(catalogue, process),
      channel_(channel),
      status_(std::move(status)),
      thread_([this] { run(); }) {}

Reporter::~Reporter() {
  session_.queue.close();
  thread_.join();
}

void Reporter::note(std::string text) {
  const std::lock_guard lock(mutex_);
  if (notes_.size() < 64) notes_.push_back(std::move(text));
}

void Reporter::tell_status(MessageType type) { append_message(out_, type, status_()); }

bool Reporter::flush(std::uint64_t events) {
  const bool written = out_.empty() || channel_.write(out_);
  (written ? counters_.events : counters_.dropped).fetch_add(events, std::memory_order_relaxed);
  out_.clear();
  return written;
}

void Reporter::run() {
  auto status_due = Clock::now();
  for (bool last = false; !last;) {
    last = session_.queue.closed();
    const auto calls = session_.queue.take(500);
    bool fresh = false;
    if (!channel_.connect(fresh)) {
      counters_.dropped.fetch_add(calls.size(), std::memory_order_relaxed);
      continue;
    }
    if (fresh) tell_status(MessageType::kHello);
    {
      const std::lock_guard lock(mutex_);
      for (const std::string& text : notes_) append_message(out_, MessageType::kNote, text);
      notes_.clear();
    }
    std::uint64_t waiting = 0;
    for (const auto& call : calls) {
      try {
        json_.clear();
        maker_.append_json(json_, maker_.finished(*call));
        if (append_message(out_, MessageType::kEvent, json_)) {
          ++waiting;
        } else {
          counters_.dropped.fetch_add(1, std::memory_order_relaxed);
        }
      } catch (const std::bad_alloc&) {
        counters_.failures.fetch_add(1, std::memory_order_relaxed);
      }
      if (out_.size() >= kBatch) {
        flush(waiting);
        waiting = 0;
      }
    }
    if (last || Clock::now() >= status_due) {
      flush(std::exchange(waiting, 0));  // first, so that the status counts them
      tell_status(MessageType::kStatus);
      status_due = Clock::now() + std::chrono::milliseconds(kStatusMilliseconds);
    }
    flush(waiting);
    if (!calls.empty() && !last) session_.queue.gather(kGatherMilliseconds);
  }
}

}  // namespace rpcmarshal::agent
