// A compiled policy, loaded: names, rules and settings. Loading checks every offset, count and
// jump, so that nothing that loads can make the evaluator (evaluator.h) read outside the block or
// run on; what is damaged is refused with a reason. Standard library only; used on Linux (`policy
// simulate`) and in hooked Windows processes alike.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "policy/format.h"

namespace rpcmarshal::policy {

enum class Action : std::uint8_t {
  kAllow,
  kAudit,  ///< allow, and write the event in any case
  kBlock,
};
std::string_view action_name(Action action);  ///< "allow", "audit", "block"

/// What a rule means when it cannot be decided (an argument could not be decoded).
enum class Unknown : std::uint8_t {
  kPolicy,   ///< when it matters to the outcome, the policy's `unknown` action is taken
  kMatch,    ///< as if it matched
  kNoMatch,  ///< as if it did not
};

struct PolicyRule {
  std::string_view id, title, reason;
  Action action = Action::kAllow;
  Unknown unknown = Unknown::kPolicy;
  bool learn = false;              ///< reported when it matches, but decides nothing
  std::uint32_t fault_status = 5;  ///< kBlock: what the client is told
  std::int64_t expires = 0;        ///< seconds since 1970, 0: never
  std::uint32_t line = 0;          ///< in the policy's file
};

class Policy {
 public:
  struct Loaded {
    std::unique_ptr<const Policy> policy;  ///< null when the block is refused
    std::string error;                     ///< why
  };
  /// Copies `block`, so that it cannot change afterwards. Never throws (but for lack of memory).
  static Loaded load(Bytes block);

  std::string_view name() const { return string(format::kAtName); }
  bool learn() const { return (u32(format::kAtFlags) & format::kLearn) != 0; }
  /// Whether calls within the machine (ncalrpc) are its business. When not, they are not decided.
  bool local_calls() const { return (u32(format::kAtFlags) & format::kLocalCalls) != 0; }
  Action default_action() const { return static_cast<Action>(u32(format::kAtDefaultAction)); }
  Action unknown_action() const { return static_cast<Action>(u32(format::kAtUnknownAction)); }
  std::uint32_t fault_status() const { return u32(format::kAtFault); }
  /// The block's checksum: tells one policy from another (status, reload).
  std::uint64_t checksum() const;

  /// The fields it asks for, as docs/event.md names them; their index is the FieldId.
  std::size_t field_count() const { return count(format::kFields); }
  std::string_view field_name(std::size_t field) const;
  std::size_t rule_count() const { return count(format::kRules); }
  PolicyRule rule(std::size_t index) const;

 private:
  friend class Evaluator;
  Policy() = default;
  std::string check() const;
  std::string check_code(std::uint32_t first, std::uint32_t size) const;
  std::string check_predicate(std::size_t at) const;

  template <typename T>
  T get(std::size_t at) const {
    return rpcmarshal::load<T>(block_.data() + at, ByteOrder::kLittle);
  }
  std::uint32_t u32(std::size_t at) const { return get<std::uint32_t>(at); }
  std::uint8_t u8(std::size_t at) const { return get<std::uint8_t>(at); }
  std::size_t section(std::size_t s) const { return u32(format::kAtSections + s * 8); }
  std::size_t count(std::size_t s) const { return u32(format::kAtSections + s * 8 + 4); }
  /// The string whose offset and size stand at `at`.
  std::string_view string(std::size_t at) const;
  bool good_string(std::size_t at) const;
  std::size_t predicate_at(std::size_t id) const {
    return section(format::kPredicates) + id * format::kPredicateSize;
  }
  std::size_t rule_at(std::size_t index) const {
    return section(format::kRules) + index * format::kRuleSize;
  }

  std::vector<std::byte> block_;
};

}  // namespace rpcmarshal::policy
