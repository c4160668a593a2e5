// The event as rules see it: field names and values. A FieldIndex knows every name the loaded rules
// ask for and by which paths an event may spell it; a reader walks its document and the index side
// by side, so that names nobody asks for cost one failed look-up. EventFields holds one event.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "match/value.h"
#include "sigma/text_hash.h"

namespace rpcmarshal::sigma {

using FieldId = std::uint32_t;
inline constexpr FieldId kNoField = 0xFFFFFFFF;

class FieldIndex {
 public:
  /// A place in the tree of names. kNowhere: no rule asks for this or anything below it.
  using Node = std::uint32_t;
  static constexpr Node kNowhere = 0xFFFFFFFF;
  static constexpr Node kRoot = 0;

  FieldIndex();

  /// The field with this name, made when it is new, together with its usual paths: the name itself,
  /// its parts between dots, and where Windows event logs keep it ("Image" is also
  /// Event.EventData.Image and winlog.event_data.Image).
  FieldId intern(std::string_view name);
  /// kNoField when no rule asks for it.
  FieldId find(std::string_view name) const;
  /// `segments` lead to `field`, too. "*" as a segment is any one name.
  void add_path(std::span<const std::string_view> segments, FieldId field);

  Node child(Node parent, std::string_view key) const {
    if (parent == kNowhere || !nodes_[parent].has_children) return kNowhere;
    const Slot& slot = slots_[probe(parent, key)];
    return slot.parent == kNowhere ? nodes_[parent].any : slot.child;
  }
  std::span<const FieldId> fields(Node node) const {
    return node == kNowhere ? std::span<const FieldId>() : nodes_[node].fields;
  }
  std::string_view name(FieldId field) const { return names_[field]; }
  std::size_t size() const { return names_.size(); }

  std::size_t node_count() const { return nodes_.size(); }
  /// The child for every name that has no child of its own, or kNowhere.
  Node any_child(Node node) const { return nodes_[node].any; }
  /// Calls visit(parent, key, child) for every child that has a name. A child's number is higher
  /// than its parent's.
  template <typename Visit>
  void for_each_child(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.parent != kNowhere) visit(slot.parent, key_of(slot), slot.child);
    }
  }

 private:
  struct PathNode {
    std::vector<FieldId> fields;
    Node any = kNowhere;  ///< child for every name that has no child of its own
    bool has_children = false;
  };
  struct Slot {
    Node parent = kNowhere;
    Node child = kNowhere;
    std::uint32_t key_at = 0, key_size = 0;  ///< in keys_
  };
  std::string_view key_of(const Slot& slot) const {
    return {keys_.data() + slot.key_at, slot.key_size};
  }
  Node make_child(Node parent, std::string_view key);
  /// The slot of that child, or the free one where it would be.
  std::size_t probe(Node parent, std::string_view key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = text::hash_name(parent + 1, key) & mask;
    while (slots_[at].parent != kNowhere &&
           (slots_[at].parent != parent || slots_[at].key_size != key.size() ||
            !text::equal(keys_.data() + slots_[at].key_at, key))) {
      at = (at + 1) & mask;
    }
    return at;
  }
  void grow();

  std::vector<PathNode> nodes_;
  std::vector<Slot> slots_;  // open addressing, a power of two
  std::string keys_;         // of slots_
  std::size_t used_ = 0;
  std::vector<std::string> names_;
  std::unordered_map<std::string, FieldId> ids_;
};

using EventValue = match::Value;

/// The values of one event; cleared and filled again for the next. A field may have several.
class EventFields {
 public:
  static constexpr std::size_t kMaxValues = 16384;

  void clear() {
    values_.clear();
    links_.clear();
    complete_ = true;
  }
  /// A value that is found under each of `fields` (none: only keywords see it).
  void add(const EventValue& value, std::span<const FieldId> fields) {
    if (values_.size() >= kMaxValues) {
      complete_ = false;
      return;
    }
    const auto index = static_cast<std::uint32_t>(values_.size());
    values_.push_back(value);
    for (const FieldId field : fields) links_.push_back({field, index});
  }
  void add(const EventValue& value, FieldId field) { add(value, std::span(&field, 1)); }

  struct Link {
    FieldId field;
    std::uint32_t value;
  };
  std::span<const EventValue> values() const { return values_; }
  std::span<const Link> links() const { return links_; }
  /// False when values were left out because there were too many.
  bool complete() const { return complete_; }

 private:
  std::vector<EventValue> values_;
  std::vector<Link> links_;
  bool complete_ = true;
};

using match::append_text;

}  // namespace rpcmarshal::sigma
