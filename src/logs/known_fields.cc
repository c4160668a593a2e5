#include "logs/known_fields.h"

#include <array>
#include <cmath>

#include "sigma/predicate.h"

namespace rpcmarshal::logs {
namespace {

using Path = std::vector<std::string_view>;

/// In the year 2262: as far as nanoseconds go in 64 bits.
constexpr std::int64_t kLastSecond = 9'223'372'035;

/// Digits behind the seconds' point as nanoseconds.
std::int64_t fraction(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return 0;
  std::int64_t out = 0, unit = 100'000'000;
  for (std::size_t i = dot + 1; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    out += (text[i] - '0') * unit;
    unit /= 10;
  }
  return out;
}

}  // namespace

KnownFields::KnownFields(sigma::FieldIndex& fields)
    : channel(fields.intern("Channel")),
      event_id(fields.intern("EventID")),
      provider(fields.intern("Provider_Name")),
      event_type(fields.intern("EventType")),
      zeek_path(fields.intern("_path")),
      time(fields.intern("(time)")),
      own_event(fields.intern("(own event)")) {
  for (const Path& path : {Path{"ts"}, Path{"@timestamp"}, Path{"timestamp"}, Path{"TimeCreated"},
                           Path{"Event", "System", "TimeCreated", "#attributes", "SystemTime"},
                           Path{"Event", "System", "TimeCreated", "@SystemTime"},
                           Path{"Event", "System", "TimeCreated", "SystemTime"}, Path{"EventTime"},
                           Path{"_time"}, Path{"eventTime"}}) {
    fields.add_path(path, time);
  }
  fields.add_path(Path{"decode", "status"}, own_event);
}

std::string_view first_text(const sigma::EventFields& event, sigma::FieldId field,
                            std::string& buffer) {
  for (const auto& link : event.links()) {
    if (link.field != field) continue;
    const sigma::EventValue& value = event.values()[link.value];
    if (value.kind == sigma::EventValue::Kind::kText) return value.text;
    buffer.clear();
    append_text(buffer, value);
    if (!buffer.empty()) return buffer;
  }
  return {};
}

std::int64_t event_time(const sigma::EventFields& event, const KnownFields& known) {
  for (const auto& link : event.links()) {
    if (link.field != known.time) continue;
    const sigma::EventValue& value = event.values()[link.value];
    double number = 0;
    if (value.kind == sigma::EventValue::Kind::kInteger) {
      number = static_cast<double>(value.integer);
    } else if (value.kind == sigma::EventValue::Kind::kReal) {
      number = value.real;
    } else if (value.kind == sigma::EventValue::Kind::kText &&
               !sigma::parse_number(value.text, number)) {
      std::int64_t seconds = 0;
      if (!sigma::parse_time({&value, value.text, {}}, seconds)) continue;
      if (seconds < 0 || seconds > kLastSecond) continue;
      return seconds * 1'000'000'000 + fraction(value.text);
    }
    if (!(number > 0)) continue;
    while (number >= 1e11) number /= 1000;
    if (number > static_cast<double>(kLastSecond)) continue;
    return static_cast<std::int64_t>(std::llround(number * 1e6)) * 1000;
  }
  return 0;
}

}  // namespace rpcmarshal::logs
