// The part of a FieldIndex that leads to some of its fields: what a reader walks beside a document
// when only those are asked for. Small: most names of a document are turned away by one bit.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sigma/fields.h"

namespace rpcmarshal::sigma {

class FieldTree {
 public:
  using Node = FieldIndex::Node;
  static constexpr Node kNowhere = FieldIndex::kNowhere;
  static constexpr Node kRoot = 0;

  /// `needed` are fields of `index`, in any order. Copies what it keeps.
  FieldTree(const FieldIndex& index, std::span<const FieldId> needed);

  Node child(Node parent, std::string_view key) const {
    if (parent == kNowhere) return kNowhere;
    const Place& place = places_[parent];
    if ((place.keys >> key_bit(key) & 1) == 0) return place.any;
    return search(place, key);
  }
  /// Calls visit(key, child) for each child that has a name of its own.
  template <typename Visit>
  void for_each_child(Node parent, Visit&& visit) const {
    const Place& place = places_[parent];
    for (std::uint32_t i = 0; i < place.child_count; ++i) {
      const Child& child = children_[place.first_child + i];
      visit(key_of(child), child.node);
    }
  }
  /// Where every other name leads.
  Node any_child(Node parent) const { return places_[parent].any; }
  /// The needed fields a value at `node` belongs to.
  std::span<const FieldId> fields(Node node) const {
    if (node == kNowhere) return {};
    const Place& place = places_[node];
    return {fields_.data() + place.first_field, place.field_count};
  }

 private:
  struct Place {
    std::uint64_t keys = 0;  ///< a bit for each child's key_bit()
    std::uint32_t first_child = 0, child_count = 0;
    std::uint32_t first_field = 0, field_count = 0;
    Node any = kNowhere;
  };
  struct Child {
    std::uint32_t at = 0, size = 0;  ///< of its key, in keys_
    Node node = kNowhere;
  };
  static unsigned key_bit(std::string_view key) {
    if (key.empty()) return 0;
    return (static_cast<std::uint8_t>(key.front()) * 5u + static_cast<std::uint8_t>(key.back()) +
            static_cast<unsigned>(key.size()) * 11u) &
           63;
  }
  std::string_view key_of(const Child& child) const {
    return std::string_view(keys_).substr(child.at, child.size);
  }
  Node search(const Place& place, std::string_view key) const;

  std::vector<Place> places_;
  std::vector<Child> children_;  // of one place: by size, then by text
  std::vector<FieldId> fields_;
  std::string keys_;
};

}  // namespace rpcmarshal::sigma
