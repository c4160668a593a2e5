#include "sigma/predicate.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>

#include "sigma/fold.h"
#include "sigma/modifier.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = Predicate::Kind;

bool letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<std::uint8_t>(c) >= 0x80;
}

bool has_token(std::string_view text, std::string_view token) {
  for (std::size_t at = text.find(token); at != std::string_view::npos;
       at = text.find(token, at + 1)) {
    const std::size_t end = at + token.size();
    if ((at == 0 || !letter_or_digit(text[at - 1])) &&
        (end == text.size() || !letter_or_digit(text[end]))) {
      return true;
    }
  }
  return false;
}

bool in_network(const Predicate& p, std::string_view text) {
  std::uint8_t bytes[16];
  std::size_t size = 0;
  if (const std::size_t zone = text.find('%'); zone != std::string_view::npos)
    text = text.substr(0, zone);
  if (!parse_address(text, bytes, size) || size != p.network.size()) return false;
  const std::size_t whole = p.prefix / 8;
  if (std::memcmp(bytes, p.network.data(), whole) != 0) return false;
  const unsigned rest = p.prefix % 8;
  return rest == 0 || (bytes[whole] ^ p.network[whole]) >> (8 - rest) == 0;
}

bool compare(CompareOp op, double a, double b) {
  switch (op) {
    case CompareOp::kLess:
      return a < b;
    case CompareOp::kLessEqual:
      return a <= b;
    case CompareOp::kGreater:
      return a > b;
    case CompareOp::kGreaterEqual:
      return a >= b;
  }
  return false;
}

bool number_of(const ValueView& v, double& out) {
  switch (v.value->kind) {
    case EventValue::Kind::kInteger:
      out = static_cast<double>(v.value->integer);
      return true;
    case EventValue::Kind::kReal:
      out = v.value->real;
      return true;
    case EventValue::Kind::kText:
      return parse_number(v.text, out);
    default:
      return false;
  }
}

/// ISO 8601 week, 1 to 53.
int week_of(std::chrono::sys_days day) {
  using namespace std::chrono;
  // The week belongs to the year its Thursday is in.
  const int weekday_index = static_cast<int>((weekday(day).iso_encoding()));
  const sys_days thursday = day + days(4 - weekday_index);
  const year_month_day ymd(thursday);
  const sys_days first = ymd.year() / January / 1;
  return static_cast<int>((thursday - first).count()) / 7 + 1;
}

bool time_part(TimePart part, const ValueView& v, double& out) {
  using namespace std::chrono;
  std::int64_t since = 0;
  if (!parse_time(v, since)) return false;
  const sys_seconds time{seconds(since)};
  const sys_days day = floor<days>(time);
  const year_month_day ymd(day);
  const auto of_day = (time - day).count();
  switch (part) {
    case TimePart::kMinute:
      out = static_cast<double>(of_day / 60 % 60);
      return true;
    case TimePart::kHour:
      out = static_cast<double>(of_day / 3600);
      return true;
    case TimePart::kDay:
      out = static_cast<unsigned>(ymd.day());
      return true;
    case TimePart::kWeek:
      out = week_of(day);
      return true;
    case TimePart::kMonth:
      out = static_cast<unsigned>(ymd.month());
      return true;
    case TimePart::kYear:
      out = static_cast<int>(ymd.year());
      return true;
    case TimePart::kNone:
      break;
  }
  return false;
}

bool digits(std::string_view text, std::size_t at, std::size_t count, int& out) {
  if (at + count > text.size()) return false;
  out = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  return true;
}

}  // namespace

bool parse_number(std::string_view text, double& out) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.empty() || text.size() > 64) return false;
  const char* end = text.data() + text.size();
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    std::uint64_t bits = 0;
    const auto r = std::from_chars(text.data() + 2, end, bits, 16);
    out = static_cast<double>(bits);
    return r.ec == std::errc() && r.ptr == end;
  }
  const auto r = std::from_chars(text.data() + (text[0] == '+' ? 1 : 0), end, out);
  return r.ec == std::errc() && r.ptr == end && std::isfinite(out);
}

bool parse_time(const ValueView& value, std::int64_t& seconds) {
  double number = 0;
  if (number_of(value, number)) {
    // Seconds until the year 5138; milliseconds, microseconds, nanoseconds above that.
    while (std::abs(number) >= 1e11) number /= 1000;
    seconds = static_cast<std::int64_t>(std::floor(number));
    return true;
  }
  const std::string_view t = value.text;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!digits(t, 0, 4, year) || t.size() < 10 || (t[4] != '-' && t[4] != '/') || t[7] != t[4] ||
      !digits(t, 5, 2, month) || !digits(t, 8, 2, day)) {
    return false;
  }
  if (t.size() > 10) {
    if ((t[10] != 'T' && t[10] != ' ' && t[10] != 't') || !digits(t, 11, 2, hour) ||
        t.size() < 16 || t[13] != ':' || !digits(t, 14, 2, minute)) {
      return false;
    }
    if (t.size() > 16 && t[16] == ':' && !digits(t, 17, 2, second)) return false;
  }
  namespace chrono = std::chrono;
  const chrono::year_month_day ymd{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                   chrono::day(static_cast<unsigned>(day))};
  if (!ymd.ok() || hour > 23 || minute > 59 || second > 60) return false;
  seconds = chrono::sys_days(ymd).time_since_epoch().count() * std::int64_t{86400} + hour * 3600 +
            minute * 60 + second;
  return true;
}

bool holds(const Predicate& p, const ValueView& v) {
  const std::string_view text = p.cased ? v.text : v.folded;
  switch (p.kind) {
    case Kind::kEquals:
      return text == p.text;
    case Kind::kStartsWith:
      return text.starts_with(p.text);
    case Kind::kEndsWith:
      return text.ends_with(p.text);
    case Kind::kContains:
      return text.find(p.text) != std::string_view::npos;
    case Kind::kWildcard:
      return wildcard_match(p.parts, text);
    case Kind::kToken:
      return has_token(text, p.text);
    case Kind::kRegex:
      return RE2::PartialMatch(v.text, *p.regex);
    case Kind::kCidr:
      return in_network(p, v.text);
    case Kind::kReal: {
      double number = 0;
      return number_of(v, number) && number == p.number;
    }
    case Kind::kCompare: {
      double number = 0;
      return (p.part == TimePart::kNone ? number_of(v, number) : time_part(p.part, v, number)) &&
             compare(p.op, number, p.number);
    }
    case Kind::kTimePart: {
      double number = 0;
      return time_part(p.part, v, number) && number == p.number;
    }
    case Kind::kPresent:
    case Kind::kNull:
    case Kind::kExists:
    case Kind::kFieldRef:
      break;
  }
  return false;
}

bool refers(const Predicate& p, const ValueView& v, const ValueView& other) {
  const std::string_view a = p.cased ? v.text : v.folded, b = p.cased ? other.text : other.folded;
  if (p.at_start && p.at_end) return a.find(b) != std::string_view::npos;
  if (p.at_start) return a.starts_with(b);
  if (p.at_end) return a.ends_with(b);
  return a == b;
}

}  // namespace rpcmarshal::sigma
