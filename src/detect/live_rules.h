// Rules that may be replaced while threads use them (`sensor` on SIGHUP), and what each thread
// needs to apply them to its events and to write what they find.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "detect/correlations.h"
#include "detect/detector.h"
#include "detect/rules.h"

namespace rpcmarshal::detect {

/// Rules with the state of their correlations. What a Detector holds on to.
struct LoadedRules {
  LoadedRules(RuleOptions options, const Catalogue& catalogue, int threads)
      : rules(std::move(options), catalogue), correlations(rules.correlator(), threads) {}
  Rules rules;
  Correlations correlations;
};

class LiveRules {
 public:
  explicit LiveRules(std::shared_ptr<LoadedRules> first) : current_(std::move(first)) {}

  std::shared_ptr<LoadedRules> current() const;
  /// Threads take them up with their next event. Correlations that do the same as before, on the
  /// same rules, go on; others begin anew, and those that are gone end without being judged.
  void replace(std::shared_ptr<LoadedRules> next);
  /// Changes with replace().
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  /// Alerts so far, by level_rank(), of all threads.
  std::array<std::uint64_t, 5> alerts_by_level() const;
  void count(std::span<const Alert> alerts);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<LoadedRules> current_;
  std::atomic<std::uint64_t> generation_{1};
  std::array<std::atomic<std::uint64_t>, 5> by_level_{};
};

/// "3 alerts: 1 high, 2 low".
std::string alert_summary(const std::array<std::uint64_t, 5>& by_level);

/// One thread's events, by whatever rules are current.
class LiveDetector {
 public:
  /// `rules` outlives this; null: nothing is found. `same_json`: the events' JSON that is written
  /// is that of make_json_format() with default options, so that it need not be made twice.
  /// `records`: keep alerts as JSON lines, too.
  LiveDetector(LiveRules* rules, int thread, bool same_json, bool records);

  /// For the event's writer; valid until the next call.
  EventFindings event(const Event& event);
  /// What a client did on a share: alerts, valid until the next call.
  std::span<const Alert> share(const Endpoint& client, const Endpoint& server,
                               const SmbFileEvent& event);
  /// Correlations that fired since the last call.
  std::span<const Alert> correlated() {
    if (detector_ && detector_->any_correlated()) return take_correlated();
    return {};
  }
  /// Whether correlated() or records() have anything.
  bool any_beside_events() const {
    return !records_.empty() || (detector_ && detector_->any_correlated());
  }
  /// JSON lines of all alerts; the caller empties it.
  std::string& records() { return records_; }

  void set_place(std::uint64_t place);
  void progress(std::uint64_t place, std::int64_t time);
  /// All threads are done: judges what is open. Then correlated().
  void finish();

 private:
  void renew();
  /// Counts alerts that are whole, and writes them to records_.
  void keep(std::span<const Alert> alerts);
  std::span<const Alert> take_correlated();

  LiveRules* rules_;
  const int thread_;
  const bool same_json_, keep_records_;
  std::uint64_t generation_ = 0, place_ = 0;
  std::shared_ptr<LoadedRules> loaded_;
  std::unique_ptr<Detector> detector_;
  std::string records_;
};

/// Whether `options` write events as rules read them.
bool writes_as_rules_read(const SinkOptions& options);

}  // namespace rpcmarshal::detect
