// The built-in operations, read once for all tests.
#pragma once

#include "builtin/builtin.h"
#include "lint/operations.h"

namespace rpcmarshal::policy {

inline const lint::Operations& operations() {
  static const LoadedCatalogue kLoaded = load_catalogue({});
  static const lint::Operations kOperations(kLoaded.catalogue);
  return kOperations;
}

}  // namespace rpcmarshal::policy
