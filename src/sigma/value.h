// What a rule compares a field with, after its modifiers were applied: one struct for all kinds, so
// that modifiers are functions from values to values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "match/value.h"
#include "sigma/diagnostic.h"
#include "sigma/pattern.h"

namespace rpcmarshal::sigma {

using match::CompareOp;
using match::TimePart;

struct Value {
  enum class Kind : std::uint8_t {
    kString,    ///< pattern; `cased`
    kNumber,    ///< number (integral: exact in integer); text as written
    kBool,      ///< flag
    kNull,      ///< the field is absent or null
    kRegex,     ///< pattern (literal text and placeholders), regex flags, anchors
    kCidr,      ///< network, prefix
    kCompare,   ///< op, number; of `part` of a time when that is set
    kTimePart,  ///< part equals number
    kFieldRef,  ///< pattern: the other field's name; anchors say how they must agree
    kExists,    ///< flag
    kAnyOf,     ///< any of `alternatives`, even when the list they stand in is linked by `all`
  };
  Kind kind = Kind::kNull;
  Location at;

  Pattern pattern;
  std::string text;
  bool cased = false;
  bool flag = false;

  double number = 0;
  std::int64_t integer = 0;
  bool integral = false;

  CompareOp op = CompareOp::kLess;
  TimePart part = TimePart::kNone;

  bool ignore_case = false, multiline = false, dot_all = false;  // kRegex
  /// kRegex: must match at the beginning, up to the end (else anywhere). kFieldRef: the value
  /// begins or ends with the other's (both: contains; none: equals).
  bool at_start = false, at_end = false;

  std::vector<std::uint8_t> network;  ///< 4 or 16 bytes, big-endian
  unsigned prefix = 0;                ///< bits

  std::vector<Value> alternatives;
};

}  // namespace rpcmarshal::sigma
