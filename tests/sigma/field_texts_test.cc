#include "sigma/field_texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rpcmarshal::sigma {
namespace {

using testing::ElementsAre;

std::vector<std::string_view> all(const FieldTexts& texts, FieldId field) {
  std::vector<std::string_view> out;
  texts.of(field, out);
  return out;
}

TEST(FieldTexts, HaveWhatWasAddedAsText) {
  FieldTexts texts;
  texts.add(1, EventValue::of("a"));
  texts.add(2, EventValue::of(std::int64_t{-7}));
  texts.add(1, EventValue::of(""));
  texts.add(3, EventValue());
  texts.add_copy(2, "b");
  EXPECT_THAT(all(texts, 1), ElementsAre("a", ""));
  EXPECT_THAT(all(texts, 2), ElementsAre("-7", "b"));
  EXPECT_THAT(all(texts, 3), ElementsAre()) << "null is no text";
  std::string_view first;
  EXPECT_EQ(texts.first_of(2, first), 2u);
  EXPECT_EQ(first, "-7");
  EXPECT_EQ(texts.first_of(3, first), 0u);
  texts.clear();
  EXPECT_EQ(texts.first_of(2, first), 0u);
}

TEST(FieldTexts, KeepTextsThatGo) {
  FieldTexts texts, copy;
  {
    std::string gone(100, 'x');
    texts.add(1, EventValue::of(std::int64_t{5}));
    texts.add(1, EventValue::of(std::string_view(gone)));
    texts.add(2, EventValue::of(std::string_view(gone).substr(0, 3)));
    copy = texts;
    copy.keep();
    copy.keep();
    gone.assign(100, 'y');
  }
  EXPECT_THAT(all(copy, 1), ElementsAre("5", std::string(100, 'x')));
  EXPECT_THAT(all(copy, 2), ElementsAre("xxx"));
}

TEST(FieldTexts, OfOneFieldAreSoManyAndNoMore) {
  FieldTexts texts;
  for (int i = 0; i < 100; ++i) {
    texts.add(1, EventValue::of(std::int64_t{i}));
    texts.add_copy(2, "x");
  }
  EXPECT_EQ(all(texts, 1).size(), FieldTexts::kMost);
  EXPECT_EQ(all(texts, 2).size(), FieldTexts::kMost);
}

}  // namespace
}  // namespace rpcmarshal::sigma
