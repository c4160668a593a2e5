#include "sigma/modifier.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/bytes.h"
#include "base/unicode.h"

namespace rpcmarshal::sigma {
namespace {

using PartKind = PatternPart::Kind;
using ValueKind = Value::Kind;

struct Name {
  std::string_view name;
  Modifier modifier;
};
// Specification 2.1.0, and pySigma's long forms of the regular-expression flags.
constexpr std::array kNames = {
    Name{"all", Modifier::kAll},
    Name{"neq", Modifier::kNeq},
    Name{"contains", Modifier::kContains},
    Name{"startswith", Modifier::kStartsWith},
    Name{"endswith", Modifier::kEndsWith},
    Name{"exists", Modifier::kExists},
    Name{"cased", Modifier::kCased},
    Name{"windash", Modifier::kWindash},
    Name{"re", Modifier::kRegex},
    Name{"i", Modifier::kIgnoreCase},
    Name{"ignorecase", Modifier::kIgnoreCase},
    Name{"m", Modifier::kMultiline},
    Name{"multiline", Modifier::kMultiline},
    Name{"s", Modifier::kDotAll},
    Name{"dotall", Modifier::kDotAll},
    Name{"base64", Modifier::kBase64},
    Name{"base64offset", Modifier::kBase64Offset},
    Name{"wide", Modifier::kWide},
    Name{"utf16le", Modifier::kWide},
    Name{"utf16", Modifier::kUtf16},
    Name{"utf16be", Modifier::kUtf16Be},
    Name{"lt", Modifier::kLess},
    Name{"lte", Modifier::kLessEqual},
    Name{"gt", Modifier::kGreater},
    Name{"gte", Modifier::kGreaterEqual},
    Name{"minute", Modifier::kMinute},
    Name{"hour", Modifier::kHour},
    Name{"day", Modifier::kDay},
    Name{"week", Modifier::kWeek},
    Name{"month", Modifier::kMonth},
    Name{"year", Modifier::kYear},
    Name{"cidr", Modifier::kCidr},
    Name{"expand", Modifier::kExpand},
    Name{"fieldref", Modifier::kFieldRef},
};

constexpr std::size_t kMaxDashes = 3;
constexpr std::string_view kBom = "\xEF\xBB\xBF";

ModifierResult error(std::string text) { return {std::move(text), {}}; }

ModifierResult wrong_type(Modifier modifier, std::string_view wanted) {
  return error("the modifier '" + std::string(modifier_name(modifier)) + "' needs " +
               std::string(wanted));
}

bool word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<std::uint8_t>(c) >= 0x80;
}

/// Which bytes base64 encodes: the byte-order mark that utf16 put in front as a character becomes
/// the mark of UTF-16LE.
std::string bytes_to_encode(const Value& value) {
  std::string text = value.pattern.plain();
  if (value.flag && text.starts_with(kBom)) text.replace(0, kBom.size(), "\xFF\xFE");
  return text;
}

std::string base64(std::string_view data) {
  std::string out;
  append_base64(out, Bytes(reinterpret_cast<const std::byte*>(data.data()), data.size()));
  return out;
}

Value text_value(const Value& like, std::string_view literal) {
  Value out;
  out.kind = ValueKind::kString;
  out.at = like.at;
  out.cased = like.cased;
  out.pattern = Pattern::literal(literal);
  return out;
}

ModifierResult encode_wide(Value& value, Modifier modifier) {
  Pattern out;
  if (modifier == Modifier::kUtf16) out.append({PartKind::kText, std::string(kBom)});
  for (const PatternPart& part : value.pattern.parts()) {
    if (part.kind != PartKind::kText) {
      out.append(part);
      continue;
    }
    std::string wide;
    for (const char16_t unit : utf8_to_utf16(part.text)) {
      const char low = static_cast<char>(unit & 0xFF), high = static_cast<char>(unit >> 8);
      wide += modifier == Modifier::kUtf16Be ? high : low;
      wide += modifier == Modifier::kUtf16Be ? low : high;
    }
    out.append({PartKind::kText, std::move(wide)});
  }
  value.pattern = std::move(out);
  value.flag = modifier == Modifier::kUtf16;
  return {};
}

ModifierResult expand_dashes(Value& value) {
  static constexpr std::array<std::string_view, 5> kDashes = {"-", "/", "\u2013", "\u2014",
                                                              "\u2015"};
  std::vector<Pattern> out(1);
  std::size_t dashes = 0;
  for (const PatternPart& part : value.pattern.parts()) {
    if (part.kind != PartKind::kText) {
      for (Pattern& p : out) p.append(part);
      continue;
    }
    const std::string& text = part.text;
    std::size_t done = 0;
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
      if ((text[i] != '-' && text[i] != '/') || !word_character(text[i + 1]) ||
          (i > 0 && word_character(text[i - 1]))) {
        continue;
      }
      if (++dashes > kMaxDashes)
        return error("windash expands at most three dashes in one value: split it into several");
      std::vector<Pattern> more;
      for (const Pattern& p : out) {
        for (const std::string_view dash : kDashes) {
          more.push_back(p);
          more.back().append({PartKind::kText, text.substr(done, i - done) + std::string(dash)});
        }
      }
      out = std::move(more);
      done = i + 1;
    }
    for (Pattern& p : out) p.append({PartKind::kText, text.substr(done)});
  }
  if (out.size() == 1) return {};
  Value any;
  any.kind = ValueKind::kAnyOf;
  any.at = value.at;
  for (Pattern& p : out) {
    Value alternative = value;
    alternative.pattern = std::move(p);
    any.alternatives.push_back(std::move(alternative));
  }
  value = std::move(any);
  return {};
}

ModifierResult encode_base64(Value& value, Modifier modifier) {
  if (value.pattern.has_wildcards())
    return error("a value with wildcards cannot be base64 encoded");
  if (value.pattern.has_placeholders())
    return error("a placeholder cannot be base64 encoded: put the encoded text into its values");
  const std::string data = bytes_to_encode(value);
  if (modifier == Modifier::kBase64) {
    value = text_value(value, base64(data));
    return {};
  }
  // The text may begin at any of three places within a group of three bytes. Characters that mix it
  // with unknown neighbours are cut off on both sides.
  static constexpr std::array<std::size_t, 3> kSkip = {0, 2, 3}, kCut = {0, 3, 2};
  Value any;
  any.kind = ValueKind::kAnyOf;
  any.at = value.at;
  for (std::size_t offset = 0; offset < 3; ++offset) {
    const std::string encoded = base64(std::string(offset, ' ') + data);
    const std::size_t cut = kSkip[offset] + kCut[(data.size() + offset) % 3];
    if (encoded.size() <= cut) return error("this value is too short for base64offset");
    any.alternatives.push_back(
        text_value(value, encoded.substr(kSkip[offset], encoded.size() - cut)));
  }
  value = std::move(any);
  return {};
}

ModifierResult place(Value& value, Modifier modifier) {
  const bool start = modifier != Modifier::kEndsWith, end = modifier != Modifier::kStartsWith;
  ModifierResult result;
  if (value.kind == ValueKind::kNumber) {
    result.warning = "'" + value.text + "' is a number; quote it, other tools refuse it with '" +
                     std::string(modifier_name(modifier)) + "'";
    value.kind = ValueKind::kString;
    value.pattern = Pattern::literal(value.text);
  }
  switch (value.kind) {
    case ValueKind::kString:
      // contains: start and end; startswith: the rest is free; endswith: what is before is free.
      if (modifier != Modifier::kStartsWith) value.pattern.prepend_many();
      if (modifier != Modifier::kEndsWith) value.pattern.append_many();
      return result;
    case ValueKind::kRegex:
      value.at_start = modifier == Modifier::kStartsWith;
      value.at_end = modifier == Modifier::kEndsWith;
      return result;
    case ValueKind::kFieldRef:
      value.at_start = value.at_start || start;
      value.at_end = value.at_end || end;
      return result;
    default:
      return wrong_type(modifier, "text");
  }
}

ModifierResult compare(Value& value, Modifier modifier) {
  if (value.kind != ValueKind::kNumber && value.kind != ValueKind::kTimePart)
    return wrong_type(modifier, "a number");
  value.kind = ValueKind::kCompare;
  value.op = modifier == Modifier::kLess        ? CompareOp::kLess
             : modifier == Modifier::kLessEqual ? CompareOp::kLessEqual
             : modifier == Modifier::kGreater   ? CompareOp::kGreater
                                                : CompareOp::kGreaterEqual;
  return {};
}

ModifierResult time_part(Value& value, Modifier modifier) {
  if (value.kind != ValueKind::kNumber || !value.integral)
    return wrong_type(modifier, "a whole number");
  struct Range {
    Modifier modifier;
    TimePart part;
    std::int64_t low, high;
  };
  static constexpr std::array kRanges = {
      Range{Modifier::kMinute, TimePart::kMinute, 0, 59},
      Range{Modifier::kHour, TimePart::kHour, 0, 23},
      Range{Modifier::kDay, TimePart::kDay, 1, 31},
      Range{Modifier::kWeek, TimePart::kWeek, 1, 53},
      Range{Modifier::kMonth, TimePart::kMonth, 1, 12},
      Range{Modifier::kYear, TimePart::kYear, 0, 9999},
  };
  for (const Range& range : kRanges) {
    if (range.modifier != modifier) continue;
    value.kind = ValueKind::kTimePart;
    value.part = range.part;
    if (value.integer < range.low || value.integer > range.high)
      return {{}, "a " + std::string(modifier_name(modifier)) + " is never " + value.text};
  }
  return {};
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t up = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1] ? 1 : 0)});
      diagonal = up;
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<Modifier> find_modifier(std::string_view name) {
  for (const Name& n : kNames) {
    if (n.name == name) return n.modifier;
  }
  return std::nullopt;
}

std::string_view modifier_name(Modifier modifier) {
  for (const Name& n : kNames) {
    if (n.modifier == modifier) return n.name;
  }
  return {};
}

std::string_view similar_modifier(std::string_view name) {
  if (name.size() > 32) return {};
  std::string_view best;
  std::size_t least = std::max<std::size_t>(name.size() / 3, 1) + 1;
  for (const Name& n : kNames) {
    const std::size_t distance = edit_distance(to_lower(name), n.name);
    if (n.name.size() > 1 && distance < least) {
      least = distance;
      best = n.name;
    }
  }
  return best;
}

std::string parse_cidr(std::string_view text, std::vector<std::uint8_t>& network,
                       unsigned& prefix) {
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  std::uint8_t bytes[16];
  std::size_t size = 0;
  if (!parse_address(address, bytes, size))
    return "'" + std::string(text) + "' is no network: write it like 10.0.0.0/8 or fe80::/10";
  unsigned most = static_cast<unsigned>(size * 8);
  prefix = most;
  if (slash != std::string_view::npos) {
    const std::string_view bits = text.substr(slash + 1);
    const auto r = std::from_chars(bits.data(), bits.data() + bits.size(), prefix);
    // A mapped prefix counts the 96 bits before the IPv4 address.
    if (size == 4 && address.find(':') != std::string_view::npos && prefix >= 96) prefix -= 96;
    if (bits.empty() || r.ec != std::errc() || r.ptr != bits.data() + bits.size() || prefix > most)
      return "'" + std::string(bits) + "' is no prefix length for this address";
  }
  for (unsigned bit = prefix; bit < most; ++bit) {
    if ((bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
      return "'" + std::string(text) + "' has address bits behind its prefix length";
  }
  network.assign(bytes, bytes + size);
  return {};
}

ModifierResult apply_modifier(const std::vector<Modifier>& chain, std::size_t index, Value& value) {
  const Modifier modifier = chain[index];
  if (modifier == Modifier::kAll || modifier == Modifier::kNeq) return {};
  if (value.kind == ValueKind::kAnyOf) {
    ModifierResult result;
    for (Value& alternative : value.alternatives) {
      const ModifierResult one = apply_modifier(chain, index, alternative);
      if (!one.error.empty()) return one;
      if (!one.warning.empty()) result.warning = one.warning;
    }
    return result;
  }
  switch (modifier) {
    case Modifier::kContains:
    case Modifier::kStartsWith:
    case Modifier::kEndsWith:
      return place(value, modifier);
    case Modifier::kLess:
    case Modifier::kLessEqual:
    case Modifier::kGreater:
    case Modifier::kGreaterEqual:
      return compare(value, modifier);
    case Modifier::kMinute:
    case Modifier::kHour:
    case Modifier::kDay:
    case Modifier::kWeek:
    case Modifier::kMonth:
    case Modifier::kYear:
      return time_part(value, modifier);
    case Modifier::kExists:
      if (value.kind != ValueKind::kBool) return wrong_type(modifier, "true or false");
      if (index != 0) return error("'exists' does not go with other modifiers");
      value.kind = ValueKind::kExists;
      return {};
    case Modifier::kIgnoreCase:
    case Modifier::kMultiline:
    case Modifier::kDotAll:
      if (value.kind != ValueKind::kRegex)
        return error("the modifier '" + std::string(modifier_name(modifier)) +
                     "' is a flag of 're' and must stand behind it");
      (modifier == Modifier::kIgnoreCase  ? value.ignore_case
       : modifier == Modifier::kMultiline ? value.multiline
                                          : value.dot_all) = true;
      return {};
    case Modifier::kExpand:
      if (value.kind != ValueKind::kString && value.kind != ValueKind::kRegex)
        return wrong_type(modifier, "text");
      value.pattern.mark_placeholders();
      return {};
    default:
      break;
  }

  ModifierResult result;
  if (value.kind == ValueKind::kNumber &&
      (modifier == Modifier::kRegex || modifier == Modifier::kCased)) {
    result.warning = "'" + value.text + "' is a number; quote it, other tools refuse it here";
    value.kind = ValueKind::kString;
    value.pattern = Pattern::literal(value.text);
  }
  if (value.kind != ValueKind::kString) return wrong_type(modifier, "text");
  switch (modifier) {
    case Modifier::kRegex:
      if (index != 0) return error("'re' must be the first modifier");
      value.kind = ValueKind::kRegex;
      value.pattern = Pattern::literal(value.text);
      return result;
    case Modifier::kCidr: {
      if (index != 0) return error("'cidr' must be the first modifier");
      value.kind = ValueKind::kCidr;
      return error(parse_cidr(value.text, value.network, value.prefix));
    }
    case Modifier::kCased:
      value.cased = true;
      return result;
    case Modifier::kWindash:
      return expand_dashes(value);
    case Modifier::kBase64:
    case Modifier::kBase64Offset:
      return encode_base64(value, modifier);
    case Modifier::kWide:
    case Modifier::kUtf16:
    case Modifier::kUtf16Be:
      return encode_wide(value, modifier);
    case Modifier::kFieldRef:
      if (value.pattern.has_wildcards()) return error("a field's name has no wildcards");
      value.kind = ValueKind::kFieldRef;
      return {};
    default:
      return error("this modifier is not supported");
  }
}

}  // namespace rpcmarshal::sigma
