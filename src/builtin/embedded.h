// The project's interface definitions (interfaces/), as text inside the program, and an index of
// what each file holds, made when the program is built (cmake/EmbedIdl.cmake). The index may name
// too much (it is made without parsing), never too little; a test compares.
#pragma once

#include <span>
#include <string_view>

namespace rpcmarshal {

struct EmbeddedFile {
  std::string_view name;  ///< "ms-scmr.idl"
  std::string_view text;
  std::string_view uuids;       ///< of its interfaces, lower case, each with a blank behind it
  std::string_view interfaces;  ///< their names: " svcctl "
  std::string_view values;      ///< names that enums may have: " SERVICE_ACCESS SERVICE_TYPE "
};
std::span<const EmbeddedFile> embedded_interfaces();
/// interfaces/names.tsv (name_table.h).
std::string_view embedded_names();

}  // namespace rpcmarshal
