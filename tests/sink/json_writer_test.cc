#include "sink/json_writer.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <string>
#include <utility>

#include "base/unicode.h"
#include "sink/sink.h"

namespace rpcmarshal {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  JsonWriter(out).string(text);
  return out;
}

std::string quoted16(std::u16string_view text, ByteOrder order = ByteOrder::kLittle) {
  std::string wire;
  for (const char16_t c : text) {
    const char low = static_cast<char>(c & 0xFF), high = static_cast<char>(c >> 8);
    wire += order == ByteOrder::kLittle ? low : high;
    wire += order == ByteOrder::kLittle ? high : low;
  }
  std::string out;
  JsonWriter(out).string_utf16(as_bytes(wire), order);
  return out;
}

// Texts are looked at in groups of letters: each letter that is not written as it is, at each place
// of texts of all lengths around those groups.
TEST(JsonWriter, EveryLetterIsEscapedWhereverItStands) {
  for (std::size_t size = 1; size < 28; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        const char letter = static_cast<char>(c);
        std::string escaped(1, letter);
        if (c < 0x20 || c == 0x7F) {
          char text[8];
          std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(c));
          escaped = text;
        }
        if (c >= 0x80) escaped = "\\ufffd";
        if (c == '"' || c == '\\') escaped = std::string("\\") + letter;
        for (const auto& [of, name] :
             {std::pair('\b', 'b'), {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}})
          if (of == letter) escaped = std::string("\\") + name;
        const std::string before(at, 'a'), after(size - at - 1, ' ');
        ASSERT_EQ(rpcmarshal::quoted(before + letter + after),
                  '"' + before + escaped + after + '"');
      }
    }
  }
}

TEST(AppendTime, WritesMicrosecondsOfAnyTime) {
  const auto written = [](std::int64_t time) {
    std::string out = "at ";
    append_time(out, time);
    return out;
  };
  EXPECT_EQ(written(0), "at 1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(written(1'582'934'400'000'001'999), "at 2020-02-29T00:00:00.000001Z");
  EXPECT_EQ(written(951'868'799'999'999'999), "at 2000-02-29T23:59:59.999999Z");
  EXPECT_EQ(written(-1'000), "at 1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(written(INT64_MAX), "at 2262-04-11T23:47:16.854775Z");
  EXPECT_EQ(written(INT64_MIN), "at 1677-09-21T00:12:43.145224Z");
}

TEST(JsonWriter, CommasAndNesting) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.member_number("a", 1);
  json.key("b");
  json.begin_array();
  json.string("x");
  json.null();
  json.begin_object();
  json.end_object();
  json.end_array();
  json.key("c");
  json.number_signed(-5);
  json.end_object();
  EXPECT_EQ(out, R"({"a":1,"b":["x",null,{}],"c":-5})");
}

TEST(JsonWriter, EscapesBothStringForms) {
  EXPECT_EQ(quoted("C:\\a\"\n\x01"), R"("C:\\a\"\n\u0001")");
  EXPECT_EQ(quoted16(u"C:\\a\"\n\x01"), R"("C:\\a\"\n\u0001")");
  EXPECT_EQ(quoted16(u"\u00e9\u20ac\U0001F600", ByteOrder::kBig),
            "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
}

TEST(JsonWriter, LoneSurrogatesSurviveAndBadBytesAreReplaced) {
  const std::u16string lone = {u'a', char16_t(0xD83D), u'b'};
  EXPECT_EQ(quoted16(lone), R"("a\ud83db")");
  EXPECT_EQ(quoted("a\xED\xA0\xBD"
                   "b"),
            R"("a\ud83db")");
  EXPECT_EQ(quoted("\xFF\xC3"), R"("\ufffd\ufffd")");
  EXPECT_EQ(quoted("\xC0\x80"), R"("\ufffd\ufffd")") << "overlong";
}

TEST(JsonWriter, RealsThatJsonCannotHoldAreText) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  json.real(1.5);
  json.real(std::numeric_limits<double>::infinity());
  json.end_array();
  EXPECT_EQ(out, R"([1.5,"Infinity"])");
}

}  // namespace
}  // namespace rpcmarshal
