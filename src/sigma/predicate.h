// What is left of a rule's values when it is compiled: predicates on one field each. Equal ones of
// different rules are one predicate, evaluated at most once per event.
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sigma/fields.h"
#include "sigma/rule.h"

namespace rpcmarshal::sigma {

using PredicateId = std::uint32_t;
/// The "field" of keywords: any value of the event.
inline constexpr FieldId kAnyValue = 0xFFFFFFFE;

struct Predicate {
  enum class Kind : std::uint8_t {
    // Found by scanning the field's folded text; true for one of its values:
    kEquals,      ///< text is all of it
    kStartsWith,  ///< begins with text
    kEndsWith,    ///< ends with text
    kContains,    ///< contains text
    kPresent,     ///< the field has a value other than null
    // Evaluated when a rule asks:
    kWildcard,  ///< parts match
    kToken,     ///< a keyword number: stands in the text, no letter or digit beside it
    kReal,      ///< equals number
    kNull,      ///< no value but null
    kExists,    ///< as kPresent, also for objects
    kRegex,
    kCidr,
    kCompare,
    kTimePart,
    kFieldRef,
  };
  Kind kind = Kind::kEquals;
  FieldId field = kNoField;
  bool cased = false;                ///< evaluated when asked, on the text as it is
  std::string text;                  ///< folded unless cased; kRegex: the expression
  std::vector<PatternPart> parts;    ///< kWildcard, folded unless cased
  std::shared_ptr<const RE2> regex;  ///< one for all predicates with this text
  double number = 0;
  CompareOp op = CompareOp::kLess;
  TimePart part = TimePart::kNone;
  std::vector<std::uint8_t> network;
  unsigned prefix = 0;
  FieldId other = kNoField;  ///< kFieldRef
  bool at_start = false, at_end = false;

  /// Scanned predicates of which at least one holds whenever this one does; empty: none are known.
  std::vector<PredicateId> guards;
  std::uint32_t uses = 0;  ///< in how many places of rules

  bool scanned() const { return kind <= Kind::kPresent && !cased; }
};

/// All predicates of a set of rules, each once.
class Predicates {
 public:
  explicit Predicates(FieldIndex& fields) : fields_(fields) {}

  /// The predicate for a value of an item (not kAnyOf). kNone, and why, when it cannot be compiled.
  static constexpr PredicateId kNone = 0xFFFFFFFF;
  PredicateId add(const Value& value, FieldId field, std::string& error);

  const Predicate& operator[](PredicateId id) const { return all_[id]; }
  std::size_t size() const { return all_.size(); }
  void count_use(PredicateId id) { ++all_[id].uses; }
  /// About how often this is true, in arbitrary units: the rules that wait for it are looked at
  /// then.
  double cost(PredicateId id) const;

 private:
  PredicateId intern(Predicate predicate);
  PredicateId text_predicate(Predicate::Kind kind, FieldId field, std::string text);
  PredicateId string(const Value& value, FieldId field);
  PredicateId regex(const Value& value, FieldId field, std::string& error);
  /// nullptr, and why, when it cannot be compiled; `words` as Regex says.
  std::shared_ptr<const RE2> compile(const std::string& text, std::vector<std::string>& words,
                                     std::string& error);
  PredicateId present(FieldId field) {
    return text_predicate(Predicate::Kind::kPresent, field, {});
  }

  FieldIndex& fields_;
  std::vector<Predicate> all_;
  std::unordered_map<std::string, PredicateId> ids_;
  struct Regex;
  std::unordered_map<std::string, std::shared_ptr<Regex>> regexes_;  // by text, with flags
};

using match::ValueView;

/// Whether one value satisfies a predicate of any kind but kPresent, kNull, kExists, kFieldRef.
bool holds(const Predicate& predicate, const ValueView& value);
/// kFieldRef: `value` against one value of the other field.
bool refers(const Predicate& predicate, const ValueView& value, const ValueView& other);

using match::parse_number;
using match::parse_time;

}  // namespace rpcmarshal::sigma
