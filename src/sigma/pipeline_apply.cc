// Pipelines at work: each transformation goes over the items of a rule, in place. What an item
// becomes several of is an `or` of them; what is taken out leaves no trace in the condition.
#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/unicode.h"
#include "match/value.h"
#include "sigma/document.h"
#include "sigma/pipeline.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = PipelineStep::Kind;
using Cond = PipelineCondition::Kind;

/// What is remembered of one rule from transformation to transformation.
struct RuleState {
  std::set<std::string, std::less<>> applied;  ///< ids of transformations
  std::map<std::string, std::string, std::less<>> state;
};

/// A rule or a correlation while transformations go over it.
struct Subject {
  Rule* rule = nullptr;
  Correlation* correlation = nullptr;
  const Metadata& about;
  RuleState& state;
  std::string error;
  Location error_at;
  /// Per item: ids of transformations that were applied to it.
  std::vector<std::set<std::string, std::less<>>> item_applied;
  /// Of a correlation: the log sources of the rules it counts.
  std::vector<LogSource> counted;
};

bool value_has_wildcard(const Value& value) {
  return value.kind == Value::Kind::kString && value.pattern.has_wildcards();
}

/// Text of a value as its author would write it.
std::string value_text(const Value& value) {
  return value.kind == Value::Kind::kString || value.kind == Value::Kind::kRegex
             ? value.pattern.to_string()
             : value.text;
}

std::string attribute(const Subject& s, std::string_view name) {
  const Metadata& about = s.about;
  if (name == "id") return about.id;
  if (name == "title") return about.title;
  if (name == "name") return about.name;
  if (name == "status") return about.status;
  if (name == "level") return about.level;
  if (name == "author") return about.author;
  if (name == "date") return about.date;
  if (name == "description") return about.description;
  return {};
}

bool rule_condition(const PipelineCondition& c, const Subject& s) {
  switch (c.kind) {
    case Cond::kLogSource:
      if (s.rule != nullptr) return c.source.contains(s.rule->logsource);
      return std::ranges::any_of(s.counted,
                                 [&](const LogSource& of) { return c.source.contains(of); });
    case Cond::kContainsField:
      return s.rule != nullptr && std::ranges::any_of(s.rule->detection.items, [&](const Item& i) {
               return !i.keyword && i.field == c.text;
             });
    case Cond::kContainsItem:
      return s.rule != nullptr && std::ranges::any_of(s.rule->detection.items, [&](const Item& i) {
               return !i.keyword && i.field == c.text &&
                      std::ranges::any_of(i.values, [&](const Value& v) {
                        return equal_ignoring_case(value_text(v), c.values[0]);
                      });
             });
    case Cond::kSigmaRule:
      return s.rule != nullptr;
    case Cond::kCorrelationRule:
      return s.correlation != nullptr;
    case Cond::kAttribute:
      return attribute(s, c.text) == c.values[0];
    case Cond::kTag:
      return std::ranges::find(s.about.tags, c.text) != s.about.tags.end();
    case Cond::kItemApplied:
      return s.state.applied.contains(c.text);
    case Cond::kState: {
      const auto found = s.state.state.find(c.text);
      return found != s.state.state.end() && found->second == c.values[0];
    }
    default:
      return false;
  }
}

bool field_condition(const PipelineCondition& c, const Subject& s, std::string_view field,
                     const std::set<std::string, std::less<>>& applied) {
  const auto listed = [&] {
    if (c.regexes.empty()) return std::ranges::find(c.values, field) != c.values.end();
    return std::ranges::any_of(c.regexes,
                               [&](const auto& regex) { return RE2::PartialMatch(field, *regex); });
  };
  switch (c.kind) {
    case Cond::kIncludeFields:
      return listed();
    case Cond::kExcludeFields:
      return !listed();
    case Cond::kItemApplied:
      return applied.contains(c.text);
    default:
      return rule_condition(c, s);
  }
}

bool item_condition(const PipelineCondition& c, const Subject& s, const Item& item,
                    const std::set<std::string, std::less<>>& applied) {
  const auto holds = [&](const Value& v) {
    switch (c.kind) {
      case Cond::kMatchString:
        return v.kind == Value::Kind::kString &&
               RE2::PartialMatch(v.pattern.to_string(), *c.regexes[0]) != c.negate;
      case Cond::kContainsWildcard:
        return value_has_wildcard(v);
      default:
        return v.kind == Value::Kind::kNull;
    }
  };
  switch (c.kind) {
    case Cond::kItemApplied:
      return applied.contains(c.text);
    case Cond::kState:
      return rule_condition(c, s);
    default:
      return c.all ? std::ranges::all_of(item.values, holds)
                   : std::ranges::any_of(item.values, holds);
  }
}

template <typename Holds>
bool satisfied(const PipelineConditions& conditions, Holds&& holds) {
  if (conditions.list.empty()) return true;
  const bool result = conditions.all ? std::ranges::all_of(conditions.list, holds)
                                     : std::ranges::any_of(conditions.list, holds);
  return result != conditions.negated;
}

class Transformer {
 public:
  Transformer(const PipelineStep& step, Subject& subject) : step_(step), s_(subject) {}

  void run() {
    if (!satisfied(step_.rules, [&](const auto& c) { return rule_condition(c, s_); })) return;
    switch (step_.kind) {
      case Kind::kSetState:
        s_.state.state[step_.text] = step_.replacement;
        break;
      case Kind::kRuleFailure:
        return fail(s_.about.at, step_.text);
      case Kind::kNest:
        for (const PipelineStep& nested : step_.nested) {
          Transformer(nested, s_).run();
          if (!s_.error.empty()) return;
        }
        break;
      case Kind::kChangeLogSource:
        if (s_.rule != nullptr) {
          const Location at = s_.rule->logsource.at;
          s_.rule->logsource = step_.source;
          s_.rule->logsource.at = at;
        }
        break;
      case Kind::kAddCondition:
        if (s_.rule != nullptr) add_condition();
        break;
      default:
        if (s_.rule != nullptr) items();
        if (s_.correlation != nullptr) correlation();
    }
    if (!step_.id.empty()) s_.state.applied.insert(step_.id);
  }

 private:
  void fail(Location at, const std::string& message) {
    if (!s_.error.empty()) return;
    s_.error = message;
    s_.error_at = at;
  }

  /// The names a field gets; empty: it stays.
  std::vector<std::string> names_for(const std::string& field) const {
    switch (step_.kind) {
      case Kind::kFieldMapping:
        for (const auto& [from, to] : step_.mapping) {
          if (from == field) return to;
        }
        return {};
      case Kind::kFieldPrefixMapping:
        for (const auto& [from, to] : step_.mapping) {
          if (!field.starts_with(from)) continue;
          std::vector<std::string> out;
          for (const std::string& name : to) out.push_back(name + field.substr(from.size()));
          return out;
        }
        return {};
      case Kind::kFieldPrefix:
        return {step_.text + field};
      case Kind::kFieldSuffix:
        return {field + step_.text};
      default:
        return {};
    }
  }
  bool renames() const {
    return step_.kind == Kind::kFieldMapping || step_.kind == Kind::kFieldPrefixMapping ||
           step_.kind == Kind::kFieldPrefix || step_.kind == Kind::kFieldSuffix;
  }

  bool wants(std::size_t index) {
    const Item& item = s_.rule->detection.items[index];
    const auto& applied = s_.item_applied[index];
    return satisfied(step_.fields,
                     [&](const auto& c) { return field_condition(c, s_, item.field, applied); }) &&
           satisfied(step_.items,
                     [&](const auto& c) { return item_condition(c, s_, item, applied); });
  }

  void items() {
    Detection& d = s_.rule->detection;
    s_.item_applied.resize(d.items.size());
    std::vector<bool> dropped(d.items.size(), false);
    const std::size_t before = d.items.size();
    std::vector<std::vector<std::string>> names(before);
    for (std::size_t i = 0; i < before && s_.error.empty(); ++i) {
      if (!wants(i)) continue;
      Item& item = d.items[i];
      bool changed = true;
      if (step_.kind == Kind::kDropItem) {
        dropped[i] = true;
      } else if (step_.kind == Kind::kItemFailure) {
        return fail(item.at, step_.text);
      } else if (renames()) {
        if (!item.keyword) names[i] = names_for(item.field);
        changed = !names[i].empty();
        if (step_.fields.list.empty() && step_.items.list.empty())
          changed = rename_references(item) || changed;
      } else {
        changed = false;
        std::vector<Value> values;
        for (Value& value : item.values) changed = transform(value, values) || changed;
        item.values = std::move(values);
      }
      if (changed && !step_.id.empty()) s_.item_applied[i].insert(step_.id);
    }
    if (renames()) split(names);
    if (step_.kind == Kind::kDropItem) drop(dropped);
    if (renames()) {
      for (std::string& field : s_.rule->fields) {
        const std::vector<std::string> to = names_for(field);
        if (!to.empty()) field = to[0];
      }
    }
  }

  bool rename_references(Item& item) {
    bool any = false;
    for (Value& value : item.values) {
      if (value.kind != Value::Kind::kFieldRef) continue;
      const std::vector<std::string> to = names_for(value.pattern.plain());
      if (to.empty()) continue;
      any = true;
      value.pattern = Pattern::literal(to[0]);
    }
    return any;
  }

  /// Items with several names become an `or` of items.
  void split(const std::vector<std::vector<std::string>>& names) {
    Detection& d = s_.rule->detection;
    const std::size_t nodes = d.nodes.size();
    for (std::size_t n = 0; n < nodes; ++n) {
      if (d.nodes[n].kind != Node::Kind::kItem) continue;
      const std::uint32_t item = d.nodes[n].item;
      if (item >= names.size() || names[item].empty()) continue;
      if (names[item].size() == 1) {
        d.items[item].field = names[item][0];
        continue;
      }
      std::vector<std::uint32_t> children;
      for (const std::string& name : names[item]) {
        Item copy = d.items[item];
        copy.field = name;
        d.items.push_back(std::move(copy));
        s_.item_applied.push_back(s_.item_applied[item]);
        children.push_back(
            d.add({Node::Kind::kItem, {}, static_cast<std::uint32_t>(d.items.size() - 1)}));
      }
      d.nodes[n] = {Node::Kind::kOr, std::move(children), 0};
    }
  }

  void drop(const std::vector<bool>& dropped) {
    Detection& d = s_.rule->detection;
    if (std::ranges::find(dropped, true) == dropped.end()) return;
    // From the roots, each node once; as deep as conditions and lists nest.
    std::vector<int> gone(d.nodes.size(), -1);
    const auto visit = [&](auto&& self, std::uint32_t index) -> bool {
      if (gone[index] >= 0) return gone[index] == 1;
      gone[index] = 0;
      const Node& node = d.nodes[index];
      bool out = false;
      if (node.kind == Node::Kind::kItem) {
        out = node.item < dropped.size() && dropped[node.item];
      } else {
        std::vector<std::uint32_t> left;
        for (const std::uint32_t child : std::vector<std::uint32_t>(node.children)) {
          if (!self(self, child)) left.push_back(child);
        }
        out = left.empty();
        d.nodes[index].children = std::move(left);
      }
      gone[index] = out ? 1 : 0;
      return out;
    };
    std::erase_if(d.conditions, [&](const Condition& c) { return visit(visit, c.node); });
    if (d.conditions.empty())
      fail(s_.about.at, "the pipeline takes everything out of this rule that it asks for");
  }

  /// Appends what `value` becomes; true when that is something else.
  bool transform(Value& value, std::vector<Value>& out) {
    if (value.kind == Value::Kind::kAnyOf) {
      std::vector<Value> alternatives;
      bool changed = false;
      for (Value& v : value.alternatives) changed = transform(v, alternatives) || changed;
      value.alternatives = std::move(alternatives);
      out.push_back(std::move(value));
      return changed;
    }
    switch (step_.kind) {
      case Kind::kReplaceString:
        if (value.kind != Value::Kind::kString) break;
        out.push_back(value);
        out.back().pattern = replaced(value.pattern);
        return !(out.back().pattern == value.pattern);
      case Kind::kMapString: {
        if (value.kind != Value::Kind::kString) break;
        const std::string text = value.pattern.to_string();
        for (const auto& [from, to] : step_.mapping) {
          if (from != text) continue;
          for (const std::string& replacement : to) {
            out.push_back(value);
            out.back().pattern = Pattern::parse(replacement);
          }
          return true;
        }
        break;
      }
      case Kind::kSetValue: {
        const Location at = value.at;
        out.push_back(step_.value);
        out.back().at = at;
        return true;
      }
      case Kind::kConvertType: {
        double number = 0;
        if (step_.to_number && value.kind == Value::Kind::kString &&
            !value.pattern.has_wildcards() && match::parse_number(value.pattern.plain(), number)) {
          out.push_back(value);
          Value& to = out.back();
          to.text = value.pattern.plain();
          to.kind = Value::Kind::kNumber;
          to.number = number;
          to.integer = static_cast<std::int64_t>(number);
          to.integral = static_cast<double>(to.integer) == number;
          return true;
        }
        if (!step_.to_number && value.kind == Value::Kind::kNumber) {
          out.push_back(value);
          out.back().kind = Value::Kind::kString;
          out.back().pattern = Pattern::literal(value.text);
          return true;
        }
        break;
      }
      default:
        break;
    }
    out.push_back(std::move(value));
    return false;
  }

  Pattern replaced(const Pattern& pattern) const {
    if (!step_.skip_special) {
      std::string text = pattern.to_string();
      RE2::GlobalReplace(&text, *step_.regex, step_.replacement);
      return Pattern::parse(text);
    }
    Pattern out;
    for (PatternPart part : pattern.parts()) {
      if (part.kind == PatternPart::Kind::kText)
        RE2::GlobalReplace(&part.text, *step_.regex, step_.replacement);
      if (part.kind != PatternPart::Kind::kText || !part.text.empty()) out.append(part);
    }
    return out;
  }

  void add_condition() {
    if (!step_.is_template)
      return and_condition(s_.rule->detection, step_.condition, step_.negated);
    Yaml fields = step_.definition;
    const LogSource& source = s_.rule->logsource;
    const auto fill = [&](auto&& self, Yaml& yaml) -> void {
      for (Yaml& item : yaml.list) self(self, item);
      for (YamlEntry& entry : yaml.map) self(self, entry.second);
      for (const auto& [name, text] : {std::pair{"$category", &source.category},
                                       {"$product", &source.product},
                                       {"$service", &source.service}}) {
        for (std::size_t at = 0; (at = yaml.text.find(name, at)) != std::string::npos;
             at += text->size()) {
          yaml.text.replace(at, std::string_view(name).size(), *text);
        }
      }
    };
    fill(fill, fields);
    Diagnostics ignored;
    Reporter report({}, {}, ignored);
    const Detection added = parse_added_condition(fields, report);
    if (report.failed()) return fail(step_.at, ignored.front().message);
    and_condition(s_.rule->detection, added, step_.negated);
  }

  /// Of correlations only the names of fields change, one to one.
  void correlation() {
    if (!renames()) return;
    Correlation& c = *s_.correlation;
    const auto rename = [&](std::string& field) {
      const bool wanted = satisfied(step_.fields, [&](const auto& condition) {
        return field_condition(condition, s_, field, {});
      });
      const std::vector<std::string> to = wanted ? names_for(field) : std::vector<std::string>();
      if (to.empty()) return;
      if (to.size() > 1) {
        fail(c.about.at, "the pipeline gives the field '" + field +
                             "' several names, of which a correlation can take only one");
        return;
      }
      field = to[0];
    };
    const auto is_alias = [&](const std::string& name) {
      return std::ranges::any_of(c.aliases, [&](const auto& a) { return a.first == name; });
    };
    for (std::string& field : c.group_by) {
      if (!is_alias(field)) rename(field);
    }
    for (auto& [alias, fields] : c.aliases) {
      for (auto& [rule, field] : fields) rename(field);
    }
    for (std::string& field : c.fields) rename(field);
  }

  const PipelineStep& step_;
  Subject& s_;
};

/// Of the rules a correlation counts, also through other correlations.
std::vector<LogSource> sources_of(const Correlation& correlation, const RuleSet& rules) {
  std::vector<LogSource> out;
  std::vector<const Correlation*> open{&correlation};
  for (std::size_t i = 0; i < open.size(); ++i) {
    for (const std::string& reference : open[i]->rules) {
      for (const Rule& rule : rules.rules) {
        if (refers_to(reference, rule.about)) out.push_back(rule.logsource);
      }
      for (const Correlation& other : rules.correlations) {
        if (refers_to(reference, other.about) && std::ranges::find(open, &other) == open.end())
          open.push_back(&other);
      }
    }
  }
  return out;
}

/// False when the rule cannot run any more.
bool apply(const std::vector<Pipeline>& pipelines, Subject& subject, Diagnostics& diagnostics) {
  for (const Pipeline& pipeline : pipelines) {
    for (const PipelineStep& step : pipeline.steps) {
      Transformer(step, subject).run();
      if (subject.error.empty()) continue;
      diagnostics.push_back(
          {Diagnostic::Severity::kError, subject.about.file, subject.error_at,
           subject.error + " (" + pipeline.file + ":" + std::to_string(step.at.line) + ")",
           subject.about.title});
      return false;
    }
  }
  return true;
}

}  // namespace

void and_condition(Detection& to, const Detection& from, bool negated) {
  const auto item_base = static_cast<std::uint32_t>(to.items.size());
  const auto node_base = static_cast<std::uint32_t>(to.nodes.size());
  to.items.insert(to.items.end(), from.items.begin(), from.items.end());
  for (Node node : from.nodes) {
    for (std::uint32_t& child : node.children) child += node_base;
    node.item += item_base;
    to.nodes.push_back(std::move(node));
  }
  std::uint32_t added = from.conditions.front().node + node_base;
  if (negated) added = to.add({Node::Kind::kNot, {added}, 0});
  for (Condition& condition : to.conditions)
    condition.node = to.add({Node::Kind::kAnd, {condition.node, added}, 0});
}

void apply_pipelines(const std::vector<Pipeline>& pipelines, RuleSet& rules,
                     Diagnostics& diagnostics) {
  if (pipelines.empty()) return;
  // Before any of them changes.
  std::vector<std::vector<LogSource>> counted;
  for (const Correlation& correlation : rules.correlations)
    counted.push_back(sources_of(correlation, rules));
  std::erase_if(rules.rules, [&](Rule& rule) {
    RuleState state;
    Subject subject{&rule, nullptr, rule.about, state, {}, {}, {}, {}};
    return !apply(pipelines, subject, diagnostics);
  });
  std::size_t next = 0;
  std::erase_if(rules.correlations, [&](Correlation& correlation) {
    RuleState state;
    Subject subject{nullptr, &correlation, correlation.about,         state, {},
                    {},      {},           std::move(counted[next++])};
    return !apply(pipelines, subject, diagnostics);
  });
}

}  // namespace rpcmarshal::sigma
