#include "sigma/automaton.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "sigma/long_words.h"

namespace rpcmarshal::sigma {
namespace {

using Found = std::set<std::pair<std::uint32_t, std::size_t>>;

Found scan(const std::vector<std::string>& words, std::string_view text) {
  Automaton automaton;
  automaton.build(words);
  Found out;
  automaton.scan(text, [&](std::uint32_t word, std::size_t end) {
    EXPECT_TRUE(out.emplace(word, end).second) << "found twice";
  });
  return out;
}

Found search(const std::vector<std::string>& words, std::string_view text) {
  Found out;
  for (std::uint32_t w = 0; w < words.size(); ++w) {
    if (words[w].empty()) continue;
    for (std::size_t at = text.find(words[w]); at != std::string_view::npos;
         at = text.find(words[w], at + 1)) {
      out.emplace(w, at + words[w].size());
    }
  }
  return out;
}

TEST(Automaton, FindsEveryWord) {
  const std::vector<std::string> words = {"he", "she", "his", "hers", "hers", "", "powershell"};
  for (const char* text : {"", "h", "ushers", "shis", "powershellpowershell", "xhe", "he"})
    EXPECT_EQ(scan(words, text), search(words, text)) << text;
}

TEST(Automaton, LongWordsOnly) {
  const std::vector<std::string> words = {"abcdef", "cdefgh", "abcd", "bcdx", "defg"};
  for (const char* text :
       {"the abcd stands far behind in a text of more than sixteen letters, bcdx", "abcdefgh",
        "ababcdx", "xxxabcd", "abc", "abcdabcd", "zzabcdefgzz"})
    EXPECT_EQ(scan(words, text), search(words, text)) << text;
}

// Blocks of 32 and of 16 places, and the last few letters, are looked at in different ways.
TEST(Automaton, FewWordsAtEveryPlaceOfTextsOfAnyLength) {
  const std::vector<std::string> words = {"abcdef", "qrstu", "wxyz"};
  for (std::size_t size = 0; size < 110; ++size) {
    for (std::size_t at = 0; at + 6 <= size; ++at) {
      std::string text(size, '-');
      text.replace(at, 6, at % 3 == 0 ? "abcdef" : at % 3 == 1 ? "qrstu-" : "abwxyz");
      ASSERT_EQ(scan(words, text), search(words, text)) << text;
    }
  }
}

TEST(Automaton, WordsAtTheEdges) {
  const std::vector<std::string> words = {"ab", "abc", "b", "abd", "bca"};
  Automaton automaton;
  automaton.build(words);
  const auto at_start = [&](std::string_view text) {
    std::set<std::uint32_t> out;
    automaton.scan_edge<false>(text, [&](std::uint32_t word) { out.insert(word); });
    return out;
  };
  const auto reversed_at_end = [&](std::string_view text) {
    std::set<std::uint32_t> out;
    automaton.scan_edge<true>(text, [&](std::uint32_t word) { out.insert(word); });
    return out;
  };
  using Words = std::set<std::uint32_t>;
  EXPECT_EQ(at_start("abcab"), (Words{0, 1}));
  EXPECT_EQ(at_start("bca"), (Words{2, 4}));
  EXPECT_EQ(at_start("a"), Words{});
  EXPECT_EQ(at_start(""), Words{});
  EXPECT_EQ(reversed_at_end("xxcba"), (Words{0, 1}));
  EXPECT_EQ(reversed_at_end("b"), Words{2});
}

TEST(Automaton, NoWords) {
  Automaton automaton;
  automaton.build({});
  EXPECT_TRUE(automaton.empty());
  automaton.build({""});
  EXPECT_TRUE(automaton.empty());
}

TEST(Automaton, AgreesWithSearchOnRandomWords) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    // Few letters make many overlaps; 256 make rows of every width.
    const unsigned letters = round % 3 == 0 ? 2 : round % 3 == 1 ? 5 : 256;
    const std::size_t shortest = round % 2 == 0 ? 1 : 4;
    const auto text_of = [&](std::size_t size) {
      std::string out;
      for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(random() % letters);
      return out;
    };
    std::vector<std::string> words;
    for (int w = 0; w < 40; ++w) words.push_back(text_of(shortest + random() % 9));
    std::string text = text_of(random() % 400);
    for (int w = 0; w < 10; ++w) text.insert(random() % (text.size() + 1), words[random() % 40]);
    ASSERT_EQ(scan(words, text), search(words, text)) << "round " << round;
  }
}

TEST(Automaton, DeepStatesWithoutRowsAgreeToo) {
  std::mt19937 random(2);
  std::vector<std::string> words;
  for (int w = 0; w < 3000; ++w) {
    std::string word;
    for (int i = 0; i < 60; ++i) word += static_cast<char>(random() % 250);
    words.push_back(std::move(word));
  }
  std::string text;
  for (int i = 0; i < 40; ++i) {
    const std::string& word = words[random() % words.size()];
    text += random() % 2 == 0 ? word : word.substr(0, random() % 60);
  }
  EXPECT_EQ(scan(words, text), search(words, text));
}

TEST(Automaton, OneLetterManyTimesIsLinear) {
  std::vector<std::string> words;
  words.push_back(std::string(5000, 'a') + "b");
  EXPECT_TRUE(scan(words, std::string(1'000'000, 'a')).empty());
}

/// What LongWords finds is what a search for each word finds, whatever is beside it and wherever it
/// stands.
TEST(LongWords, FindEveryWordAtEveryPlace) {
  std::mt19937 random(7);
  const auto letters = [&](std::size_t size, int alphabet) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i)
      out += static_cast<char>('a' + static_cast<int>(random() % static_cast<unsigned>(alphabet)));
    return out;
  };
  for (const int alphabet : {2, 3, 26}) {
    std::vector<std::string> words;
    for (std::size_t i = 0; i < 300; ++i) words.push_back(letters(7 + random() % 9, alphabet));
    words.push_back(words[0]);
    words.push_back(words[1] + words[2]);
    LongWords long_words;
    long_words.build(words);
    for (int round = 0; round < 200; ++round) {
      std::string text = letters(random() % 40, alphabet);
      for (std::size_t n = random() % 4; n > 0; --n)
        text += words[random() % words.size()] + letters(random() % 6, alphabet);
      std::multiset<std::uint32_t> found, expected;
      long_words.scan(text, [&](std::uint32_t word) { found.insert(word); });
      for (const auto& [word, end] : search(words, text)) expected.insert(word);
      ASSERT_EQ(found, expected) << text;
    }
  }
}

TEST(LongWords, TextsShorterThanAnyWord) {
  LongWords long_words;
  EXPECT_TRUE(long_words.empty());
  long_words.build({"abcdefg"});
  for (const char* text : {"", "a", "abcd", "abcdef", "bcdefg"})
    long_words.scan(text, [&](std::uint32_t) { FAIL() << text; });
  int count = 0;
  long_words.scan("abcdefg", [&](std::uint32_t) { ++count; });
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace rpcmarshal::sigma
