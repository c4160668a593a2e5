// What operations and interfaces are called: by their specification, and by others. Zeek's names
// are known for most (its dce_rpc.log writes endpoint and operation), so that rules and logs
// written in them can be read, and such logs can be written.
#pragma once

#include <string_view>
#include <vector>

#include "interface/model.h"

namespace rpcmarshal {

/// Zeek's endpoint name ("spoolss" for winspool); the interface's own name where Zeek has no other.
std::string_view zeek_endpoint(const Interface& interface);

/// Zeek's operation name ("CreateServiceW" for RCreateServiceW); the procedure's own name where
/// Zeek has no other. Where Zeek is known to be wrong, this is the right name, see zeek_misnomer().
std::string_view zeek_operation(const Procedure& procedure);

/// What Zeek calls the operation by mistake: the name of another one ("DeleteClass" for
/// IWbemServices.DeleteInstance). Empty for nearly all.
std::string_view zeek_misnomer(const Procedure& procedure);

/// Whether people may mean `procedure` by `name`: its name, an alias or Zeek's name, letters in
/// either case. Misnomers do not count.
bool is_called(const Procedure& procedure, std::string_view name);

/// The operation people mean by `name` (see is_called; the exact name wins), or nullptr.
const Procedure* find_operation(const Interface& interface, std::string_view name);

struct OperationRef {
  const Interface* interface;
  const Procedure* procedure;
};
/// Every operation of any interface that people may mean by `name`. Reads the whole catalogue.
std::vector<OperationRef> find_operations(const Catalogue& catalogue, std::string_view name);

}  // namespace rpcmarshal
