#include "sink/json_writer.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/unicode.h"

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
