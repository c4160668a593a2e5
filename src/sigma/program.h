// Rules compiled to boolean expressions over shared predicates. What a rule means is all here; how
// the rules that can match an event are found quickly is in plan.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sigma/predicate.h"
#include "sigma/rule.h"

namespace rpcmarshal::sigma {

/// Boolean expressions over predicates.
struct Expressions {
  /// kAnd and kOr over `count` expressions listed from `first` in `children`, kNot over one, or a
  /// predicate. kTrue is in what is left of a rule (residue.h) only: a part known to hold.
  struct Op {
    enum class Kind : std::uint8_t { kAnd, kOr, kNot, kPredicate, kTrue } kind = Kind::kPredicate;
    std::uint32_t first = 0;  ///< in `children`; kPredicate: the predicate; kTrue: its number
    std::uint32_t count = 0;
  };
  std::vector<Op> ops;
  std::vector<std::uint32_t> children;

  /// Predicates of which at least one holds whenever `op` does; empty: no such set is known.
  std::vector<PredicateId> witnesses(const Predicates& predicates, std::uint32_t op) const;
};

struct Program : Expressions {
  struct Entry {
    const Rule* rule = nullptr;
    std::uint32_t root = 0;
  };

  FieldIndex fields;
  Predicates predicates{fields};
  std::vector<Entry> rules;

  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Adds a rule, which must outlive this. False, and a diagnostic, when it cannot be compiled (its
  /// regular expressions).
  bool add(const Rule& rule, Diagnostics& diagnostics);
};

}  // namespace rpcmarshal::sigma
