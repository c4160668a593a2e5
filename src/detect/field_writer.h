// A writer (sink/event_tree.h) that keeps what rules ask for: it stands where a JsonWriter stands,
// and gives EventFields the values that reading that JSON back would give, without the JSON.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "sigma/field_tree.h"
#include "sigma/fields.h"

namespace rpcmarshal::detect {

/// Texts that stay where they are until clear(). After the largest event it allocates no more.
class TextArena {
 public:
  void clear();
  /// At least `size` bytes, of which keep() takes the first.
  char* room(std::size_t size);
  std::string_view keep(std::size_t size);
  std::string_view copy(std::string_view text);

 private:
  static constexpr std::size_t kBlock = 1u << 16;
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  std::vector<Block> blocks_;
  std::size_t block_ = 0, used_ = 0;
};

class FieldWriter {
 public:
  using Node = sigma::FieldTree::Node;

  /// The next values go to `out`, under the names `tree` knows; `all`: the others, too, without a
  /// field (for keywords). Texts of values live until clear_texts().
  void start(const sigma::FieldTree& tree, sigma::EventFields& out, bool all);
  void clear_texts() { texts_.clear(); }

  void begin_object();
  void end_object() { levels_.pop_back(); }
  void begin_array() { levels_.push_back({here(), true}); }
  void end_array() { levels_.pop_back(); }

  /// False: nobody wants the value, which must not be given.
  [[nodiscard]] bool key(std::string_view name) {
    next_ = tree_->child(levels_.back().node, name);
    return next_ != sigma::FieldTree::kNowhere || all_;
  }
  [[nodiscard]] bool key_escaped(std::string_view name);
  /// As after a key that led to `node`, wherever that is.
  void set_key(Node node) { next_ = node; }

  void string(std::string_view utf8);
  void string_utf16(Bytes utf16, ByteOrder order);
  void plain_string(std::string_view ascii);
  void hex_string(Bytes bytes);
  void number(std::uint64_t value);
  void number_signed(std::int64_t value) { add(sigma::EventValue::of(value)); }
  void real(double value);
  void boolean(bool value) { add(sigma::EventValue::of_bool(value)); }
  void null() { add(sigma::EventValue::null()); }

  void member(std::string_view name, std::string_view value) {
    if (key(name)) string(value);
  }
  void member_number(std::string_view name, std::uint64_t value) {
    if (key(name)) number(value);
  }
  void member_bool(std::string_view name, bool value) {
    if (key(name)) boolean(value);
  }

 private:
  struct Level {
    Node node;
    bool array;
  };
  /// Where the value that comes next stands: elements of an array are where the array is.
  Node here() const {
    if (levels_.empty()) return sigma::FieldTree::kRoot;
    return levels_.back().array ? levels_.back().node : next_;
  }
  bool wanted() const { return all_ || !tree_->fields(here()).empty(); }
  void add(const sigma::EventValue& value) {
    if (const auto fields = tree_->fields(here()); !fields.empty() || all_)
      out_->add(value, fields);
  }

  const sigma::FieldTree* tree_ = nullptr;
  sigma::EventFields* out_ = nullptr;
  bool all_ = false;
  Node next_ = sigma::FieldTree::kRoot;
  std::vector<Level> levels_;
  TextArena texts_;
  std::string scratch_;
};

}  // namespace rpcmarshal::detect
