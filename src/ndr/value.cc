#include "ndr/value.h"

#include <bit>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/unicode.h"
#include "ndr/tape.h"

namespace rpcmarshal::ndr {
namespace {

const Display kPlain{};

/// EBCDIC (code page 037) to Latin-1: the character set of data representation 1 ([C706] 14.1).
constexpr std::uint8_t kFromEbcdic[256] = {
    0x00, 0x01, 0x02, 0x03, 0x9c, 0x09, 0x86, 0x7f, 0x97, 0x8d, 0x8e, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x9d, 0x85, 0x08, 0x87, 0x18, 0x19, 0x92, 0x8f, 0x1c, 0x1d, 0x1e, 0x1f,
    0x80, 0x81, 0x82, 0x83, 0x84, 0x0a, 0x17, 0x1b, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x05, 0x06, 0x07,
    0x90, 0x91, 0x16, 0x93, 0x94, 0x95, 0x96, 0x04, 0x98, 0x99, 0x9a, 0x9b, 0x14, 0x15, 0x9e, 0x1a,
    0x20, 0xa0, 0xe2, 0xe4, 0xe0, 0xe1, 0xe3, 0xe5, 0xe7, 0xf1, 0xa2, 0x2e, 0x3c, 0x28, 0x2b, 0x7c,
    0x26, 0xe9, 0xea, 0xeb, 0xe8, 0xed, 0xee, 0xef, 0xec, 0xdf, 0x21, 0x24, 0x2a, 0x29, 0x3b, 0xac,
    0x2d, 0x2f, 0xc2, 0xc4, 0xc0, 0xc1, 0xc3, 0xc5, 0xc7, 0xd1, 0xa6, 0x2c, 0x25, 0x5f, 0x3e, 0x3f,
    0xf8, 0xc9, 0xca, 0xcb, 0xc8, 0xcd, 0xce, 0xcf, 0xcc, 0x60, 0x3a, 0x23, 0x40, 0x27, 0x3d, 0x22,
    0xd8, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0xab, 0xbb, 0xf0, 0xfd, 0xfe, 0xb1,
    0xb0, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0xaa, 0xba, 0xe6, 0xb8, 0xc6, 0xa4,
    0xb5, 0x7e, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0xa1, 0xbf, 0xd0, 0xdd, 0xde, 0xae,
    0x5e, 0xa3, 0xa5, 0xb7, 0xa9, 0xa7, 0xb6, 0xbc, 0xbd, 0xbe, 0x5b, 0x5d, 0xaf, 0xa8, 0xb4, 0xd7,
    0x7b, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0xad, 0xf4, 0xf6, 0xf2, 0xf3, 0xf5,
    0x7d, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0xb9, 0xfb, 0xfc, 0xf9, 0xfa, 0xff,
    0x5c, 0xf7, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0xb2, 0xd4, 0xd6, 0xd2, 0xd3, 0xd5,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0xb3, 0xdb, 0xdc, 0xd9, 0xda, 0x9f,
};

/// Appends the leading ASCII of little-endian UTF-16 and returns how many units that was: nearly
/// all text there is, eight units at a time.
std::size_t append_ascii(std::string& out, Bytes utf16) {
  const std::size_t units = utf16.size() / 2;
  const std::size_t start = out.size();
  out.resize(start + units);
  char* to = out.data() + start;
  const std::byte* from = utf16.data();
  std::size_t i = 0;
  for (; i + 8 <= units; i += 8) {
    std::uint64_t a, b;
    std::memcpy(&a, from + 2 * i, 8);
    std::memcpy(&b, from + 2 * i + 8, 8);
    if ((a | b) & 0xFF80FF80FF80FF80u) break;
    // Four units in 64 bits to four bytes in 32: fold pairs, then halves.
    a = (a | a >> 8) & 0x0000FFFF0000FFFFu;
    b = (b | b >> 8) & 0x0000FFFF0000FFFFu;
    a = ((a | a >> 16) & 0xFFFFFFFFu) | (b | b >> 16) << 32;
    std::memcpy(to + i, &a, 8);
  }
  for (; i < units; ++i) {
    if (from[2 * i + 1] != std::byte{0} || std::to_integer<unsigned>(from[2 * i]) >= 0x80) break;
    to[i] = static_cast<char>(from[2 * i]);
  }
  out.resize(start + i);
  return i;
}

}  // namespace

// -- Tape --------------------------------------------------------------------------------------

Tape::Tape() = default;
Tape::~Tape() { std::free(entries_); }
Tape::Tape(Tape&& other) noexcept { *this = std::move(other); }
Tape& Tape::operator=(Tape&& other) noexcept {
  if (this == &other) return *this;
  std::swap(entries_, other.entries_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  std::swap(program_, other.program_);
  std::swap(nodes_, other.nodes_);
  std::swap(stub_, other.stub_);
  std::swap(order_, other.order_);
  std::swap(ebcdic_, other.ebcdic_);
  std::swap(foreign_reals_, other.foreign_reals_);
  std::swap(mismatches_, other.mismatches_);
  std::swap(scratch_, other.scratch_);
  return *this;
}

void Tape::clear() {
  size_ = 0;
  program_ = nullptr;
  nodes_ = nullptr;
  stub_ = {};
  mismatches_.clear();
}

Value Tape::value_at(std::uint32_t entry) const {
  if (entry >= size_ || !program_) return {};
  const Entry& e = entries_[entry];
  return Value(this, e, &program_->nodes[e.node]);
}

Value Tape::root() const { return value_at(0); }

std::string Tape::path(std::uint32_t entry) const {
  if (!program_ || entry == 0 || entry >= size_) return {};
  // A parent's entry always precedes its children's, so one pass back finds every ancestor.
  std::vector<std::string> parts;
  std::uint32_t at = entry;
  for (std::uint32_t i = entry; i-- > 0 && parts.size() < 256;) {
    const Entry& e = entries_[i];
    if (e.link == kPacked) continue;
    const bool holder = e.kind == ValueKind::kRecord || e.kind == ValueKind::kList;
    if (holder && at >= e.link && at - e.link < e.count) {
      const Node& n = program_->nodes[e.node];
      parts.push_back(e.kind == ValueKind::kRecord
                          ? std::string(program_->nodes[n.child + (at - e.link)].name)
                          : std::to_string(at - e.link));
      at = i;
    } else if (e.kind == ValueKind::kUnion && e.link == at) {
      parts.emplace_back(program_->nodes[e.count].name);
      at = i;
    }
  }
  std::string out;
  for (std::size_t i = parts.size(); i-- > 0;) {
    if (!out.empty()) out += '.';
    out += parts[i];
  }
  return out;
}

// -- Value -------------------------------------------------------------------------------------

const Type* Value::type() const { return tape_ ? node().type : nullptr; }

const Display& Value::display() const {
  if (!named_ || !named_->display) return kPlain;
  const Display& own = *named_->display;
  // The content of a VARIANT or union arm knows its type; the declaration knows its annotations.
  if (own.field || own.type || own.values || own.status != StatusKind::kNone) return own;
  const Node& content = node();
  return content.display ? *content.display : own;
}

std::int64_t Value::as_int() const {
  switch (kind()) {
    case ValueKind::kBool:
      return load_scalar(tape_->stub_.data() + entry_.offset, node().scalar, order()) != 0;
    case ValueKind::kInt:
    case ValueKind::kUInt:
    case ValueKind::kTime:
    case ValueKind::kUnion:
      return load_scalar(tape_->stub_.data() + entry_.offset, node().scalar, order());
    case ValueKind::kReal: {
      const double real = as_real();
      return real > -9.2e18 && real < 9.2e18 ? static_cast<std::int64_t>(real) : 0;
    }
    default:
      return 0;
  }
}

double Value::as_real() const {
  if (kind() == ValueKind::kReal) {
    const std::byte* from = tape_->stub_.data() + entry_.offset;
    if (node().scalar == Scalar::kF32)
      return std::bit_cast<float>(load<std::uint32_t>(from, order()));
    return std::bit_cast<double>(load<std::uint64_t>(from, order()));
  }
  if (kind() == ValueKind::kUInt) return static_cast<double>(as_uint());
  return static_cast<double>(as_int());
}

Guid Value::as_guid() const {
  std::size_t offset = entry_.offset;
  if (kind() == ValueKind::kHandle) {
    offset += 4;
  } else if (kind() != ValueKind::kGuid) {
    return {};
  }
  ByteReader reader(tape_->stub_.subspan(offset, 16), order());
  return Guid::read(reader);
}

Bytes Value::bytes() const {
  if (!tape_) return {};
  const Node& n = node();
  std::size_t size = 0;
  switch (kind()) {
    case ValueKind::kMissing:
    case ValueKind::kNull:
    case ValueKind::kAlias:
      return {};
    case ValueKind::kText: {
      Bytes text = tape_->stub_.subspan(entry_.offset, std::size_t{entry_.count} * n.unit);
      if (n.fixed && n.display->semantic != "secret" && n.display->semantic != "multi_sz") {
        // A fixed array of characters is a buffer: what stands behind the NUL is left from before.
        const std::size_t unit = n.unit;
        std::size_t end = 0;
        while (end + unit <= text.size() &&
               (text[end] != std::byte{0} || (unit == 2 && text[end + 1] != std::byte{0})))
          end += unit;
        return text.first(end);
      }
      if (n.fixed) {
        while (text.size() >= n.unit && text.back() == std::byte{0} &&
               (n.unit == 1 || text[text.size() - 2] == std::byte{0})) {
          text = text.first(text.size() - n.unit);
        }
      }
      return text;
    }
    case ValueKind::kBytes:
      size = n.fixed ? n.size : entry_.count;
      break;
    case ValueKind::kSid:
    case ValueKind::kHandle:
    case ValueKind::kInterface:
      size = entry_.count;
      break;
    case ValueKind::kRecord:
      if (entry_.link == kPacked) size = n.size;
      break;
    case ValueKind::kList:
      if (entry_.link == kPacked && entry_.count > 0 && n.child != kNoNode) {
        size = std::size_t{entry_.count - 1} * n.stride + tape_->program_->nodes[n.child].size;
      }
      break;
    case ValueKind::kUnion:
      break;
    default:
      size = n.size;
      break;
  }
  return tape_->stub_.subspan(entry_.offset, size);
}

void Value::append_text(std::string& out) const {
  if (kind() != ValueKind::kText) return;
  const Bytes text = bytes();
  if (node().unit == 2) {
    std::size_t done = 0;
    if (std::endian::native == std::endian::little && order() == ByteOrder::kLittle) {
      done = append_ascii(out, text);
    }
    if (2 * done < text.size()) append_utf8(out, text.subspan(2 * done), order());
  } else if (tape_->ebcdic_) {
    for (const std::byte b : text) {
      const std::byte latin{kFromEbcdic[std::to_integer<std::size_t>(b)]};
      append_utf8_latin1(out, Bytes(&latin, 1));
    }
  } else {
    append_utf8_latin1(out, text);
  }
}

std::string Value::text() const {
  std::string out;
  append_text(out);
  return out;
}

Value Value::find(std::string_view path) const {
  Value value = *this;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    const std::string_view part = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    std::size_t i = 0;
    if (value.kind() == ValueKind::kList) {
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), i);
      if (error != std::errc() || end != part.data() + part.size()) return {};
    } else if (value.kind() == ValueKind::kRecord) {
      const Node& n = value.node();
      while (i < n.child_count && value.tape_->program_->nodes[n.child + i].name != part) ++i;
    } else if (value.kind() != ValueKind::kUnion || value.size() == 0 ||
               value.at(0).name() != part) {
      return {};
    }
    value = value.at(i);
  }
  return value;
}

Value Value::target() const {
  if (kind() != ValueKind::kAlias) return {};
  Value value = tape_->value_at(entry_.link);
  value.named_ = named_;
  return value;
}

bool Value::is_counted() const { return (entry_.flags & kCountedFlag) != 0; }
std::uint64_t Value::counted_length() const {
  return is_counted() ? load<std::uint16_t>(tape_->stub_.data() + entry_.link, order()) : 0;
}
std::uint64_t Value::counted_maximum() const {
  return is_counted() ? load<std::uint16_t>(tape_->stub_.data() + entry_.link + 2, order()) : 0;
}

// -- Walker ------------------------------------------------------------------------------------

void Walker::start(const Value& root) {
  used_ = 0;
  depth_ = index_ = 0;
  current_ = root;
  pending_ = true;
}

void Walker::skip() {
  if (event_ == Event::kOpen && used_ > 0) --used_;
}

bool Walker::next() {
  if (pending_) {
    pending_ = false;
  } else {
    if (used_ == 0) return false;
    Level& level = levels_[used_ - 1];
    if (level.next == level.size) {
      current_ = level.value;
      index_ = level.index;
      depth_ = --used_;
      event_ = Event::kClose;
      return true;
    }
    depth_ = used_;
    index_ = level.next++;
    const Tape* tape = level.value.tape_;
    const Node* node = level.list ? level.nodes : level.nodes + index_;
    current_.tape_ = tape;
    current_.named_ = node;
    Entry& entry = current_.entry_;
    if (level.entries) {
      entry = level.entries[index_];
    } else {
      const Node& of = level.value.node();
      const std::size_t inside = level.list ? index_ * of.stride : node->offset;
      entry.node = static_cast<std::uint32_t>(node - tape->nodes_);
      entry.kind = node->kind;
      entry.flags = 0;
      entry.extra = 0;
      entry.offset = static_cast<std::uint32_t>(level.value.entry_.offset + inside);
      entry.count = node->count;
      entry.link = kPacked;
    }
    if (entry.kind == ValueKind::kReal && tape->foreign_reals_) entry.kind = ValueKind::kBytes;
  }
  const ValueKind kind = current_.kind();
  if (kind != ValueKind::kRecord && kind != ValueKind::kList && kind != ValueKind::kUnion) {
    event_ = Event::kLeaf;
    return true;
  }
  event_ = Event::kOpen;
  if (used_ == levels_.size()) levels_.emplace_back();
  Level& level = levels_[used_++];
  level.value = current_;
  level.index = index_;
  level.next = 0;
  level.size = current_.size();
  const Entry& entry = current_.entry_;
  const Tape* tape = current_.tape_;
  level.list = kind == ValueKind::kList;
  if (level.size == 0) return true;  // the other members are not looked at
  if (kind == ValueKind::kUnion) {
    level.nodes = tape->nodes_ + entry.count;  // the arm
  } else {
    level.nodes = tape->nodes_ + current_.node().child;
  }
  level.entries = entry.link == kPacked ? nullptr : tape->entries_ + entry.link;
  return true;
}

}  // namespace rpcmarshal::ndr
