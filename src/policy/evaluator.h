// Decides calls by a compiled policy: the first rule that matches wins. The same code runs in
// `rpcmarshal policy simulate` and in hooked processes, so what is simulated is what happens.
//
// Rules compare fields as Sigma rules do (docs/policy.md), over three truth values: a comparison
// with an argument that could not be decoded is neither true nor false but unknown. A rule that is
// unknown changes nothing when the outcome is the same either way (block or not); when it matters,
// the policy's `unknown` action is taken. So a failed decode never blocks a call by accident, in
// whichever order the rules stand.
//
// Usage:
//   Policy::Loaded loaded = Policy::load(bytes);          // once; loaded.error says what is wrong
//   Evaluator evaluator(*loaded.policy);                  // one per thread
//   JsonFields fields(*loaded.policy);                    // json_fields.h, or a FieldSource of
//   your own Decision d = evaluator.decide(fields, now_seconds);
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "match/value.h"
#include "policy/policy.h"

namespace rpcmarshal::policy {

using FieldId = std::uint32_t;  ///< index into Policy::field_name()

struct FieldValues {
  /// Empty: the field is absent. Texts are UTF-8.
  std::span<const match::Value> values;
  /// There may be other values than these: the argument (or something before it) could not be
  /// decoded, or this cannot be seen from here.
  bool unknown = false;
};

/// Where the evaluator gets a call's fields from. Called at most once per field and decision; what
/// is returned must live until decide() returns. Before the call only request fields exist; a
/// policy that asks for response fields does not compile.
class FieldSource {
 public:
  virtual ~FieldSource() = default;
  virtual FieldValues lookup(FieldId field) = 0;
};

struct Decision {
  static constexpr std::uint32_t kNoRule = 0xFFFFFFFF;
  /// What to do now: never kBlock in learn mode.
  Action action = Action::kAllow;
  /// What the policy says (differs from `action` in learn mode).
  Action verdict = Action::kAllow;
  /// The rule that decided; kNoRule: the default action.
  std::uint32_t rule = kNoRule;
  /// kBlock: the status for the client.
  std::uint32_t fault_status = 5;
  /// It depended on a field that is not known; `rule` is the rule that could not be decided, and
  /// unknown_field the field.
  bool unknown = false;
  FieldId unknown_field = 0xFFFFFFFF;
  /// There was a rule, up to the one that decided, that could not be decided, whether it mattered
  /// or not: with everything known, another rule might have been the first.
  bool undecided = false;
  /// First rule in learn mode (of its own) that matched before: reported, but not followed.
  std::uint32_t learn_rule = kNoRule;
};

/// What is left of a policy for calls that are alike in some fields (those of one operation):
/// deciding by it gives what deciding by all rules gives.
struct Narrowed {
  std::vector<std::uint32_t> rules;  ///< that can match them, in their order
  struct Known {
    std::uint32_t predicate;
    bool holds;
  };
  std::vector<Known> known;  ///< comparisons of these rules that need no asking any more
};

class Evaluator {
 public:
  /// Bounds per decision: what is beyond them is unknown, not absent.
  static constexpr std::size_t kMaxValues = 16384;      ///< of one field
  static constexpr std::size_t kMaxTextSize = 1 << 20;  ///< of one value
  static constexpr std::size_t kMaxFolded = 8 << 20;    ///< of all values compared

  /// The policy must outlive the evaluator. Allocates its scratch space; decide() allocates only
  /// when a call's values are larger than any before.
  explicit Evaluator(const Policy& policy);

  /// `now`: seconds since 1970, for rules that expire. Never throws (but for lack of memory).
  Decision decide(FieldSource& fields, std::int64_t now) { return decide(fields, now, nullptr); }
  Decision decide(FieldSource& fields, std::int64_t now, const Narrowed& to) {
    return decide(fields, now, &to);
  }
  /// `alike` says the fields that the calls have in common, and of every other that it is unknown
  /// (and no values). A comparison that comes out true or false so does so for all of them.
  Narrowed narrow(FieldSource& alike);

 private:
  enum class Truth : std::uint8_t { kFalse, kUnknown, kTrue };
  struct CachedValue {
    const match::Value* value = nullptr;
    std::string_view text;
    std::size_t number_at = 0, number_size = 0;  // in numbers_, when the text is not the value's
    std::size_t folded_at = 0, folded_size = 0;
    std::size_t nul = std::string_view::npos;  // where the text has its first NUL
    bool written = false, folded = false;
  };
  struct CachedField {
    std::uint32_t epoch = 0;
    bool unknown = false;
    std::uint32_t first = 0, count = 0;  // in values_
  };

  Decision decide(FieldSource& fields, std::int64_t now, const Narrowed* to);
  void start(FieldSource& fields);
  const CachedField& field(FieldId id);
  match::ValueView view(std::uint32_t value, bool fold);
  Truth run(std::uint32_t rule);
  Truth test(std::uint32_t predicate);
  Truth compute(std::size_t at);
  bool holds(std::size_t at, const match::ValueView& value);
  Truth meets(std::size_t at, std::uint32_t value);
  Truth every(std::size_t at);
  Truth refers(std::size_t at);

  const Policy& policy_;
  FieldSource* source_ = nullptr;
  std::uint32_t epoch_ = 0;
  FieldId unknown_field_ = 0xFFFFFFFF;
  std::vector<CachedField> fields_;
  std::vector<CachedValue> values_;
  std::vector<std::uint32_t> asked_;  // predicate -> epoch * 4 + truth
  std::string numbers_, folded_;
};

}  // namespace rpcmarshal::policy
