#include "policy/compiler/check.h"

#include <algorithm>

#include "policy/compiler/fields.h"
#include "policy/compiler/logic.h"

namespace rpcmarshal::policy {
namespace {

using sigma::Location;

/// What is known of one rule.
struct Known {
  std::optional<std::vector<Conjunct>> alternatives;
  /// Per alternative: the operations it can be about (nullopt: any), and whether it can hold.
  std::vector<std::optional<std::vector<const lint::Operation*>>> operations;
  std::vector<bool> possible;
  bool never = false;
};

class Checker {
 public:
  Checker(const PolicyModel& policy, const lint::Operations& operations, std::int64_t now,
          sigma::Diagnostics& diagnostics)
      : policy_(policy), operations_(operations), now_(now), diagnostics_(diagnostics) {}

  void check() {
    for (const RuleModel& rule : policy_.rules) {
      rule_ = &rule;
      texts();
      known_.push_back(study());
      if (rule.expires != 0 && rule.expires <= now_)
        warn(rule.at, "this rule has expired and is no longer used");
      shadowed();
    }
    if (policy_.rules.empty()) return;
    for (std::size_t i = 0; i + 1 < policy_.rules.size(); ++i) {
      const RuleModel& rule = policy_.rules[i];
      if (!rule.any || rule.learn || rule.expires != 0) continue;
      rule_ = &rule;
      warn(rule.at, "this rule matches every call: the rules behind it are never reached");
      break;
    }
  }

 private:
  void warn(Location at, std::string message) {
    diagnostics_.push_back(
        {sigma::Diagnostic::Severity::kWarning, policy_.file, at, std::move(message), rule_->id});
  }

  /// '\\host\share' in a Sigma string is '\host\share'.
  void texts() {
    for (const sigma::Item& item : rule_->detection.items) {
      for (const sigma::Value& value : item.values) {
        if (value.kind == sigma::Value::Kind::kAnyOf) {
          for (const sigma::Value& one : value.alternatives) star(one);
        }
        star(value);
        if (value.kind != sigma::Value::Kind::kString || !value.text.starts_with("\\\\") ||
            value.text.starts_with("\\\\\\") || value.pattern.parts().empty()) {
          continue;
        }
        const auto first = std::ranges::find_if(value.pattern.parts(), [](const auto& part) {
          return part.kind == match::PartKind::kText;
        });
        if (first == value.pattern.parts().end() || !first->text.starts_with('\\') ||
            first->text.starts_with("\\\\")) {
          continue;
        }
        warn(value.at,
             "two backslashes mean one here, as in every Sigma string: a UNC path begins "
             "with four ('\\\\\\\\host\\share')");
      }
    }
  }

  /// 'C:\\Windows\\*' ends with a star, not with anything.
  void star(const sigma::Value& value) {
    if (value.kind != sigma::Value::Kind::kString || value.pattern.parts().empty()) return;
    for (const sigma::PatternPart& part : value.pattern.parts()) {
      if (part.kind != match::PartKind::kText || !part.text.ends_with('*') || part.text.size() < 2)
        continue;
      warn(value.at,
           "'\\*' is a plain star here, as in every Sigma string: a folder and what is in it "
           "are '\\\\*'");
      return;
    }
  }

  Known study() {
    Known out;
    if (rule_->any) {
      out.alternatives.emplace(1);
      out.operations.emplace_back();
      out.possible.push_back(true);
      return out;
    }
    out.alternatives = conjuncts(rule_->detection);
    if (!out.alternatives) return out;
    bool by_operations = true, contradictory = true;
    for (const Conjunct& conjunct : *out.alternatives) {
      out.operations.push_back(operations_of(conjunct, operations_));
      bool possible = true;
      const Literal *first = nullptr, *second = nullptr;
      for (std::size_t i = 0; i < conjunct.size() && possible; ++i) {
        for (std::size_t j = i + 1; j < conjunct.size() && possible; ++j) {
          if (!excludes(conjunct[i], conjunct[j])) continue;
          possible = false;
          first = &conjunct[i];
          second = &conjunct[j];
        }
      }
      if (first != nullptr && contradiction_.empty()) {
        contradiction_ = "'" + first->item->field + "' cannot be both";
        contradiction_at_ = second->item->at;
      }
      contradictory = contradictory && !possible;
      if (possible) by_operations &= out.operations.back() && out.operations.back()->empty();
      possible = possible && !(out.operations.back() && out.operations.back()->empty());
      out.possible.push_back(possible);
    }
    out.never = std::ranges::none_of(out.possible, [](bool b) { return b; });
    if (out.never) {
      if (contradictory && !contradiction_.empty()) {
        warn(contradiction_at_, "this rule can never match: " + contradiction_);
      } else if (by_operations) {
        warn(rule_->when_at, "this rule can never match: no operation that is known fits" +
                                 nearest_operation() + " (interfaces of your own: --interfaces)");
      } else {
        warn(rule_->when_at, "this rule can never match");
      }
    }
    contradiction_.clear();
    return out;
  }

  std::string nearest_operation() const {
    for (const sigma::Item& item : rule_->detection.items) {
      const lint::Role role = lint::role_of(lint::View::kOwn, item.field);
      for (const sigma::Value& value : item.values) {
        if (value.kind != sigma::Value::Kind::kString || value.pattern.has_wildcards()) continue;
        const std::string text = value.pattern.plain();
        std::string near;
        if (role == lint::Role::kOperation && operations_.called(text).empty())
          near = operations_.similar_operation(text);
        if (role == lint::Role::kInterface && operations_.interfaces_called(text).empty())
          near = operations_.similar_endpoint(text);
        if (role == lint::Role::kUuid) {
          const auto uuid = Guid::parse(text);
          if (!uuid || operations_.find(*uuid) == nullptr) near = operations_.similar_uuid(text);
        }
        if (!near.empty()) return "; '" + text + "' looks like '" + near + "'";
      }
    }
    return {};
  }

  bool follows(const Known& later, std::size_t b, const Conjunct& earlier) {
    const Conjunct& from = (*later.alternatives)[b];
    const auto& about = later.operations[b];
    return std::ranges::all_of(earlier, [&](const Literal& wanted) {
      ++work_;
      for (const Literal& have : from) {
        if (implies(have, wanted)) return true;
      }
      if (!about || about->empty() || about->size() > 1000 ||
          !lint::is_rpc(lint::role_of(lint::View::kOwn, wanted.item->field))) {
        return false;
      }
      sigma::Item item = *wanted.item;
      item.negated = wanted.negated;
      return std::ranges::all_of(*about, [&](const lint::Operation* operation) {
        return lint::item_matches(item, lint::View::kOwn, *operation) == lint::Truth::kTrue;
      });
    });
  }

  /// Whether every way to match this rule is one to match an earlier one.
  void shadowed() {
    const Known& later = known_.back();
    if (!later.alternatives || later.never || rule_->learn) return;
    for (std::size_t i = 0; i + 1 < known_.size() && work_ < kMaxWork; ++i) {
      const RuleModel& rule = policy_.rules[i];
      const Known& earlier = known_[i];
      if (!earlier.alternatives || rule.learn || rule.any) continue;
      // A rule that expires hands over to the ones behind it.
      if (rule.expires != 0 && (rule_->expires == 0 || rule_->expires > rule.expires)) continue;
      const bool all = [&] {
        for (std::size_t b = 0; b < later.alternatives->size(); ++b) {
          if (!later.possible[b]) continue;
          if (std::ranges::none_of(*earlier.alternatives, [&](const Conjunct& conjunct) {
                return follows(later, b, conjunct);
              })) {
            return false;
          }
        }
        return true;
      }();
      if (!all) continue;
      warn(rule_->at, "this rule never decides: every call it matches is decided by the rule '" +
                          rule.id + "' (line " + std::to_string(rule.at.line) + ") before it" +
                          (rule.action == rule_->action ? "" : ", with another action"));
      return;
    }
  }

  static constexpr std::uint64_t kMaxWork = 2'000'000;

  const PolicyModel& policy_;
  const lint::Operations& operations_;
  std::int64_t now_;
  sigma::Diagnostics& diagnostics_;
  const RuleModel* rule_ = nullptr;
  std::vector<Known> known_;
  std::string contradiction_;
  Location contradiction_at_;
  std::uint64_t work_ = 0;
};

}  // namespace

void check_policy(const PolicyModel& policy, const lint::Operations& operations, std::int64_t now,
                  sigma::Diagnostics& diagnostics) {
  check_fields(policy, operations, diagnostics);
  Checker(policy, operations, now, diagnostics).check();
}

}  // namespace rpcmarshal::policy
