// The `detection` of a rule: selections of maps and lists become nodes over items.
#include <algorithm>

#include "sigma/condition.h"
#include "sigma/document.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = Node::Kind;

constexpr std::size_t kMaxNodes = 100'000;

std::optional<Value> make_value(const Yaml& yaml, bool regex, Reporter& report) {
  Value out;
  out.at = yaml.at;
  out.text = yaml.text;
  switch (yaml.kind) {
    case Yaml::Kind::kNull:
      out.kind = Value::Kind::kNull;
      return out;
    case Yaml::Kind::kBool:
      out.kind = Value::Kind::kBool;
      out.flag = yaml.boolean;
      return out;
    case Yaml::Kind::kInteger:
      out.kind = Value::Kind::kNumber;
      out.integral = true;
      out.integer = yaml.integer;
      out.number = static_cast<double>(yaml.integer);
      return out;
    case Yaml::Kind::kReal:
      out.kind = Value::Kind::kNumber;
      out.number = yaml.real;
      return out;
    case Yaml::Kind::kString:
      out.kind = Value::Kind::kString;
      out.pattern = regex ? Pattern::literal(yaml.text) : Pattern::parse(yaml.text);
      return out;
    case Yaml::Kind::kList:
      report.error(yaml.at, "a list stands here where a value is expected");
      break;
    case Yaml::Kind::kMap:
      report.error(yaml.at, "a mapping stands here where a value is expected");
      break;
  }
  return std::nullopt;
}

class Builder {
 public:
  explicit Builder(Reporter& report) : report_(report) {}

  std::uint32_t selection(const Yaml& yaml, int depth = 0) {
    if (out.nodes.size() > kMaxNodes || depth > 8) {
      report_.error(yaml.at, "this detection is too large");
      return leaf({});
    }
    if (yaml.is_map()) return map(yaml);
    if (yaml.is_list()) return list(yaml, depth);
    return keywords(yaml);
  }

  Detection out;

 private:
  std::uint32_t leaf(Item item) {
    out.items.push_back(std::move(item));
    return out.add({Kind::kItem, {}, static_cast<std::uint32_t>(out.items.size() - 1)});
  }

  std::uint32_t combine(Kind kind, std::vector<std::uint32_t> children) {
    if (children.size() == 1) return children[0];
    return out.add({kind, std::move(children), 0});
  }

  std::uint32_t map(const Yaml& yaml) {
    std::vector<std::uint32_t> children;
    for (const auto& [key, value] : yaml.map) children.push_back(item(key, value));
    if (children.empty()) {
      report_.error(yaml.at, "this selection is empty");
      return leaf({});
    }
    return combine(Kind::kAnd, std::move(children));
  }

  std::uint32_t list(const Yaml& yaml, int depth) {
    if (yaml.list.empty()) {
      report_.error(yaml.at, "this selection is empty");
      return leaf({});
    }
    if (std::all_of(yaml.list.begin(), yaml.list.end(),
                    [](const Yaml& one) { return one.is_scalar(); })) {
      return keywords(yaml);
    }
    std::vector<std::uint32_t> children;
    for (const Yaml& one : yaml.list) children.push_back(selection(one, depth + 1));
    return combine(Kind::kOr, std::move(children));
  }

  std::uint32_t keywords(const Yaml& yaml) {
    Item out_item;
    out_item.keyword = true;
    out_item.at = out_item.value_at = yaml.at;
    values(yaml, out_item);
    return leaf(std::move(out_item));
  }

  std::uint32_t item(const Yaml& key, const Yaml& value) {
    Item out_item;
    out_item.at = key.at;
    out_item.value_at = value.at;
    std::string_view rest = key.text;
    const std::size_t pipe = rest.find('|');
    out_item.field = std::string(rest.substr(0, pipe));
    out_item.keyword = out_item.field.empty();
    while (rest.find('|') != std::string_view::npos) {
      rest.remove_prefix(rest.find('|') + 1);
      const std::string_view name = rest.substr(0, rest.find('|'));
      const auto modifier = find_modifier(name);
      if (!modifier) {
        const std::string_view similar = similar_modifier(name);
        report_.error(key.at,
                      "unknown modifier '" + std::string(name) + "'" +
                          (similar.empty() ? std::string()
                                           : "; did you mean '" + std::string(similar) + "'?"));
        return leaf(std::move(out_item));
      }
      out_item.modifiers.push_back(*modifier);
    }
    values(value, out_item);
    return leaf(std::move(out_item));
  }

  void values(const Yaml& yaml, Item& out_item) {
    const std::vector<Modifier>& chain = out_item.modifiers;
    const auto has = [&](Modifier m) {
      return std::find(chain.begin(), chain.end(), m) != chain.end();
    };
    const auto add = [&](const Yaml& one) {
      std::optional<Value> value = make_value(one, has(Modifier::kRegex), report_);
      if (!value) return;
      for (std::size_t i = 0; i < chain.size(); ++i) {
        const ModifierResult result = apply_modifier(chain, i, *value);
        if (!result.warning.empty()) report_.warning(one.at, result.warning);
        if (!result.error.empty()) {
          report_.error(one.at, result.error);
          return;
        }
      }
      if (out_item.keyword &&
          (value->kind == Value::Kind::kNull || value->kind == Value::Kind::kExists ||
           value->kind == Value::Kind::kFieldRef)) {
        report_.error(one.at, "this needs a field");
        return;
      }
      out_item.values.push_back(std::move(*value));
    };
    if (yaml.is_list()) {
      for (const Yaml& one : yaml.list) add(one);
      if (yaml.list.empty()) {
        report_.warning(yaml.at, "an empty list means: the field is absent or null");
        add(Yaml{.at = yaml.at});
      }
    } else {
      add(yaml);
    }
    out_item.all = has(Modifier::kAll);
    out_item.negated = has(Modifier::kNeq);
    if (out_item.all && out_item.values.size() < 2 && !report_.failed())
      report_.warning(out_item.at, "'all' has no effect on a single value");
    if (out_item.all && has(Modifier::kExists))
      report_.error(out_item.at, "'exists' does not go with other modifiers");
    if (has(Modifier::kExists) && yaml.is_list() && yaml.list.size() > 1)
      report_.error(out_item.at, "'exists' takes a single true or false");
  }

  Reporter& report_;
};

}  // namespace

Detection parse_detection(const Yaml& mapping, std::initializer_list<std::string_view> reserved,
                          Reporter& report) {
  Builder builder(report);
  Detection& out = builder.out;
  for (const auto& [key, value] : mapping.map) {
    if (key.text == "condition" ||
        std::find(reserved.begin(), reserved.end(), key.text) != reserved.end()) {
      continue;
    }
    const std::uint32_t node = builder.selection(value);
    out.selections.push_back({key.text, key.at, node, false});
  }
  if (out.selections.empty()) report.error(mapping.at, "there is no selection");

  const Yaml* condition = mapping.find("condition");
  std::vector<Location> places;
  const std::vector<std::string> texts = parse_texts(condition, report, &places);
  if (texts.empty()) {
    report.error(condition != nullptr ? condition->at : mapping.at,
                 "there is no 'condition' that says which selections must match");
    return std::move(out);
  }

  ConditionNames names;
  names.find = [&](std::string_view name) -> std::optional<std::uint32_t> {
    for (Selection& selection : out.selections) {
      if (selection.name != name) continue;
      selection.used = true;
      return selection.node;
    }
    return std::nullopt;
  };
  names.match = [&](std::string_view pattern) {
    std::vector<std::uint32_t> nodes;
    for (Selection& selection : out.selections) {
      // A leading underscore keeps a selection out of patterns that do not ask for it.
      if (selection.name.starts_with('_') && !pattern.starts_with('_')) continue;
      if (pattern != "them" && !name_matches(pattern, selection.name)) continue;
      selection.used = true;
      nodes.push_back(selection.node);
    }
    return nodes;
  };
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const ConditionResult result = parse_condition(texts[i], names, out.nodes);
    if (!result.error.empty()) {
      Location at = places[i];
      // Within a plain one-line condition the column can be told exactly.
      if (texts[i].find('\n') == std::string::npos)
        at.column += static_cast<std::uint32_t>(result.at);
      report.error(at, "in the condition: " + result.error);
      continue;
    }
    out.conditions.push_back({texts[i], places[i], result.node});
  }
  return std::move(out);
}

}  // namespace rpcmarshal::sigma
