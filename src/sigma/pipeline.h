// Processing pipelines: how rules are adapted to the fields and log sources that one's own data
// have. YAML in the format of pySigma (docs: sigmahq-pysigma.readthedocs.io, "Processing
// Pipelines"): a list of transformations, each with conditions that say which rules, fields and
// values it is for. What is about writing queries for other systems (finalizers, postprocessing,
// query expressions) is refused, as is everything unknown: a pipeline that is applied in part
// changes what rules mean. pipeline.cc and pipeline_condition.cc read; pipeline_match.cc,
// pipeline_values.cc and pipeline_apply.cc apply.
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
    kContainsItem,  ///< `text` is the field, `value` its value
    kCorrelationRule,
    kSigmaRule,
    kAttribute,  ///< `text` names it, `values` has its value, compared by `op`
    kTag,
    // of rules, fields and values
    kItemApplied,  ///< `text` is the id
    kState,        ///< `text` is the key, `values` has the value, compared by `op`
    // of fields
    kIncludeFields,
    kExcludeFields,
    // of values
    kMatchString,
    kMatchValue,  ///< `value`
    kContainsWildcard,
    kIsNull,
  } kind = Kind::kLogSource;
  LogSource source;
  std::string text;
  std::vector<std::string> values;
  bool all = false, negate = false;
  enum class Op { kEq, kNe, kGt, kGte, kLt, kLte, kIn, kNotIn } op = Op::kEq;
  Value value;
  std::vector<std::shared_ptr<const RE2>> regexes;
};

/// Conditions that are joined: by an expression over them; else `all` (and) or any (or), and
/// negated as a whole.
struct PipelineConditions {
  std::vector<PipelineCondition> list;
  bool all = true, negated = false;
  std::vector<Node> expression;  ///< Node::item is the index in `list`
  std::optional<std::uint32_t> expression_root;
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
    kStrictMapping,
    kNest,
    kHashes,        ///< `mapping[0].second`: algorithms; `text`: prefix; `names`: fields
    kExtract,       ///< `text`: prefix
    kWildcards,     ///< placeholders become wildcards
    kPlaceholders,  ///< placeholders get their values now
    kCase,          ///< `text` is the method
    kCased,         ///< letters count
    kNothing,       ///< what has no meaning where rules are evaluated
    kAddFields,     ///< `names`
    kRemoveFields,
    kSetFields,
    kSetAttribute,  ///< `text` is its name, `replacement` its value
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
  bool interpret_special = false;  ///< kReplaceString
  bool keep_unmatched = false;     ///< kExtract
  bool drop_algorithm = false;     ///< kHashes
  std::vector<std::string> names;  ///< fields; placeholders that are meant
  bool only_names = false;         ///< placeholders: `names` are all that are meant
  Value value;                     ///< kSetValue
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

/// Whether they say themselves what becomes of placeholders: those must still be there.
bool replace_placeholders(const std::vector<Pipeline>& pipelines);

/// Applies them all, in order, to every rule and correlation. Rules that a transformation refuses,
/// or of which nothing is left, are reported and removed. `values` are those of placeholders.
void apply_pipelines(const std::vector<Pipeline>& pipelines, RuleSet& rules,
                     const PlaceholderValues& values, Diagnostics& diagnostics);

/// Copies `from` behind the nodes of `to`; its single condition is and-ed to each of `to`'s,
/// negated when `negated`.
void and_condition(Detection& to, const Detection& from, bool negated);

}  // namespace rpcmarshal::sigma
