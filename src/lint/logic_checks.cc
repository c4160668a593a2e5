// Selections that match nothing, or everything, or that no condition uses; wildcards that a
// backslash made plain.
#include <algorithm>

#include "lint/checker.h"

namespace rpcmarshal::lint {
namespace {

using sigma::Detection;
using sigma::Item;
using sigma::Node;
using sigma::Value;

void items_below(const Detection& d, std::uint32_t node, std::vector<const Item*>& out) {
  const Node& n = d.nodes[node];
  if (n.kind == Node::Kind::kItem) out.push_back(&d.items[n.item]);
  for (const std::uint32_t child : n.children) items_below(d, child, out);
}

/// Whether the value matches everything that is there.
bool matches_all(const Value& value) {
  return value.kind == Value::Kind::kString && value.pattern.has_wildcards() &&
         std::ranges::all_of(value.pattern.parts(), [](const sigma::PatternPart& part) {
           return part.kind == sigma::PatternPart::Kind::kMany;
         });
}

/// An interface nobody knows may still have the operation.
bool names_unknown(const Item* item) {
  return std::ranges::any_of(item->values,
                             [](const Value& v) { return v.text.starts_with("unknown"); });
}

void check_selection(Checker& c, std::uint32_t index) {
  const Detection& d = c.rule.detection;
  const sigma::Selection& selection = d.selections[index];
  if (!selection.used) {
    const bool hidden = selection.name.starts_with('_');
    c.add("unused-selection", Severity::kWarning, selection.at,
          "no condition uses the selection '" + selection.name + "'",
          hidden ? "'them' and patterns leave out names that begin with '_'"
                 : "add it to the condition, or take it away");
  }
  std::vector<const Item*> items;
  items_below(d, selection.node, items);
  const bool all = !items.empty() && std::ranges::all_of(items, [](const Item* item) {
    return !item->keyword && !item->negated && std::ranges::any_of(item->values, matches_all);
  });
  if (all) {
    c.add("always-matches", Severity::kWarning, selection.at,
          "the selection '" + selection.name + "' matches every event that has the field" +
              (items.size() > 1 ? "s" : ""),
          "write 'field|exists: true' when that is meant");
  }
  const auto rpc = [&](const Item* item) {
    return !item->keyword && is_rpc(role_of(c.view, item->field));
  };
  if (std::ranges::none_of(items, rpc)) return;
  bool can = false, always = true;
  for (const Operation& operation : c.operations.all()) {
    const Truth truth = node_matches(d, selection.node, c.view, operation);
    can |= truth != Truth::kFalse;
    always &= truth == Truth::kTrue;
  }
  if (!can && !c.explained.contains(index)) {
    const bool unnamed = std::ranges::any_of(items, names_unknown);
    if (!unnamed) {
      c.add("never-matches", Severity::kError, selection.at,
            "the selection '" + selection.name +
                "' can never match: no operation has all of these values");
    }
  }
  if (always && !all) {
    c.add("always-matches", Severity::kWarning, selection.at,
          "the selection '" + selection.name + "' matches every call");
  }
}

/// "\*" after other backslashes, where a wildcard was most likely meant.
void check_escapes(Checker& c, const Item& item, const Value& value) {
  if (value.kind != Value::Kind::kString || value.text.find("\\*") == std::string::npos) return;
  bool literal_star = false;
  for (const sigma::PatternPart& part : value.pattern.parts()) {
    literal_star |=
        part.kind == sigma::PatternPart::Kind::kText && part.text.find('*') != std::string::npos;
  }
  if (!literal_star) return;
  static constexpr std::string_view kPaths[] = {"path",  "name",          "named_pipe",
                                                "Image", "ShareName",     "RelativeTargetName",
                                                "tree",  "TargetFilename"};
  const bool path =
      std::ranges::any_of(kPaths, [&](std::string_view one) { return item.field.ends_with(one); });
  if (!path && c.view == View::kOther) return;
  // Without the backslash next to it the star is a wildcard, and the others stay what they are.
  std::string right;
  for (const char ch : value.text) {
    if (ch == '*') {
      std::size_t slashes = 0;
      while (slashes < right.size() && right[right.size() - 1 - slashes] == '\\') ++slashes;
      if (slashes % 2 == 1) right.pop_back();
    }
    right += ch;
  }
  // What it matches, as plain text.
  std::string meaning;
  for (const sigma::PatternPart& part : value.pattern.parts())
    meaning += part.kind == sigma::PatternPart::Kind::kText ? part.text : "<any>";
  // Windows writes such a star itself: the share in the events 5140 and 5145 is "\\*\IPC$".
  if (c.view == View::kOther && item.field.ends_with("ShareName") && meaning.starts_with("\\\\*\\"))
    return;
  c.add("literal-wildcard", path ? Severity::kError : Severity::kWarning, value.at,
        "the backslash before '*' makes it a plain star: this means the text " + meaning +
            (path ? ", which no path can hold" : ""),
        "for a wildcard write '" + right + "'");
}

}  // namespace

void check_logic(Checker& c) {
  const Detection& d = c.rule.detection;
  for (std::uint32_t i = 0; i < d.selections.size(); ++i) check_selection(c, i);
  for (const Item& item : d.items) {
    if (item.keyword) continue;
    for (const Value& value : item.values) {
      check_escapes(c, item, value);
      for (const Value& one : value.alternatives) check_escapes(c, item, one);
    }
  }
  const bool rpc = std::ranges::any_of(d.items, [&](const Item& item) {
    return !item.keyword && is_rpc(role_of(c.view, item.field));
  });
  const bool unnamed =
      std::ranges::any_of(d.items, [](const Item& item) { return names_unknown(&item); });
  if (!rpc || unnamed) return;
  for (const sigma::Condition& condition : d.conditions) {
    bool can = false, always = true;
    for (const Operation& operation : c.operations.all()) {
      const Truth truth = node_matches(d, condition.node, c.view, operation);
      can |= truth != Truth::kFalse;
      always &= truth == Truth::kTrue;
    }
    if (!can) {
      c.add("never-matches", Severity::kError, condition.at,
            "the condition can never be true for any known operation");
    } else if (always) {
      c.add("always-matches", Severity::kError, condition.at,
            "the condition is true for every call");
    }
  }
}

}  // namespace rpcmarshal::lint
