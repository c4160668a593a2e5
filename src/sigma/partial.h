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

class PartialEvent {
 public:
  /// Both must outlive this.
  PartialEvent(const Program& program, const KnownValues& known);

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
  };

  Truth predicate(PredicateId id);
  const Field& field(FieldId id);

  const Program& program_;
  const KnownValues& known_;
  std::vector<Truth> ops_, predicates_;
  std::vector<Field> fields_;
};

}  // namespace rpcmarshal::sigma
