// Values of some fields of an event, as text: what correlations group and count by. Texts stay
// where they are until keep() is called; what is no text is written here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sigma/fields.h"

namespace rpcmarshal::sigma {

class FieldTexts {
 public:
  static constexpr std::size_t kMost = 16;  ///< of one field; the others are left out

  void clear() {
    all_.clear();
    text_.clear();
  }
  /// A text outlives this, or keep() is called while it is there.
  void add(FieldId field, const EventValue& value);
  void add_copy(FieldId field, std::string_view text);
  /// All that the event has of these fields; as add().
  void take(const EventFields& event, std::span<const FieldId> fields);
  /// Texts may go now.
  void keep();

  // Views live until the next add().

  /// Appends all values of a field.
  void of(FieldId field, std::vector<std::string_view>& out) const;
  /// How many values a field has; `first`: the first of them.
  std::size_t first_of(FieldId field, std::string_view& first) const {
    std::size_t count = 0;
    for (const One& one : all_) {
      if (one.field == field && count++ == 0) first = text_of(one);
    }
    return count;
  }
  template <typename Name>
  void rename(Name&& name) {
    for (One& one : all_) one.field = name(one.field);
  }

 private:
  struct One {
    FieldId field;
    std::uint32_t size;
    const char* text;  ///< null: in text_
    std::size_t at;    ///< there
  };
  std::string_view text_of(const One& one) const {
    return {one.text != nullptr ? one.text : text_.data() + one.at, one.size};
  }
  bool full(FieldId field) const;

  std::vector<One> all_;
  std::string text_;
};

}  // namespace rpcmarshal::sigma
