// Rule files and folders into a set that is ready to run: placeholders replaced, filters applied,
// references of correlations resolved. What is wrong is said; what is right is kept.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sigma/rule.h"

namespace rpcmarshal::sigma {

/// Values of placeholders (%name%), each a Sigma string.
using PlaceholderValues = std::map<std::string, std::vector<std::string>, std::less<>>;

/// Reads a YAML file "name: [value, ...]" and adds it to `out`.
void load_values(const std::string& path, PlaceholderValues& out, Diagnostics& diagnostics);

/// The text of a file with rules, values or a pipeline; false, and a diagnostic, when it cannot be
/// read.
bool read_rule_file(const std::string& path, std::string& out, Diagnostics& diagnostics);

/// Adds the rules of a file, or of every .yml and .yaml file below a folder (in order of their
/// names), to `out`. As written: call resolve() when all are there.
void load_path(const std::string& path, RuleSet& out, Diagnostics& diagnostics);

struct Pipeline;  // pipeline.h

/// Replaces placeholders, applies filters and pipelines, and removes what cannot run: rules with
/// placeholders that have no values, correlations that refer to nothing or to themselves.
void resolve(RuleSet& rules, const PlaceholderValues& values, Diagnostics& diagnostics,
             const std::vector<Pipeline>* pipelines = nullptr);

/// load_path for each, then resolve.
RuleSet load_rules(const std::vector<std::string>& paths, const PlaceholderValues& values,
                   Diagnostics& diagnostics, const std::vector<Pipeline>* pipelines = nullptr);

/// Puts the values of placeholders into a value; false, and what is missing, when one has none.
/// Those in `kept` stay.
bool replace_placeholders(Value& value, const PlaceholderValues& values, std::string& error,
                          const std::vector<std::string>& kept = {});

/// Whether a reference (id, name, or title) means this document.
bool refers_to(const std::string& reference, const Metadata& about);

}  // namespace rpcmarshal::sigma
