#include "sigma/diagnostic.h"

namespace rpcmarshal::sigma {

std::string Diagnostic::to_string() const {
  std::string out = file.empty() ? "rule" : file;
  if (at.line != 0) {
    out += ':' + std::to_string(at.line);
    if (at.column != 0) out += ':' + std::to_string(at.column);
  }
  out += severity == Severity::kError ? ": error: " : ": warning: ";
  out += message;
  return out;
}

}  // namespace rpcmarshal::sigma
