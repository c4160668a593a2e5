#include "sigma/predicate.h"

#include "match/address.h"
#include "match/contains.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = Predicate::Kind;

}  // namespace

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
      return match::contains(text, p.text);
    case Kind::kWildcard:
      return wildcard_match(p.parts, text);
    case Kind::kToken:
      return match::has_token(text, p.text);
    case Kind::kRegex:
      return RE2::PartialMatch(v.text, *p.regex);
    case Kind::kCidr:
      return match::in_network(v.text, p.network, p.prefix);
    case Kind::kReal: {
      double number = 0;
      return match::number_of(v, number) && number == p.number;
    }
    case Kind::kCompare: {
      double number = 0;
      return (p.part == TimePart::kNone ? match::number_of(v, number)
                                        : match::time_part(p.part, v, number)) &&
             match::compare(p.op, number, p.number);
    }
    case Kind::kTimePart: {
      double number = 0;
      return match::time_part(p.part, v, number) && number == p.number;
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
  if (p.at_start && p.at_end) return match::contains(a, b);
  if (p.at_start) return a.starts_with(b);
  if (p.at_end) return a.ends_with(b);
  return a == b;
}

}  // namespace rpcmarshal::sigma
