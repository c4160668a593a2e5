// The catalogue that comes with the program: interfaces/*.idl and the names of
// interfaces/names.tsv. A file is parsed when one of its interfaces is first asked for, so that
// starting costs nothing.
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

/// The built-in interfaces, and every *.idl of each folder (or each file) in `user_paths`, which
/// override them operation by operation and are parsed at once. Does not throw on what the files
/// say.
LoadedCatalogue load_catalogue(const std::vector<std::string>& user_paths = {});

}  // namespace rpcmarshal
