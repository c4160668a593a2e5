// What rules see of an event must be what its JSON says: fields filled from the event's values are
// compared with those read from its JSON, on every event at hand.
#include "detect/event_fields.h"

#include <gtest/gtest.h>

#include <numeric>

#include "detect/run.h"
#include "logs/json.h"
#include "sink/json_writer.h"

namespace rpcmarshal::detect {
namespace {

using sigma::EventFields;
using sigma::EventValue;
using sigma::FieldId;
using sigma::FieldIndex;

std::string text_of(const EventValue& value) {
  std::string out = std::to_string(static_cast<int>(value.kind)) + ' ';
  append_text(out, value);
  return out;
}

/// Values with the names they are found under, one a line.
std::string text_of(const EventFields& fields, const FieldIndex& index) {
  std::vector<std::string> lines;
  for (const EventValue& value : fields.values()) lines.push_back(text_of(value));
  for (const auto& link : fields.links())
    lines[link.value] += " | " + std::string(index.name(link.field));
  std::string out;
  for (const std::string& line : lines) out += line + '\n';
  return out;
}

std::vector<FieldId> all_fields(const FieldIndex& index) {
  std::vector<FieldId> out(index.size());
  std::iota(out.begin(), out.end(), 0);
  return out;
}

class Comparison {
 public:
  Comparison() : rules_(own_rules(), catalogue()) {
    // Names below the arguments that no rule asks for, and any name.
    FieldIndex& index = rules_.engine().mutable_fields();
    for (const char* name :
         {"request.hSCManager.handle", "request.hSCManager", "response.return", "user.groups",
          "response.ServerInfo.ShareInfo.Level1.Buffer.shi1_netname", "wmi.results.properties.Name",
          "wmi.in.properties.CommandLine", "client", "decode.request.size", "duration"})
      index.intern(name);
    const std::string_view any[] = {"wmi", "in", "properties", "*"};
    index.add_path(any, index.intern("any property"));
    whole_ = std::make_unique<EventFieldTree>(index, all_fields(index));
    const FieldId few[] = {index.find("request.lpBinaryPathName"), index.find("response.return"),
                           index.find("user.groups"), index.find("any property")};
    few_.assign(std::begin(few), std::end(few));
    narrow_ = std::make_unique<EventFieldTree>(index, few_);
    // Every field once beside two others, of which one is near.
    const auto count = static_cast<FieldId>(index.size());
    for (FieldId field = 0; field < count; ++field) {
      const FieldId some[] = {field, (field + 1) % count, (field + count / 2) % count};
      some_.emplace_back(std::vector<FieldId>(std::begin(some), std::end(some)),
                         std::make_unique<EventFieldTree>(index, some));
    }
  }

  void compare(const std::string& capture) {
    const FieldIndex& index = rules_.fields();
    for_each_event(capture, [&](const Event& event) {
      text_.clear();
      json_.append(text_, event);
      const std::size_t size = text_.size();
      text_.append(logs::JsonDocument::kPadding, ' ');
      // Deeper than what a reader takes: there is nothing to compare with.
      if (!document_.parse(std::string_view(text_).substr(0, size))) {
        ++unread_;
        return;
      }
      for (const bool all : {true, false}) {
        document_.fill(index, read_, all);
        filler_.begin(filled_);
        filler_.add(event, *whole_, true, all, filled_);
        ASSERT_EQ(text_of(filled_, index), text_of(read_, index))
            << capture << " event " << event.id << " all " << all;
      }
      values_ += read_.links().size();
      compare(event, *narrow_, few_, capture);
      for (int i = 0; i < 20; ++i) {
        const auto& [fields, tree] = some_[next_++ % some_.size()];
        compare(event, *tree, fields, capture);
      }
      ++events_;
    });
  }

  /// With what was read, of which only `fields` are asked for.
  void compare(const Event& event, const EventFieldTree& tree, const std::vector<FieldId>& fields,
               const std::string& capture) {
    filler_.begin(filled_);
    filler_.add(event, tree, true, false, filled_);
    // The order of values matters within a field only.
    for (const FieldId field : fields) {
      std::string found, expected;
      for (const auto& link : filled_.links()) {
        if (link.field == field) found += text_of(filled_.values()[link.value]) + '\n';
      }
      for (const auto& link : read_.links()) {
        if (link.field == field) expected += text_of(read_.values()[link.value]) + '\n';
      }
      ASSERT_EQ(found, expected) << capture << " event " << event.id << ' '
                                 << rules_.fields().name(field);
    }
    for (const auto& link : filled_.links())
      ASSERT_NE(std::find(fields.begin(), fields.end(), link.field), fields.end());
  }

  std::size_t events() const { return events_; }
  std::size_t values() const { return values_; }
  std::size_t unread() const { return unread_; }

 private:
  Rules rules_;
  std::unique_ptr<EventFieldTree> whole_, narrow_;
  std::vector<FieldId> few_;
  std::vector<std::pair<std::vector<FieldId>, std::unique_ptr<EventFieldTree>>> some_;
  std::size_t next_ = 0;
  EventJson json_;
  EventFiller filler_;
  logs::JsonDocument document_;
  EventFields filled_, read_;
  std::string text_;
  std::size_t events_ = 0, values_ = 0, unread_ = 0;
};

TEST(EventFields, AreThoseOfTheJson) {
  Comparison comparison;
  for (const std::string& capture : captures()) {
    comparison.compare(capture);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(comparison.unread(), 0u);
  EXPECT_GT(comparison.events(), 900u);
  EXPECT_GT(comparison.values(), 25'000u);
}

TEST(EventFields, AreThoseOfTheJsonInTheCorpus) {
  const std::filesystem::path corpus = RPCM_SHARED_DIR "/corpus";
  if (!std::filesystem::exists(corpus)) GTEST_SKIP() << corpus << " is not there";
  Comparison comparison;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(corpus)) {
    const std::string extension = entry.path().extension();
    // Large ones hold more of the same.
    if (!entry.is_regular_file() || entry.file_size() > (4u << 20)) continue;
    if (extension != ".pcap" && extension != ".pcapng" && extension != ".cap") continue;
    comparison.compare(entry.path());
    if (HasFatalFailure()) return;
  }
  if (comparison.events() == 0) GTEST_SKIP() << "no captures in " << corpus;
  EXPECT_GT(comparison.values(), comparison.events());
}

/// Writes the same to JSON, reads it back, and to fields.
template <typename Write>
void expect_as_read(Write&& write) {
  FieldIndex index;
  index.intern("a");
  index.intern("b.c");
  std::string text;
  JsonWriter json(text);
  write(json);
  const std::size_t size = text.size();
  text.append(logs::JsonDocument::kPadding, ' ');
  logs::JsonDocument document;
  ASSERT_TRUE(document.parse(std::string_view(text).substr(0, size))) << text << document.error();
  EventFields read, filled;
  document.fill(index, read, true);
  const EventFieldTree tree(index, all_fields(index));
  EventFiller filler;
  filler.begin(filled);
  write(filler.writer(tree, true, filled));
  EXPECT_EQ(text_of(filled, index), text_of(read, index)) << text;
}

TEST(EventFields, TextsAreAsReadBack) {
  const std::string_view texts[] = {"",
                                    "plain",
                                    "quote\" slash\\ tab\t",
                                    std::string_view("nul\0in it", 9),
                                    "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80",
                                    "broken \xC3 \xFF\xFE \xE2\x82",
                                    "overlong \xC0\xAF \xE0\x80\xAF",
                                    "high \xED\xA0\x80 alone",
                                    "high last \xED\xA0\xBD",
                                    "pair \xED\xA0\xBD\xED\xB8\x80 of two",
                                    "two high \xED\xA0\xBD\xED\xA0\xBD\xED\xB8\x80"};
  for (const std::string_view text : texts) {
    expect_as_read([&](auto& out) {
      out.begin_object();
      out.member("a", text);
      out.end_object();
    });
    if (text.empty()) continue;
    expect_as_read([&](auto& out) {  // as a name, below
      out.begin_object();
      if (out.key("b")) {
        out.begin_object();
        if (out.key_escaped(text)) out.number(1);
        if (out.key("c")) out.plain_string("x");
        out.end_object();
      }
      out.end_object();
    });
  }
}

TEST(EventFields, Utf16IsAsReadBack) {
  const std::u16string_view texts[] = {u"", u"plain", u"caf\u00e9 \u20ac", u"\U0001F600",
                                       std::u16string_view(u"nul\0in it", 9)};
  const auto check = [](std::u16string_view text) {
    const Bytes bytes = std::as_bytes(std::span(text.data(), text.size()));
    expect_as_read([&](auto& out) {
      out.begin_object();
      if (out.key("a")) out.string_utf16(bytes, ByteOrder::kLittle);
      if (out.key("b")) {
        out.begin_array();
        out.string_utf16(bytes, ByteOrder::kBig);
        out.end_array();
      }
      out.end_object();
    });
  };
  for (const auto text : texts) check(text);
  const char16_t alone[] = {u'a', 0xD83D, u'b', 0xD800};
  check(std::u16string_view(alone, 4));
}

TEST(EventFields, NumbersAreAsReadBack) {
  for (const double value : {0.0, 1.0, -3.0, 0.5, 1e15, 1e21, 1.5e300, -0.25, 3e-7, 1e18}) {
    expect_as_read([&](auto& out) {
      out.begin_object();
      if (out.key("a")) out.real(value);
      out.end_object();
    });
  }
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{1} << 62, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    expect_as_read([&](auto& out) {
      out.begin_object();
      out.member_number("a", value);
      if (out.key("b")) {
        out.begin_array();
        out.number_signed(-5);
        out.null();
        out.boolean(true);
        out.begin_object();
        out.member_bool("c", false);
        out.end_object();
        out.end_array();
      }
      out.end_object();
    });
  }
}

}  // namespace
}  // namespace rpcmarshal::detect
