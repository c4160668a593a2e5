#include <algorithm>

#include "base/unicode.h"
#include "interface/model.h"

namespace rpcmarshal {
namespace {

/// How much a procedure slot tells: a reserved placeholder less than a name, a name less than
/// types.
int definiteness(const Procedure& procedure) {
  if (procedure.name.empty() || procedure.reserved) return 0;
  return procedure.typed ? 2 : 1;
}

void merge_into(Interface& base, const Interface& added) {
  if (base.procedures.size() < added.procedures.size())
    base.procedures.resize(added.procedures.size());
  for (std::size_t i = 0; i < added.procedures.size(); ++i) {
    if (definiteness(added.procedures[i]) >= definiteness(base.procedures[i]))
      base.procedures[i] = added.procedures[i];
  }
  if (!added.document.empty() && added.document != base.document) {
    base.document += (base.document.empty() ? "" : ", ") + added.document;
  }
  for (const std::string& endpoint : added.endpoints) {
    if (std::ranges::find(base.endpoints, endpoint) == base.endpoints.end())
      base.endpoints.push_back(endpoint);
  }
  for (const Annotation& annotation : added.annotations.items) {
    if (!base.annotations.find(annotation.name)) base.annotations.items.push_back(annotation);
  }
}

}  // namespace

void Catalogue::add(Module module) {
  const Module& kept = modules_.emplace_back(std::move(module));
  for (const Interface& added : kept.interfaces) {
    const Key key{added.id.uuid, added.id.major};
    const auto known = by_id_.find(key);
    if (known == by_id_.end()) {
      by_id_.emplace(key, &added);
      continue;
    }
    Interface& both = merged_.emplace_back(*known->second);
    merge_into(both, added);
    for (auto& [other, interface] : by_id_) {
      if (interface == known->second && other != key) interface = &both;
    }
    known->second = &both;
  }
}

void Catalogue::add_alias(const SyntaxId& alias, const SyntaxId& id) {
  if (const Interface* interface = find(id.uuid, id.major))
    by_id_[Key{alias.uuid, alias.major}] = interface;
}

const Interface* Catalogue::find(const Guid& uuid, std::uint16_t major) const {
  const auto it = by_id_.find(Key{uuid, major});
  return it == by_id_.end() ? nullptr : it->second;
}

const Interface* Catalogue::find(const Guid& uuid) const {
  const auto it = by_id_.upper_bound(Key{uuid, 0xFFFF});
  if (it == by_id_.begin()) return nullptr;
  const auto before = std::prev(it);
  return before->first.uuid == uuid ? before->second : nullptr;
}

const Interface* Catalogue::find_by_name(std::string_view name) const {
  const Interface* folded = nullptr;
  for (const auto& [key, interface] : by_id_) {
    if (interface->name == name) return interface;
    if (!folded && equal_ignoring_case(interface->name, name)) folded = interface;
  }
  return folded;
}

std::vector<const Interface*> Catalogue::all() const {
  std::vector<const Interface*> out;
  for (const auto& [key, interface] : by_id_) {
    if (std::ranges::find(out, interface) == out.end()) out.push_back(interface);
  }
  std::ranges::sort(out, {}, &Interface::name);
  return out;
}

const EnumShape* Catalogue::find_values(std::string_view name) const {
  for (auto module = modules_.rbegin(); module != modules_.rend(); ++module) {
    const auto it = module->named_types.find(name);
    if (it == module->named_types.end()) continue;
    if (const auto* values = std::get_if<EnumShape>(&it->second->shape)) return values;
  }
  return nullptr;
}

}  // namespace rpcmarshal
