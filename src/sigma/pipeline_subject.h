// A rule or a correlation while pipelines go over it, what is remembered of it from transformation
// to transformation, and what conditions and transformations of values make of it.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sigma/pipeline.h"

namespace rpcmarshal::sigma {

using StepIds = std::set<std::string, std::less<>>;

struct Subject {
  Rule* rule = nullptr;
  Correlation* correlation = nullptr;
  const Metadata* about = nullptr;
  StepIds applied;  ///< transformations
  std::map<std::string, std::string, std::less<>> state, attributes;
  /// Fields that were mapped, and what they were mapped to.
  std::set<std::string, std::less<>> mapped;
  std::string error;
  Location error_at;
  /// Per item: transformations that were applied to it.
  std::vector<StepIds> item_applied;
  /// Of a correlation: the log sources of the rules it counts.
  std::vector<LogSource> counted;

  void fail(Location at, const std::string& message) {
    if (!error.empty()) return;
    error = message;
    error_at = at;
  }
};

// Conditions (pipeline_match.cc). Fields have no name in keywords: an empty one.
bool rule_wanted(const PipelineConditions& conditions, const Subject& subject);
bool field_wanted(const PipelineConditions& conditions, const Subject& subject,
                  std::string_view field, const StepIds& applied);
/// By the item's field or one that its values refer to.
bool item_fields_wanted(const PipelineConditions& conditions, const Subject& subject,
                        const Item& item, const StepIds& applied);
bool item_wanted(const PipelineConditions& conditions, const Subject& subject, const Item& item,
                 const StepIds& applied);

// Values (pipeline_values.cc).

/// What replace_string makes of it.
Pattern replace_string(const PipelineStep& step, const Pattern& pattern);
/// Appends what a value becomes; true when that is something else. Not for Value::Kind::kAnyOf.
bool transform_value(const PipelineStep& step, const PlaceholderValues& values, Value& value,
                     std::vector<Value>& out, std::string& error);
/// Text that is a number into one; false when it is none.
bool convert_to_number(Value& value);
/// The items that hashes_fields and extract_fields make of one: any of the groups, all items of a
/// group. Empty: it stays as it is.
std::vector<std::vector<Item>> hash_items(const PipelineStep& step, const Item& item,
                                          std::string& error);
std::vector<std::vector<Item>> extracted_items(const PipelineStep& step, const Item& item);

}  // namespace rpcmarshal::sigma
