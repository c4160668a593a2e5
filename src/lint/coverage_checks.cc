// What a rule forgot: operations that do the same as those it matches.
#include <algorithm>
#include <map>

#include "base/unicode.h"
#include "interface/names.h"
#include "lint/attack.h"
#include "lint/checker.h"

namespace rpcmarshal::lint {
namespace {

using sigma::Item;

constexpr std::size_t kTooMany = 300;  // a rule about everything forgets nothing

/// Operations that do the same: annotated siblings, and the other of an A/W pair.
std::vector<const Operation*> siblings_of(const Operation& operation, const Operations& all) {
  std::vector<const Operation*> out;
  const auto add = [&](std::string_view name, bool same_interface) {
    const Operation* found = nullptr;
    for (const Operation* candidate : all.called(name)) {
      if (candidate == &operation) continue;
      if (candidate->interface == operation.interface) {
        found = candidate;
        break;
      }
      // A name of another interface is told by the document.
      if (!same_interface && candidate->interface->document == operation.interface->document)
        found = candidate;
    }
    if (found != nullptr && std::ranges::find(out, found) == out.end()) out.push_back(found);
  };
  for (const std::string& name : annotation_arguments(*operation.procedure, "siblings"))
    add(name, false);
  std::string twin = operation.procedure->name;
  if (twin.ends_with('A') || twin.ends_with('W')) {
    twin.back() = twin.back() == 'A' ? 'W' : 'A';
    add(twin, true);
  }
  return out;
}

/// Where the rule names operations: the last such item.
const Item* operation_item(const Checker& c) {
  const Item* out = nullptr;
  for (const Item& item : c.rule.detection.items) {
    const Role role = item.keyword ? Role::kOther : role_of(c.view, item.field);
    if (role == Role::kOperation || role == Role::kOpnum) out = &item;
  }
  return out;
}

/// Where the rule names this operation, or its number; where it names operations at all if it does
/// not (by a wildcard, or by what they are not).
Location place_of(const Checker& c, const Operation& operation, const Item& otherwise) {
  for (const Item& item : c.rule.detection.items) {
    const Role role = item.keyword ? Role::kOther : role_of(c.view, item.field);
    if (role != Role::kOperation && role != Role::kOpnum) continue;
    for (const sigma::Value& value : item.values) {
      const bool named = role == Role::kOpnum
                             ? value.text == std::to_string(operation.procedure->opnum)
                             : equal_ignoring_case(value.text, operation.operation) ||
                                   equal_ignoring_case(value.text, operation.procedure->name);
      if (named) return value.at;
    }
  }
  return otherwise.at;
}

std::vector<std::string> rule_techniques(const Checker& c) {
  std::vector<std::string> out;
  for (const std::string& tag : c.rule.about.tags) {
    if (std::string technique = technique_of_tag(tag); !technique.empty())
      out.push_back(std::move(technique));
  }
  return out;
}

std::string as_written(const Checker& c, const Operation& operation) {
  if (c.view == View::kFirewall)
    return operation.operation + " (" + std::to_string(operation.procedure->opnum) + ")";
  return full_name(operation);
}

}  // namespace

void check_coverage(Checker& c) {
  if (c.matched.empty() || c.matched.size() > kTooMany) return;
  const Item* named = operation_item(c);
  const auto is_matched = [&](const Operation* operation) {
    return std::ranges::find(c.matched, operation) != c.matched.end();
  };
  const std::vector<std::string> techniques = rule_techniques(c);
  const auto about_rule = [&](const Operation& operation) {
    const auto& own = annotation_arguments(*operation.procedure, "attack");
    return std::ranges::any_of(own, [&](const std::string& technique) {
      return std::ranges::any_of(techniques,
                                 [&](const std::string& tag) { return related(tag, technique); });
    });
  };

  // Siblings, each with the operation it is one of.
  std::vector<const Operation*> missing;
  if (named != nullptr) {
    std::map<const Operation*, std::vector<const Operation*>> by_matched;
    for (const Operation* operation : c.matched) {
      for (const Operation* sibling : siblings_of(*operation, c.operations)) {
        if (is_matched(sibling) || std::ranges::find(missing, sibling) != missing.end()) continue;
        missing.push_back(sibling);
        by_matched[operation].push_back(sibling);
      }
    }
    for (const auto& [operation, siblings] : by_matched) {
      std::vector<std::string> names;
      bool near = false;  // on the same interface
      for (const Operation* sibling : siblings) {
        names.push_back(as_written(c, *sibling));
        near |= sibling->interface == operation->interface;
      }
      c.add("missing-sibling", near ? Severity::kWarning : Severity::kNote,
            place_of(c, *operation, *named),
            "the rule matches " + as_written(c, *operation) + ", but not " + listed(names, 12) +
                ", which do" + (names.size() == 1 ? "es" : "") + " the same",
            "add " + listed(names, 12));
    }
  }

  // Others of the rule's techniques: on the same interfaces, and elsewhere.
  if (named != nullptr && !techniques.empty()) {
    std::map<std::string, std::vector<std::string>> here, elsewhere;
    for (const Operation& operation : c.operations.all()) {
      if (severity_rank(*operation.procedure) == 0 || is_matched(&operation) ||
          std::ranges::find(missing, &operation) != missing.end())
        continue;
      for (const std::string& technique : annotation_arguments(*operation.procedure, "attack")) {
        const bool exactly = std::ranges::find(techniques, technique) != techniques.end();
        const bool closely =
            exactly || std::ranges::find(techniques, technique.substr(0, 5)) != techniques.end();
        if (!closely) continue;
        const bool same = std::ranges::any_of(c.matched, [&](const Operation* one) {
          return one->interface == operation.interface && about_rule(*one);
        });
        if (same || exactly)
          (same ? here : elsewhere)[technique].push_back(as_written(c, operation));
      }
    }
    for (const auto& [technique, names] : here) {
      c.add("missing-operation", Severity::kNote, named->at,
            "not matched, and " + technique + " like the rule: " + listed(names, 12));
    }
    for (auto& [technique, names] : elsewhere) {
      c.add("missing-interface", Severity::kNote, named->at,
            technique + " is also done with " + listed(names, 8));
    }
  }

  // What is named one by one should be about the rule's subject.
  const bool counted = named != nullptr && !c.rule.detection.conditions.empty() &&
                       std::ranges::none_of(c.rule.detection.nodes, [](const sigma::Node& node) {
                         return node.kind == sigma::Node::Kind::kNot;
                       });
  if (counted && !techniques.empty()) {
    std::vector<std::string> names;
    const Operation* first = nullptr;
    for (const Operation* operation : c.matched) {
      if (about_rule(*operation) || severity_rank(*operation->procedure) != 0) continue;
      if (first == nullptr) first = operation;
      names.push_back(as_written(c, *operation));
    }
    if (!names.empty() && names.size() < c.matched.size()) {
      c.add("harmless-operation", Severity::kNote, place_of(c, *first, *named),
            listed(names, 8) + (names.size() == 1 ? " is" : " are") +
                " not known to do what the rule is tagged with",
            "take it away, or add the tag of what it is for");
    }
  }

  // No operation named at all.
  if (named == nullptr) {
    std::size_t notable = 0;
    for (const Operation* operation : c.matched)
      notable += severity_rank(*operation->procedure) > 0;
    const std::string& level = c.rule.about.level;
    const bool mostly_ordinary = 2 * notable < c.matched.size();
    const bool loud = level == "high" || level == "critical";
    if (notable < c.matched.size() && (mostly_ordinary || loud)) {
      c.add("any-operation", mostly_ordinary && loud ? Severity::kWarning : Severity::kNote,
            c.rule.detection.conditions[0].at,
            "the rule (level " + (level.empty() ? std::string("not said") : level) +
                ") matches all " + std::to_string(c.matched.size()) +
                " operations of its interfaces, of which " +
                std::to_string(c.matched.size() - notable) + " are ordinary",
            "name the operations that matter");
    }
  }
  if (c.view == View::kZeekRpc && named != nullptr) {
    const bool by_interface = std::ranges::any_of(c.rule.detection.items, [&](const Item& item) {
      return !item.keyword && role_of(c.view, item.field) == Role::kInterface;
    });
    if (!by_interface) {
      std::vector<std::string> endpoints;
      for (const Operation* operation : c.matched) endpoints.push_back(operation->endpoint);
      c.add("no-endpoint", Severity::kNote, named->at,
            "operations are named without their endpoint: the same names of other interfaces "
            "match, and operations Zeek has no name for (unknown-N) do not",
            "endpoint: " + listed(endpoints, 8));
    }
  }

  if (c.view == View::kZeekRpc) {
    std::vector<std::string> names;
    const Operation* first = nullptr;
    for (const Operation* operation : c.matched) {
      if (!zeek_ignores(*operation)) continue;
      if (first == nullptr) first = operation;
      names.push_back(full_name(*operation));
    }
    if (!names.empty() && c.matched.size() < 100) {
      c.add("zeek-ignores", Severity::kWarning,
            named != nullptr ? place_of(c, *first, *named) : c.rule.detection.conditions[0].at,
            "Zeek's default settings do not log " + listed(names),
            "take " + std::string(names.size() == 1 ? "it" : "them") +
                " out of DCE_RPC::ignored_operations, or match other operations");
    }
  }

  // Domain controllers replicate all day.
  const bool sync = std::ranges::any_of(c.matched, [](const Operation* operation) {
    return operation->interface->name == "drsuapi" &&
           operation->procedure->name.ends_with("DRSGetNCChanges");
  });
  if (sync) {
    static constexpr std::string_view kClients[] = {
        "id.orig_h", "ClientAddress", "client.address", "client.host",
        "user.name", "Sid",           "SecurityId"};
    const bool filtered = std::ranges::any_of(c.rule.detection.items, [&](const Item& item) {
      // An argument tells the calls of a tool from a domain controller's, too.
      return item.keyword || item.field.starts_with("request.") ||
             std::ranges::find(kClients, item.field) != std::end(kClients);
    });
    if (!filtered) {
      const std::string_view client = c.view == View::kZeekRpc    ? "id.orig_h"
                                      : c.view == View::kFirewall ? "ClientAddress"
                                                                  : "client.address";
      c.add("no-source", Severity::kWarning, c.rule.detection.conditions[0].at,
            "domain controllers call these operations on each other all the time, and nothing "
            "says who the client is: the rule matches ordinary replication",
            "leave out the domain controllers: '" + std::string(client) +
                "|expand: \"%domain_controllers%\"' in a filter");
    }
  }
}

}  // namespace rpcmarshal::lint
