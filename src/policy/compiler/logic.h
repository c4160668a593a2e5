// What rules imply about each other: a detection as alternatives of conjunctions, and whether one
// thing follows from another. Never claims more than it can show; what it cannot tell is "no".
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "lint/operations.h"
#include "sigma/rule.h"

namespace rpcmarshal::policy {

struct Literal {
  const sigma::Item* item = nullptr;
  bool negated = false;  ///< the item's own `neq` included
};
using Conjunct = std::vector<Literal>;

/// Alternatives of which one holds when the detection does; nullopt when they are too many.
std::optional<std::vector<Conjunct>> conjuncts(const sigma::Detection& detection);

/// The item's values, alternatives of one value (from placeholders, windash) among them.
std::vector<const sigma::Value*> flat(const sigma::Item& item);

/// Whether `field` has at most one value in every event.
bool single_valued(std::string_view field);

/// Whether every text that `a` matches is matched by `b`.
bool value_implies(const sigma::Value& a, const sigma::Value& b);
bool implies(const Literal& a, const Literal& b);
/// Whether both can never hold at once.
bool excludes(const Literal& a, const Literal& b);

/// The operations a conjunction can be about; nullopt: it does not look at them.
std::optional<std::vector<const lint::Operation*>> operations_of(
    const Conjunct& conjunct, const lint::Operations& operations);

}  // namespace rpcmarshal::policy
