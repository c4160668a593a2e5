// What rules can still match when only some fields of an event are known: expressions with three
// truth values. Used to leave out, once per kind of event, the rules that need no look at the rest.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigma/program.h"

namespace rpcmarshal::sigma {

/// Appends all values of a field and returns true, or returns false: it may have any value. Texts
/// must live as long as the PartialEvent.
using KnownValues = std::function<bool(FieldId, std::vector<EventValue>&)>;

/// Lists of what one field may be, as most rules have them: decided together where that can be.
/// Made once for a program that no longer changes.
class Alternatives {
 public:
  explicit Alternatives(const Program& program);

  struct List {
    FieldId field = kNoField;  ///< of all predicates of a kOr; kNoField: it is no such list
    bool absent = false;       ///< it may hold for a field without values
    bool equals = false;       ///< it is of texts that the field equals:
    std::uint32_t first = 0, count = 0;  ///< their predicates, for contains()
  };
  const List& list(std::uint32_t op) const { return lists_[op]; }
  bool contains(const List& list, PredicateId predicate) const;
  /// The predicate that says `field` equals a folded text; Predicates::kNone: no rule asks.
  PredicateId find(FieldId field, std::string_view folded) const;

 private:
  const Program& program_;
  std::vector<List> lists_;           // by op
  std::vector<PredicateId> ids_;      // of each list, ascending
  std::vector<PredicateId> by_text_;  // by field and text
};

class PartialEvent {
 public:
  /// All must outlive this.
  PartialEvent(const Program& program, const Alternatives& alternatives, const KnownValues& known);

  enum class Truth : std::uint8_t { kFalse, kMaybe, kTrue, kNotAsked };
  /// Of an expression of the program, whatever the unknown fields hold.
  Truth truth(std::uint32_t op);
  /// Of a predicate that is true: whether a value made it so, and that value's text.
  std::pair<bool, std::string_view> matched(PredicateId id);

 private:
  struct Field {
    bool asked = false, known = false;
    std::vector<EventValue> values;
    std::vector<std::string> texts, folded;
    std::vector<PredicateId> equal;  ///< of Alternatives, those that hold
  };

  Truth predicate(PredicateId id);
  const Field& field(FieldId id);

  const Program& program_;
  const Alternatives& alternatives_;
  const KnownValues& known_;
  std::vector<Truth> ops_, predicates_;
  std::vector<Field> fields_;
};

}  // namespace rpcmarshal::sigma
