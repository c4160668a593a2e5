#include "base/json_text.h"

#include <gtest/gtest.h>

namespace rpcmarshal {
namespace {

std::string meaning(std::string_view raw) {
  std::string out;
  return append_json_text(out, raw) ? out : out + " and no more";
}

TEST(JsonText, EscapesAreReplaced) {
  EXPECT_EQ(meaning(""), "");
  EXPECT_EQ(meaning("pl\xC3\xA4in"), "pl\xC3\xA4in");
  EXPECT_EQ(meaning(R"(\"\\\/\b\f\n\r\t)"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(meaning(R"(\u0041\u00e4\u20AC)"), "A\xC3\xA4\xE2\x82\xAC");
  EXPECT_EQ(meaning(R"(\ud83d\ude00!)"), "\xF0\x9F\x98\x80!");
  EXPECT_EQ(meaning(R"(\u0000)"), std::string(1, '\0'));
}

TEST(JsonText, HalfAPairIsNoText) {
  EXPECT_EQ(meaning(R"(\ud83dx)"), "\xEF\xBF\xBDx");
  EXPECT_EQ(meaning(R"(\ude00)"), "\xEF\xBF\xBD");
  EXPECT_EQ(meaning(R"(\ud83d\u0041)"),
            "\xEF\xBF\xBD"
            "A");
  EXPECT_EQ(meaning(R"(\ud83d\ud83d\ude00)"), "\xEF\xBF\xBD\xF0\x9F\x98\x80");
}

TEST(JsonText, WhatIsNoEscapeEndsIt) {
  for (const char* raw : {R"(a\)", R"(a\x)", R"(a\u)", R"(a\u12)", R"(a\u12g4)", R"(a\u+123)"})
    EXPECT_EQ(meaning(raw), "a and no more") << raw;
}

}  // namespace
}  // namespace rpcmarshal
