#include "sigma/groups.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace rpcmarshal::sigma {
namespace {

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t load(const char* at, std::size_t size) {
  std::uint64_t out = 0;
  std::memcpy(&out, at, size);
  return out;
}

std::uint64_t make_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

}  // namespace

bool Latest::contains(std::uint64_t value) const {
  if (many_) return many_->times.contains(value);
  return std::any_of(few_.begin(), few_.end(), [&](const Seen& s) { return s.value == value; });
}

bool Latest::add_elsewhere(std::int64_t time, std::uint64_t value) {
  if (!many_ && few_.size() >= kFew && !contains(value)) {
    many_ = std::make_unique<Many>();
    many_->order.insert(few_.begin(), few_.end());
    for (const Seen& seen : few_) many_->times.emplace(seen.value, seen.time);
    few_.clear();
  }
  const Seen seen{time, value};
  if (many_) {
    const auto [known, fresh] = many_->times.try_emplace(value, time);
    if (fresh) {
      many_->order.insert(many_->order.end(), seen);
      return true;
    }
    if (known->second >= time) return false;
    auto node = many_->order.extract({known->second, value});
    node.value().time = known->second = time;
    many_->order.insert(many_->order.end(), std::move(node));
    return false;
  }
  const auto known =
      std::find_if(few_.begin(), few_.end(), [&](const Seen& s) { return s.value == value; });
  if (known == few_.end()) {
    few_.insert(std::upper_bound(few_.begin(), few_.end(), seen), seen);
    return true;
  }
  if (known->time >= time) return false;
  // Those between its old place and its new one move up.
  const auto place = std::upper_bound(known, few_.end(), seen);
  *std::move(known + 1, place, known) = seen;
  return false;
}

void Latest::remove_oldest() {
  if (!many_) {
    few_.erase(few_.begin());
    return;
  }
  many_->times.erase(many_->order.begin()->value);
  many_->order.erase(many_->order.begin());
}

void Entries::insert(const Entry& entry) {
  if (empty() || back().time <= entry.time) {
    all_.push_back(entry);
    return;
  }
  all_.insert(std::upper_bound(begin(), end(), entry.time,
                               [](std::int64_t time, const Entry& e) { return time < e.time; }),
              entry);
}

void Entries::remove_front() {
  ++first_;
  if (2 * first_ < all_.size()) return;  // moved at most once for each that is removed
  all_.erase(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

void Entries::clear() {
  constexpr std::size_t kKept = 64;  // groups are many
  if (all_.capacity() > kKept) all_ = {};
  all_.clear();
  first_ = 0;
}

std::uint64_t Groups::hash(std::string_view key) {
  static const std::uint64_t seed = make_seed();
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15ull, kLast = 0xA0761D6478BD642Full;
  std::uint64_t h = seed ^ key.size();
  const char* at = key.data();
  std::size_t left = key.size();
  for (; left >= 8; at += 8, left -= 8) h = mix(h ^ load(at, 8), kFactor);
  return mix(h ^ load(at, left), kLast);
}

std::size_t Groups::slot_of(std::string_view key, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].taken && !(slots_[at].hash == hash && slots_[at].group->key == key))
    at = (at + 1) & mask;
  return at;
}

Group* Groups::find(std::string_view key, std::uint64_t hash) {
  if (slots_.empty()) return nullptr;
  const Slot& slot = slots_[slot_of(key, hash)];
  return slot.taken ? &*slot.group : nullptr;
}

Group* Groups::use_other(std::string_view key, std::uint64_t hash) {
  if (slots_.empty()) return nullptr;
  const Slot& slot = slots_[slot_of(key, hash)];
  if (!slot.taken) return nullptr;
  used_.splice(used_.end(), used_, slot.group);
  return &used_.back();
}

Group& Groups::add(std::string_view key, std::uint64_t hash) {
  if (2 * (used_.size() + 1) > slots_.size()) grow();
  Group& group = used_.emplace_back();
  group.key = key;
  group.hash = hash;
  slots_[slot_of(key, hash)] = {hash, true, std::prev(used_.end())};
  return group;
}

void Groups::grow() {
  slots_.assign(std::max<std::size_t>(8, 2 * slots_.size()), {});
  const std::size_t mask = slots_.size() - 1;
  for (auto group = used_.begin(); group != used_.end(); ++group) {
    std::size_t at = group->hash & mask;
    while (slots_[at].taken) at = (at + 1) & mask;
    slots_[at] = {group->hash, true, group};
  }
}

void Groups::erase(Group& group) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = slot_of(group.key, group.hash);
  used_.erase(slots_[hole].group);
  // Those behind the hole, up to the next free slot, must still be found from where they belong.
  for (std::size_t at = (hole + 1) & mask; slots_[at].taken; at = (at + 1) & mask) {
    const std::size_t home = slots_[at].hash & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
}

void Groups::clear() {
  used_.clear();
  slots_.clear();
}

}  // namespace rpcmarshal::sigma
