// Names of interfaces and operations, and whether they go together.
#include <algorithm>

#include "base/unicode.h"
#include "interface/names.h"
#include "lint/checker.h"

namespace rpcmarshal::lint {
namespace {

using sigma::Item;
using sigma::Value;

/// The items that stand together in one mapping: they must all hold for the same event.
struct Group {
  std::uint32_t selection = 0;
  std::vector<const Item*> interfaces, operations;  // by name or UUID, by name or opnum
};

/// The text of a value without wildcards, or empty.
std::string exact(const Value& value) {
  if (value.kind == Value::Kind::kNumber) return value.text;
  if (value.kind != Value::Kind::kString || value.pattern.has_wildcards() ||
      value.pattern.has_placeholders())
    return {};
  return value.pattern.plain();
}

std::string did_you_mean(const std::string& name) {
  return name.empty() ? std::string() : "did you mean '" + name + "'?";
}

class NameChecks {
 public:
  explicit NameChecks(Checker& c) : c_(c) {}

  void run() {
    const sigma::Detection& d = c_.rule.detection;
    for (std::uint32_t i = 0; i < d.selections.size(); ++i) walk(d.selections[i].node, i);
  }

 private:
  void walk(std::uint32_t node, std::uint32_t selection) {
    const sigma::Detection& d = c_.rule.detection;
    const sigma::Node& n = d.nodes[node];
    Group group{selection, {}, {}};
    const auto take = [&](const sigma::Node& leaf) {
      const Item& item = d.items[leaf.item];
      if (item.keyword || item.negated) return;
      const Role role = role_of(c_.view, item.field);
      if (role == Role::kInterface || role == Role::kUuid) group.interfaces.push_back(&item);
      if (role == Role::kOperation || role == Role::kOpnum) group.operations.push_back(&item);
    };
    if (n.kind == sigma::Node::Kind::kItem) take(n);
    for (const std::uint32_t child : n.children) {
      if (n.kind == sigma::Node::Kind::kAnd && d.nodes[child].kind == sigma::Node::Kind::kItem) {
        take(d.nodes[child]);
      } else {
        walk(child, selection);
      }
    }
    if (!group.interfaces.empty() || !group.operations.empty()) check(group);
  }

  void check(const Group& group) {
    if (transposed(group)) return;
    std::vector<const Interface*> interfaces;
    bool known = true;
    for (const Item* item : group.interfaces) {
      for (const Value& value : item->values) known &= check_interface(*item, value, interfaces);
    }
    if (!known) c_.explained.insert(group.selection);
    for (const Item* item : group.operations) {
      for (const Value& value : item->values) {
        const bool good = role_of(c_.view, item->field) == Role::kOpnum
                              ? check_opnum(value, interfaces)
                              : check_operation(*item, value, interfaces);
        if (!good && item->values.size() == 1) c_.explained.insert(group.selection);
      }
    }
  }

  /// endpoint: JobAdd, operation: atsvc
  bool transposed(const Group& group) {
    if (group.interfaces.size() != 1 || group.operations.size() != 1) return false;
    const Item &endpoint = *group.interfaces[0], &operation = *group.operations[0];
    if (role_of(c_.view, endpoint.field) != Role::kInterface ||
        role_of(c_.view, operation.field) != Role::kOperation || endpoint.values.size() != 1 ||
        operation.values.size() != 1)
      return false;
    const std::string name = exact(endpoint.values[0]), interface = exact(operation.values[0]);
    if (name.empty() || interface.empty() || !c_.operations.interfaces_called(name).empty())
      return false;
    const auto interfaces = c_.operations.interfaces_called(interface);
    if (interfaces.empty() || !c_.operations.called(interface).empty()) return false;
    const std::string right_interface(zeek_endpoint(*interfaces[0]));
    std::string right;
    for (const Operation* candidate : c_.operations.called(name)) {
      if (std::ranges::find(interfaces, candidate->interface) != interfaces.end())
        right = candidate->operation;
    }
    std::string message = "the values are transposed: '" + interface + "' is an " + endpoint.field +
                          ", '" + name + "' is meant as its " + operation.field +
                          "; this never matches";
    if (right.empty()) {
      right = c_.operations.similar_operation(name, interfaces);
      if (right.empty()) return false;
      message += ", and the " + operation.field + "'s name is '" + right + "'";
    }
    Finding& f =
        c_.add("transposed-fields", Severity::kError, endpoint.values[0].at, message,
               endpoint.field + ": " + right_interface + ", " + operation.field + ": " + right);
    if (endpoint.modifiers.empty() && operation.modifiers.empty()) {
      f.edits = {{endpoint.values[0].at, endpoint.values[0].text, right_interface},
                 {operation.values[0].at, operation.values[0].text, right}};
    }
    if (!equal_ignoring_case(right, name)) {
      c_.add("unknown-operation", Severity::kError, endpoint.values[0].at,
             "'" + right_interface + "' has no operation '" + name + "'", did_you_mean(right));
    }
    c_.explained.insert(group.selection);
    return true;
  }

  bool check_interface(const Item& item, const Value& value,
                       std::vector<const Interface*>& interfaces) {
    const bool by_uuid = role_of(c_.view, item.field) == Role::kUuid;
    std::vector<const Interface*> found;
    for (const Interface* interface : c_.operations.interfaces()) {
      bool matches = false;
      if (by_uuid) {
        matches = value_matches(value, interface->id.uuid.to_string()) == Truth::kTrue;
      } else {
        matches = value_matches(value, zeek_endpoint(*interface)) == Truth::kTrue ||
                  (c_.view == View::kOwn && value_matches(value, interface->name) == Truth::kTrue);
      }
      if (matches) found.push_back(interface);
    }
    const std::string text = exact(value);
    if (by_uuid && !text.empty()) return check_uuid(text, value, found, interfaces);
    interfaces.insert(interfaces.end(), found.begin(), found.end());
    if (!found.empty()) {
      check_case(item, value, text, std::string(zeek_endpoint(*found[0])));
      return true;
    }
    if (value.kind != Value::Kind::kString || value.pattern.has_placeholders() ||
        text.starts_with("unknown-") || text == "unknown")
      return true;
    if (!text.empty() && c_.view == View::kZeekRpc) {
      // A name, but not Zeek's.
      if (const auto others = c_.operations.interfaces_called(text); !others.empty()) {
        const std::string right(zeek_endpoint(*others[0]));
        interfaces.insert(interfaces.end(), others.begin(), others.end());
        Finding& f = c_.add("unknown-endpoint", Severity::kError, value.at,
                            "Zeek's endpoint for " + others[0]->name + " is '" + right +
                                "'; this never matches Zeek's log",
                            item.field + ": " + right);
        if (item.modifiers.empty()) f.edits = {{value.at, value.text, right}};
        return false;
      }
    }
    const std::string near = text.empty() ? text : c_.operations.similar_endpoint(text);
    c_.add("unknown-endpoint", Severity::kError, value.at,
           "no interface is called '" + value.text + "'; this never matches", did_you_mean(near));
    return false;
  }

  bool check_uuid(const std::string& text, const Value& value,
                  const std::vector<const Interface*>& found,
                  std::vector<const Interface*>& interfaces) {
    interfaces.insert(interfaces.end(), found.begin(), found.end());
    if (!found.empty()) return true;
    const auto uuid = Guid::parse(text);
    if (uuid && text.front() != '{') {
      if (const Interface* interface = c_.operations.find(*uuid)) {
        interfaces.push_back(interface);
        return true;
      }
      c_.add("unknown-uuid", Severity::kWarning, value.at,
             "no known interface has the UUID " + text,
             did_you_mean(c_.operations.similar_uuid(text)));
      return false;
    }
    c_.add("unknown-uuid", Severity::kError, value.at,
           "'" + text + "' is no UUID as logs write it (8-4-4-4-12 hexadecimal digits, no braces)",
           did_you_mean(c_.operations.similar_uuid(text)));
    return false;
  }

  void check_case(const Item& item, const Value& value, const std::string& text,
                  const std::string& right) {
    if (text.empty() || text == right || !equal_ignoring_case(text, right)) return;
    Finding& f = c_.add(
        "letter-case", Severity::kNote, value.at,
        "the log writes '" + right + "'; this matches only where letters are compared without case",
        item.field + ": " + right);
    if (item.modifiers.empty()) f.edits = {{value.at, value.text, right}};
  }

  bool check_operation(const Item& item, const Value& value,
                       const std::vector<const Interface*>& interfaces) {
    if (value.kind != Value::Kind::kString || value.pattern.has_placeholders()) return true;
    const std::string text = exact(value);
    if (text.starts_with("unknown-")) return true;
    const Operation* anywhere = nullptr;
    bool here = false;
    std::string spelling;
    for (const Operation& operation : c_.operations.all()) {
      std::string_view name = operation.operation;
      bool matches = value_matches(value, name) == Truth::kTrue;
      if (!matches && c_.view == View::kOwn) {
        name = operation.procedure->name;
        matches = value_matches(value, name) == Truth::kTrue;
      }
      if (!matches) {
        name = zeek_misnomer(*operation.procedure);
        matches = !name.empty() && value_matches(value, name) == Truth::kTrue;
      }
      if (!matches) continue;
      if (anywhere == nullptr || spelling != text) spelling = name;
      anywhere = &operation;
      if (interfaces.empty() ||
          std::ranges::find(interfaces, operation.interface) != interfaces.end()) {
        here = true;
        spelling = name;
        if (spelling == text) break;
      }
    }
    if (here) {
      check_case(item, value, text, spelling);
      return true;
    }
    if (text.empty()) {
      c_.add("unknown-operation", Severity::kError, value.at,
             "no operation" + of(interfaces) + " matches '" + value.text + "'");
      return false;
    }
    // Known under another name: Zeek's, or the one with a prefix, of the same interface.
    for (const Operation* other : c_.operations.called(text)) {
      if (!interfaces.empty() &&
          std::ranges::find(interfaces, other->interface) == interfaces.end())
        continue;
      Finding& f =
          c_.add("unknown-operation", Severity::kError, value.at,
                 "the log calls " + text + " '" + other->operation + "'; this never matches" +
                     (c_.view == View::kZeekRpc ? " Zeek's log" : ""),
                 item.field + ": " + other->operation);
      if (item.modifiers.empty()) f.edits = {{value.at, value.text, other->operation}};
      return false;
    }
    if (anywhere != nullptr) {
      const std::string near = c_.operations.similar_operation(text, interfaces);
      c_.add("wrong-endpoint", Severity::kError, value.at,
             "'" + text + "' is no operation" + of(interfaces) + " but of '" + anywhere->endpoint +
                 "'; together they never match",
             near.empty() ? "endpoint: " + anywhere->endpoint : did_you_mean(near));
      return false;
    }
    const std::string near = c_.operations.similar_operation(text, interfaces);
    Finding& f =
        c_.add("unknown-operation", Severity::kError, value.at,
               "there is no operation '" + text + "'" + of(interfaces) + "; this never matches",
               did_you_mean(near));
    // The same name with a prefix that was forgotten: nothing else can be meant.
    if (!near.empty() && !interfaces.empty() && item.modifiers.empty() &&
        to_lower(near).ends_with(to_lower(text)))
      f.edits = {{value.at, value.text, near}};
    return false;
  }

  static std::string of(const std::vector<const Interface*>& interfaces) {
    std::vector<std::string> names;
    for (const Interface* interface : interfaces) names.emplace_back(zeek_endpoint(*interface));
    return names.empty() ? std::string() : " of '" + listed(names, 3) + "'";
  }

  bool check_opnum(const Value& value, const std::vector<const Interface*>& interfaces) {
    if (value.kind != Value::Kind::kNumber && value.kind != Value::Kind::kString) return true;
    const std::string text = exact(value);
    if (text.empty() || interfaces.empty()) return true;
    const bool number = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    if (!number || text.size() > 5) {
      c_.add("unknown-opnum", Severity::kError, value.at,
             "'" + text + "' is no operation number as logs write it: decimal, 0 to 65535");
      return false;
    }
    const unsigned long n = std::stoul(text);
    std::string most;
    for (const Interface* interface : interfaces) {
      const Procedure* p = n < 65536 ? interface->find(static_cast<std::uint16_t>(n)) : nullptr;
      if (p != nullptr && !p->reserved && !p->name.empty()) return true;
      if (interface->procedures.empty()) return true;  // nothing is known of it
      most = std::to_string(interface->procedures.size() - 1);
    }
    c_.add("unknown-opnum", Severity::kWarning, value.at,
           "operation " + text + of(interfaces) + " does not exist or is never on the wire",
           interfaces.size() == 1 ? "its operations have the numbers 0 to " + most : "");
    return false;
  }

  Checker& c_;
};

}  // namespace

void check_names(Checker& c) {
  if (c.view != View::kOther && c.view != View::kZeekSmbFiles) NameChecks(c).run();
}

}  // namespace rpcmarshal::lint
