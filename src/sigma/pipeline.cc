#include "sigma/pipeline.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "sigma/document.h"
#include "sigma/pipeline_reader.h"
#include "sigma/pipeline_subject.h"
#include "sigma/yaml.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = PipelineStep::Kind;

constexpr int kMaxNesting = 8;
constexpr int kMaxGroups = 32;
constexpr std::size_t kMaxReplacement = 1024;

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
    StepName{"replace_string",
             Kind::kReplaceString,
             {"regex", "replacement", "skip_special", "interpret_special"}},
    StepName{"map_string", Kind::kMapString, {"mapping"}},
    StepName{"set_value", Kind::kSetValue, {"value", "force_type"}},
    StepName{"convert_type", Kind::kConvertType, {"target_type"}},
    StepName{"set_state", Kind::kSetState, {"key", "val"}},
    StepName{"rule_failure", Kind::kRuleFailure, {"message"}},
    StepName{"detection_item_failure", Kind::kItemFailure, {"message"}},
    StepName{"strict_field_mapping_failure", Kind::kStrictMapping, {}},
    StepName{"nest", Kind::kNest, {"items"}},
    StepName{"hashes_fields",
             Kind::kHashes,
             {"valid_hash_algos", "field_prefix", "drop_algo_prefix", "field_to_parse"}},
    StepName{"extract_fields", Kind::kExtract, {"regex", "field_prefix", "preserve_unmatched"}},
    StepName{"wildcard_placeholders", Kind::kWildcards, {"include", "exclude"}},
    StepName{"value_placeholders", Kind::kPlaceholders, {"include", "exclude"}},
    StepName{"case", Kind::kCase, {"method"}},
    StepName{"regex", Kind::kCased, {"method"}},
    StepName{"add_field", Kind::kAddFields, {"field"}},
    StepName{"remove_field", Kind::kRemoveFields, {"field"}},
    StepName{"set_field", Kind::kSetFields, {"fields"}},
    StepName{"set_custom_attribute", Kind::kSetAttribute, {"attribute", "value"}},
};

/// What pySigma has and has no meaning here, or none that is safe.
struct RefusedName {
  std::string_view name, why;
};
constexpr std::array kRefused = {
    RefusedName{"query_expression_placeholders",
                "writes a part of a query for another system; use value_placeholders"},
    RefusedName{"file_placeholders", "reads files; give their values with --values"},
    RefusedName{"http_placeholders", "asks the network; give the values with --values"},
    RefusedName{"command_placeholders", "runs programs; give the values with --values"},
    RefusedName{"field_name_transform", "needs a Python function; use field_name_mapping"},
};

constexpr std::array<std::string_view, 15> kCommonKeys = {"id",
                                                          "type",
                                                          "rule_conditions",
                                                          "rule_cond_op",
                                                          "rule_cond_expr",
                                                          "rule_cond_not",
                                                          "field_name_conditions",
                                                          "field_name_cond_op",
                                                          "field_name_cond_expr",
                                                          "field_name_cond_not",
                                                          "detection_item_conditions",
                                                          "detection_item_cond_op",
                                                          "detection_item_cond_expr",
                                                          "detection_item_cond_not",
                                                          "description"};

std::string known_steps() {
  std::string out;
  for (const StepName& step : kSteps) out += (out.empty() ? "" : ", ") + std::string(step.name);
  return out;
}

class Parser {
 public:
  Parser(const std::string& file, Diagnostics& diagnostics) : read_(file, diagnostics) {}

  bool failed() { return report_.failed(); }

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
    for (const auto& [name, values] : yaml.map) out[name.text] = read_.texts(values);
  }

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
      const auto refused = std::ranges::find(kRefused, type->text, &RefusedName::name);
      report_.error(type->at, refused != kRefused.end()
                                  ? "'" + type->text + "' cannot be used here: it " +
                                        std::string(refused->why)
                                  : "the transformation '" + type->text +
                                        "' is not known here; there are " + known_steps());
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
    read_.conditions(yaml, 'r', out.rules);
    read_.conditions(yaml, 'f', out.fields);
    read_.conditions(yaml, 'd', out.items);
    parameters(yaml, out, depth);
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
        out.text = read_.needed_text(yaml, "prefix");
        break;
      case Kind::kFieldSuffix:
        out.text = read_.needed_text(yaml, "suffix");
        break;
      case Kind::kDropItem:
      case Kind::kStrictMapping:
      case Kind::kNothing:
        break;
      case Kind::kHashes:
        if (const Yaml* algorithms = read_.needed(yaml, "valid_hash_algos"))
          out.mapping.emplace_back("", read_.texts(*algorithms));
        if (const Yaml* fields = yaml.find("field_to_parse")) {
          out.names = read_.texts(*fields);
        } else {
          out.names = {"Hashes", "Hash"};
        }
        out.text = yaml.string("field_prefix");
        out.drop_algorithm = read_.flag(yaml, "drop_algo_prefix");
        break;
      case Kind::kExtract:
        if (const Yaml* expression = read_.needed(yaml, "regex")) {
          out.regex = read_.regex(*expression);
          if (out.regex->ok() && out.regex->NamedCapturingGroups().empty())
            report_.error(expression->at, "no group has a name: write (?P<name>...)");
          if (out.regex->ok() && out.regex->NumberOfCapturingGroups() > kMaxGroups)
            report_.error(expression->at, "more than 32 groups");
        }
        out.text = yaml.string("field_prefix");
        out.keep_unmatched = read_.flag(yaml, "preserve_unmatched");
        break;
      case Kind::kWildcards:
      case Kind::kPlaceholders: {
        const Yaml *include = yaml.find("include"), *exclude = yaml.find("exclude");
        if (include != nullptr && exclude != nullptr)
          report_.error(exclude->at, "'include' and 'exclude' exclude each other");
        out.only_names = include != nullptr;
        if (const Yaml* names = include != nullptr ? include : exclude; names != nullptr)
          out.names = read_.texts(*names);
        break;
      }
      case Kind::kCase:
        out.text = read_.choice(yaml, "method", {"lower", "upper", "snake_case"});
        break;
      case Kind::kCased:
        // Letters never count here but where a rule says so.
        if (read_.choice(yaml, "method", {"ignore_case_brackets", "ignore_case_flag", "plain"}) !=
            "plain") {
          out.kind = Kind::kNothing;
        }
        break;
      case Kind::kAddFields:
      case Kind::kRemoveFields:
      case Kind::kSetFields:
        if (const Yaml* fields =
                read_.needed(yaml, out.kind == Kind::kSetFields ? "fields" : "field")) {
          out.names = read_.texts(*fields);
        }
        break;
      case Kind::kSetAttribute:
        out.text = read_.needed_text(yaml, "attribute");
        out.replacement = read_.needed_text(yaml, "value");
        break;
      case Kind::kAddCondition:
        if (const Yaml* conditions = read_.needed(yaml, "conditions")) {
          if (!conditions->is_map() || conditions->map.empty())
            report_.error(conditions->at, "'conditions' maps fields to values");
          out.definition = *conditions;
        }
        out.is_template = read_.flag(yaml, "template");
        out.negated = read_.flag(yaml, "negated");
        if (!report_.failed() && !out.is_template)
          out.condition = parse_added_condition(out.definition, report_);
        break;
      case Kind::kChangeLogSource:
        out.source = read_.source(yaml);
        break;
      case Kind::kReplaceString:
        if (const Yaml* expression = read_.needed(yaml, "regex")) {
          out.regex = read_.regex(*expression);
          if (const Yaml* replacement = yaml.find("replacement");
              replacement != nullptr && out.regex->ok()) {
            out.replacement = read_.replacement(*replacement, *out.regex);
            if (out.replacement.size() > kMaxReplacement)
              report_.error(replacement->at, "a replacement is at most 1,024 bytes long");
          }
        }
        out.skip_special = read_.flag(yaml, "skip_special");
        out.interpret_special = read_.flag(yaml, "interpret_special");
        break;
      case Kind::kSetValue:
        if (const Yaml* value = yaml.find("value"); value != nullptr && value->is_scalar()) {
          out.value = read_.plain_value(*value);
        } else {
          report_.error(yaml.at, "'value' is missing here, or no single value");
        }
        if (yaml.find("force_type") != nullptr) force_type(yaml, out.value);
        break;
      case Kind::kConvertType:
        out.text = read_.needed_text(yaml, "target_type");
        out.to_number = out.text == "num";
        if (!out.text.empty() && out.text != "num" && out.text != "str")
          report_.error(yaml.find("target_type")->at, "'target_type' is 'str' or 'num'");
        break;
      case Kind::kSetState:
        out.text = read_.needed_text(yaml, "key");
        out.replacement = read_.needed_text(yaml, "val");
        break;
      case Kind::kRuleFailure:
      case Kind::kItemFailure:
        out.text = read_.needed_text(yaml, "message");
        break;
      case Kind::kNest:
        if (const Yaml* items = read_.needed(yaml, "items")) out.nested = steps(*items, depth + 1);
        break;
    }
  }

  void force_type(const Yaml& yaml, Value& value) {
    const bool number = read_.choice(yaml, "force_type", {"str", "num"}) == "num";
    value.kind = Value::Kind::kString;
    value.pattern = Pattern::parse(value.text);
    if (number && !convert_to_number(value)) {
      report_.error(yaml.find("value")->at, "'" + value.text + "' is no number");
    }
  }

  void mapping(const Yaml& yaml, PipelineStep& out) {
    const Yaml* map = read_.needed(yaml, "mapping");
    if (map == nullptr) return;
    if (!map->is_map()) return report_.error(map->at, "'mapping' maps names to names");
    for (const auto& [from, to] : map->map) {
      // null: keywords, which have no field.
      out.mapping.emplace_back(from.is_null() ? std::string() : from.text, read_.texts(to));
      if (out.mapping.back().second.empty())
        report_.error(to.at, "'" + from.text +
                                 "' is mapped to nothing; to take it out of rules "
                                 "use drop_detection_item");
    }
  }

  PipelineReader read_;
  Reporter& report_ = read_.report();
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
