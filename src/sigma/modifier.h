// Sigma's modifiers ("|contains|all"): each turns a value into another, from left to right.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "match/address.h"
#include "sigma/value.h"

namespace rpcmarshal::sigma {

enum class Modifier : std::uint8_t {
  kAll,
  kNeq,
  kContains,
  kStartsWith,
  kEndsWith,
  kExists,
  kCased,
  kWindash,
  kRegex,
  kIgnoreCase,
  kMultiline,
  kDotAll,
  kBase64,
  kBase64Offset,
  kWide,
  kUtf16,
  kUtf16Be,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kYear,
  kCidr,
  kExpand,
  kFieldRef,
};

std::optional<Modifier> find_modifier(std::string_view name);
std::string_view modifier_name(Modifier modifier);
/// The known modifier most like `name`, or empty.
std::string_view similar_modifier(std::string_view name);

/// What applying modifiers needs to know and may find wrong.
struct ModifierResult {
  std::string error;    ///< not empty: the rule cannot run
  std::string warning;  ///< not empty: other tools may refuse this
};

/// Applies `chain[index]` to `value`, in place. `all` and `neq` concern the whole list and are
/// ignored here.
ModifierResult apply_modifier(const std::vector<Modifier>& chain, std::size_t index, Value& value);

/// "10.0.0.0/8" into network and prefix; an empty string, or what is wrong with it.
std::string parse_cidr(std::string_view text, std::vector<std::uint8_t>& network, unsigned& prefix);
using match::parse_address;

}  // namespace rpcmarshal::sigma
