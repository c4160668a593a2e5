// The groups of one correlation, and what is remembered of each: its entries within the window, or
// only which values were seen last when. Groups are found by their key, and stand in the order of
// their last use, so that the one that was idle longest is the first to be forgotten. Most groups
// are small and most events fall into the group of the event before; both are quick. Internal to
// correlation.h.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rpcmarshal::sigma {

/// A sum whose terms come and go: what is too small beside the largest is kept apart (Neumaier).
class Sum {
 public:
  void add(double number) {
    const double sum = sum_ + number;
    lost_ += std::abs(sum_) >= std::abs(number) ? (sum_ - sum) + number : (number - sum) + sum_;
    sum_ = sum;
  }
  double value() const { return sum_ + lost_; }

 private:
  double sum_ = 0, lost_ = 0;
};

/// Which values (or rules) were seen, and when last: all that counting different ones needs. A few
/// stand in one block, more in a tree.
class Latest {
 public:
  /// False: the value is there already, or was seen later.
  bool add(std::int64_t time, std::uint64_t value) {
    if (!few_.empty() && few_.back().value == value && few_.back().time <= time) {
      few_.back().time = time;  // most often the value of the event before
      return false;
    }
    return add_elsewhere(time, value);
  }
  bool contains(std::uint64_t value) const;
  std::size_t size() const { return many_ ? many_->order.size() : few_.size(); }
  // There must be one.
  std::int64_t newest() const { return many_ ? many_->order.rbegin()->time : few_.back().time; }
  std::int64_t oldest() const { return many_ ? many_->order.begin()->time : few_.front().time; }
  void remove_oldest();
  void clear() {
    few_.clear();
    many_.reset();
  }

 private:
  static constexpr std::size_t kFew = 32;
  struct Seen {
    std::int64_t time = 0;
    std::uint64_t value = 0;
    auto operator<=>(const Seen&) const = default;
  };
  struct Many {
    std::set<Seen> order;
    std::unordered_map<std::uint64_t, std::int64_t> times;
  };
  bool add_elsewhere(std::int64_t time, std::uint64_t value);

  std::vector<Seen> few_;       // in order
  std::unique_ptr<Many> many_;  // then few_ is empty
};

/// Entries by time. Most groups have few: nothing is allocated for none.
class Entries {
 public:
  struct Entry {
    std::int64_t time = 0;
    std::uint32_t rule = 0;   ///< index into Correlation::rules, the first that means it
    std::uint64_t value = 0;  ///< what is counted when it is different: a hash, or `rule`
    double number = 0;        ///< value_sum, ...
  };
  using Iterator = std::vector<Entry>::const_iterator;
  Iterator begin() const { return all_.begin() + static_cast<std::ptrdiff_t>(first_); }
  Iterator end() const { return all_.end(); }
  std::size_t size() const { return all_.size() - first_; }
  bool empty() const { return size() == 0; }
  const Entry& front() const { return all_[first_]; }
  const Entry& back() const { return all_.back(); }
  /// Behind those of the same time.
  void insert(const Entry& entry);
  void remove_front();
  void clear();

 private:
  std::vector<Entry> all_;
  std::size_t first_ = 0;  // those before are gone
};

struct Group {
  std::string key;  ///< of the values of the fields it is grouped by
  std::uint64_t hash = 0;
  Entries entries;  ///< of correlations that count more than what is different
  Latest latest;    ///< of the others
  Sum sum;
  std::vector<std::int64_t> chain;  ///< temporal_ordered: start of the latest chain up to rule i
  std::int64_t opened = 0;          ///< of a window that is judged when it closes
  bool open = false;

  std::size_t size() const { return entries.size() + latest.size(); }
};

class Groups {
 public:
  /// With a seed of this process: nobody can choose keys that get in each other's way.
  static std::uint64_t hash(std::string_view key);

  std::size_t size() const { return used_.size(); }
  /// Null when there is none with this key. Groups stay where they are.
  Group* find(std::string_view key, std::uint64_t hash);
  /// The same, and it is then the last used.
  Group* use(std::string_view key, std::uint64_t hash) {
    if (!used_.empty() && used_.back().hash == hash && used_.back().key == key)
      return &used_.back();
    return use_other(key, hash);
  }
  /// There must be none with this key. It is then the last used.
  Group& add(std::string_view key, std::uint64_t hash);
  /// The one that was idle longest; there must be one.
  Group& oldest() { return used_.front(); }
  void erase(Group& group);
  void clear();

 private:
  using List = std::list<Group>;
  struct Slot {
    std::uint64_t hash = 0;
    bool taken = false;
    List::iterator group;
  };
  std::size_t slot_of(std::string_view key, std::uint64_t hash) const;
  Group* use_other(std::string_view key, std::uint64_t hash);
  void grow();

  List used_;                // the last is the last used
  std::vector<Slot> slots_;  // open addressing, a power of two, at least half of them free
};

}  // namespace rpcmarshal::sigma
