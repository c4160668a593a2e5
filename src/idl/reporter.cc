#include "idl/reporter.h"

#include <algorithm>
#include <tuple>

namespace rpcmarshal::idl {

std::vector<Diagnostic> Reporter::take() {
  std::ranges::stable_sort(found_, {}, [](const Found& f) {
    return std::tuple(f.place.file, f.place.line, f.place.column);
  });
  std::vector<Diagnostic> out;
  out.reserve(found_.size());
  for (Found& f : found_) out.push_back(std::move(f.diagnostic));
  found_.clear();
  return out;
}

}  // namespace rpcmarshal::idl
