// One JSON document as fields for rules.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "sigma/fields.h"

namespace rpcmarshal::logs {

class JsonDocument {
 public:
  /// Bytes that must be readable (their values do not matter) behind every text given to parse().
  static constexpr std::size_t kPadding = simdjson::SIMDJSON_PADDING;
  static constexpr std::size_t kMaxDepth = 64;
  static constexpr std::size_t kMaxSize = 64u << 20;

  /// Parses `text`, which must stay as it is while values are in use. False: error() says why. A
  /// lone surrogate ("\ud800"), which is valid JSON and no valid text, is replaced by U+FFFD.
  bool parse(std::string_view text);
  const std::string& error() const { return error_; }
  bool is_object() const { return root_.is_object(); }
  bool is_array() const { return root_.is_array(); }
  /// Of an array: fill() reads its next element from now on. False behind the last one.
  bool next_element();

  /// The document's values under the names `index` knows; `all`: the others, too, without a field
  /// (for keywords). Texts live until the next parse().
  void fill(const sigma::FieldIndex& index, sigma::EventFields& out, bool all) const;
  /// The selected object as compact JSON, appended.
  void append_json(std::string& out) const;

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::element root_, selected_;
  simdjson::dom::array::iterator next_, end_;
  std::string repaired_, error_;
};

}  // namespace rpcmarshal::logs
