#include "detect/correlations.h"

#include <algorithm>

namespace rpcmarshal::detect {
namespace {

/// For a heap with the first in order on top.
bool later(const Observation& a, const Observation& b) {
  return std::pair(a.place, a.time) > std::pair(b.place, b.time);
}

}  // namespace

Correlations::Correlations(sigma::Correlator& correlator, int threads)
    : correlator_(correlator), positions_(static_cast<std::size_t>(std::max(1, threads))) {}

void Correlations::feed(const Observation& observation, std::vector<sigma::CorrelationMatch>& out) {
  correlator_.event(observation.rules, observation.time, observation.values, out);
}

void Correlations::take_first(std::vector<sigma::CorrelationMatch>& out) {
  std::pop_heap(waiting_.begin(), waiting_.end(), later);
  feed(waiting_.back(), out);
  waiting_.pop_back();
}

void Correlations::wait(Observation observation, std::vector<sigma::CorrelationMatch>& out) {
  observation.values.keep();
  waiting_.push_back(std::move(observation));
  std::push_heap(waiting_.begin(), waiting_.end(), later);
  if (waiting_.size() > kMaxWaiting) take_first(out);
}

Observation Correlations::translated(Observation observation) const {
  using Handover = sigma::Correlator::Handover;
  for (std::uint32_t& rule : observation.rules) rule = handover_.rules[rule];
  std::erase(observation.rules, Handover::kNone);
  observation.values.rename([&](sigma::FieldId field) {
    return field < handover_.fields.size() ? handover_.fields[field] : sigma::kNoField;
  });
  return observation;
}

void Correlations::succeed(Correlations& old, std::shared_ptr<Correlations> self) {
  const std::scoped_lock lock(mutex_, old.mutex_);
  old.handover_ = correlator_.take_over(old.correlator_);
  for (std::size_t thread = 0; thread < std::min(positions_.size(), old.positions_.size());
       ++thread)
    positions_[thread] = old.positions_[thread];
  std::vector<sigma::CorrelationMatch> none;  // there is room for all
  for (Observation& observation : old.waiting_) wait(old.translated(std::move(observation)), none);
  old.waiting_.clear();
  old.successor_ = std::move(self);
}

// Whatever comes to rules that were replaced is for those that came after them. Locks are held one
// at a time.

void Correlations::add(const Observation& observation, std::vector<sigma::CorrelationMatch>& out) {
  std::unique_lock lock(mutex_);
  if (successor_) {
    lock.unlock();
    return successor_->add(translated(observation), out);
  }
  if (positions_.size() == 1 && observation.place != kEnd) return feed(observation, out);
  wait(observation, out);
}

void Correlations::progress(int thread, std::uint64_t place, std::int64_t time,
                            std::vector<sigma::CorrelationMatch>& out) {
  std::unique_lock lock(mutex_);
  if (successor_) {
    lock.unlock();
    return successor_->progress(thread, place, time, out);
  }
  Position& own = positions_[static_cast<std::size_t>(thread)];
  own.place = std::max(own.place, place);
  own.time = std::max(own.time, time);
  const Position last = *std::ranges::min_element(positions_, {}, &Position::place);
  while (!waiting_.empty() && waiting_.front().place < last.place) take_first(out);
  if (correlator_.timed() && last.time != 0) correlator_.advance(last.time, out);
}

void Correlations::finish(std::vector<sigma::CorrelationMatch>& out) {
  std::unique_lock lock(mutex_);
  if (successor_) {
    lock.unlock();
    return successor_->finish(out);
  }
  while (!waiting_.empty()) take_first(out);
  correlator_.finish(out);
}

}  // namespace rpcmarshal::detect
