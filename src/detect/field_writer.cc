#include "detect/field_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/unicode.h"
#include "sink/json_writer.h"

namespace rpcmarshal::detect {
namespace {

using sigma::EventValue;

bool is_ascii(std::string_view text) {
  std::uint64_t seen = 0;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t x;
    std::memcpy(&x, text.data() + i, 8);
    seen |= x;
  }
  for (; i < text.size(); ++i) seen |= static_cast<std::uint8_t>(text[i]);
  return (seen & 0x8080808080808080) == 0;
}

}  // namespace

void TextArena::clear() {
  // One block is kept, the largest: events of a kind need about the same.
  if (blocks_.size() > 1) {
    const auto largest = std::ranges::max_element(blocks_, {}, &Block::size);
    std::swap(*largest, blocks_.front());
    blocks_.resize(1);
  }
  block_ = used_ = 0;
}

char* TextArena::room(std::size_t size) {
  if (block_ < blocks_.size() && blocks_[block_].size - used_ >= size)
    return blocks_[block_].bytes.get() + used_;
  Block block;
  block.size = std::max(size, kBlock);
  block.bytes.reset(new char[block.size]);
  blocks_.push_back(std::move(block));
  block_ = blocks_.size() - 1;
  used_ = 0;
  return blocks_[block_].bytes.get();
}

std::string_view TextArena::keep(std::size_t size) {
  const std::string_view out(blocks_[block_].bytes.get() + used_, size);
  used_ += size;
  return out;
}

std::string_view TextArena::copy(std::string_view text) {
  if (text.empty()) return {};
  std::memcpy(room(text.size()), text.data(), text.size());
  return keep(text.size());
}

void FieldWriter::start(const sigma::FieldTree& tree, sigma::EventFields& out, bool all) {
  tree_ = &tree;
  out_ = &out;
  all_ = all;
  levels_.clear();
}

void FieldWriter::begin_object() {
  const Node node = here();
  // The object itself is a value only to "exists".
  if (const auto fields = tree_->fields(node); !fields.empty())
    out_->add({EventValue::Kind::kObject, 0, 0, {}}, fields);
  levels_.push_back({node, false});
}

bool FieldWriter::key_escaped(std::string_view name) {
  if (is_ascii(name)) return key(name);
  scratch_.clear();
  append_as_read(scratch_, name);
  return key(scratch_);
}

void FieldWriter::string(std::string_view utf8) {
  if (!wanted()) return;
  if (is_ascii(utf8)) return add(EventValue::of(texts_.copy(utf8)));
  scratch_.clear();
  append_as_read(scratch_, utf8);
  add(EventValue::of(texts_.copy(scratch_)));
}

void FieldWriter::string_utf16(Bytes utf16, ByteOrder order) {
  if (!wanted()) return;
  const std::size_t units = utf16.size() / 2;
  char* to = texts_.room(units + 1);
  std::uint32_t seen = 0;
  for (std::size_t i = 0; i < units; ++i) {
    const auto c = load<std::uint16_t>(utf16.data() + 2 * i, order);
    seen |= c;
    to[i] = static_cast<char>(c);
  }
  if (seen < 0x80) return add(EventValue::of(texts_.keep(units)));
  std::string text;
  append_utf8(text, utf16, order);
  string(text);
}

void FieldWriter::plain_string(std::string_view ascii) {
  if (wanted()) add(EventValue::of(texts_.copy(ascii)));
}

void FieldWriter::hex_string(Bytes bytes) {
  if (!wanted()) return;
  scratch_.clear();
  append_hex(scratch_, bytes);
  add(EventValue::of(texts_.copy(scratch_)));
}

void FieldWriter::number(std::uint64_t value) {
  if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    add(EventValue::of(static_cast<std::int64_t>(value)));
  } else {
    add(EventValue::of_real(static_cast<double>(value)));
  }
}

void FieldWriter::real(double value) {
  if (!wanted()) return;
  if (!std::isfinite(value))
    return plain_string(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
  // A whole number is written without a point, and so read as an integer.
  if (value == std::trunc(value) && std::fabs(value) < 1e19) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    std::int64_t whole = 0;
    const auto read = std::from_chars(text, end, whole);
    if (read.ec == std::errc() && read.ptr == end) return add(EventValue::of(whole));
  }
  add(EventValue::of_real(value));
}

}  // namespace rpcmarshal::detect
