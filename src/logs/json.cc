#include "logs/json.h"

#include <algorithm>
#include <vector>

namespace rpcmarshal::logs {
namespace {

using sigma::EventValue;
using sigma::FieldIndex;
using simdjson::dom::element;
using simdjson::dom::element_type;

class Filler {
 public:
  Filler(const FieldIndex& index, sigma::EventFields& out, bool all)
      : index_(index), out_(out), all_(all) {}

  // As deep as the parser allowed (kMaxDepth).
  void value(const element& e, FieldIndex::Node node) {
    switch (e.type()) {
      case element_type::OBJECT:
        // The object itself is a value only to "exists".
        if (!index_.fields(node).empty())
          out_.add({EventValue::Kind::kObject, 0, 0, {}}, index_.fields(node));
        for (const simdjson::dom::object object = e.get_object().value_unsafe();
             const auto field : object) {
          const FieldIndex::Node child = index_.child(node, field.key);
          if (child != FieldIndex::kNowhere || all_) value(field.value, child);
        }
        break;
      case element_type::ARRAY:
        for (const simdjson::dom::array array = e.get_array().value_unsafe();
             const element item : array) {
          value(item, node);
        }
        break;
      case element_type::STRING:
        add(EventValue::of(std::string_view(e.get_string().value_unsafe())), node);
        break;
      case element_type::INT64:
        add(EventValue::of(std::int64_t(e.get_int64().value_unsafe())), node);
        break;
      case element_type::UINT64:
        add(EventValue::of_real(static_cast<double>(e.get_uint64().value_unsafe())), node);
        break;
      case element_type::DOUBLE:
        add(EventValue::of_real(e.get_double().value_unsafe()), node);
        break;
      case element_type::BOOL:
        add(EventValue::of_bool(e.get_bool().value_unsafe()), node);
        break;
      case element_type::NULL_VALUE:
        add(EventValue::null(), node);
        break;
    }
  }

 private:
  void add(const EventValue& v, FieldIndex::Node node) {
    const auto fields = index_.fields(node);
    if (!fields.empty() || all_) out_.add(v, fields);
  }

  const FieldIndex& index_;
  sigma::EventFields& out_;
  bool all_;
};

int hex4(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  int out = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    out = out * 16 + digit;
  }
  return out;
}

/// Replaces the escapes of lone surrogates. True when there were some.
bool repair_surrogates(std::string_view text, std::string& out) {
  out.assign(text);
  bool any = false;
  for (std::size_t i = 0; i + 1 < out.size(); ++i) {
    if (out[i] != '\\') continue;
    if (out[i + 1] != 'u') {
      ++i;
      continue;
    }
    const int unit = hex4(out, i + 2);
    if (unit >= 0xD800 && unit < 0xDC00 && i + 11 < out.size() && out[i + 6] == '\\' &&
        out[i + 7] == 'u') {
      const int next = hex4(out, i + 8);
      if (next >= 0xDC00 && next < 0xE000) {
        i += 11;
        continue;
      }
    }
    if (unit >= 0xD800 && unit < 0xE000) {
      out.replace(i + 2, 4, "fffd");
      any = true;
    }
    i += 5;
  }
  return any;
}

}  // namespace

bool JsonDocument::parse(std::string_view text) {
  error_.clear();
  if (text.size() > kMaxSize) {
    error_ = "a document of more than 64 MB";
    return false;
  }
  if (parser_.capacity() < text.size() || parser_.max_depth() != kMaxDepth) {
    if (parser_.allocate(std::max<std::size_t>(text.size() * 2, 64 * 1024), kMaxDepth) !=
        simdjson::SUCCESS) {
      error_ = "out of memory";
      return false;
    }
  }
  auto result = parser_.parse(text.data(), text.size(), false);
  if (result.error() == simdjson::STRING_ERROR && repair_surrogates(text, repaired_)) {
    repaired_.append(kPadding, ' ');
    result = parser_.parse(repaired_.data(), repaired_.size() - kPadding, false);
  }
  if (result.error() != simdjson::SUCCESS) {
    error_ = simdjson::error_message(result.error());
    return false;
  }
  root_ = selected_ = result.value_unsafe();
  if (root_.is_array()) {
    const simdjson::dom::array array = root_.get_array().value_unsafe();
    next_ = array.begin();
    end_ = array.end();
  }
  return true;
}

bool JsonDocument::next_element() {
  if (!(next_ != end_)) return false;
  selected_ = *next_;
  ++next_;
  return true;
}

void JsonDocument::fill(const FieldIndex& index, sigma::EventFields& out, bool all) const {
  out.clear();
  Filler(index, out, all).value(selected_, FieldIndex::kRoot);
}

void JsonDocument::append_json(std::string& out) const { out += simdjson::minify(selected_); }

}  // namespace rpcmarshal::logs
