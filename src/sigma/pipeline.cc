#include "sigma/pipeline.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "sigma/document.h"
#include "sigma/yaml.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = PipelineStep::Kind;
using Condition_ = PipelineCondition::Kind;

constexpr int kMaxNesting = 8;

struct StepName {
  std::string_view name;
  Kind kind;
  /// Keys beside those that all have.
  std::array<std::string_view, 4> keys;
};
constexpr std::array kSteps = {
    StepName{"field_name_mapping", Kind::kFieldMapping, {"mapping"}},
    StepName{"field_name_prefix_mapping", Kind::kFieldPrefixMapping, {"mapping"}},
    StepName{"field_name_prefix", Kind::kFieldPrefix, {"prefix"}},
    StepName{"field_name_suffix", Kind::kFieldSuffix, {"suffix"}},
    StepName{"drop_detection_item", Kind::kDropItem, {}},
    StepName{"add_condition", Kind::kAddCondition, {"conditions", "name", "template", "negated"}},
    StepName{"change_logsource", Kind::kChangeLogSource, {"category", "product", "service"}},
    StepName{"replace_string", Kind::kReplaceString, {"regex", "replacement", "skip_special"}},
    StepName{"map_string", Kind::kMapString, {"mapping"}},
    StepName{"set_value", Kind::kSetValue, {"value"}},
    StepName{"convert_type", Kind::kConvertType, {"target_type"}},
    StepName{"set_state", Kind::kSetState, {"key", "val"}},
    StepName{"rule_failure", Kind::kRuleFailure, {"message"}},
    StepName{"detection_item_failure", Kind::kItemFailure, {"message"}},
    StepName{"nest", Kind::kNest, {"items"}},
};
constexpr std::array<std::string_view, 12> kCommonKeys = {"id",
                                                          "type",
                                                          "rule_conditions",
                                                          "rule_cond_op",
                                                          "rule_cond_not",
                                                          "field_name_conditions",
                                                          "field_name_cond_op",
                                                          "field_name_cond_not",
                                                          "detection_item_conditions",
                                                          "detection_item_cond_op",
                                                          "detection_item_cond_not",
                                                          "description"};

struct ConditionName {
  std::string_view name;
  Condition_ kind;
  std::string_view scope;  ///< "r", "f", "d": rule, field name, detection item
  std::array<std::string_view, 4> keys;
};
constexpr std::array kConditions = {
    ConditionName{"logsource", Condition_::kLogSource, "r", {"category", "product", "service"}},
    ConditionName{"contains_field", Condition_::kContainsField, "r", {"field"}},
    ConditionName{"contains_detection_item", Condition_::kContainsItem, "r", {"field", "value"}},
    ConditionName{"is_sigma_rule", Condition_::kSigmaRule, "r", {}},
    ConditionName{"is_sigma_correlation_rule", Condition_::kCorrelationRule, "r", {}},
    ConditionName{"rule_attribute", Condition_::kAttribute, "r", {"attribute", "value", "op"}},
    ConditionName{"tag", Condition_::kTag, "r", {"tag"}},
    ConditionName{
        "processing_item_applied", Condition_::kItemApplied, "rfd", {"processing_item_id"}},
    ConditionName{"processing_state", Condition_::kState, "rfd", {"key", "val", "op"}},
    ConditionName{"include_fields", Condition_::kIncludeFields, "f", {"fields", "mode"}},
    ConditionName{"exclude_fields", Condition_::kExcludeFields, "f", {"fields", "mode"}},
    ConditionName{"match_string", Condition_::kMatchString, "d", {"cond", "pattern", "negate"}},
    ConditionName{"contains_wildcard", Condition_::kContainsWildcard, "d", {"cond"}},
    ConditionName{"is_null", Condition_::kIsNull, "d", {"cond"}},
};

template <typename Table>
std::string known_names(const Table& table) {
  std::string out;
  for (const auto& entry : table) out += (out.empty() ? "" : ", ") + std::string(entry.name);
  return out;
}

class Parser {
 public:
  Parser(const std::string& file, Diagnostics& diagnostics) : report_(file, {}, diagnostics) {}

  bool failed() const { return report_.failed(); }

  Pipeline pipeline(const Yaml& document) {
    Pipeline out;
    if (!document.is_map()) {
      report_.error(document.at, "a pipeline is a mapping with 'transformations'");
      return out;
    }
    for (const auto& [key, value] : document.map) {
      if (key.text == "name") {
        out.name = value.text;
      } else if (key.text == "priority") {
        if (value.kind != Yaml::Kind::kInteger) {
          report_.error(value.at, "'priority' is a number");
        } else {
          out.priority = value.integer;
        }
      } else if (key.text == "vars") {
        variables(value, out.variables);
      } else if (key.text == "transformations") {
        out.steps = steps(value, 0);
      } else if (key.text == "postprocessing" || key.text == "finalizers") {
        if (!value.is_null() && !(value.is_list() && value.list.empty()))
          report_.error(key.at, "'" + key.text +
                                    "' is about queries for other systems: rules are evaluated "
                                    "here; take it out");
      } else if (key.text != "allowed_backends" && key.text != "description") {
        report_.error(key.at, "unknown key '" + key.text +
                                  "': a pipeline has name, priority, vars and transformations");
      }
    }
    return out;
  }

 private:
  void variables(const Yaml& yaml, PlaceholderValues& out) {
    if (!yaml.is_map()) return report_.error(yaml.at, "'vars' maps names to lists of values");
    for (const auto& [name, values] : yaml.map) out[name.text] = texts(values);
  }

  std::vector<std::string> texts(const Yaml& yaml) { return parse_texts(&yaml, report_); }

  std::vector<PipelineStep> steps(const Yaml& yaml, int depth) {
    std::vector<PipelineStep> out;
    if (!yaml.is_list()) {
      report_.error(yaml.at, "a list of transformations is expected here");
      return out;
    }
    if (depth > kMaxNesting) {
      report_.error(yaml.at, "'nest' is nested too deeply");
      return out;
    }
    for (const Yaml& item : yaml.list) out.push_back(step(item, depth));
    return out;
  }

  PipelineStep step(const Yaml& yaml, int depth) {
    PipelineStep out;
    out.at = yaml.at;
    const Yaml* type = yaml.find("type");
    if (type == nullptr) {
      report_.error(yaml.at, "a transformation is a mapping with a 'type'");
      return out;
    }
    const auto known =
        std::ranges::find_if(kSteps, [&](const StepName& s) { return s.name == type->text; });
    if (known == kSteps.end()) {
      report_.error(type->at, "the transformation '" + type->text +
                                  "' is not known here; there are " + known_names(kSteps));
      return out;
    }
    out.kind = known->kind;
    out.id = yaml.string("id");
    for (const auto& [key, value] : yaml.map) {
      if (std::ranges::find(kCommonKeys, key.text) == kCommonKeys.end() &&
          std::ranges::find(known->keys, key.text) == known->keys.end()) {
        report_.error(key.at, "'" + type->text + "' has no '" + key.text + "' here");
      }
    }
    conditions(yaml, "rule_conditions", "rule_cond_op", "rule_cond_not", 'r', out.rules);
    conditions(yaml, "field_name_conditions", "field_name_cond_op", "field_name_cond_not", 'f',
               out.fields);
    conditions(yaml, "detection_item_conditions", "detection_item_cond_op",
               "detection_item_cond_not", 'd', out.items);
    parameters(yaml, out, depth);
    return out;
  }

  const Yaml* needed(const Yaml& yaml, std::string_view key) {
    const Yaml* found = yaml.find(key);
    if (found == nullptr || found->is_null())
      report_.error(yaml.at, "'" + std::string(key) + "' is missing here");
    return found != nullptr && !found->is_null() ? found : nullptr;
  }
  std::string needed_text(const Yaml& yaml, std::string_view key) {
    const Yaml* found = needed(yaml, key);
    if (found != nullptr && !found->is_scalar())
      report_.error(found->at, "'" + std::string(key) + "' is text");
    return found != nullptr && found->is_scalar() ? found->text : std::string();
  }
  bool flag(const Yaml& yaml, std::string_view key) {
    const Yaml* found = yaml.find(key);
    if (found == nullptr) return false;
    if (found->kind != Yaml::Kind::kBool)
      report_.error(found->at, "'" + std::string(key) + "' is true or false");
    return found->boolean;
  }
  std::shared_ptr<const RE2> regex(const Yaml& yaml) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    auto out = std::make_shared<RE2>(yaml.text, options);
    if (!out->ok())
      report_.error(yaml.at, "the regular expression cannot be used: " + out->error());
    return out;
  }
  LogSource source(const Yaml& yaml) {
    LogSource out;
    out.category = yaml.string("category");
    out.product = yaml.string("product");
    out.service = yaml.string("service");
    if (out.to_string().empty())
      report_.error(yaml.at, "one of category, product and service is needed here");
    return out;
  }

  void parameters(const Yaml& yaml, PipelineStep& out, int depth) {
    switch (out.kind) {
      case Kind::kFieldMapping:
      case Kind::kFieldPrefixMapping:
      case Kind::kMapString:
        mapping(yaml, out);
        break;
      case Kind::kFieldPrefix:
        out.text = needed_text(yaml, "prefix");
        break;
      case Kind::kFieldSuffix:
        out.text = needed_text(yaml, "suffix");
        break;
      case Kind::kDropItem:
        break;
      case Kind::kAddCondition:
        if (const Yaml* conditions = needed(yaml, "conditions")) {
          if (!conditions->is_map() || conditions->map.empty())
            report_.error(conditions->at, "'conditions' maps fields to values");
          out.definition = *conditions;
        }
        out.is_template = flag(yaml, "template");
        out.negated = flag(yaml, "negated");
        if (!report_.failed() && !out.is_template)
          out.condition = parse_added_condition(out.definition, report_);
        break;
      case Kind::kChangeLogSource:
        out.source = source(yaml);
        break;
      case Kind::kReplaceString:
        if (const Yaml* expression = needed(yaml, "regex")) {
          out.regex = regex(*expression);
          const Yaml* replacement = yaml.find("replacement");
          out.replacement = replacement != nullptr ? replacement->text : std::string();
          std::string error;
          if (out.regex->ok() && !out.regex->CheckRewriteString(out.replacement, &error))
            report_.error(replacement->at, "the replacement cannot be used: " + error);
        }
        out.skip_special = flag(yaml, "skip_special");
        break;
      case Kind::kSetValue:
        if (const Yaml* value = yaml.find("value"); value != nullptr && value->is_scalar()) {
          out.value = plain_value(*value);
        } else {
          report_.error(yaml.at, "'value' is missing here, or no single value");
        }
        break;
      case Kind::kConvertType:
        out.text = needed_text(yaml, "target_type");
        out.to_number = out.text == "num";
        if (!out.text.empty() && out.text != "num" && out.text != "str")
          report_.error(yaml.find("target_type")->at, "'target_type' is 'str' or 'num'");
        break;
      case Kind::kSetState:
        out.text = needed_text(yaml, "key");
        out.replacement = needed_text(yaml, "val");
        break;
      case Kind::kRuleFailure:
      case Kind::kItemFailure:
        out.text = needed_text(yaml, "message");
        break;
      case Kind::kNest:
        if (const Yaml* items = needed(yaml, "items")) out.nested = steps(*items, depth + 1);
        break;
    }
  }

  void mapping(const Yaml& yaml, PipelineStep& out) {
    const Yaml* map = needed(yaml, "mapping");
    if (map == nullptr) return;
    if (!map->is_map()) return report_.error(map->at, "'mapping' maps names to names");
    for (const auto& [from, to] : map->map) {
      out.mapping.emplace_back(from.text, texts(to));
      if (out.mapping.back().second.empty())
        report_.error(to.at, "'" + from.text +
                                 "' is mapped to nothing; to take it out of rules "
                                 "use drop_detection_item");
    }
  }

  void conditions(const Yaml& yaml, std::string_view key, std::string_view op_key,
                  std::string_view not_key, char scope, PipelineConditions& out) {
    out.negated = flag(yaml, not_key);
    if (const Yaml* op = yaml.find(op_key)) {
      if (op->text != "and" && op->text != "or")
        report_.error(op->at, "'" + std::string(op_key) + "' is 'and' or 'or'");
      out.all = op->text != "or";
    }
    const Yaml* list = yaml.find(key);
    if (list == nullptr || list->is_null()) return;
    if (!list->is_list())
      return report_.error(list->at, "'" + std::string(key) + "' is a list of conditions");
    for (const Yaml& item : list->list) condition(item, scope, out);
  }

  void condition(const Yaml& yaml, char scope, PipelineConditions& to) {
    const Yaml* type = yaml.find("type");
    if (type == nullptr) return report_.error(yaml.at, "a condition is a mapping with a 'type'");
    const auto known = std::ranges::find_if(
        kConditions, [&](const ConditionName& c) { return c.name == type->text; });
    if (known == kConditions.end()) {
      return report_.error(type->at, "the condition '" + type->text +
                                         "' is not known here; there are " +
                                         known_names(kConditions));
    }
    if (known->scope.find(scope) == std::string_view::npos)
      return report_.error(type->at, "the condition '" + type->text + "' does not stand here");
    for (const auto& [key, value] : yaml.map) {
      if (key.text != "type" && std::ranges::find(known->keys, key.text) == known->keys.end())
        return report_.error(key.at, "'" + type->text + "' has no '" + key.text + "' here");
      if (key.text == "op" && value.text != "eq")
        return report_.error(value.at, "only 'eq' can be compared with here");
    }
    PipelineCondition out;
    out.kind = known->kind;
    switch (out.kind) {
      case Condition_::kLogSource:
        out.source = source(yaml);
        break;
      case Condition_::kContainsItem:
        out.text = needed_text(yaml, "field");
        out.values = {needed_text(yaml, "value")};
        break;
      case Condition_::kContainsField:
        out.text = needed_text(yaml, "field");
        break;
      case Condition_::kAttribute:
        out.text = needed_text(yaml, "attribute");
        out.values = {needed_text(yaml, "value")};
        break;
      case Condition_::kTag:
        out.text = needed_text(yaml, "tag");
        break;
      case Condition_::kItemApplied:
        out.text = needed_text(yaml, "processing_item_id");
        break;
      case Condition_::kState:
        out.text = needed_text(yaml, "key");
        out.values = {needed_text(yaml, "val")};
        break;
      case Condition_::kIncludeFields:
      case Condition_::kExcludeFields: {
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
      case Condition_::kMatchString:
        if (const Yaml* pattern = needed(yaml, "pattern")) out.regexes.push_back(regex(*pattern));
        out.negate = flag(yaml, "negate");
        [[fallthrough]];
      case Condition_::kContainsWildcard:
      case Condition_::kIsNull: {
        const std::string cond = needed_text(yaml, "cond");
        out.all = cond == "all";
        if (!cond.empty() && cond != "all" && cond != "any")
          report_.error(yaml.find("cond")->at, "'cond' is 'any' or 'all'");
        break;
      }
      case Condition_::kSigmaRule:
      case Condition_::kCorrelationRule:
        break;
    }
    to.list.push_back(std::move(out));
  }

  static Value plain_value(const Yaml& yaml) {
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

  Reporter report_;
};

}  // namespace

Detection parse_added_condition(const Yaml& fields, Reporter& report) {
  Yaml name;
  name.kind = Yaml::Kind::kString;
  name.at = fields.at;
  name.text = "added";
  Yaml key = name;
  key.text = "condition";
  Yaml mapping;
  mapping.kind = Yaml::Kind::kMap;
  mapping.at = fields.at;
  mapping.map.emplace_back(name, fields);
  mapping.map.emplace_back(key, name);
  return parse_detection(mapping, {}, report);
}

bool parse_pipeline(std::string_view text, const std::string& file, std::vector<Pipeline>& out,
                    Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.size();
  const std::vector<Yaml> documents = parse_yaml(text, file, diagnostics);
  bool good = diagnostics.size() == before;
  if (documents.empty() && good) {
    diagnostics.push_back(
        {Diagnostic::Severity::kError, file, {}, "there is no pipeline in it", {}});
    good = false;
  }
  for (const Yaml& document : documents) {
    Parser parser(file, diagnostics);
    Pipeline pipeline = parser.pipeline(document);
    pipeline.file = file;
    good = good && !parser.failed();
    out.push_back(std::move(pipeline));
  }
  std::ranges::stable_sort(out, {}, &Pipeline::priority);
  return good;
}

bool load_pipeline(const std::string& path, std::vector<Pipeline>& out, Diagnostics& diagnostics) {
  std::string text;
  return read_rule_file(path, text, diagnostics) && parse_pipeline(text, path, out, diagnostics);
}

}  // namespace rpcmarshal::sigma
