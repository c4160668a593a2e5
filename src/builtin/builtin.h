// The catalogue that comes with the program: interfaces/*.idl, parsed at start.
#pragma once

#include <string>
#include <vector>

#include "idl/parser.h"
#include "interface/model.h"

namespace rpcmarshal {

struct LoadedCatalogue {
  Catalogue catalogue;
  std::vector<idl::Diagnostic> diagnostics;  ///< of the user's files; the built-in ones have none
};

/// The built-in interfaces, then every *.idl of each folder (or each file) in `user_paths`, which
/// override them operation by operation. Does not throw on what the files say.
LoadedCatalogue load_catalogue(const std::vector<std::string>& user_paths = {});

}  // namespace rpcmarshal
