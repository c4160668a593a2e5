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

bool is_secret(const Annotations& annotations) { return annotations.value("semantic") == "secret"; }

/// Whether events redact the value at `path` ("info.password"; empty: the field itself) of `field`,
/// or something around it.
bool redacted(const Field* field, std::string_view path) {
  while (field != nullptr && field->type != nullptr) {
    if (is_secret(field->annotations)) return true;
    const Type* type = field->type;
    for (;;) {  // what it points to, what it is a list of
      if (is_secret(type->annotations)) return true;
      const Type* inner = nullptr;
      if (const auto* pointer = std::get_if<PointerShape>(&type->shape)) inner = pointer->target;
      if (const auto* array = std::get_if<ArrayShape>(&type->shape)) inner = array->element;
      if (inner == nullptr) break;
      type = inner;
    }
    const std::string_view name = path.substr(0, path.find('.'));
    if (name.empty()) return false;
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    field = nullptr;
    if (const auto* record = std::get_if<StructShape>(&type->shape)) {
      for (const Field& member : record->fields) {
        if (member.name == name) field = &member;
      }
    }
    if (const auto* choice = std::get_if<UnionShape>(&type->shape)) {
      for (const UnionArm& arm : choice->arms) {
        if (arm.field.name == name) field = &arm.field;
      }
    }
  }
  return false;
}

class Checker {
 public:
  Checker(const PolicyModel& policy, const lint::Operations& operations,
          sigma::Diagnostics& diagnostics)
      : policy_(policy), operations_(operations), diagnostics_(diagnostics) {}

  void rule(const RuleModel& rule) {
    rule_ = &rule;
    matched_known_ = false;
    matched_.clear();
    for (const sigma::Item& item : rule.detection.items) {
      field(item.field, item.at);
      if (item.field.starts_with("request.")) secret(item);
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

  /// A secret is compared as events show it, so no rule finds out what it is.
  void secret(const sigma::Item& item) {
    using Kind = sigma::Value::Kind;
    const auto shown = [](const sigma::Value& value) {
      return value.kind == Kind::kNull || value.kind == Kind::kBool ||
             value.kind == Kind::kExists || value.text.starts_with("<redacted") ||
             value.text == "*";
    };
    if (std::ranges::all_of(item.values, shown)) return;
    const std::string_view path = std::string_view(item.field).substr(8);
    const std::string_view name = path.substr(0, path.find('.'));
    for (const lint::Operation* operation : matched_) {
      for (const Parameter& parameter : operation->procedure->parameters) {
        if (!parameter.in || parameter.field.name != name ||
            !redacted(&parameter.field, path.substr(std::min(path.size(), name.size() + 1)))) {
          continue;
        }
        report(sigma::Diagnostic::Severity::kWarning, item.at,
               "'" + item.field + "' of " + operation->procedure->name +
                   " is a secret: it is compared as events show it ('<redacted 16 bytes>'), so "
                   "this never matches; 'exists' or null asks whether it is there");
        return;
      }
    }
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
