// The YAML of rule files: what it means, where everything stands, and what its errors say.
#include "sigma/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/unicode.h"

namespace rpcmarshal::sigma {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using Kind = Yaml::Kind;

struct Parsed {
  std::vector<Yaml> documents;
  Diagnostics diagnostics;
};

Parsed parse(std::string_view text) {
  Parsed out;
  out.documents = parse_yaml(text, "t.yml", out.diagnostics);
  return out;
}

/// The only message of a text that has no good document.
std::string refusal(std::string_view text) {
  const Parsed p = parse(text);
  EXPECT_THAT(p.documents, IsEmpty()) << text;
  EXPECT_EQ(p.diagnostics.size(), 1u) << text;
  return p.diagnostics.empty() ? std::string() : p.diagnostics[0].to_string();
}

/// The only document of a good text.
Yaml good(std::string_view text) {
  Parsed p = parse(text);
  EXPECT_THAT(p.diagnostics, IsEmpty()) << p.diagnostics[0].to_string();
  EXPECT_EQ(p.documents.size(), 1u) << text;
  return p.documents.empty() ? Yaml{} : std::move(p.documents[0]);
}

/// "{a=1 b=[x y]}": texts only, null is "~".
std::string shown(const Yaml& y) {
  std::string out;
  if (y.is_map()) {
    for (const auto& [key, value] : y.map)
      out += (out.empty() ? "" : " ") + key.text + "=" + shown(value);
    return "{" + out + "}";
  }
  if (y.is_list()) {
    for (const Yaml& one : y.list) out += (out.empty() ? "" : " ") + shown(one);
    return "[" + out + "]";
  }
  return y.is_null() ? "~" : y.text;
}

std::string place(const Yaml* y) {
  return y == nullptr ? "none" : std::to_string(y->at.line) + ":" + std::to_string(y->at.column);
}

TEST(Yaml, ReadsWhatRulesAreWrittenIn) {
  EXPECT_EQ(shown(good("a:\n  - b: 1\n    c:\n    - d\n  -\n    e: x y\n  - - p\n    - q\n")),
            "{a=[{b=1 c=[d]} {e=x y} [p q]]}");
  EXPECT_EQ(shown(good("a: [1, \"x,y\", {b: c}, http://h/p]\nd: {e, f: }\n")),
            "{a=[1 x,y {b=c} http://h/p] d={e=~ f=~}}");
  EXPECT_EQ(shown(good("a: |\n  x\n   y\nb: >-\n  x\n  y\n\n  z\nc: p\n  q # r\nd: b#c\n")),
            "{a=x\n y\n b=x y\nz c=p q d=b#c}");
  EXPECT_EQ(shown(good("a: 'it''s \\n'\nb: \"\\x41\\u00e4\\t\\\\\"\nc|re: ^a.*$\n").map[0].second),
            "it's \\n");
  EXPECT_EQ(shown(good("b: \"\\x41\\u00e4\\t\\\\\"\n")), "{b=A\xC3\xA4\t\\}");
  EXPECT_EQ(shown(good("a: 1\r\nb:\r\n- x\r\n")), "{a=1 b=[x]}");
  EXPECT_EQ(shown(good("\xEF\xBB\xBF"
                       "a: 1")),
            "{a=1}");
}

TEST(Yaml, KnowsWhereEverythingStands) {
  const Yaml y = good("# first\na: x\nm:\n  - k: [p, 'q']\nn:\n\"s\": |\n  t\ne:\t\"u\"\n");
  EXPECT_EQ(place(&y), "2:1");
  EXPECT_EQ(place(y.find("a")), "2:4");
  EXPECT_EQ(place(y.find("m")), "4:3");
  const Yaml& k = y.find("m")->list[0];
  EXPECT_EQ(place(&k), "4:5");
  EXPECT_EQ(place(&k.map[0].second), "4:8");
  EXPECT_EQ(place(&k.map[0].second.list[1]), "4:12");
  EXPECT_EQ(place(y.find("n")), "5:3") << "an empty value stands behind its colon";
  EXPECT_EQ(place(&y.map[3].first), "6:1");
  EXPECT_EQ(place(y.find("s")), "6:6");
  EXPECT_EQ(place(y.find("e")), "8:4");
}

TEST(Yaml, ColumnsAreBytesAndLinesEndWithLineFeeds) {
  // What 'rules lint --fix' changes is found by them.
  const Yaml y = good("# \xE2\x80\xA8 \xC2\x85\n{\xC3\xBC: \xF0\x9F\x98\x80, b: c}");
  EXPECT_EQ(place(&y.map[0].second), "2:6");
  EXPECT_EQ(place(&y.map[1].first), "2:12");
  EXPECT_THAT(refusal("a: \xC3\xBC\nb: [\xC3\xBC, \"\xC3\xBC\n"),
              StartsWith("t.yml:2:9: error: this quot"));
  EXPECT_THAT(refusal("a: \xC3\xBC\xC3\xBC: x\n"), StartsWith("t.yml:1:8: error"));
}

TEST(Yaml, DocumentsAreApart) {
  const Parsed p = parse(
      "%YAML 1.1\n# c\n---\na: 1\n---\nb: [\n--- # x\nc: 3\n...\n%YAML 1.2\n---\nd: 4\n---\n...\n"
      "e: 5\n...\n");
  ASSERT_EQ(p.documents.size(), 4u);
  EXPECT_EQ(shown(p.documents[1]), "{c=3}");
  EXPECT_EQ(place(p.documents[1].find("c")), "8:4");
  EXPECT_EQ(place(p.documents[2].find("d")), "12:4");
  EXPECT_EQ(place(p.documents[3].find("e")), "15:4");
  ASSERT_EQ(p.diagnostics.size(), 1u);
  EXPECT_THAT(p.diagnostics[0].to_string(), StartsWith("t.yml:7:1: error: this is not valid YAML"));
  for (const char* nothing : {"", "\n\n", "# c\n", "---\n", "---\n---\n", "...\n",
                              "# c\n...\n...\n", "%YAML 1.1\n", "~\n"}) {
    EXPECT_THAT(parse(nothing).documents, IsEmpty()) << nothing;
    EXPECT_THAT(parse(nothing).diagnostics, IsEmpty()) << nothing;
  }
  EXPECT_THAT(parse("a: 'open\n---\nb: 'open\n").diagnostics[1].to_string(),
              StartsWith("t.yml:3:4: error: this quotation mark is not closed"));
}

TEST(Yaml, APartIsNoDocument) {
  // "not for humans" was all that was read of it once, without a word.
  EXPECT_THAT(refusal("\"not for humans\" x: 1\n"), HasSubstr("t.yml:1:18: error"));
  EXPECT_THAT(refusal("{a: b}\nc: d\n"), HasSubstr("does not belong to what stands before it"));
}

TEST(Yaml, MergesMaps) {
  EXPECT_EQ(shown(*good("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  a: 3\n").find("y")), "{a=3 b=2}")
      << "what a map says itself goes before what it merges";
  EXPECT_EQ(shown(*good("x: &x {a: 1, b: 2}\ny:\n  a: 3\n  <<: *x\n").find("y")), "{a=3 b=2}");
  EXPECT_EQ(shown(*good("x: &x {a: 1}\nw: &w {a: 2, b: 2}\ny:\n  <<: [*x, *w]\n").find("y")),
            "{a=1 b=2}");
  EXPECT_EQ(shown(good("'<<': {a: 1}\n")), "{<<={a=1}}") << "in quotes it is a key";
  std::string many = "x: &x {";
  for (int i = 0; i < 40; ++i) many += "k" + std::to_string(i) + ": 1, ";
  const Yaml merged = good(many + "}\ny:\n  <<: *x\n  k7: 2\n");
  EXPECT_EQ(merged.find("y")->map.size(), 40u);
  EXPECT_EQ(shown(*merged.find("y")->find("k7")), "2");
}

TEST(Yaml, AliasesRepeat) {
  const Yaml y = good("a: &a [x, 1]\nb: *a\nc: &c z\nd: [*c, *a]\n*c : k\ne: &a 2\nf: *a\n");
  EXPECT_EQ(shown(y), "{a=[x 1] b=[x 1] c=z d=[z [x 1]] z=k e=2 f=2}");
  EXPECT_EQ(place(y.find("b")), "1:4") << "where the value was written";
  EXPECT_EQ(y.find("f")->kind, Kind::kInteger);
  EXPECT_EQ(refusal("a: &a [b, *a]\n"),
            "t.yml:1:11: error: the alias '*a' stands inside of what it names");
  EXPECT_THAT(refusal("a: &x 1\nb: *y\n"), StartsWith("t.yml:2:4: error: there is no anchor '&y'"));
  EXPECT_EQ(parse("a: &x 1\n---\nb: *x\n").diagnostics.size(), 1u) << "of this document only";
}

TEST(Yaml, TagsSayWhatAScalarIs) {
  const Yaml y = good(
      "- !!str 5\n- !!int \"5\"\n- !!bool 'yes'\n- !other x\n- '5'\n- !!str\n- !!null 'null'\n");
  const std::vector<Kind> expected = {Kind::kString, Kind::kInteger, Kind::kBool, Kind::kString,
                                      Kind::kString, Kind::kString,  Kind::kNull};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(y.list.at(i).kind, expected[i]) << i;
}

TEST(Yaml, ErrorsSayWhatToDo) {
  struct Case {
    const char* text;
    const char* start;
    const char* part;
  };
  static constexpr Case kCases[] = {
      {"a:\n- *.exe\n", "t.yml:2:3: ", "begins with '*' needs quotes"},
      {"a:\n- *foo\n", "t.yml:2:3: ", "begins with '*' needs quotes"},
      {"a: &*\n", "t.yml:1:4: ", "begins with '&' needs quotes"},
      {"a: @x\n", "t.yml:1:4: ", "begins with '@' needs quotes"},
      {"a: %x%\n", "t.yml:1:4: ", "begins with '%' needs quotes"},
      {"a: |x\n", "t.yml:1:5: ", "begins with '|' or '>' needs quotes"},
      {"a: !x!y z\n", "t.yml:1:4: ", "begins with '!' needs quotes"},
      {"a: ? b\n", "t.yml:1:4: ", "begins with '? ' needs quotes"},
      {"a: ]\n", "t.yml:1:4: ", "']' or '}' needs quotes"},
      {"a: b: c\n", "t.yml:1:5: ", "text with ': ' needs quotes"},
      {"a: - b\n", "t.yml:1:4: ", "a line of its own"},
      {"a: \"C:\\Users\"\n", "t.yml:1:9: ", "paths stand in single quotes"},
      {"a: \"C:\\Windows\"\n", "t.yml:1:7: ", "paths stand in single quotes"},
      {"a: 'it's'\n", "t.yml:1:8: ", "a text in quotes ends right before this"},
      {"a:\n   b: 1\n  c: 2\n", "t.yml:3:3: ", "not indented as those it belongs to"},
      {"a:\n\tb: 1\n", "t.yml:2:1: ", "a tab?"},
      {"a: \"x\n", "t.yml:1:4: ", "this quotation mark is not closed"},
      {"a: [1, 2\nb: 3\n", "t.yml:2:2: ", "a '[' before this has no ']'"},
      {"a: {x: 1\nb: 3\n", "t.yml:2:2: ", "a '{' before this has no '}'"},
      {"a: 1\nb: 2\na: 3\n", "t.yml:3:1: ", "the key 'a' stands here twice"},
      {"? [x]\n: y\n", "t.yml:1:3: ", "a key must be text"},
      {"x: &x [y]\n*x : z\n", "t.yml:2:1: ", "a key must be text"},
      {"a: \xE4\n", "t.yml:1:4: ", "no UTF-8"},
      {"# x\na: x\x07\n", "t.yml:2:5: ", "U+0007"},
  };
  for (const Case& c : kCases) {
    EXPECT_THAT(refusal(c.text), StartsWith(c.start)) << c.text;
    EXPECT_THAT(refusal(c.text), HasSubstr(c.part)) << c.text;
  }
}

TEST(Yaml, ReadsUtf16) {
  const std::u16string text = utf8_to_utf16("a: \xC3\xA4\n---\nb: 1\n");
  for (const bool little : {true, false}) {
    std::string bytes;
    for (const char16_t c : u"\uFEFF" + text) {
      bytes += static_cast<char>(little ? c & 0xFF : c >> 8);
      bytes += static_cast<char>(little ? c >> 8 : c & 0xFF);
    }
    for (const std::string& file : {bytes, bytes.substr(2)}) {
      const Parsed p = parse(file);
      ASSERT_EQ(p.documents.size(), 2u);
      EXPECT_EQ(shown(p.documents[0]), "{a=\xC3\xA4}");
      EXPECT_EQ(place(p.documents[1].find("b")), "3:4");
    }
  }
}

TEST(Yaml, WhatADocumentMayCostIsBounded) {
  const std::string big(1 << 20, 'x');
  std::string text = "a: &a " + big + "\nb:\n";
  for (int i = 0; i < 9; ++i) text += "- *a\n";
  EXPECT_THAT(refusal(text), HasSubstr("aliases repeat more than 8 MB"));
  std::string nested = "a0: &a0 [x]\n";  // each alias within the next
  for (int i = 1; i < 40; ++i)
    nested += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" +
              std::to_string(i - 1) + "]\n";
  EXPECT_THAT(refusal(nested), HasSubstr("nested too deeply"));
  std::string anchors = "a:\n";
  for (int depth = 0; depth < 30; ++depth)
    anchors += "- &n" + std::to_string(depth) + "\n" +
               std::string(static_cast<std::size_t>(depth) + 1, ' ');
  anchors += "[";
  for (int i = 0; i < 10'000; ++i) anchors += "x,";
  EXPECT_THAT(refusal(anchors + "]\n"), HasSubstr("too many values"));
  std::string list = "[";
  for (int i = 0; i < 200'000; ++i) list += "1,";
  EXPECT_THAT(refusal(list + "]"), HasSubstr("too many values"));
  EXPECT_THAT(
      parse_yaml(std::string(kMaxYamlSize + 1, ' '), "t.yml", *std::make_unique<Diagnostics>()),
      IsEmpty());
}

TEST(Yaml, ManyKeysAreNoProblem) {
  std::string text;
  for (int i = 0; i < 90'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(good(text).map.size(), 90'000u);
  EXPECT_EQ(refusal(text + "k89999: 2\n"),
            "t.yml:90001:1: error: the key 'k89999' stands here twice");
  // A comparison of each with each takes half a minute.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8));
}

TEST(Yaml, LaterDocumentsMerge) {
  Yaml base = good("a: {b: 1, c: 2}\nd: 3\n");
  merge_yaml(base, good("a: {c: 4, e: 5}\nd: [6]\nf: 7\n"));
  EXPECT_EQ(shown(base), "{a={b=1 c=4 e=5} d=[6] f=7}");
}

}  // namespace
}  // namespace rpcmarshal::sigma
