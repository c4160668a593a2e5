// Pipelines at work: each transformation goes over the items of a rule, in place. What an item
// becomes several of is an `or` of them; what is taken out leaves no trace in the condition.
#include <algorithm>

#include "sigma/document.h"
#include "sigma/pipeline_subject.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = PipelineStep::Kind;

/// Items of a rule, and values of an item: steps that double them could go on for ever.
constexpr std::size_t kMaxParts = 100'000;

class Transformer {
 public:
  Transformer(const PipelineStep& step, const PlaceholderValues& values, Subject& subject)
      : step_(step), values_(values), s_(subject) {}

  void run() {
    if (!rule_wanted(step_.rules, s_)) return;
    switch (step_.kind) {
      case Kind::kSetState:
        s_.state[step_.text] = step_.replacement;
        break;
      case Kind::kRuleFailure:
        return s_.fail(s_.about->at, step_.text);
      case Kind::kNest:
        for (const PipelineStep& nested : step_.nested) {
          Transformer(nested, values_, s_).run();
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
      case Kind::kStrictMapping:
        strict();
        break;
      case Kind::kAddFields:
      case Kind::kRemoveFields:
      case Kind::kSetFields:
        result_fields();
        break;
      case Kind::kSetAttribute:
        s_.attributes[step_.text] = step_.replacement;
        break;
      case Kind::kNothing:
        break;
      default:
        if (s_.rule != nullptr) items();
        if (s_.correlation != nullptr) correlation();
    }
    if (!step_.id.empty()) s_.applied.insert(step_.id);
  }

 private:
  /// The names a field gets; empty: it stays.
  std::vector<std::string> names_for(const std::string& field) const {
    // Keywords have no name that could be changed, but may be given one.
    if (field.empty() && step_.kind != Kind::kFieldMapping) return {};
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
    const StepIds& applied = s_.item_applied[index];
    return item_wanted(step_.items, s_, item, applied) &&
           item_fields_wanted(step_.fields, s_, item, applied);
  }

  void items() {
    Detection& d = s_.rule->detection;
    const std::size_t before = d.items.size();
    s_.item_applied.resize(before);
    std::vector<bool> dropped(before, false);
    // What takes the place of an item: any of the groups, all items of a group.
    std::vector<std::vector<std::vector<Item>>> instead(before);
    for (std::size_t i = 0; i < before; ++i) {
      if (!wants(i)) continue;
      Item& item = d.items[i];
      bool changed = true;
      std::string error;
      if (step_.kind == Kind::kDropItem) {
        dropped[i] = true;
      } else if (step_.kind == Kind::kItemFailure) {
        return s_.fail(item.at, step_.text);
      } else if (renames()) {
        changed = rename_references(item, s_.item_applied[i]);
        changed = rename(item, s_.item_applied[i], instead[i]) || changed;
      } else if (step_.kind == Kind::kHashes || step_.kind == Kind::kExtract) {
        instead[i] = step_.kind == Kind::kHashes ? hash_items(step_, item, error)
                                                 : extracted_items(step_, item);
        changed = !instead[i].empty();
      } else {
        changed = false;
        std::vector<Value> values;
        for (Value& value : item.values) {
          changed = transform(value, values, error) || changed;
          if (values.size() > kMaxParts)
            error = "the pipeline makes more than 100,000 values of this";
          if (!error.empty()) break;
        }
        item.values = std::move(values);
      }
      if (!error.empty()) return s_.fail(item.value_at, error);
      if (changed && !step_.id.empty()) s_.item_applied[i].insert(step_.id);
    }
    replace(instead);
    if (step_.kind == Kind::kDropItem) drop(dropped);
    if (!renames()) return;
    std::vector<std::string> fields;
    for (const std::string& field : s_.rule->fields) {
      std::vector<std::string> to;
      if (field_wanted(step_.fields, s_, field, {})) to = names_for(field);
      if (to.empty()) to = {field};
      fields.insert(fields.end(), to.begin(), to.end());
    }
    s_.rule->fields = std::move(fields);
  }

  /// Gives an item its new name, or says what stands instead of it when there are several.
  bool rename(Item& item, const StepIds& applied, std::vector<std::vector<Item>>& instead) {
    if (!field_wanted(step_.fields, s_, item.field, applied)) return false;
    const std::vector<std::string> names = names_for(item.field);
    if (names.empty()) return false;
    s_.mapped.insert(item.field);
    s_.mapped.insert(names.begin(), names.end());
    if (item.keyword) {
      // A keyword stands anywhere in a value.
      for (Value& value : item.values) {
        if (value.kind != Value::Kind::kString) continue;
        value.pattern.prepend_many();
        value.pattern.append_many();
      }
      item.keyword = false;
    }
    item.field = names[0];
    if (names.size() == 1) return true;
    for (const std::string& name : names) {
      instead.push_back({item});
      instead.back()[0].field = name;
    }
    return true;
  }

  bool rename_references(Item& item, const StepIds& applied) {
    bool any = false;
    std::vector<Value> values;
    for (Value& value : item.values) {
      std::vector<std::string> to;
      if (value.kind == Value::Kind::kFieldRef &&
          field_wanted(step_.fields, s_, value.pattern.plain(), applied)) {
        to = names_for(value.pattern.plain());
      }
      if (to.empty()) {
        values.push_back(std::move(value));
        continue;
      }
      any = true;
      for (const std::string& name : to) {
        values.push_back(value);
        values.back().pattern = Pattern::literal(name);
      }
    }
    item.values = std::move(values);
    return any;
  }

  /// Items that became several: an `or` of `and`s in their place.
  void replace(std::vector<std::vector<std::vector<Item>>>& instead) {
    Detection& d = s_.rule->detection;
    const std::size_t nodes = d.nodes.size();
    for (std::size_t n = 0; n < nodes; ++n) {
      if (d.nodes[n].kind != Node::Kind::kItem) continue;
      const std::uint32_t index = d.nodes[n].item;
      if (index >= instead.size() || instead[index].empty()) continue;
      const bool all = d.items[index].all && !renames();
      const bool negated = d.items[index].negated && !renames();
      std::vector<std::uint32_t> groups;
      if (d.items.size() > kMaxParts)
        return s_.fail(s_.about->at, "the pipeline makes more than 100,000 items of this rule");
      for (const std::vector<Item>& group : instead[index]) {
        std::vector<std::uint32_t> parts;
        for (const Item& item : group) {
          d.items.push_back(item);
          s_.item_applied.push_back(s_.item_applied[index]);
          parts.push_back(
              d.add({Node::Kind::kItem, {}, static_cast<std::uint32_t>(d.items.size() - 1)}));
        }
        groups.push_back(d.add({Node::Kind::kAnd, std::move(parts), 0}));
      }
      Node node{all ? Node::Kind::kAnd : Node::Kind::kOr, std::move(groups), 0};
      if (negated) node = {Node::Kind::kNot, {d.add(std::move(node))}, 0};
      d.nodes[n] = std::move(node);
    }
    // Nothing refers to them any more, nor asks for what they would need.
    for (std::size_t i = 0; i < instead.size(); ++i) {
      if (!instead[i].empty()) d.items[i].values.clear();
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
    for (std::size_t i = 0; i < dropped.size(); ++i) {
      if (dropped[i]) d.items[i].values.clear();
    }
    if (d.conditions.empty())
      s_.fail(s_.about->at, "the pipeline takes everything out of this rule that it asks for");
  }

  /// Appends what `value` becomes; true when that is something else.
  bool transform(Value& value, std::vector<Value>& out, std::string& error) {
    if (value.kind != Value::Kind::kAnyOf)
      return transform_value(step_, values_, value, out, error);
    std::vector<Value> alternatives;
    bool changed = false;
    for (Value& v : value.alternatives)
      changed = transform_value(step_, values_, v, alternatives, error) || changed;
    value.alternatives = std::move(alternatives);
    out.push_back(std::move(value));
    return changed;
  }

  void strict() {
    if (s_.rule == nullptr) return;
    for (const Item& item : s_.rule->detection.items) {
      if (item.keyword || s_.mapped.contains(item.field)) continue;
      return s_.fail(item.at, "the pipeline maps no field '" + item.field + "'");
    }
  }

  void result_fields() {
    if (s_.rule == nullptr) return;
    std::vector<std::string>& fields = s_.rule->fields;
    if (step_.kind == Kind::kSetFields) fields.clear();
    for (const std::string& name : step_.names) {
      if (step_.kind != Kind::kRemoveFields) {
        fields.push_back(name);
      } else if (const auto found = std::ranges::find(fields, name); found != fields.end()) {
        fields.erase(found);
      }
    }
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
    if (report.failed()) return s_.fail(step_.at, ignored.front().message);
    and_condition(s_.rule->detection, added, step_.negated);
  }

  /// Of correlations only the names of fields change, one to one.
  void correlation() {
    if (!renames()) return;
    Correlation& c = *s_.correlation;
    const auto rename = [&](std::string& field) {
      const bool wanted = field_wanted(step_.fields, s_, field, {});
      const std::vector<std::string> to = wanted ? names_for(field) : std::vector<std::string>();
      if (to.empty()) return;
      if (to.size() > 1) {
        s_.fail(c.about.at, "the pipeline gives the field '" + field +
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
  const PlaceholderValues& values_;
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
bool apply(const std::vector<Pipeline>& pipelines, const PlaceholderValues& values,
           Subject& subject, Diagnostics& diagnostics) {
  for (const Pipeline& pipeline : pipelines) {
    for (const PipelineStep& step : pipeline.steps) {
      Transformer(step, values, subject).run();
      if (subject.error.empty()) continue;
      diagnostics.push_back(
          {Diagnostic::Severity::kError, subject.about->file, subject.error_at,
           subject.error + " (" + pipeline.file + ":" + std::to_string(step.at.line) + ")",
           subject.about->title});
      return false;
    }
  }
  return true;
}

bool replace_placeholders(const std::vector<PipelineStep>& steps) {
  return std::ranges::any_of(steps, [](const PipelineStep& step) {
    return step.kind == Kind::kWildcards || step.kind == Kind::kPlaceholders ||
           replace_placeholders(step.nested);
  });
}

}  // namespace

bool replace_placeholders(const std::vector<Pipeline>& pipelines) {
  return std::ranges::any_of(
      pipelines, [](const Pipeline& pipeline) { return replace_placeholders(pipeline.steps); });
}

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
                     const PlaceholderValues& values, Diagnostics& diagnostics) {
  if (pipelines.empty()) return;
  // Before any of them changes.
  std::vector<std::vector<LogSource>> counted;
  for (const Correlation& correlation : rules.correlations)
    counted.push_back(sources_of(correlation, rules));
  std::erase_if(rules.rules, [&](Rule& rule) {
    Subject subject;
    subject.rule = &rule;
    subject.about = &rule.about;
    return !apply(pipelines, values, subject, diagnostics);
  });
  std::size_t next = 0;
  std::erase_if(rules.correlations, [&](Correlation& correlation) {
    Subject subject;
    subject.correlation = &correlation;
    subject.about = &correlation.about;
    subject.counted = std::move(counted[next++]);
    return !apply(pipelines, values, subject, diagnostics);
  });
}

}  // namespace rpcmarshal::sigma
