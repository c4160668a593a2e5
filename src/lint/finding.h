// What the linter says about a rule, and how it is written: text for people, JSON and SARIF for
// programs, and edits for --fix.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sigma/diagnostic.h"

namespace rpcmarshal::lint {

using sigma::Location;

/// A change of the rule file. Edits of one finding belong together.
struct Edit {
  Location at;         ///< where `before` stands (a quote in front of it is passed over)
  std::string before;  ///< empty: `after` becomes a line of its own below line `at.line`
  std::string after;
};

enum class Severity : std::uint8_t {
  kNote,     ///< may be on purpose
  kWarning,  ///< the rule runs, but misses something or says something untrue
  kError,    ///< (part of) the rule cannot work
};
std::string_view severity_name(Severity severity);  ///< "warning"

struct Finding {
  std::string check;  ///< "transposed-fields"; the list is in docs/rules.md
  Severity severity = Severity::kWarning;
  std::string file;
  Location at;
  std::string rule;         ///< title
  std::string message;      ///< what is wrong
  std::string fix;          ///< what would put it right, in words; may be empty
  std::vector<Edit> edits;  ///< not empty: safe to apply (they cannot make the rule match less)
};

/// "rules/x.yml:12:5: error: ... [transposed-fields]" and the fix on a line of its own.
std::string findings_text(const std::vector<Finding>& findings);
/// One object per line.
std::string findings_json(const std::vector<Finding>& findings);
/// SARIF 2.1.0 (OASIS), one run.
std::string findings_sarif(const std::vector<Finding>& findings, std::string_view version);

/// `text` with the edits of those findings that concern `file`. An edit whose `before` does not
/// stand at its place (or which overlaps one already made) is left out with all of its finding.
/// `applied` counts findings.
std::string apply_edits(std::string_view text, const std::string& file,
                        const std::vector<Finding>& findings, std::size_t& applied);

/// `text` as a JSON string with its quotes, appended; bytes that are no UTF-8 become U+FFFD.
void append_json(std::string& out, std::string_view text);

}  // namespace rpcmarshal::lint
