#include "agent/service/event_record.h"

#include <gtest/gtest.h>

namespace rpcmarshal::agent {
namespace {

TEST(EventRecord, ValuesAreUtf16WithoutEnds) {
  EXPECT_EQ(log_values({"B\xC3\xB6", "", std::string_view("a\0b", 3), "\xF0\x9F\x99\x82"}),
            (std::vector<std::u16string>{u"B\u00f6", u"", u"a?b", u"\U0001F642"}));
  EXPECT_TRUE(log_values({}).empty());
}

TEST(EventRecord, LongValuesAreCutAndSaySo) {
  const std::string long_text(50000, 'x');
  const auto values = log_values({long_text, long_text});
  EXPECT_EQ(values[0].size(), kMaxLogValue);
  EXPECT_TRUE(values[0].ends_with(u"x (cut)"));
  EXPECT_EQ(values[0].size() + values[1].size(), kMaxLogTotal);
  EXPECT_TRUE(values[1].ends_with(u"x (cut)"));
  EXPECT_EQ(log_values({std::string(kMaxLogTotal, 'y')})[0], std::u16string(kMaxLogTotal, u'y'));
}

TEST(EventRecord, CharactersStayWhole) {
  std::string faces;
  for (int i = 0; i < 600; ++i) faces += "\xF0\x9F\x99\x82";  // two units each
  for (std::size_t shift = 0; shift < 2; ++shift) {
    const auto values = log_values({std::string(shift, 'a') + faces, ""});
    const std::u16string& text = values[0];
    EXPECT_LE(text.size(), kMaxLogValue);
    EXPECT_GE(text[text.size() - 7], 0xDC00) << "the second half of a character";
  }
}

TEST(EventRecord, ManyLongValuesStayWithinTheTotal) {
  const std::string text(5000, 'x');
  const std::vector<std::string_view> many(60, text);
  std::size_t total = 0;
  for (const auto& value : log_values(many)) total += value.size();
  EXPECT_LE(total, kMaxLogTotal);
}

}  // namespace
}  // namespace rpcmarshal::agent
