#include "sigma/groups.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

namespace rpcmarshal::sigma {
namespace {

TEST(Groups, AreFoundByKeyAndStandInTheOrderOfTheirUse) {
  Groups groups;
  const auto add = [&](std::string_view key) { groups.add(key, Groups::hash(key)); };
  EXPECT_EQ(groups.find("", Groups::hash("")), nullptr);
  for (const char* key : {"", "a", "bb"}) add(key);
  EXPECT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups.oldest().key, "");
  ASSERT_NE(groups.use("", Groups::hash("")), nullptr);
  EXPECT_EQ(groups.oldest().key, "a");
  EXPECT_EQ(groups.find("bb", Groups::hash("bb"))->key, "bb");
  EXPECT_EQ(groups.oldest().key, "a") << "finding is not using";
  EXPECT_EQ(groups.use("c", Groups::hash("c")), nullptr);
  groups.erase(groups.oldest());
  EXPECT_EQ(groups.find("a", Groups::hash("a")), nullptr);
  EXPECT_EQ(groups.oldest().key, "bb");
}

// Against a plain list, with hashes so bad that most slots are taken by somebody else's group.
TEST(Groups, AgreeWithAPlainListWhateverTheHashesAre) {
  for (const std::uint64_t hashes : {1u, 3u, 16u, 4096u}) {
    Groups groups;
    std::vector<std::string> order;  // the last is the last used
    std::mt19937 random(7);
    for (int step = 0; step < 20000; ++step) {
      const unsigned number = random() % 60;
      const std::string key = std::to_string(number);
      const std::uint64_t hash = number % hashes;
      const auto known = std::find(order.begin(), order.end(), key);
      Group* group = groups.use(key, hash);
      ASSERT_EQ(group != nullptr, known != order.end());
      if (known != order.end()) {
        ASSERT_EQ(group->key, key);
        order.erase(known);
      }
      if (known != order.end() || order.size() < 40) {
        if (group == nullptr) groups.add(key, hash);
        order.push_back(key);
        if (random() % 3 == 0) {
          const std::size_t gone = random() % order.size();
          const std::string other = order[gone];
          groups.erase(*groups.find(other, std::stoul(other) % hashes));
          order.erase(order.begin() + static_cast<std::ptrdiff_t>(gone));
        }
      } else {
        ASSERT_EQ(groups.oldest().key, order.front());
        groups.erase(groups.oldest());
        order.erase(order.begin());
      }
      ASSERT_EQ(groups.size(), order.size());
    }
    while (!order.empty()) {
      ASSERT_EQ(groups.oldest().key, order.front());
      groups.erase(groups.oldest());
      order.erase(order.begin());
    }
  }
}

TEST(Groups, HashesOfKeysThatAreAlikeDiffer) {
  std::set<std::uint64_t> seen;
  std::string key;
  for (int i = 0; i < 100; ++i) {
    seen.insert(Groups::hash(key));
    key += '\0';
  }
  for (int i = 0; i < 100000; ++i) seen.insert(Groups::hash("10.0." + std::to_string(i)));
  EXPECT_EQ(seen.size(), 100100u);
}

// Few and many values behave alike: the same as a map of the latest time of each.
TEST(Latest, KnowsWhenEachValueWasSeenLast) {
  for (const unsigned values : {3u, 31u, 33u, 200u}) {
    Latest latest;
    std::map<std::uint64_t, std::int64_t> times;
    std::mt19937 random(values);
    for (int step = 0; step < 5000; ++step) {
      const std::uint64_t value = random() % values;
      const std::int64_t time = step / 4 - static_cast<int>(random() % 20);  // some are late
      EXPECT_EQ(latest.add(time, value), !times.contains(value));
      const auto known = times.try_emplace(value, time).first;
      known->second = std::max(known->second, time);
      if (random() % 50 == 0) {
        const auto oldest = std::min_element(times.begin(), times.end(), [](auto& a, auto& b) {
          return std::pair(a.second, a.first) < std::pair(b.second, b.first);
        });
        EXPECT_EQ(latest.oldest(), oldest->second);
        times.erase(oldest);
        latest.remove_oldest();
      }
      ASSERT_EQ(latest.size(), times.size());
      for (unsigned v = 0; v < values; v += 7) EXPECT_EQ(latest.contains(v), times.contains(v));
      std::int64_t newest = INT64_MIN;
      for (const auto& [v, t] : times) newest = std::max(newest, t);
      if (!times.empty()) {
        EXPECT_EQ(latest.newest(), newest);
      }
      if (random() % 1000 == 0) {
        latest.clear();
        times.clear();
      }
    }
  }
}

TEST(Entries, StandInTheOrderOfTimeAndThenOfComing) {
  Entries entries;
  for (const auto& [time, rule] : {std::pair(5, 0u), {7, 1u}, {5, 2u}, {6, 3u}, {7, 4u}})
    entries.insert({.time = time, .rule = rule});
  std::string order;
  for (const Entries::Entry& e : entries) order += std::to_string(e.rule);
  EXPECT_EQ(order, "02314");
  entries.remove_front();
  entries.insert({.time = 1, .rule = 5});
  EXPECT_EQ(entries.front().rule, 5u);
  EXPECT_EQ(entries.size(), 5u);
}

}  // namespace
}  // namespace rpcmarshal::sigma
