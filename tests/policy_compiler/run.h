// Compiles policies of a test and decides events of a test by them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "policy/compiler/compile.h"
#include "policy/compiler/parser.h"
#include "policy/evaluator.h"
#include "policy/json_fields.h"

namespace rpcmarshal::policy {

class PolicyRun {
 public:
  explicit PolicyRun(std::string_view yaml) {
    if (!parse_policy(yaml, "p.yml", model, diagnostics)) return;
    block = compile_policy(model, diagnostics);
    if (block.empty()) return;
    Policy::Loaded loaded = Policy::load(block);
    EXPECT_EQ(loaded.error, "");
    policy = std::move(loaded.policy);
    evaluator = std::make_unique<Evaluator>(*policy);
    fields = std::make_unique<JsonFields>(*policy);
  }

  /// Why the policy could not be used, one finding a line.
  std::string errors() const {
    std::string out;
    for (const sigma::Diagnostic& d : diagnostics) out += d.to_string() + "\n";
    return out;
  }
  Decision decide(std::string_view json, std::int64_t now = 1'800'000'000) {
    EXPECT_NE(policy, nullptr) << errors();
    if (!policy) return {};
    EXPECT_TRUE(fields->parse(json)) << fields->error() << ": " << json;
    return evaluator->decide(*fields, now);
  }
  /// "block by first", "allow by default", "audit by x (unknown request.a)".
  std::string say(std::string_view json, std::int64_t now = 1'800'000'000) {
    const Decision d = decide(json, now);
    if (!policy) return errors();
    std::string out(action_name(d.action));
    if (d.verdict == Action::kBlock && d.action != d.verdict)
      out += " instead of " + std::string(action_name(d.verdict));
    out +=
        d.rule == Decision::kNoRule ? " by default" : " by " + std::string(policy->rule(d.rule).id);
    if (d.unknown) {
      out += " (unknown ";
      out += d.unknown_field == 0xFFFFFFFF ? "?" : policy->field_name(d.unknown_field);
      out += ")";
    }
    if (d.learn_rule != Decision::kNoRule)
      out += " learning " + std::string(policy->rule(d.learn_rule).id);
    return out;
  }

  PolicyModel model;
  sigma::Diagnostics diagnostics;
  std::vector<std::byte> block;
  std::unique_ptr<const Policy> policy;
  std::unique_ptr<Evaluator> evaluator;
  std::unique_ptr<JsonFields> fields;
};

}  // namespace rpcmarshal::policy
