#include "cli/output.h"

#include <cerrno>
#include <cstring>

namespace rpcmarshal::cli {

Output open_output(const std::string& path) {
  if (path.empty() || path == "-") return Output(stdout);
  Output out(std::fopen(path.c_str(), "wb"));
  if (!out)
    std::fprintf(stderr, "rpcmarshal: cannot write %s: %s\n", path.c_str(), std::strerror(errno));
  return out;
}

bool flushed(const Output& output) {
  if (std::fflush(output.get()) == 0 && !std::ferror(output.get())) return true;
  std::fprintf(stderr, "rpcmarshal: the output could not be written in full: %s\n",
               std::strerror(errno));
  return false;
}

LoadedCatalogue load_definitions(const std::vector<std::string>& paths) {
  LoadedCatalogue loaded = load_catalogue(paths);
  for (const idl::Diagnostic& d : loaded.diagnostics) {
    if (d.severity != idl::Diagnostic::Severity::kNote)
      std::fprintf(stderr, "%s\n", d.to_string().c_str());
  }
  return loaded;
}

}  // namespace rpcmarshal::cli
