// Expressions turned into wildcards match exactly what the expression does; all others are refused.
#include "policy/compiler/regex.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include "match/fold.h"
#include "match/wildcard.h"

namespace rpcmarshal::policy {
namespace {

sigma::Value regex(std::string_view text, std::string_view flags = "") {
  sigma::Value out;
  out.kind = sigma::Value::Kind::kRegex;
  out.pattern = sigma::Pattern::literal(text);
  for (const char flag : flags)
    (flag == 'i' ? out.ignore_case : flag == 's' ? out.dot_all : out.multiline) = true;
  return out;
}

bool matches(const RegexPatterns& patterns, const std::string& text) {
  for (const sigma::Value& value : patterns.any) {
    if (value.cased) {
      if (match::wildcard_match(value.pattern.parts(), text)) return true;
      continue;
    }
    std::vector<sigma::PatternPart> parts = value.pattern.parts();
    for (sigma::PatternPart& part : parts) part.text = match::folded(part.text);
    if (match::wildcard_match(parts, match::folded(text))) return true;
  }
  return false;
}

TEST(Regex, MatchesWhatTheExpressionMatches) {
  struct Case {
    const char *text, *flags;
  };
  static constexpr Case kCases[] = {
      {"ab", ""},       {"^ab", ""},     {"ab$", ""},        {"^ab$", ""},    {"^$", ""},
      {"", ""},         {"a|b", ""},     {"^(a|b)c", ""},    {"^a.c$", "s"},  {"a.*b", "s"},
      {"^a.+b$", "s"},  {".*ab.*", ""},  {"ab.*", ""},       {"[abx]k", "i"}, {"[a-c]b?", ""},
      {"a\\.b", ""},    {"\\\\a", ""},   {"AB|Ks", "i"},     {"(?i)aB", ""},  {"(?:a|b|)c", ""},
      {"\\Aab\\z", ""}, {"^a.*?b", "s"}, {"(a|b)(b|c)", ""}, {"\\d", ""},     {"^a.?b$", "s"},
      {"(ab)?c", ""},   {"\u00e4b", ""}, {"^.$", "s"},       {"a|", ""},      {"^a|b$", ""},
      {"(^a|x)b", ""},
  };
  static constexpr const char* kPieces[] = {"a",  "b",      "c",      "A",      "B", "k",
                                            "K",  "\u212a", "s",      "\u017f", "x", ".",
                                            "\\", "\n",     "\u00e4", "\u00c4", "7", ""};
  std::uint32_t seed = 3;
  std::size_t hits = 0;
  for (const Case& c : kCases) {
    const RegexPatterns patterns = patterns_of(regex(c.text, c.flags));
    ASSERT_EQ(patterns.error, "") << c.text;
    const RE2 re((c.flags[0] != 0 ? "(?" + std::string(c.flags) + ")" : "") + c.text);
    for (int i = 0; i < 3000; ++i) {
      std::string text;
      for (int n = i % 6; n >= 0; --n) {
        seed = seed * 1664525 + 1013904223;
        text += kPieces[(seed >> 16) % std::size(kPieces)];
      }
      const bool expected = RE2::PartialMatch(text, re);
      hits += expected ? 1 : 0;
      ASSERT_EQ(matches(patterns, text), expected) << c.text << " on " << text;
    }
  }
  EXPECT_GT(hits, 10'000u);
}

TEST(Regex, RefusesTheRest) {
  for (const char* text : {"a.b",
                           "a.*b",
                           "a*",
                           "a{2}",
                           "[^a]",
                           "\\w",
                           "\\bword",
                           "(?=a)",
                           "(?P<x>a)",
                           "a\\1",
                           "(",
                           ")",
                           "[",
                           "[a-z]",
                           "a**",
                           "*",
                           "x^y",
                           "((((((((((((((((((((a))))))))))))))))))))",
                           "(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)",
                           "\\",
                           "(?i)\u00e4"}) {
    EXPECT_NE(patterns_of(regex(text)).error, "") << text;
    EXPECT_TRUE(patterns_of(regex(text)).any.empty());
  }
  EXPECT_NE(patterns_of(regex("^a", "m")).error, "");
  EXPECT_NE(patterns_of(regex("a.b")).error.find("add the modifier 's'"), std::string::npos);
}

}  // namespace
}  // namespace rpcmarshal::policy
