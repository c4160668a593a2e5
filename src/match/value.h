// One value of an event, and how it compares with numbers, times and words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rpcmarshal::match {

/// One value of an event. Text is not owned: it must outlive the evaluation.
struct Value {
  enum class Kind : std::uint8_t {
    kNull,
    kBool,
    kInteger,
    kReal,
    kText,
    kObject
  } kind = Kind::kNull;
  std::int64_t integer = 0;  ///< kInteger; kBool: 0 or 1
  double real = 0;           ///< kReal
  std::string_view text;     ///< kText

  static Value of(std::string_view text) { return {Kind::kText, 0, 0, text}; }
  static Value of(std::int64_t integer) { return {Kind::kInteger, integer, 0, {}}; }
  static Value of_real(double real) { return {Kind::kReal, 0, real, {}}; }
  static Value of_bool(bool b) { return {Kind::kBool, b ? 1 : 0, 0, {}}; }
  static Value null() { return {}; }
};

/// A number as text that rules compare with: "4624", "0.5", "true".
void append_text(std::string& out, const Value& value);

/// A value of an event with its text, as comparisons see it.
struct ValueView {
  const Value* value = nullptr;
  std::string_view text;    ///< as it is; numbers written out
  std::string_view folded;  ///< without case
};

enum class CompareOp : std::uint8_t { kLess, kLessEqual, kGreater, kGreaterEqual };
enum class TimePart : std::uint8_t { kNone, kMinute, kHour, kDay, kWeek, kMonth, kYear };

bool compare(CompareOp op, double a, double b);

/// A number in text: decimal, also with fraction, or 0x and hexadecimal digits.
bool parse_number(std::string_view text, double& out);
/// The value as a number, when it is one or its text is.
bool number_of(const ValueView& value, double& out);
/// Seconds since 1970 of "2026-04-17T05:24:53.088849Z", "2026-04-17 05:24:53", a number of seconds
/// (or milli-, micro- or nanoseconds, told by its size). An offset ("+02:00") is NOT applied: what
/// the clock said there is what "hour" means.
bool parse_time(const ValueView& value, std::int64_t& seconds);
/// A part of the time the value is; false when it is no time.
bool time_part(TimePart part, const ValueView& value, double& out);

/// Whether `token` stands in `text` with no letter or digit beside it.
bool has_token(std::string_view text, std::string_view token);

}  // namespace rpcmarshal::match
