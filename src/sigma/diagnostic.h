// What is wrong with a rule file, and where: one line an editor can jump to. Problems never throw
// across this room's border; a rule with an error is left out, all others keep running.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rpcmarshal::sigma {

/// A place in a rule file; line and column count from 1, 0 is "the file as a whole".
struct Location {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Diagnostic {
  enum class Severity : std::uint8_t {
    kError,    ///< this rule (or document) does not run
    kWarning,  ///< it runs; other tools may refuse it, or it may not mean what its author thinks
  } severity = Severity::kError;
  std::string file;
  Location at;
  std::string message;  ///< what is wrong and what to do
  std::string rule;     ///< title of the rule, when known

  /// "rules/x.yml:12:5: error: unknown modifier 'contain'"
  std::string to_string() const;
};

using Diagnostics = std::vector<Diagnostic>;

}  // namespace rpcmarshal::sigma
