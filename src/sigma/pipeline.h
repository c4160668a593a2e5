// Processing pipelines: how rules are adapted to the fields and log sources that one's own data
// have. YAML in the format of pySigma (docs: sigmahq-pysigma.readthedocs.io, "Processing
// Pipelines"): a list of transformations, each with conditions that say which rules, fields and
// values it is for. What is about writing queries for other systems (finalizers, postprocessing,
// query expressions) is refused, as is everything unknown: a pipeline that is applied in part
// changes what rules mean.
#pragma once

#include <re2/re2.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sigma/loader.h"
#include "sigma/rule.h"
#include "sigma/yaml.h"

namespace rpcmarshal::sigma {

/// One condition of a transformation; what its kind does not need is empty.
struct PipelineCondition {
  enum class Kind {
    // of rules
    kLogSource,
    kContainsField,
    kContainsItem,  ///< `text` is the field, `values` its values
    kCorrelationRule,
    kSigmaRule,
    kAttribute,  ///< `text` names it, `values` has its value
    kTag,
    // of rules, fields and values
    kItemApplied,  ///< `text` is the id
    kState,        ///< `text` is the key, `values` has the value
    // of fields
    kIncludeFields,
    kExcludeFields,
    // of values
    kMatchString,
    kContainsWildcard,
    kIsNull,
  } kind = Kind::kLogSource;
  LogSource source;
  std::string text;
  std::vector<std::string> values;
  bool all = false, negate = false;
  std::vector<std::shared_ptr<const RE2>> regexes;
};

/// Conditions that are joined: `all` (and) or any (or), and negated as a whole.
struct PipelineConditions {
  std::vector<PipelineCondition> list;
  bool all = true, negated = false;
};

struct PipelineStep {
  enum class Kind {
    kFieldMapping,
    kFieldPrefixMapping,
    kFieldPrefix,
    kFieldSuffix,
    kDropItem,
    kAddCondition,
    kChangeLogSource,
    kReplaceString,
    kMapString,
    kSetValue,
    kConvertType,
    kSetState,
    kRuleFailure,
    kItemFailure,
    kNest,
  } kind = Kind::kFieldMapping;
  std::string id;
  Location at;
  PipelineConditions rules, fields, items;
  std::vector<std::pair<std::string, std::vector<std::string>>> mapping;
  std::string text, replacement;  ///< prefix, suffix, message, key and value of a state
  std::shared_ptr<const RE2> regex;
  LogSource source;
  Detection condition;  ///< kAddCondition, when it has no templates
  Yaml definition;      ///< kAddCondition: the fields and values, as written
  bool is_template = false, negated = false, skip_special = false, to_number = false;
  Value value;  ///< kSetValue
  std::vector<PipelineStep> nested;
};

struct Pipeline {
  std::string name, file;
  std::int64_t priority = 0;
  std::vector<PipelineStep> steps;
  PlaceholderValues variables;  ///< `vars`
};

/// Reads a pipeline file and adds it to `out`, which stays in order of priority. False when it
/// cannot be used; diagnostics say where and why.
bool load_pipeline(const std::string& path, std::vector<Pipeline>& out, Diagnostics& diagnostics);
/// The same, of text.
bool parse_pipeline(std::string_view text, const std::string& file, std::vector<Pipeline>& out,
                    Diagnostics& diagnostics);

/// Applies them all, in order, to every rule and correlation. Rules that a transformation refuses,
/// or of which nothing is left, are reported and removed.
void apply_pipelines(const std::vector<Pipeline>& pipelines, RuleSet& rules,
                     Diagnostics& diagnostics);

/// Copies `from` behind the nodes of `to`; its single condition is and-ed to each of `to`'s,
/// negated when `negated`.
void and_condition(Detection& to, const Detection& from, bool negated);

}  // namespace rpcmarshal::sigma
