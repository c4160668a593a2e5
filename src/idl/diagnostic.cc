#include "idl/diagnostic.h"

#include <string_view>

namespace rpcmarshal::idl {

const char* to_string(Diagnostic::Severity severity) {
  switch (severity) {
    case Diagnostic::Severity::kError:
      return "error";
    case Diagnostic::Severity::kWarning:
      return "warning";
    case Diagnostic::Severity::kNote:
      break;
  }
  return "note";
}

std::string Diagnostic::to_string() const {
  std::string out = file;
  if (line) out += ':' + std::to_string(line) + ':' + std::to_string(column);
  out += std::string(": ") + idl::to_string(severity) + ": " + message;
  if (!why.empty()) out += "; " + why;
  if (!fix.empty()) out += "; " + fix;
  return out;
}

}  // namespace rpcmarshal::idl
