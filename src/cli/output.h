// What commands share: the output file and the interface definitions.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "builtin/builtin.h"

namespace rpcmarshal::cli {

/// A file that is closed, unless it is standard output.
struct Closer {
  void operator()(std::FILE* file) const {
    if (file != stdout) std::fclose(file);
  }
};
using Output = std::unique_ptr<std::FILE, Closer>;

/// `path` to write, or standard output when it is empty or "-". Null, with a message on standard
/// error, when it cannot be written.
Output open_output(const std::string& path);

/// Hands everything to the operating system; a message on standard error and false when that fails.
bool flushed(const Output& output);

/// The built-in interfaces and those of `paths`; findings other than notes go to standard error.
LoadedCatalogue load_definitions(const std::vector<std::string>& paths);

}  // namespace rpcmarshal::cli
