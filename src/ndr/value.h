// Values of a decoded stub. A Tape is the reusable arena that one decode fills: a flat array of
// 16-byte entries that note where in the stub each value lies. A Value is a small cursor into it,
// passed by value.
//
//     Value root = tape.root();                        // a record: the parameters by name
//     for (Value argument : root) { argument.name(); argument.kind(); }
//     root.find("lpServiceName").append_text(out);     // "" path parts: "InfoStruct.0.Name"
//
// Values read the stub when asked: the tape, its program and the stub must outlive them.
// Asking a value for what it is not (as_int() of text) gives zero or nothing, never an error.
// Nesting is bounded by the input, not by the types (a linked list of 10,000 nodes is 10,000 deep):
// print with a Walker, not by recursion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/guid.h"
#include "ndr/program.h"

namespace rpcmarshal::ndr {

struct DecodeInput;
struct DecodeResult;
class Tape;
template <bool kWide, bool kSwap>
class Machine;  // decode.cc

/// One value on the tape. `link` is by kind: record, list and union with slots: index of the first
/// child's entry; packed list or fixed record: kPacked; alias: the target's entry; counted string:
/// offset of its Length field; VARIANT content: see Tape.
struct Entry {
  std::uint32_t node = 0;
  ValueKind kind = ValueKind::kMissing;
  std::uint8_t flags = 0;
  std::uint16_t extra = 0;   ///< VARIANT content: its VARTYPE
  std::uint32_t offset = 0;  ///< in the stub
  std::uint32_t count = 0;   ///< children, characters or bytes
  std::uint32_t link = 0;
};
static_assert(sizeof(Entry) == 20);

/// Entry::link of fixed records and packed lists: children are computed, not stored.
inline constexpr std::uint32_t kPacked = 0xFFFFFFFF;
class Value {
 public:
  class Iterator;

  Value() = default;

  ValueKind kind() const { return entry_.kind; }
  bool is_missing() const { return kind() == ValueKind::kMissing; }
  bool is_null() const { return kind() == ValueKind::kNull; }

  /// Name of the field or parameter ("return" for the result); empty for a list element.
  std::string_view name() const;
  /// IDL type, pointers followed; nullptr for what IDL does not declare (ORPC headers).
  const Type* type() const;
  const Display& display() const;
  /// Where the value lies in the stub.
  std::size_t offset() const { return entry_.offset; }

  /// kBool, kInt, kUInt, kTime: the value; kUnion: the discriminant.
  std::int64_t as_int() const;
  std::uint64_t as_uint() const { return static_cast<std::uint64_t>(as_int()); }
  bool as_bool() const { return as_int() != 0; }
  /// kReal, and integers converted.
  double as_real() const;
  /// kGuid; of a kHandle, its GUID.
  Guid as_guid() const;

  /// The bytes in the stub: of text (without the terminating NUL of a [string]; of a fixed array up
  /// to the first NUL), bytes, SID, handle, OBJREF, GUID, scalar, and fixed records and packed
  /// lists.
  Bytes bytes() const;
  /// Byte order of bytes().
  ByteOrder order() const;
  /// kText: 16-bit characters (else 8-bit: ASCII, or EBCDIC when the peer said so).
  bool is_text16() const;
  /// Appends kText as UTF-8: unpaired surrogates as WTF-8 (base/unicode.h), no terminating NUL;
  /// other NULs are kept.
  void append_text(std::string& out) const;
  std::string text() const;

  /// VARIANT content: its VARTYPE ([MS-OAUT] 2.2.7); 0 for other values.
  std::uint16_t variant_type() const { return entry_.extra; }

  /// Number of children: of kRecord, kList, kUnion (0 or 1); 0 for others.
  std::size_t size() const;
  /// Child `i` in declaration order; missing when out of range.
  Value at(std::size_t i) const;
  Value operator[](std::size_t i) const { return at(i); }
  /// Follows field names, arm names and element numbers: "ShareInfo.Level1.Buffer.0.shi1_netname".
  Value find(std::string_view path) const;
  Iterator begin() const;
  Iterator end() const;

  /// kAlias: the value pointed to (which may contain this one: do not follow blindly).
  Value target() const;
  /// For text that stands for a counted string: Length and MaximumLength in bytes as sent.
  bool is_counted() const;
  std::uint64_t counted_length() const;
  std::uint64_t counted_maximum() const;

 private:
  friend class Tape;
  friend class Walker;
  static Value computed(const Tape* tape, std::uint32_t node, std::size_t offset);
  const Node& node() const;
  Value(const Tape* tape, const Entry& entry, const Node* named);

  const Tape* tape_ = nullptr;
  const Node* named_ = nullptr;  ///< the slot's node: name and display
  Entry entry_;
};

class Value::Iterator {
 public:
  using value_type = Value;
  using difference_type = std::ptrdiff_t;
  Iterator() = default;
  Iterator(const Value* of, std::size_t at) : of_(*of), at_(at) {}
  Value operator*() const { return of_.at(at_); }
  Iterator& operator++() {
    ++at_;
    return *this;
  }
  Iterator operator++(int) {
    Iterator before = *this;
    ++at_;
    return before;
  }
  bool operator==(const Iterator& other) const { return at_ == other.at_; }

 private:
  Value of_;
  std::size_t at_ = 0;
};

inline Value::Iterator Value::begin() const { return Iterator(this, 0); }
inline Value::Iterator Value::end() const { return Iterator(this, size()); }

/// A count on the wire that disagrees with size_is, length_is or range.
struct Mismatch {
  enum class What : std::uint8_t {
    kSizeIs,
    kLengthIs,
    kRange,          ///< declared: the bound that is exceeded
    kCountedLength,  ///< declared: Length of a counted string in characters
    kVariance,       ///< declared: the maximum count, which offset plus actual count exceed
    kSidLength,      ///< declared: SubAuthorityCount
  };
  What what;
  std::uint32_t entry;    ///< for Tape::path()
  std::int64_t declared;  ///< what the IDL or the enclosing structure says
  std::uint64_t wire;     ///< what was sent
};

/// The arena. Reuse one per thread: after the largest stub it allocates no more.
class Tape {
 public:
  Tape();
  ~Tape();
  Tape(Tape&&) noexcept;
  Tape& operator=(Tape&&) noexcept;

  /// The parameters of the last decode, in declaration order; missing before the first.
  Value root() const;
  const Program* program() const { return program_; }
  Bytes stub() const { return stub_; }
  ByteOrder order() const { return order_; }
  bool ebcdic() const { return ebcdic_; }
  std::size_t entry_count() const { return size_; }
  /// The first few disagreements of counts (DecodeResult::mismatches says how many there are).
  const std::vector<Mismatch>& mismatches() const { return mismatches_; }
  /// Dotted path of an entry, as find() takes it. Walks the tape: for messages.
  std::string path(std::uint32_t entry) const;
  void clear();

 private:
  friend class Value;
  template <bool kWide, bool kSwap>
  friend class Machine;
  friend class CountChecker;
  friend DecodeResult decode(const Program&, const DecodeInput&, Tape&);
  friend class Walker;
  struct Scratch;  ///< the decoder's stacks, kept for their memory

  Value value_at(std::uint32_t entry) const;

  Entry* entries_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  const Program* program_ = nullptr;
  const Node* nodes_ = nullptr;  ///< program_->nodes, one step nearer
  Bytes stub_;
  ByteOrder order_ = ByteOrder::kLittle;
  bool ebcdic_ = false;
  bool foreign_reals_ = false;
  std::vector<Mismatch> mismatches_;
  std::unique_ptr<Scratch> scratch_;
};

/// Depth-first traversal without recursion, reusable:
///
///     walker.start(root);
///     while (walker.next()) switch (walker.event()) {
///       case Walker::Event::kOpen: ...   // a record, list or union begins
///       case Walker::Event::kLeaf: ...   // anything else, kAlias included
///       case Walker::Event::kClose: ...
///     }
class Walker {
 public:
  enum class Event : std::uint8_t { kOpen, kLeaf, kClose };

  void start(const Value& root);
  bool next();
  Event event() const { return event_; }
  const Value& value() const { return current_; }
  /// Position among its siblings; parents open above this value.
  std::size_t index() const { return index_; }
  std::size_t depth() const { return depth_; }
  /// After kOpen: go on with the next sibling (no kClose comes).
  void skip();

 private:
  struct Level {
    Value value;
    const Entry* entries;  ///< of the children; nullptr when they are computed
    const Node* nodes;     ///< of the first child
    std::size_t index, next, size;
    bool list;  ///< one node for all children
  };
  std::vector<Level> levels_;
  std::size_t used_ = 0;
  Value current_;
  std::size_t index_ = 0, depth_ = 0;
  Event event_ = Event::kClose;
  bool pending_ = false;
};

// -- inline ------------------------------------------------------------------------------------

inline Value::Value(const Tape* tape, const Entry& entry, const Node* named)
    : tape_(tape), named_(named), entry_(entry) {
  if (entry_.kind == ValueKind::kReal && tape->foreign_reals_) entry_.kind = ValueKind::kBytes;
}

inline Value Value::computed(const Tape* tape, std::uint32_t node, std::size_t offset) {
  const Node& n = tape->nodes_[node];
  Entry entry;
  entry.node = node;
  entry.kind = n.kind;
  entry.offset = static_cast<std::uint32_t>(offset);
  entry.count = n.count;
  entry.link = kPacked;
  return Value(tape, entry, &n);
}

inline std::size_t Value::size() const {
  switch (kind()) {
    case ValueKind::kRecord:
    case ValueKind::kList:
      return entry_.count;
    case ValueKind::kUnion:
      return entry_.link == kNoNode ? 0 : 1;
    default:
      return 0;
  }
}

inline Value Value::at(std::size_t i) const {
  if (i >= size()) return {};
  const Node* nodes = tape_->nodes_;
  const Node& n = node();
  if (kind() == ValueKind::kUnion) {
    return Value(tape_, tape_->entries_[entry_.link], &nodes[entry_.count]);
  }
  const bool list = kind() == ValueKind::kList;
  const std::uint32_t child = list ? n.child : n.child + static_cast<std::uint32_t>(i);
  if (entry_.link == kPacked) {
    const std::size_t inside = list ? i * n.stride : nodes[child].offset;
    return computed(tape_, child, entry_.offset + inside);
  }
  return Value(tape_, tape_->entries_[entry_.link + i], &nodes[child]);
}

inline const Node& Value::node() const { return tape_->nodes_[entry_.node]; }

inline std::string_view Value::name() const { return named_ ? named_->name : std::string_view(); }

inline ByteOrder Value::order() const { return tape_ ? tape_->order_ : ByteOrder::kLittle; }

inline bool Value::is_text16() const { return kind() == ValueKind::kText && node().unit == 2; }

}  // namespace rpcmarshal::ndr
