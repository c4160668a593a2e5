// Folding and searching look at many bytes at once; these compare them with the plain way.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "match/contains.h"
#include "match/fold.h"

namespace rpcmarshal::match {
namespace {

TEST(Fold, AsciiLettersOfTextsOfAnyLength) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 70; ++size) {
    for (int round = 0; round < 20; ++round) {
      // Exactly as large as the text, so that a sanitizer sees a byte too many.
      std::vector<char> text(size), folded(size), expected(size);
      bool ascii = true;
      for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(random() % (round < 10 ? 128 : 256));
        ascii = ascii && static_cast<unsigned char>(text[i]) < 0x80;
        expected[i] = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
      }
      EXPECT_EQ(fold_ascii({text.data(), size}, folded.data()), ascii);
      EXPECT_EQ(folded, expected);
    }
  }
}

TEST(Contains, AgreesWithFindAtEveryPlaceAndLength) {
  std::mt19937 random(2);
  std::size_t there = 0;
  for (int round = 0; round < 50000; ++round) {
    std::vector<char> text(random() % 80), word(random() % 6);
    for (char& c : text) c = static_cast<char>('a' + random() % 3);
    for (char& c : word) c = static_cast<char>('a' + random() % 3);
    const std::string_view in(text.data(), text.size()), of(word.data(), word.size());
    const bool expected = in.find(of) != std::string_view::npos;
    ASSERT_EQ(contains(in, of), expected) << in << ' ' << of;
    there += expected;
  }
  EXPECT_GT(there, 5000u);
  EXPECT_LT(there, 49000u);
}

TEST(Contains, AWordAsLongAsTheText) {
  const std::string text = "c:\\windows\\system32\\cmd.exe";
  EXPECT_TRUE(contains(text, text));
  EXPECT_FALSE(contains(text, text + "x"));
  EXPECT_TRUE(contains(text, ""));
  EXPECT_TRUE(contains("", ""));
  EXPECT_FALSE(contains("", "a"));
}

}  // namespace
}  // namespace rpcmarshal::match
