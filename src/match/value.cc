#include "match/value.h"

#include <charconv>
#include <chrono>
#include <cmath>

namespace rpcmarshal::match {
namespace {

bool letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<std::uint8_t>(c) >= 0x80;
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

void append_text(std::string& out, const Value& value) {
  char buffer[32];
  switch (value.kind) {
    case Value::Kind::kNull:
    case Value::Kind::kObject:
      break;
    case Value::Kind::kBool:
      out += value.integer != 0 ? "true" : "false";
      break;
    case Value::Kind::kText:
      out += value.text;
      break;
    case Value::Kind::kInteger:
      out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value.integer).ptr);
      break;
    case Value::Kind::kReal:
      out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value.real).ptr);
      break;
  }
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

bool number_of(const ValueView& v, double& out) {
  switch (v.value->kind) {
    case Value::Kind::kInteger:
      out = static_cast<double>(v.value->integer);
      return true;
    case Value::Kind::kReal:
      out = v.value->real;
      return true;
    case Value::Kind::kText:
      return parse_number(v.text, out);
    default:
      return false;
  }
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

}  // namespace rpcmarshal::match
