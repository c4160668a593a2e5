#include "sigma/pattern.h"

#include <gtest/gtest.h>

#include "match/fold.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = PatternPart::Kind;

TEST(Pattern, BackslashEscapesWildcardsAndItselfOnly) {
  EXPECT_EQ(Pattern::parse(R"(C:\Windows\system32)").plain(), R"(C:\Windows\system32)");
  EXPECT_FALSE(Pattern::parse(R"(\*)").has_wildcards());
  EXPECT_EQ(Pattern::parse(R"(\*)").plain(), "*");
  EXPECT_EQ(Pattern::parse(R"(\?)").plain(), "?");
  // A backslash and then a wildcard.
  const Pattern wild = Pattern::parse(R"(\\*)");
  ASSERT_EQ(wild.parts().size(), 2u);
  EXPECT_EQ(wild.parts()[0].text, "\\");
  EXPECT_EQ(wild.parts()[1].kind, Kind::kMany);
  // A backslash and a plain star: the escape that published rules get wrong.
  EXPECT_EQ(Pattern::parse(R"(\\\*\IPC$)").plain(), R"(\*\IPC$)");
  EXPECT_FALSE(Pattern::parse(R"(\\\*\IPC$)").has_wildcards());
  EXPECT_EQ(Pattern::parse(R"(\\\\*\\IPC$)").plain(), R"(\\\IPC$)");
  EXPECT_TRUE(Pattern::parse(R"(\\\\*\\IPC$)").has_wildcards());
  EXPECT_EQ(Pattern::parse(R"(\\\\)").plain(), R"(\\)");
  EXPECT_EQ(Pattern::parse(R"(a\)").plain(), R"(a\)");
  EXPECT_EQ(Pattern::parse(R"(\\server\share)").plain(), R"(\server\share)");
}

TEST(Pattern, WrittenAsParsed) {
  for (const char* text : {R"(*\cmd.exe)", R"(a?b*c)", R"(\*literal\?)", R"(\\\\x)", ""}) {
    const Pattern once = Pattern::parse(text);
    EXPECT_EQ(Pattern::parse(once.to_string()), once) << text;
  }
}

TEST(Pattern, PlaceholdersNeedANameWithoutBackslash) {
  Pattern p = Pattern::parse("x%Servers%y");
  p.mark_placeholders();
  ASSERT_EQ(p.parts().size(), 3u);
  EXPECT_EQ(p.parts()[1].kind, Kind::kPlaceholder);
  EXPECT_EQ(p.parts()[1].text, "Servers");
  for (const char* text : {"100%", "%%", R"(%a\b%)"}) {
    Pattern none = Pattern::parse(text);
    none.mark_placeholders();
    EXPECT_FALSE(none.has_placeholders()) << text;
    EXPECT_EQ(none.plain(), text);
  }
}

struct WildcardCase {
  const char* pattern;
  const char* text;
  bool matches;
};

TEST(Wildcard, Matches) {
  static constexpr WildcardCase kCases[] = {
      {"abc", "abc", true},
      {"abc", "abcd", false},
      {"abc", "xabc", false},
      {"*", "", true},
      {"*", "anything", true},
      {"", "", true},
      {"", "a", false},
      {"?", "", false},
      {"?", "a", true},
      {"?", "ab", false},
      {"a*", "a", true},
      {"a*", "ab", true},
      {"*a", "ba", true},
      {"*a", "ab", false},
      {"*a*", "bab", true},
      {"a*b*c", "a-b-b-c", true},
      {"a*b*c", "a-c-b", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"*a?c", "xxabc", true},
      {"*a?c", "abcabc", true},
      {"*?", "a", true},
      {"*?", "", false},
      {"?*", "\u00e4", true},
      {"?", "\u00e4", true},
      {"??", "\u00e4", false},
      {"*??", "\u00e4\u20ac", true},
      {"*???", "\u00e4\u20ac", false},
      {"a**b", "ab", true},
      {"a**b", "axxb", true},
      {"*ab*ab", "ab", false},
      {"*ab*ab", "abab", true},
      {"*aab", "aaab", true},
      {"*a?b*", "aab", true},
      {"a*a", "a", false},
      {"\\\\*", "\\x", true},
      {"*x?", "xx\u20ac", true},
      {"?a*b?", "\u20acazzb\u00e4", true},
  };
  for (const WildcardCase& c : kCases)
    EXPECT_EQ(wildcard_match(Pattern::parse(c.pattern).parts(), c.text), c.matches)
        << c.pattern << " against " << c.text;
}

TEST(Wildcard, ManyStarsAgainstALongTextTakeLittleTime) {
  std::string pattern, text(100'000, 'a');
  for (int i = 0; i < 200; ++i) pattern += "*a?";
  EXPECT_FALSE(wildcard_match(Pattern::parse(pattern + "b").parts(), text));
}

TEST(Fold, LettersOfSeveralScripts) {
  EXPECT_EQ(match::folded("PowerShell.EXE [@`{"), "powershell.exe [@`{");
  EXPECT_EQ(match::folded("\u00c4\u00d6\u00dc\u00d7"), "\u00e4\u00f6\u00fc\u00d7");
  EXPECT_EQ(match::folded("\u041f\u0440\u0418\u0401"), "\u043f\u0440\u0438\u0451");
  EXPECT_EQ(match::folded("\u03a3\u03c2\u0391"), "\u03c3\u03c3\u03b1");
  EXPECT_EQ(match::folded("\u212a"), "k");
  EXPECT_EQ(match::folded("\xff\xfe\xc3(A"), "\xff\xfe\xc3(a");  // no UTF-8: kept
  EXPECT_EQ(match::folded("\xf0\x9f\x98\x80Z"), "\xf0\x9f\x98\x80z");
  EXPECT_EQ(match::folded("A\xc3"), "a\xc3");
  // Longer than a word of the fast path, with a character that changes its length, and without.
  EXPECT_EQ(match::folded("Microsoft\u00ae WINDOWS \u212aELVIN \u00c4"),
            "microsoft\u00ae windows kelvin \u00e4");
  EXPECT_EQ(match::folded("ABCDEFGHIJ\uff21\u1e00XYZ[@"), "abcdefghij\uff41\u1e01xyz[@");
}

}  // namespace
}  // namespace rpcmarshal::sigma
