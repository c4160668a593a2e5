// Fields a log does not have, and values that do not fit what the field holds.
#include <algorithm>
#include <span>

#include "base/unicode.h"
#include "lint/checker.h"
#include "lint/known_fields.h"

namespace rpcmarshal::lint {
namespace {

using sigma::Item;
using sigma::Value;

bool has_modifier(const Item& item, sigma::Modifier modifier) {
  return std::ranges::find(item.modifiers, modifier) != item.modifiers.end();
}

/// request.X and response.X: X is an argument of an operation that the rule matches.
void check_argument(Checker& c, const Item& item) {
  const bool request = item.field.starts_with("request.");
  if (!request && !item.field.starts_with("response.")) return;
  std::string name = item.field.substr(request ? 8 : 9);
  name.resize(std::min(name.find_first_of(".["), name.size()));
  if (name == "return" || c.matched.empty() || c.matched.size() > 500) return;
  std::string near;
  std::size_t distance = 4;
  bool typed = true;
  for (const Operation* operation : c.matched) {
    typed &= operation->procedure->typed && !operation->interface->names_only;
    for (const Parameter& parameter : operation->procedure->parameters) {
      if (parameter.field.name == name && (request ? parameter.in : parameter.out)) return;
      const std::size_t d = edit_distance(name, parameter.field.name, 3);
      if ((request ? parameter.in : parameter.out) && d < distance) {
        distance = d;
        near = parameter.field.name;
      }
    }
  }
  if (!typed) return;
  c.add("unknown-field", Severity::kError, item.at,
        "no operation that the rule matches has " + std::string(request ? "an" : "a returned") +
            " argument '" + name + "'",
        near.empty() ? "" : "did you mean '" + near + "'?");
}

std::string nearest(std::string_view name, std::span<const std::string_view> names) {
  std::string best;
  std::size_t distance = 4;
  for (const std::string_view candidate : names) {
    const std::size_t d = edit_distance(name, candidate, 3);
    if (d < distance && d < name.size() / 2) {
      distance = d;
      best = candidate;
    }
  }
  return best;
}

/// What people write who know the name of another log.
std::string_view other_name(View view, std::string_view field) {
  if (view != View::kZeekRpc && view != View::kZeekSmbFiles) return {};
  const std::string lower = to_lower(field);
  if (lower == "src_ip" || lower == "source.ip" || lower == "sourceip") return "id.orig_h";
  if (lower == "dst_ip" || lower == "dest_ip" || lower == "destination.ip") return "id.resp_h";
  if (lower == "src_port" || lower == "source.port") return "id.orig_p";
  if (lower == "dst_port" || lower == "dest_port" || lower == "destination.port")
    return "id.resp_p";
  return {};
}

}  // namespace

void check_field_name(Checker& c, std::string_view field, Location at) {
  const auto names = known_fields(c.view);
  if (names.empty() || is_known_field(c.view, field)) return;
  std::string near(other_name(c.view, field));
  if (near.empty()) near = nearest(field, names);
  c.add("unknown-field", Severity::kError, at,
        "the log source " + c.rule.logsource.to_string() + " has no field '" + std::string(field) +
            "'",
        near.empty() ? "" : "did you mean '" + near + "'?");
}

void check_fields(Checker& c) {
  bool keywords = false;
  for (const Item& item : c.rule.detection.items) {
    if (item.keyword) {
      if (!keywords && c.view != View::kOther) {
        c.add("keywords", Severity::kWarning, item.at,
              "keywords search every field of the event, and this log has fields",
              "name the field the values are expected in");
      }
      keywords = true;
      continue;
    }
    check_field_name(c, item.field, item.at);
    if (c.view == View::kOwn) check_argument(c, item);
    // name: '\lsass' is compared with a whole path.
    const bool compared_whole = !has_modifier(item, sigma::Modifier::kContains) &&
                                !has_modifier(item, sigma::Modifier::kEndsWith) &&
                                !has_modifier(item, sigma::Modifier::kStartsWith) &&
                                !has_modifier(item, sigma::Modifier::kRegex);
    if (c.view != View::kZeekSmbFiles || item.field != "name" || !compared_whole) continue;
    std::vector<std::string> parts;
    for (const Value& value : item.values) {
      if (value.kind == Value::Kind::kString && !value.pattern.has_wildcards() &&
          value.pattern.plain().starts_with('\\'))
        parts.push_back(value.text);
    }
    if (!parts.empty()) {
      c.add("never-matches", Severity::kError, item.at,
            "Zeek writes names relative to the share, without a backslash in front: " +
                listed(parts, 3) + " never equal" + (parts.size() == 1 ? "s" : "") + " one",
            "these look like parts of a path: write 'name|contains'");
    }
  }
  // Event 3 is written for calls that were let through and for calls that were not; the audit
  // keywords tell which. [RPC Firewall: Messages.mc]
  if (c.view == View::kFirewall && !c.rule.detection.items.empty() &&
      std::ranges::none_of(c.rule.detection.items,
                           [](const Item& item) { return item.field == "Keywords"; })) {
    c.add(
        "allowed-or-blocked", Severity::kNote, c.rule.detection.items[0].at,
        "calls that the firewall blocked match as those it let through",
        "to tell them apart, ask for 'Keywords': Audit Success was allowed, Audit Failure blocked");
  }
  // A log of every access, narrowed by nothing but how names end.
  if (c.view == View::kZeekSmbFiles) {
    const auto& items = c.rule.detection.items;
    const bool only_endings = items.size() == 1 && items[0].field == "name" &&
                              items[0].values.size() >= 5 &&
                              has_modifier(items[0], sigma::Modifier::kEndsWith);
    if (only_endings) {
      c.add("broad", Severity::kNote, items[0].at,
            "every open, read, rename and deletion of such a file by anybody matches",
            "say which 'action', share ('path') or clients are meant");
    }
  }
}

}  // namespace rpcmarshal::lint
