#include "policy/compiler/fields.h"

#include <algorithm>
#include <string_view>

#include "lint/known_fields.h"

namespace rpcmarshal::policy {
namespace {

/// What the wire does not have, and the agent adds.
constexpr std::string_view kHostFields[] = {"user.groups", "client.pid", "client.process",
                                            "server.pid", "server.process"};
/// What is known only when the call is over, or to the writer of the event.
constexpr std::string_view kAfterwards[] = {"response",
                                            "outcome",
                                            "fault",
                                            "duration",
                                            "stub.response",
                                            "decode.status",
                                            "decode.response",
                                            "wmi.out",
                                            "wmi.results",
                                            "wmi.result_count",
                                            "dcom.bindings",
                                            "handles.opened",
                                            "details.dns_nodes",
                                            "details.attributes.present",
                                            "action",
                                            "id",
                                            "attack"};

bool below(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '.');
}

bool known(std::string_view field) {
  return lint::is_known_field(lint::View::kOwn, field) ||
         std::ranges::find(kHostFields, field) != std::end(kHostFields);
}

std::string nearest(std::string_view field) {
  std::string best;
  std::size_t least = std::max<std::size_t>(field.size() / 3, 1) + 1;
  const auto consider = [&](std::string_view name) {
    std::size_t distance = lint::edit_distance(field, name, least);
    // "pipe" for "transport.pipe".
    if (name.size() > field.size() && name.ends_with(field) &&
        name[name.size() - field.size() - 1] == '.') {
      distance = 0;
    }
    if (distance < least) {
      least = distance;
      best = name;
    }
  };
  for (const std::string_view name : lint::known_fields(lint::View::kOwn)) consider(name);
  for (const std::string_view name : kHostFields) consider(name);
  return best;
}

class Checker {
 public:
  Checker(const PolicyModel& policy, const lint::Operations& operations,
          sigma::Diagnostics& diagnostics)
      : policy_(policy), operations_(operations), diagnostics_(diagnostics) {}

  void rule(const RuleModel& rule) {
    rule_ = &rule;
    matched_known_ = false;
    for (const sigma::Item& item : rule.detection.items) {
      field(item.field, item.at);
      for (const sigma::Value& value : item.values) {
        if (value.kind == sigma::Value::Kind::kFieldRef) field(value.pattern.plain(), value.at);
      }
    }
  }

 private:
  void report(sigma::Diagnostic::Severity severity, sigma::Location at, std::string message) {
    diagnostics_.push_back({severity, policy_.file, at, std::move(message), rule_->id});
  }
  void error(sigma::Location at, std::string message) {
    report(sigma::Diagnostic::Severity::kError, at, std::move(message));
  }

  void field(const std::string& name, sigma::Location at) {
    for (const std::string_view prefix : kAfterwards) {
      if (!below(name, prefix)) continue;
      error(at, "'" + name + "' is known only after the call, and a policy decides before it" +
                    (prefix == "decode.status" ? "; use 'decode.request.status'" : ""));
      return;
    }
    if (!known(name)) {
      const std::string near = nearest(name);
      error(at,
            "events have no field '" + name + "'" +
                (near.empty() ? "; docs/event.md lists them" : "; did you mean '" + near + "'?"));
      return;
    }
    if (name.starts_with("request.")) argument(name, at);
  }

  /// request.X: X is an argument of an operation that the rule can match.
  void argument(const std::string& field, sigma::Location at) {
    if (!matched_known_) {
      matched_known_ = true;
      matched_ = lint::matched_operations(rule_->detection, lint::View::kOwn, operations_);
      if (matched_.empty()) {
        for (const lint::Operation& one : operations_.all()) matched_.push_back(&one);
      }
    }
    std::string name = field.substr(8);
    name.resize(std::min(name.find_first_of(".["), name.size()));
    std::string near;
    std::size_t distance = 4;
    bool typed = true;
    for (const lint::Operation* operation : matched_) {
      typed &= operation->procedure->typed && !operation->interface->names_only;
      for (const Parameter& parameter : operation->procedure->parameters) {
        if (!parameter.in) continue;
        if (parameter.field.name == name) return;
        const bool part = name.size() > 3 && parameter.field.name.find(name) != std::string::npos;
        const std::size_t d = part ? 1 : lint::edit_distance(name, parameter.field.name, 3);
        if (d < distance) {
          distance = d;
          near = parameter.field.name;
        }
      }
    }
    const std::string message = "no operation that this rule can match sends an argument '" + name +
                                "'" + (near.empty() ? "" : "; did you mean '" + near + "'?");
    if (typed || !near.empty()) {
      error(at, message);
    } else {
      report(sigma::Diagnostic::Severity::kWarning, at,
             message + " (some of them have no definition: add yours with --interfaces)");
    }
  }

  const PolicyModel& policy_;
  const lint::Operations& operations_;
  sigma::Diagnostics& diagnostics_;
  const RuleModel* rule_ = nullptr;
  bool matched_known_ = false;
  std::vector<const lint::Operation*> matched_;
};

}  // namespace

void check_fields(const PolicyModel& policy, const lint::Operations& operations,
                  sigma::Diagnostics& diagnostics) {
  Checker checker(policy, operations, diagnostics);
  for (const RuleModel& rule : policy.rules) checker.rule(rule);
}

}  // namespace rpcmarshal::policy
