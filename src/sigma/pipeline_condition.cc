// Conditions of pipelines, and what is read alike in all of a pipeline.
#include <algorithm>
#include <array>

#include "sigma/condition.h"
#include "sigma/pipeline_reader.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = PipelineCondition::Kind;
using Op = PipelineCondition::Op;

struct ConditionName {
  std::string_view name;
  Kind kind;
  std::string_view scope;  ///< "r", "f", "d": rule, field name, detection item
  std::array<std::string_view, 4> keys;
};
constexpr std::array kConditions = {
    ConditionName{"logsource", Kind::kLogSource, "r", {"category", "product", "service"}},
    ConditionName{"contains_field", Kind::kContainsField, "r", {"field"}},
    ConditionName{"contains_detection_item", Kind::kContainsItem, "r", {"field", "value"}},
    ConditionName{"is_sigma_rule", Kind::kSigmaRule, "r", {}},
    ConditionName{"is_sigma_correlation_rule", Kind::kCorrelationRule, "r", {}},
    ConditionName{"rule_attribute", Kind::kAttribute, "r", {"attribute", "value", "op"}},
    ConditionName{"tag", Kind::kTag, "r", {"tag"}},
    ConditionName{"processing_item_applied", Kind::kItemApplied, "rfd", {"processing_item_id"}},
    ConditionName{"processing_state", Kind::kState, "rfd", {"key", "val", "op"}},
    ConditionName{"include_fields", Kind::kIncludeFields, "f", {"fields", "mode"}},
    ConditionName{"exclude_fields", Kind::kExcludeFields, "f", {"fields", "mode"}},
    ConditionName{"match_string", Kind::kMatchString, "d", {"cond", "pattern", "negate"}},
    ConditionName{"match_value", Kind::kMatchValue, "d", {"cond", "value"}},
    ConditionName{"contains_wildcard", Kind::kContainsWildcard, "d", {"cond"}},
    ConditionName{"is_null", Kind::kIsNull, "d", {"cond"}},
};

std::string known_conditions() {
  std::string out;
  for (const ConditionName& one : kConditions)
    out += (out.empty() ? "" : ", ") + std::string(one.name);
  return out;
}

constexpr std::pair<std::string_view, Op> kOperations[] = {
    {"eq", Op::kEq}, {"ne", Op::kNe},   {"gt", Op::kGt}, {"gte", Op::kGte},
    {"lt", Op::kLt}, {"lte", Op::kLte}, {"in", Op::kIn}, {"not_in", Op::kNotIn},
};

Op operation(const Yaml& yaml, Reporter& report) {
  const Yaml* op = yaml.find("op");
  if (op == nullptr) return Op::kEq;
  for (const auto& [name, known] : kOperations) {
    if (op->text == name) return known;
  }
  report.error(op->at, "'op' is eq, ne, gt, gte, lt, lte, in or not_in, not '" + op->text + "'");
  return Op::kEq;
}

}  // namespace

const Yaml* PipelineReader::needed(const Yaml& yaml, std::string_view key) {
  const Yaml* found = yaml.find(key);
  if (found == nullptr || found->is_null())
    report_.error(yaml.at, "'" + std::string(key) + "' is missing here");
  return found != nullptr && !found->is_null() ? found : nullptr;
}

std::string PipelineReader::needed_text(const Yaml& yaml, std::string_view key) {
  const Yaml* found = needed(yaml, key);
  if (found != nullptr && !found->is_scalar())
    report_.error(found->at, "'" + std::string(key) + "' is text");
  return found != nullptr && found->is_scalar() ? found->text : std::string();
}

bool PipelineReader::flag(const Yaml& yaml, std::string_view key) {
  const Yaml* found = yaml.find(key);
  if (found == nullptr) return false;
  if (found->kind != Yaml::Kind::kBool)
    report_.error(found->at, "'" + std::string(key) + "' is true or false");
  return found->boolean;
}

std::shared_ptr<const RE2> PipelineReader::regex(const Yaml& yaml) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto out = std::make_shared<RE2>(yaml.text, options);
  if (!out->ok()) report_.error(yaml.at, "the regular expression cannot be used: " + out->error());
  return out;
}

std::string PipelineReader::replacement(const Yaml& yaml, const RE2& regex) {
  static constexpr std::pair<char, char> kEscapes[] = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'}};
  const std::string& text = yaml.text;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char c = i + 1 < text.size() ? text[i + 1] : '\\';
    const auto known = std::ranges::find(kEscapes, c, &std::pair<char, char>::first);
    std::string group;
    if (c >= '0' && c <= '9') {
      group = c;
    } else if (const std::size_t end = text.find('>', i);
               c == 'g' && i + 2 < text.size() && text[i + 2] == '<' && end != std::string::npos) {
      const std::string name = text.substr(i + 3, end - i - 3);
      const auto found = regex.NamedCapturingGroups().find(name);
      group = found != regex.NamedCapturingGroups().end() ? std::to_string(found->second) : name;
      i = end - 1;
    } else if (known != std::end(kEscapes)) {
      out += known->second;
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      report_.error(yaml.at, std::string("in the replacement, '\\") + c + "' means nothing");
    } else {
      out += "\\\\";
      if (c != '\\') out += c;
    }
    if (!group.empty()) {
      if (group.size() != 1 || group[0] < '0' || group[0] > '9' ||
          group[0] - '0' > regex.NumberOfCapturingGroups()) {
        report_.error(yaml.at, "the replacement cannot be used: there is no group '" + group +
                                   "' (groups beyond 9 cannot be referred to)");
      } else {
        out += '\\' + group;
      }
    }
    ++i;
  }
  return out;
}

LogSource PipelineReader::source(const Yaml& yaml) {
  LogSource out;
  out.category = yaml.string("category");
  out.product = yaml.string("product");
  out.service = yaml.string("service");
  if (out.to_string().empty())
    report_.error(yaml.at, "one of category, product and service is needed here");
  return out;
}

std::string PipelineReader::choice(const Yaml& yaml, std::string_view key,
                                   std::initializer_list<std::string_view> choices) {
  const Yaml* found = yaml.find(key);
  if (found == nullptr) return std::string(*choices.begin());
  if (std::ranges::find(choices, found->text) != choices.end()) return found->text;
  std::string all;
  for (const std::string_view one : choices)
    all += (all.empty() ? "'" : ", '") + std::string(one) + "'";
  report_.error(found->at, "'" + std::string(key) + "' is one of " + all);
  return std::string(*choices.begin());
}

Value PipelineReader::plain_value(const Yaml& yaml) {
  Value out;
  out.at = yaml.at;
  out.text = yaml.text;
  switch (yaml.kind) {
    case Yaml::Kind::kInteger:
    case Yaml::Kind::kReal:
      out.kind = Value::Kind::kNumber;
      out.integral = yaml.kind == Yaml::Kind::kInteger;
      out.integer = yaml.integer;
      out.number = out.integral ? static_cast<double>(yaml.integer) : yaml.real;
      break;
    case Yaml::Kind::kBool:
      out.kind = Value::Kind::kBool;
      out.flag = yaml.boolean;
      break;
    case Yaml::Kind::kNull:
      out.kind = Value::Kind::kNull;
      break;
    default:
      out.kind = Value::Kind::kString;
      out.pattern = Pattern::parse(yaml.text);
  }
  return out;
}

void PipelineReader::conditions(const Yaml& step, char scope, PipelineConditions& out) {
  const std::string start = scope == 'r'   ? "rule_cond"
                            : scope == 'f' ? "field_name_cond"
                                           : "detection_item_cond";
  out.negated = flag(step, start + "_not");
  const Yaml* op = step.find(start + "_op");
  if (op != nullptr && op->text != "and" && op->text != "or")
    report_.error(op->at, "'" + start + "_op' is 'and' or 'or'");
  out.all = op == nullptr || op->text != "or";
  const Yaml* expr = step.find(start + "_expr");
  const Yaml* list = step.find(start + "itions");
  if (list == nullptr || list->is_null()) {
    if (expr != nullptr)
      report_.error(expr->at, "'" + start + "_expr' needs '" + start + "itions' that it names");
    return;
  }
  std::vector<std::string> names;
  if (list->is_map()) {
    for (const auto& [name, item] : list->map) {
      const std::size_t before = out.list.size();
      condition(item, scope, out);
      if (out.list.size() > before) names.push_back(name.text);
    }
  } else if (list->is_list()) {
    for (const Yaml& item : list->list) condition(item, scope, out);
  } else {
    return report_.error(list->at,
                         "'" + start + "itions' is a list, or a mapping of names to conditions");
  }
  if (expr == nullptr || report_.failed()) return;
  if (op != nullptr || out.negated)
    return report_.error(expr->at, "beside '" + start + "_expr' there is no '_op' or '_not'");
  if (!list->is_map())
    return report_.error(list->at, "'" + start + "_expr' names conditions: this must be a mapping");
  expression(*expr, names, out);
}

void PipelineReader::expression(const Yaml& text, const std::vector<std::string>& names,
                                PipelineConditions& out) {
  std::vector<bool> used(names.size(), false);
  ConditionNames find;
  find.find = [&](std::string_view name) -> std::optional<std::uint32_t> {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) return std::nullopt;
    const auto index = static_cast<std::uint32_t>(found - names.begin());
    used[index] = true;
    out.expression.push_back({Node::Kind::kItem, {}, index});
    return static_cast<std::uint32_t>(out.expression.size() - 1);
  };
  find.match = [](std::string_view) { return std::vector<std::uint32_t>(); };
  const ConditionResult result = parse_condition(text.text, find, out.expression);
  if (!result.error.empty()) {
    return report_.error({text.at.line, text.at.column + static_cast<std::uint32_t>(result.at)},
                         "in the expression: " + result.error);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!used[i])
      report_.error(text.at, "the condition '" + names[i] + "' does not stand in the expression");
  }
  out.expression_root = result.node;
}

void PipelineReader::condition(const Yaml& yaml, char scope, PipelineConditions& to) {
  const Yaml* type = yaml.find("type");
  if (type == nullptr) return report_.error(yaml.at, "a condition is a mapping with a 'type'");
  const auto known = std::ranges::find_if(
      kConditions, [&](const ConditionName& c) { return c.name == type->text; });
  if (known == kConditions.end()) {
    return report_.error(type->at, "the condition '" + type->text +
                                       "' is not known here; there are " + known_conditions());
  }
  if (known->scope.find(scope) == std::string_view::npos)
    return report_.error(type->at, "the condition '" + type->text + "' does not stand here");
  for (const auto& [key, value] : yaml.map) {
    if (key.text != "type" && std::ranges::find(known->keys, key.text) == known->keys.end())
      return report_.error(key.at, "'" + type->text + "' has no '" + key.text + "' here");
  }
  PipelineCondition out;
  out.kind = known->kind;
  switch (out.kind) {
    case Kind::kLogSource:
      out.source = source(yaml);
      break;
    case Kind::kContainsItem:
      out.text = needed_text(yaml, "field");
      if (const Yaml* value = needed(yaml, "value")) out.value = plain_value(*value);
      break;
    case Kind::kContainsField:
      out.text = needed_text(yaml, "field");
      break;
    case Kind::kAttribute:
      out.text = needed_text(yaml, "attribute");
      out.values = {needed_text(yaml, "value")};
      out.op = operation(yaml, report_);
      break;
    case Kind::kTag:
      out.text = needed_text(yaml, "tag");
      break;
    case Kind::kItemApplied:
      out.text = needed_text(yaml, "processing_item_id");
      break;
    case Kind::kState:
      out.text = needed_text(yaml, "key");
      out.values = {needed_text(yaml, "val")};
      out.op = operation(yaml, report_);
      break;
    case Kind::kIncludeFields:
    case Kind::kExcludeFields: {
      const Yaml* fields = needed(yaml, "fields");
      if (fields != nullptr) out.values = texts(*fields);
      const Yaml* mode = yaml.find("mode");
      if (mode != nullptr && mode->text != "plain" && mode->text != "re")
        report_.error(mode->at, "'mode' is 'plain' or 're'");
      if (mode != nullptr && mode->text == "re" && fields != nullptr) {
        for (const std::string& expression : out.values) {
          Yaml text = *fields;
          text.text = expression;
          out.regexes.push_back(regex(text));
        }
      }
      break;
    }
    case Kind::kMatchValue:
    case Kind::kMatchString:
      if (out.kind == Kind::kMatchValue) {
        if (const Yaml* value = needed(yaml, "value")) out.value = plain_value(*value);
      } else if (const Yaml* pattern = needed(yaml, "pattern")) {
        out.regexes.push_back(regex(*pattern));
      }
      out.negate = flag(yaml, "negate");
      [[fallthrough]];
    case Kind::kContainsWildcard:
    case Kind::kIsNull: {
      const std::string cond = needed_text(yaml, "cond");
      out.all = cond == "all";
      if (!cond.empty() && cond != "all" && cond != "any")
        report_.error(yaml.find("cond")->at, "'cond' is 'any' or 'all'");
      break;
    }
    case Kind::kSigmaRule:
    case Kind::kCorrelationRule:
      break;
  }
  to.list.push_back(std::move(out));
}

}  // namespace rpcmarshal::sigma
