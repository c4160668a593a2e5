#include "interface/names.h"

#include <algorithm>

#include "base/unicode.h"

namespace rpcmarshal {

std::string_view zeek_endpoint(const Interface& interface) {
  for (const std::string_view annotation : {"zeek", "alias"}) {
    if (const std::string_view name = interface.annotations.value(annotation); !name.empty())
      return name;
  }
  return interface.name;
}

std::string_view zeek_operation(const Procedure& procedure) {
  const std::string_view name = procedure.annotations.value("zeek");
  return name.empty() ? std::string_view(procedure.name) : name;
}

std::string_view zeek_misnomer(const Procedure& procedure) {
  return procedure.annotations.value("zeek_misnomer");
}

bool is_called(const Procedure& procedure, std::string_view name) {
  if (procedure.name.empty()) return false;
  if (equal_ignoring_case(procedure.name, name)) return true;
  for (const std::string_view kind : {"alias", "zeek"}) {
    const Annotation* annotation = procedure.annotations.find(kind);
    if (annotation && std::ranges::any_of(annotation->arguments, [&](const std::string& alias) {
          return equal_ignoring_case(alias, name);
        })) {
      return true;
    }
  }
  return false;
}

const Procedure* find_operation(const Interface& interface, std::string_view name) {
  const Procedure* other = nullptr;
  for (const Procedure& procedure : interface.procedures) {
    if (procedure.name == name && !name.empty()) return &procedure;
    if (!other && is_called(procedure, name)) other = &procedure;
  }
  return other;
}

std::vector<OperationRef> find_operations(const Catalogue& catalogue, std::string_view name) {
  std::vector<OperationRef> out;
  for (const Interface* interface : catalogue.all(true)) {
    for (const Procedure& procedure : interface->procedures) {
      if (is_called(procedure, name)) out.push_back({interface, &procedure});
    }
  }
  return out;
}

}  // namespace rpcmarshal
