// Which rules, fields and values a transformation is for.
#include <algorithm>
#include <charconv>

#include "base/unicode.h"
#include "match/value.h"
#include "sigma/pipeline_subject.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = PipelineCondition::Kind;
using Op = PipelineCondition::Op;

/// All texts of a rule's attribute; `is_list`: it is one.
std::vector<std::string> attribute(const Subject& s, std::string_view name, bool& is_list) {
  const Metadata& about = *s.about;
  is_list = false;
  if (const auto set = s.attributes.find(name); set != s.attributes.end()) return {set->second};
  for (const auto& [known, text] :
       {std::pair<std::string_view, const std::string*>{"id", &about.id},
        {"title", &about.title},
        {"name", &about.name},
        {"status", &about.status},
        {"level", &about.level},
        {"author", &about.author},
        {"date", &about.date},
        {"description", &about.description}}) {
    if (name == known) return text->empty() ? std::vector<std::string>() : std::vector{*text};
  }
  for (const auto& [known, list] :
       {std::pair<std::string_view, const std::vector<std::string>*>{"tags", &about.tags},
        {"references", &about.references},
        {"falsepositives", &about.falsepositives}}) {
    if (name != known) continue;
    is_list = true;
    return *list;
  }
  for (const auto& [known, text] : about.others) {
    if (name == known) return {text};
  }
  return {};
}

/// Where levels and statuses stand in their order; -1 for other texts.
int rank(std::string_view text) {
  static constexpr std::string_view kOrders[] = {
      "informational", "low",        "medium",       "high", "critical",
      "unsupported",   "deprecated", "experimental", "test", "stable"};
  const auto found = std::ranges::find(kOrders, to_lower(text));
  return found == std::end(kOrders) ? -1 : static_cast<int>(found - std::begin(kOrders));
}

template <typename T>
bool ordered(Op op, const T& a, const T& b) {
  switch (op) {
    case Op::kGt:
      return a > b;
    case Op::kGte:
      return a >= b;
    case Op::kLt:
      return a < b;
    case Op::kLte:
      return a <= b;
    default:
      return false;
  }
}

/// Numbers as numbers, levels and statuses by their rank, all else (dates, too) as text.
bool compares(Op op, const std::string& have, const std::string& wanted) {
  if (op == Op::kEq || op == Op::kNe) {
    double a = 0, b = 0;
    const bool equal = have == wanted ||
                       (match::parse_number(have, a) && match::parse_number(wanted, b) && a == b);
    return equal == (op == Op::kEq);
  }
  double a = 0, b = 0;
  if (match::parse_number(have, a) && match::parse_number(wanted, b)) return ordered(op, a, b);
  const int first = rank(have), second = rank(wanted);
  if (first >= 0 && second >= 0) return ordered(op, first, second);
  return ordered(op, have, wanted);
}

bool attribute_holds(const PipelineCondition& c, const Subject& s) {
  bool is_list = false;
  const std::vector<std::string> have = attribute(s, c.text, is_list);
  if (c.op == Op::kIn || c.op == Op::kNotIn)
    return (std::ranges::find(have, c.values[0]) != have.end()) == (c.op == Op::kIn);
  if (is_list) return c.op == Op::kNe;  // a list is no single value
  return !have.empty() && compares(c.op, have[0], c.values[0]);
}

bool same_value(const Value& a, const Value& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Value::Kind::kString:
      return a.pattern == b.pattern;
    case Value::Kind::kNumber:
      return a.number == b.number;
    case Value::Kind::kBool:
      return a.flag == b.flag;
    default:
      return a.kind == Value::Kind::kNull;
  }
}

bool contains_item(const PipelineCondition& c, const Subject& s) {
  if (s.rule == nullptr) return false;
  return std::ranges::any_of(s.rule->detection.items, [&](const Item& item) {
    return !item.keyword && item.field == c.text &&
           (c.kind == Kind::kContainsField || std::ranges::any_of(item.values, [&](const Value& v) {
              return same_value(v, c.value);
            }));
  });
}

bool rule_holds(const PipelineCondition& c, const Subject& s) {
  switch (c.kind) {
    case Kind::kLogSource:
      if (s.rule != nullptr) return c.source.contains(s.rule->logsource);
      return std::ranges::any_of(s.counted,
                                 [&](const LogSource& of) { return c.source.contains(of); });
    case Kind::kContainsField:
    case Kind::kContainsItem:
      return contains_item(c, s);
    case Kind::kSigmaRule:
      return s.rule != nullptr;
    case Kind::kCorrelationRule:
      return s.correlation != nullptr;
    case Kind::kAttribute:
      return attribute_holds(c, s);
    case Kind::kTag:
      return std::ranges::find(s.about->tags, c.text) != s.about->tags.end();
    case Kind::kItemApplied:
      return s.applied.contains(c.text);
    case Kind::kState: {
      const auto found = s.state.find(c.text);
      return found != s.state.end() && compares(c.op, found->second, c.values[0]);
    }
    default:
      return false;
  }
}

bool field_holds(const PipelineCondition& c, const Subject& s, std::string_view field,
                 const StepIds& applied) {
  // Expressions begin where the name does, as pySigma's.
  const auto listed = [&] {
    if (field.empty()) return false;
    if (c.regexes.empty()) return std::ranges::find(c.values, field) != c.values.end();
    return std::ranges::any_of(c.regexes, [&](const auto& regex) {
      return regex->Match(field, 0, field.size(), RE2::ANCHOR_START, nullptr, 0);
    });
  };
  switch (c.kind) {
    case Kind::kIncludeFields:
      return listed();
    case Kind::kExcludeFields:
      return !listed();
    case Kind::kItemApplied:
      return applied.contains(c.text);
    default:
      return rule_holds(c, s);
  }
}

bool item_holds(const PipelineCondition& c, const Subject& s, const Item& item,
                const StepIds& applied) {
  const auto holds = [&](const Value& v) {
    switch (c.kind) {
      case Kind::kMatchString: {
        if (v.kind != Value::Kind::kString) return c.negate;
        const std::string text = v.pattern.to_string(Pattern::Form::kPlain);
        return c.regexes[0]->Match(text, 0, text.size(), RE2::ANCHOR_START, nullptr, 0) != c.negate;
      }
      case Kind::kMatchValue:
        return same_value(v, c.value);
      case Kind::kContainsWildcard:
        return v.kind == Value::Kind::kString && v.pattern.has_wildcards();
      default:
        return v.kind == Value::Kind::kNull;
    }
  };
  switch (c.kind) {
    case Kind::kItemApplied:
      return applied.contains(c.text);
    case Kind::kState:
      return rule_holds(c, s);
    default:
      return c.all ? std::ranges::all_of(item.values, holds)
                   : std::ranges::any_of(item.values, holds);
  }
}

template <typename Holds>
bool satisfied(const PipelineConditions& conditions, Holds&& holds) {
  if (conditions.list.empty()) return true;
  if (conditions.expression_root) {
    // As deep as the condition parser lets expressions nest.
    const auto visit = [&](auto&& self, std::uint32_t index) -> bool {
      const Node& node = conditions.expression[index];
      const auto child = [&](std::uint32_t i) { return self(self, i); };
      switch (node.kind) {
        case Node::Kind::kAnd:
          return std::ranges::all_of(node.children, child);
        case Node::Kind::kOr:
          return std::ranges::any_of(node.children, child);
        case Node::Kind::kNot:
          return !child(node.children[0]);
        case Node::Kind::kItem:
          break;
      }
      return holds(conditions.list[node.item]);
    };
    return visit(visit, *conditions.expression_root);
  }
  const bool result = conditions.all ? std::ranges::all_of(conditions.list, holds)
                                     : std::ranges::any_of(conditions.list, holds);
  return result != conditions.negated;
}

}  // namespace

bool rule_wanted(const PipelineConditions& conditions, const Subject& subject) {
  return satisfied(conditions, [&](const PipelineCondition& c) { return rule_holds(c, subject); });
}

bool field_wanted(const PipelineConditions& conditions, const Subject& subject,
                  std::string_view field, const StepIds& applied) {
  return satisfied(conditions, [&](const PipelineCondition& c) {
    return field_holds(c, subject, field, applied);
  });
}

bool item_fields_wanted(const PipelineConditions& conditions, const Subject& subject,
                        const Item& item, const StepIds& applied) {
  return satisfied(conditions, [&](const PipelineCondition& c) {
    return field_holds(c, subject, item.field, applied) ||
           std::ranges::any_of(item.values, [&](const Value& value) {
             return value.kind == Value::Kind::kFieldRef &&
                    field_holds(c, subject, value.pattern.plain(), applied);
           });
  });
}

bool item_wanted(const PipelineConditions& conditions, const Subject& subject, const Item& item,
                 const StepIds& applied) {
  return satisfied(conditions, [&](const PipelineCondition& c) {
    return item_holds(c, subject, item, applied);
  });
}

}  // namespace rpcmarshal::sigma
