// A tree of named values: what was found inside an argument. Small, owned, and made only for the
// few calls that carry such arguments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rpcmarshal::blobs {

/// What one Item keeps of hostile input.
inline constexpr std::size_t kMaxText = 16384;  ///< bytes of one text
inline constexpr std::size_t kMaxItems = 256;   ///< members of one list

struct Item {
  enum class Kind : std::uint8_t { kText, kNumber, kBool, kList, kObject };
  Kind kind = Kind::kObject;
  std::string name;  ///< of a member of an object; empty in a list
  std::string text;
  std::uint64_t number = 0;  ///< kNumber; kBool: 0 or 1
  std::vector<Item> items;

  /// Adds a member; text that is empty is not added, long text is cut.
  void add(std::string_view member, std::string_view value) {
    if (value.empty()) return;
    Item& item = items.emplace_back();
    item.kind = Kind::kText;
    item.name = member;
    item.text = value.substr(0, kMaxText);
  }
  void add_number(std::string_view member, std::uint64_t value) {
    Item& item = items.emplace_back();
    item.kind = Kind::kNumber;
    item.name = member;
    item.number = value;
  }
  void add_bool(std::string_view member, bool value) {
    add_number(member, value);
    items.back().kind = Kind::kBool;
  }
  /// A list of texts; an empty one is not added.
  void add_list(std::string_view member, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    Item list = make_list(member);
    for (const std::string& one : texts) {
      if (list.items.size() < kMaxItems) list.add("", one);
    }
    if (!list.items.empty()) items.push_back(std::move(list));
  }
  /// An object or list made elsewhere; one without items is not added.
  void add(Item item) {
    if (!item.items.empty() && items.size() < kMaxItems) items.push_back(std::move(item));
  }

  static Item make_list(std::string_view member) {
    Item item;
    item.kind = Kind::kList;
    item.name = member;
    return item;
  }
  static Item make_object(std::string_view member = {}) {
    Item item;
    item.name = member;
    return item;
  }

  /// The member of that name, or nullptr.
  const Item* find(std::string_view member) const {
    for (const Item& item : items) {
      if (item.name == member) return &item;
    }
    return nullptr;
  }
  /// The text of that member, or empty.
  std::string_view value(std::string_view member) const {
    const Item* item = find(member);
    return item ? std::string_view(item->text) : std::string_view();
  }
};

/// One structure found in a call.
struct Detail {
  std::string_view kind;  ///< "task", "certificate_request", ...: a literal
  std::string argument;   ///< the parameter it lies in
  std::string summary;    ///< one short line for people
  Item item;              ///< an object
};

}  // namespace rpcmarshal::blobs
