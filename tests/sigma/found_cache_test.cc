#include "sigma/found_cache.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace rpcmarshal::sigma {
namespace {

using Ids = std::vector<PredicateId>;

Ids get(const FoundCache& cache, const FoundCache::Key& key) {
  const FoundCache::Found found = cache.find(key);
  return found.known ? Ids(found.predicates.begin(), found.predicates.end()) : Ids{999};
}

TEST(FoundCache, KeepsWhatWasFound) {
  FoundCache cache;
  const std::string text = "C:\\Windows\\System32\\svchost.exe";
  const FoundCache::Key key(3, 4, text);
  EXPECT_FALSE(cache.find(key).known);
  cache.put(key, Ids{7, 8});
  EXPECT_EQ(get(cache, key), (Ids{7, 8}));
  EXPECT_FALSE(cache.find({2, 4, text}).known) << "another scanner";
  EXPECT_FALSE(cache.find({3, 2, text}).known) << "another kind of value";
  EXPECT_FALSE(cache.find({3, 4, "C:\\Windows\\System32\\svchost.exf"}).known);
  cache.put({3, 4, ""}, {});
  EXPECT_EQ(get(cache, {3, 4, ""}), Ids{});
}

TEST(FoundCache, LeavesOutWhatIsTooLarge) {
  FoundCache cache;
  const std::string long_text(FoundCache::kMaxText + 1, 'a');
  cache.put({1, 4, long_text}, Ids{1});
  EXPECT_FALSE(cache.find({1, 4, long_text}).known);
  cache.put({1, 4, "a"}, Ids(FoundCache::kMaxFound + 1, 5));
  EXPECT_FALSE(cache.find({1, 4, "a"}).known);
  const std::string text(FoundCache::kMaxText, 'b');
  const Ids most(FoundCache::kMaxFound, 6);
  cache.put({1, 4, text}, most);
  EXPECT_EQ(get(cache, {1, 4, text}), most);
}

// More entries than there is room for: what is still there is what was put there last.
TEST(FoundCache, OverwritesTheOldestAndIsNeverWrong) {
  FoundCache cache;
  std::mt19937 random(7);
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::string>, Ids> all;
  std::size_t hits = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string text(random() % (i % 4 == 0 ? 60 : 9), 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 2);
    if (random() % 50 == 0) text.append(random() % 196, 'z');
    const std::uint32_t scanner = random() % 3, kind = random() % 2;
    const FoundCache::Key key(scanner, kind, text);
    const auto [known, fresh] = all.try_emplace({scanner, kind, text});
    if (const FoundCache::Found found = cache.find(key); found.known) {
      ASSERT_FALSE(fresh);
      ASSERT_EQ(Ids(found.predicates.begin(), found.predicates.end()), known->second);
      ++hits;
      continue;
    }
    known->second.assign(random() % 20, static_cast<PredicateId>(random()));
    cache.put(key, known->second);
    ASSERT_EQ(get(cache, key), known->second);
  }
  EXPECT_GT(hits, 10000u);
}

}  // namespace
}  // namespace rpcmarshal::sigma
