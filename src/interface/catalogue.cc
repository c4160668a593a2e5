#include <algorithm>
#include <mutex>

#include "base/unicode.h"
#include "interface/model.h"
#include "interface/names.h"

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

void add_missing(Annotations& to, const Annotations& from) {
  for (const Annotation& annotation : from.items) {
    if (!to.find(annotation.name)) to.items.push_back(annotation);
  }
}

/// Puts names where `base` has none, and what others call the operations beside those it has.
void fill_names(Interface& base, const Interface& names) {
  const std::size_t own = base.procedures.size();
  if (own < names.procedures.size()) base.procedures.resize(names.procedures.size());
  for (std::size_t i = 0; i < names.procedures.size(); ++i) {
    const Procedure& name = names.procedures[i];
    Procedure& known = base.procedures[i];
    known.opnum = static_cast<std::uint16_t>(i);
    if (i >= own || (definiteness(known) == 0 && definiteness(name) > 0)) {
      known = name;
    } else {
      add_missing(known.annotations, name.annotations);
    }
  }
  if (base.document.empty()) base.document = names.document;
  add_missing(base.annotations, names.annotations);
}

}  // namespace

// An interface is put together from its parts when a part is added; what was handed out before
// stays alive, but no part comes after the first time it was asked for (DefinitionSource).
struct Catalogue::State {
  struct Key {
    Guid uuid;
    std::uint16_t major;
    auto operator<=>(const Key&) const = default;
  };
  struct Part {
    Layer layer;
    const Interface* interface;
  };
  struct Entry {
    std::vector<Part> parts;  ///< by layer, then in the order they were added; no names
    const Interface* names = nullptr;
    const Interface* whole = nullptr;
  };

  std::mutex mutex;
  std::unique_ptr<DefinitionSource> source;
  std::deque<std::pair<Layer, Module>> modules;
  std::deque<Interface> made;  ///< merged ones, and copies under another UUID
  std::map<Key, Entry> by_id;
  std::map<Guid, const Interface*> unversioned;  ///< names whose version is not known

  const Interface* names_for(const Key& key, const Entry& entry) const {
    if (entry.names) return entry.names;
    const auto it = unversioned.find(key.uuid);
    return it == unversioned.end() ? nullptr : it->second;
  }

  void assemble(const Key& key, Entry& entry) {
    const Interface* names = names_for(key, entry);
    if (entry.parts.empty()) {
      entry.whole = names;
    } else if (entry.parts.size() == 1 && !names) {
      entry.whole = entry.parts.front().interface;
    } else {
      Interface& whole = made.emplace_back(*entry.parts.front().interface);
      for (std::size_t i = 1; i < entry.parts.size(); ++i)
        merge_into(whole, *entry.parts[i].interface);
      if (names) fill_names(whole, *names);
      entry.whole = &whole;
    }
  }

  void add_part(Layer layer, const Interface& part) {
    if (layer == Layer::kNames && part.any_version) {
      unversioned[part.id.uuid] = &part;
      for (auto it = by_id.lower_bound({part.id.uuid, 0});
           it != by_id.end() && it->first.uuid == part.id.uuid; ++it) {
        assemble(it->first, it->second);
      }
      return;
    }
    const Key key{part.id.uuid, part.id.major};
    Entry& entry = by_id[key];
    if (layer == Layer::kNames) {
      entry.names = &part;
    } else {
      const auto place = std::ranges::upper_bound(entry.parts, layer, {}, &Part::layer);
      entry.parts.insert(place, {layer, &part});
    }
    assemble(key, entry);
  }

  void add(Module module, Layer layer) {
    const Module& kept = modules.emplace_back(layer, std::move(module)).second;
    for (const Interface& part : kept.interfaces) {
      add_part(layer, part);
      if (const auto uuid = Guid::parse(part.annotations.value("alias_uuid")))
        add_copy(layer, part, {*uuid, part.id.major, part.id.minor});
    }
  }

  void add_copy(Layer layer, const Interface& interface, const SyntaxId& id) {
    Interface& copy = made.emplace_back(interface);
    copy.id = id;
    // Zeek has a name for each UUID; this one's comes with the names.
    std::erase_if(copy.annotations.items, [](const Annotation& a) { return a.name == "alias"; });
    add_part(layer, copy);
  }

  void take(std::vector<DefinitionSource::Definitions> more) {
    for (DefinitionSource::Definitions& definitions : more)
      add(std::move(definitions.module), definitions.layer);
  }
  void fetch(const Guid& uuid) {
    if (source) take(source->by_uuid(uuid));
  }

  const Interface* find(const Guid& uuid, std::uint16_t major) const {
    if (const auto it = by_id.find({uuid, major}); it != by_id.end()) return it->second.whole;
    const auto it = unversioned.find(uuid);
    // A name without version does not spread to versions beside those that are defined.
    if (it == unversioned.end() || defines(uuid)) return nullptr;
    return it->second;
  }
  bool defines(const Guid& uuid) const {
    const auto it = by_id.lower_bound({uuid, 0});
    return it != by_id.end() && it->first.uuid == uuid;
  }

  template <typename Visit>
  void each(bool names_too, Visit visit) const {
    for (const auto& [key, entry] : by_id) {
      if (names_too || !entry.whole->names_only) visit(entry.whole);
    }
    if (!names_too) return;
    for (const auto& [uuid, names] : unversioned) {
      if (!defines(uuid)) visit(names);
    }
  }

  const EnumShape* values(std::string_view name) const {
    for (const bool users : {true, false}) {
      for (auto it = modules.rbegin(); it != modules.rend(); ++it) {
        if ((it->first == Layer::kUser) != users) continue;
        const auto type = it->second.named_types.find(name);
        if (type == it->second.named_types.end()) continue;
        if (const auto* found = std::get_if<EnumShape>(&type->second->shape)) return found;
      }
    }
    return nullptr;
  }
};

Catalogue::Catalogue() : state_(std::make_unique<State>()) {}
Catalogue::~Catalogue() = default;
Catalogue::Catalogue(Catalogue&&) noexcept = default;
Catalogue& Catalogue::operator=(Catalogue&&) noexcept = default;

void Catalogue::add(Module module, Layer layer) {
  const std::lock_guard lock(state_->mutex);
  state_->add(std::move(module), layer);
}

void Catalogue::add_alias(const SyntaxId& alias, const SyntaxId& id) {
  const std::lock_guard lock(state_->mutex);
  state_->fetch(id.uuid);
  if (const Interface* interface = state_->find(id.uuid, id.major))
    state_->add_copy(Layer::kBuiltIn, *interface, alias);
}

void Catalogue::set_source(std::unique_ptr<DefinitionSource> source) {
  const std::lock_guard lock(state_->mutex);
  state_->source = std::move(source);
}

const Interface* Catalogue::find(const Guid& uuid, std::uint16_t major) const {
  const std::lock_guard lock(state_->mutex);
  state_->fetch(uuid);
  return state_->find(uuid, major);
}

const Interface* Catalogue::find(const Guid& uuid) const {
  const std::lock_guard lock(state_->mutex);
  state_->fetch(uuid);
  const auto after = state_->by_id.upper_bound({uuid, 0xFFFF});
  if (after != state_->by_id.begin() && std::prev(after)->first.uuid == uuid)
    return std::prev(after)->second.whole;
  const auto names = state_->unversioned.find(uuid);
  return names == state_->unversioned.end() ? nullptr : names->second;
}

const Interface* Catalogue::find_by_name(std::string_view name) const {
  const std::lock_guard lock(state_->mutex);
  if (state_->source) state_->take(state_->source->by_name(name));
  const Interface *exact = nullptr, *folded = nullptr, *zeek = nullptr;
  state_->each(true, [&](const Interface* interface) {
    if (!exact && interface->name == name) exact = interface;
    if (!folded && equal_ignoring_case(interface->name, name)) folded = interface;
    if (!zeek && equal_ignoring_case(zeek_endpoint(*interface), name)) zeek = interface;
  });
  return exact ? exact : folded ? folded : zeek;
}

std::vector<const Interface*> Catalogue::all(bool names_too) const {
  const std::lock_guard lock(state_->mutex);
  if (state_->source) state_->take(state_->source->everything(names_too));
  std::vector<const Interface*> out;
  state_->each(names_too, [&](const Interface* interface) { out.push_back(interface); });
  std::ranges::stable_sort(out, {}, &Interface::name);
  return out;
}

const EnumShape* Catalogue::find_values(std::string_view name) const {
  const std::lock_guard lock(state_->mutex);
  if (const EnumShape* found = state_->values(name)) return found;
  if (!state_->source) return nullptr;
  state_->take(state_->source->by_values(name));
  return state_->values(name);
}

}  // namespace rpcmarshal
