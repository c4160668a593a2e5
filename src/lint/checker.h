// What the checks of one rule share. Internal to lint/.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lint/finding.h"
#include "lint/operations.h"
#include "sigma/rule.h"
#include "sigma/yaml.h"

namespace rpcmarshal::lint {

/// One rule under examination. The checks add to `findings`.
struct Checker {
  const sigma::Rule& rule;
  const sigma::Yaml& document;
  const Operations& operations;
  std::vector<Finding>& findings;
  View view = View::kOther;
  std::vector<const Operation*> matched = {};  ///< for which the rule can be true
  std::set<std::uint32_t> explained = {};      ///< selections (indexes) already said to be dead

  Finding& add(std::string check, Severity severity, Location at, std::string message,
               std::string fix = {}) const {
    return findings.emplace_back(Finding{std::move(check),
                                         severity,
                                         rule.about.file,
                                         at,
                                         rule.about.title,
                                         std::move(message),
                                         std::move(fix),
                                         {}});
  }
};

/// Names in endpoint, operation, InterfaceUuid, OpNum; transposed fields; names that do not go
/// together (name_checks.cc).
void check_names(Checker& c);
/// Selections that match nothing or everything, or that nobody uses; escaped wildcards; fields the
/// log does not have (logic_checks.cc, field_checks.cc).
void check_logic(Checker& c);
void check_fields(Checker& c);
void check_field_name(Checker& c, std::string_view field, Location at);
/// What the rule misses, beside what it matches: siblings, techniques, what Zeek does not log
/// (coverage_checks.cc).
void check_coverage(Checker& c);
/// Title, description, references, tags against what is matched (prose_checks.cc).
void check_tags(Checker& c);
void check_prose(Checker& c);

/// "A, B, C and 4 more"; each once.
std::string listed(std::vector<std::string> names, std::size_t most = 6);
/// "svcctl::CreateServiceW"
std::string full_name(const Operation& operation);

}  // namespace rpcmarshal::lint
