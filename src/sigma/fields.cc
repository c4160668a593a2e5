#include "sigma/fields.h"

#include <algorithm>

namespace rpcmarshal::sigma {
namespace {

/// Windows keeps some fields of an event apart from its data, and every exporter names them anew.
struct SystemField {
  std::string_view name;
  std::vector<std::vector<std::string_view>> paths;
};
const std::vector<SystemField>& system_fields() {
  static const std::vector<SystemField> kFields = {
      {"EventID",
       {{"Event", "System", "EventID", "#text"},
        {"winlog", "event_id"},
        {"event_id"},
        {"EventId"}}},
      {"Channel", {{"winlog", "channel"}}},
      {"Computer", {{"winlog", "computer_name"}, {"Hostname"}, {"ComputerName"}}},
      {"Provider_Name",
       {{"Event", "System", "Provider", "#attributes", "Name"},
        {"Event", "System", "Provider", "@Name"},
        {"Event", "System", "Provider_attributes", "Name"},
        {"winlog", "provider_name"},
        {"SourceName"},
        {"ProviderName"},
        {"Provider"}}},
      {"Data", {{"Event", "EventData", "Data", "#text"}}},
      // Security 4688 is the other source of process creation.
      {"Image",
       {{"NewProcessName"},
        {"Event", "EventData", "NewProcessName"},
        {"winlog", "event_data", "NewProcessName"}}},
      {"ParentImage",
       {{"ParentProcessName"},
        {"Event", "EventData", "ParentProcessName"},
        {"winlog", "event_data", "ParentProcessName"}}},
  };
  return kFields;
}

}  // namespace

FieldIndex::FieldIndex() : nodes_(1), slots_(1024) {}

void FieldIndex::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.parent != kNowhere) slots_[probe(slot.parent, key_of(slot))] = slot;
  }
}

FieldIndex::Node FieldIndex::make_child(Node parent, std::string_view key) {
  if (key == "*") {
    if (nodes_[parent].any == kNowhere) {
      nodes_.emplace_back();
      nodes_[parent].any = static_cast<Node>(nodes_.size() - 1);
      nodes_[parent].has_children = true;
    }
    return nodes_[parent].any;
  }
  std::size_t at = probe(parent, key);
  if (slots_[at].parent == kNowhere) {
    if (++used_ * 2 > slots_.size()) {
      grow();
      at = probe(parent, key);
    }
    nodes_.emplace_back();
    nodes_[parent].has_children = true;
    slots_[at] = {parent, static_cast<Node>(nodes_.size() - 1),
                  static_cast<std::uint32_t>(keys_.size()), static_cast<std::uint32_t>(key.size())};
    keys_ += key;
  }
  return slots_[at].child;
}

void FieldIndex::add_path(std::span<const std::string_view> segments, FieldId field) {
  Node node = kRoot;
  for (const std::string_view segment : segments) node = make_child(node, segment);
  std::vector<FieldId>& fields = nodes_[node].fields;
  if (std::find(fields.begin(), fields.end(), field) == fields.end()) fields.push_back(field);
}

FieldId FieldIndex::find(std::string_view name) const {
  const auto found = ids_.find(std::string(name));
  return found == ids_.end() ? kNoField : found->second;
}

FieldId FieldIndex::intern(std::string_view name) {
  const auto [it, fresh] = ids_.emplace(std::string(name), static_cast<FieldId>(names_.size()));
  if (!fresh) return it->second;
  const FieldId field = it->second;
  names_.emplace_back(name);
  const std::string_view own = names_.back();

  using Path = std::vector<std::string_view>;
  const auto add = [&](const Path& path) { add_path(path, field); };
  add({own});
  add({"Event", "EventData", own});
  add({"Event", "System", own});
  add({"Event", "UserData", "*", own});
  add({"winlog", "event_data", own});
  add({"winlog", "user_data", own});
  for (const SystemField& system : system_fields()) {
    if (system.name != own) continue;
    for (const Path& path : system.paths) add(path);
  }
  // "a.b.c" may be one key, three, or (as Zeek's id.orig_h below another object) cut anywhere.
  std::vector<std::size_t> dots;
  for (std::size_t i = 1; i + 1 < own.size(); ++i) {
    if (own[i] == '.') dots.push_back(i);
  }
  const std::size_t cuts = std::min<std::size_t>(dots.size(), 5);
  for (std::size_t mask = 1; mask < (std::size_t{1} << cuts); ++mask) {
    Path path;
    std::size_t from = 0;
    for (std::size_t i = 0; i < dots.size(); ++i) {
      // Names with more dots than are tried in all ways are cut at each of the others.
      if (i < cuts && (mask >> i & 1) == 0) continue;
      path.push_back(own.substr(from, dots[i] - from));
      from = dots[i] + 1;
    }
    path.push_back(own.substr(from));
    add(path);
  }
  return field;
}

}  // namespace rpcmarshal::sigma
