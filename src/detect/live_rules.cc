#include "detect/live_rules.h"

#include <numeric>

namespace rpcmarshal::detect {

std::shared_ptr<LoadedRules> LiveRules::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void LiveRules::replace(std::shared_ptr<LoadedRules> next) {
  const std::lock_guard lock(mutex_);
  next->correlations.succeed(current_->correlations,
                             std::shared_ptr<Correlations>(next, &next->correlations));
  current_ = std::move(next);
  generation_.fetch_add(1, std::memory_order_release);
}

std::array<std::uint64_t, 5> LiveRules::alerts_by_level() const {
  std::array<std::uint64_t, 5> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = by_level_[i].load();
  return out;
}

void LiveRules::count(std::span<const Alert> alerts) {
  for (const Alert& alert : alerts)
    by_level_[static_cast<std::size_t>(level_rank(alert.level))].fetch_add(
        1, std::memory_order_relaxed);
}

std::string alert_summary(const std::array<std::uint64_t, 5>& by_level) {
  static constexpr const char* kNames[] = {"informational", "low", "medium", "high", "critical"};
  const std::uint64_t all = std::accumulate(by_level.begin(), by_level.end(), std::uint64_t{0});
  std::string out = std::to_string(all) + (all == 1 ? " alert" : " alerts");
  bool first = true;
  for (std::size_t level = by_level.size(); level-- > 0;) {
    if (by_level[level] == 0) continue;
    out += (first ? ": " : ", ") + std::to_string(by_level[level]) + ' ' + kNames[level];
    first = false;
  }
  return out;
}

LiveDetector::LiveDetector(LiveRules* rules, int thread, bool same_json, bool records)
    : rules_(rules), thread_(thread), same_json_(same_json), keep_records_(records) {
  if (rules_) renew();
}

void LiveDetector::renew() {
  // Read first: a replacement in between is seen with the next event.
  generation_ = rules_->generation();
  detector_.reset();
  loaded_ = rules_->current();
  detector_ = std::make_unique<Detector>(loaded_->rules, loaded_->correlations, thread_);
  detector_->set_place(place_);
}

EventFindings LiveDetector::event(const Event& event) {
  if (!rules_) return {};
  if (rules_->generation() != generation_) renew();
  EventFindings out;
  out.alerts = detector_->event(event);
  if (out.alerts.empty()) return out;
  rules_->count(out.alerts);
  if (!keep_records_) return out;  // the event's writer makes its JSON where it is needed
  const std::string_view json = detector_->event_json(event);
  if (same_json_) out.json = json;
  for (Alert record : out.alerts) {
    record.event = json;
    append_alert_json(records_, record);
  }
  return out;
}

std::span<const Alert> LiveDetector::share(const Endpoint& client, const Endpoint& server,
                                           const SmbFileEvent& event) {
  if (!rules_) return {};
  if (rules_->generation() != generation_) renew();
  const std::span<const Alert> out = detector_->share(client, server, event);
  keep(out);
  return out;
}

std::span<const Alert> LiveDetector::take_correlated() {
  const std::span<const Alert> out = detector_->take_correlated();
  keep(out);
  return out;
}

void LiveDetector::keep(std::span<const Alert> alerts) {
  rules_->count(alerts);
  if (!keep_records_) return;
  for (const Alert& alert : alerts) append_alert_json(records_, alert);
}

void LiveDetector::set_place(std::uint64_t place) {
  place_ = place;
  if (detector_) detector_->set_place(place);
}

void LiveDetector::progress(std::uint64_t place, std::int64_t time) {
  if (!rules_) return;
  if (rules_->generation() != generation_) renew();
  detector_->progress(place, time);
}

void LiveDetector::finish() {
  if (!rules_) return;
  if (rules_->generation() != generation_) renew();
  detector_->finish();
}

bool writes_as_rules_read(const SinkOptions& options) {
  const SinkOptions standard;
  return !options.present.show_secrets && options.max_bytes == standard.max_bytes &&
         options.max_elements == standard.max_elements;
}

}  // namespace rpcmarshal::detect
