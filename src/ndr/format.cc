#include "ndr/format.h"

#include <bit>
#include <charconv>

#include "base/bytes.h"

namespace rpcmarshal::ndr {
namespace {

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, end);
}

/// Two or more decimal digits, zero-padded to `width`.
void append_padded(std::string& out, std::uint64_t number, std::size_t width) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  const auto length = static_cast<std::size_t>(end - digits);
  if (length < width) out.append(width - length, '0');
  out.append(digits, end);
}

struct Date {
  std::int64_t year;
  unsigned month, day;
};

/// Days since 1601-01-01 as a proleptic Gregorian date: counted in 400-year cycles of years that
/// begin in March, so that the leap day is a year's last.
Date date_of(std::uint64_t days_since_1601) {
  const std::uint64_t days = days_since_1601 + 584694;  // since 0000-03-01
  const std::uint64_t era = days / 146097;
  const std::uint64_t day_of_era = days % 146097;
  const std::uint64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::uint64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint64_t month_from_march = (5 * day_of_year + 2) / 153;
  const unsigned day = static_cast<unsigned>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const unsigned month =
      static_cast<unsigned>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {static_cast<std::int64_t>(era * 400 + year_of_era + (month <= 2 ? 1 : 0)), month, day};
}

}  // namespace

bool append_sid(std::string& out, Bytes sid, ByteOrder order) {
  if (sid.size() < 8) return false;
  const auto count = std::to_integer<std::size_t>(sid[1]);
  if (sid.size() < 8 + 4 * count) return false;
  out += "S-";
  append_number(out, std::to_integer<std::uint8_t>(sid[0]));
  std::uint64_t authority = 0;  // big-endian whatever the stub's order
  for (std::size_t i = 2; i < 8; ++i)
    authority = authority << 8 | std::to_integer<std::uint8_t>(sid[i]);
  out += '-';
  if (authority > 0xFFFFFFFFu) {
    out += "0x";
    append_number(out, authority, 16);
  } else {
    append_number(out, authority);
  }
  for (std::size_t i = 0; i < count; ++i) {
    out += '-';
    append_number(out, load<std::uint32_t>(sid.data() + 8 + 4 * i, order));
  }
  return true;
}

void append_filetime(std::string& out, std::uint64_t filetime) {
  constexpr std::uint64_t kSecond = 10'000'000, kDay = 86'400 * kSecond;
  if (filetime == 0) {
    out += "never";
    return;
  }
  if (filetime == 0x7FFFFFFFFFFFFFFF) {
    out += "forever";
    return;
  }
  const Date date = date_of(filetime / kDay);
  if (date.year > 9999) {
    append_number(out, filetime);
    return;
  }
  const std::uint64_t seconds = filetime % kDay / kSecond;
  append_padded(out, static_cast<std::uint64_t>(date.year), 4);
  out += '-';
  append_padded(out, date.month, 2);
  out += '-';
  append_padded(out, date.day, 2);
  out += 'T';
  append_padded(out, seconds / 3600, 2);
  out += ':';
  append_padded(out, seconds / 60 % 60, 2);
  out += ':';
  append_padded(out, seconds % 60, 2);
  if (const std::uint64_t fraction = filetime % kSecond) {
    out += '.';
    append_padded(out, fraction, 7);
    while (out.back() == '0') out.pop_back();
  }
  out += 'Z';
}

std::string_view enum_name(const EnumShape& values, std::int64_t value) {
  for (const EnumValue& one : values.values) {
    if (one.value == value) return one.name;
  }
  // An unsigned value against an enumerator written as negative, or the other way round.
  for (const EnumValue& one : values.values) {
    if (static_cast<std::uint32_t>(one.value) == static_cast<std::uint32_t>(value) &&
        (one.value < 0 || value < 0) &&
        value == static_cast<std::int64_t>(static_cast<std::int32_t>(value))) {
      return one.name;
    }
    if (one.value < 0 && value >= 0 && value <= 0xFFFFFFFF &&
        static_cast<std::uint32_t>(one.value) == value) {
      return one.name;
    }
  }
  return {};
}

void append_flags(std::string& out, const EnumShape& flags, std::uint64_t value) {
  if (const std::string_view whole = enum_name(flags, static_cast<std::int64_t>(value));
      !whole.empty()) {
    out += whole;
    return;
  }
  if (value == 0) {
    out += '0';
    return;
  }
  std::uint64_t left = value;
  bool first = true;
  const auto separate = [&] {
    if (!first) out += '|';
    first = false;
  };
  // The name that covers most of what is left, until none fits: sets before their single bits.
  for (std::size_t rounds = 0; left != 0 && rounds < 64; ++rounds) {
    const EnumValue* best = nullptr;
    for (const EnumValue& one : flags.values) {
      const auto bits = static_cast<std::uint64_t>(one.value) & 0xFFFFFFFFFFFFFFFF;
      const std::uint64_t wanted = one.value < 0 ? bits & 0xFFFFFFFFu : bits;
      if (wanted == 0 || (left & wanted) != wanted) continue;
      const auto weight = [](const EnumValue& e) {
        const auto b = static_cast<std::uint64_t>(e.value);
        return std::popcount(e.value < 0 ? b & 0xFFFFFFFFu : b);
      };
      if (!best || weight(one) > weight(*best)) best = &one;
    }
    if (!best) break;
    separate();
    out += best->name;
    const auto bits = static_cast<std::uint64_t>(best->value);
    left &= ~(best->value < 0 ? bits & 0xFFFFFFFFu : bits);
  }
  if (left != 0) {
    separate();
    out += "0x";
    append_number(out, left, 16);
  }
}

bool append_symbol(std::string& out, const Value& value) {
  if (value.kind() != ValueKind::kInt && value.kind() != ValueKind::kUInt) return false;
  const Display& display = value.display();
  if (display.values && display.flags) {
    std::uint64_t bits = value.as_uint();
    if (value.kind() == ValueKind::kInt && value.bytes().size() == 4) bits &= 0xFFFFFFFFu;
    append_flags(out, *display.values, bits);
    return true;
  }
  if (display.values) {
    const std::string_view name = enum_name(*display.values, value.as_int());
    if (!name.empty()) {
      out += name;
      return true;
    }
  }
  if (display.hex) {
    std::uint64_t bits = value.as_uint();
    const std::size_t size = value.bytes().size();
    if (size < 8) bits &= (std::uint64_t{1} << (8 * size)) - 1;
    out += "0x";
    append_number(out, bits, 16);
    return true;
  }
  return false;
}

}  // namespace rpcmarshal::ndr
