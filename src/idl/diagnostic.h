// What the IDL front end has to say about a file: one finding, at one place, with what it means for
// the person who wrote the file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rpcmarshal::idl {

struct Diagnostic {
  enum class Severity : std::uint8_t {
    kError,    ///< something declared is missing from the result
    kWarning,  ///< the result is complete but may differ from what was meant
    kNote,     ///< a tolerated oddity
  };
  Severity severity = Severity::kError;
  std::string file;
  std::uint32_t line = 0;    ///< from 1
  std::uint32_t column = 0;  ///< in bytes, from 1
  std::string message;       ///< what was found
  std::string why;           ///< what it means for decoding; may be empty
  std::string fix;           ///< what would put it right; may be empty

  /// "file:line:column: error: message; why; fix", on one line without a line end.
  std::string to_string() const;
};

const char* to_string(Diagnostic::Severity severity);

}  // namespace rpcmarshal::idl
