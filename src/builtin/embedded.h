// The project's interface definitions (interfaces/*.idl), as text inside the program.
#pragma once

#include <span>
#include <string_view>

namespace rpcmarshal {

struct EmbeddedFile {
  std::string_view name;  ///< "ms-scmr.idl"
  std::string_view text;
};
const std::span<const EmbeddedFile> embedded_interfaces();

}  // namespace rpcmarshal
