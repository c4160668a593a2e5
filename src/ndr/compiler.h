// The compiler's state and its parts: compile.cc has the frame (procedures, records, pointers),
// compile_lists.cc arrays and strings, compile_unions.cc unions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "ndr/program.h"
#include "ndr/recognise.h"

namespace rpcmarshal::ndr {

/// Deeper inline nesting than any IDL has; also bounds the decoder's frames (decode.cc).
inline constexpr unsigned kInlineDepth = 48;
/// Pointers to pointers, arrays of arrays: typedef cycles without a struct end here.
inline constexpr unsigned kChainDepth = 32;
inline constexpr std::size_t kMaxNodes = 1u << 18;
inline constexpr std::uint64_t kMaxFixedSize = 1u << 30;
inline constexpr std::uint8_t kContextHandleSize = 20;

inline std::uint64_t align_up(std::uint64_t n, std::uint64_t alignment) {
  return (n + alignment - 1) & ~(alignment - 1);
}

/// Where a type stands: what its node cannot know from the type.
struct Place {
  std::string_view name;
  const Field* field = nullptr;
  const Annotations* annotations = nullptr;
  const Display* display = nullptr;  ///< of the pointer or array this belongs to
  std::uint32_t scope = kNoNode;
  std::uint32_t scope_count = 0;
  std::uint32_t index = 0;
  bool embedded = false;  ///< in a struct, array or union: a [ref] pointer has bytes
  bool element = false;   ///< of an array
  unsigned inline_depth = 0;
  unsigned chain = 0;
};

class Compiler {
 public:
  Compiler(const Catalogue& catalogue, const Interface& iface, const Procedure& procedure,
           Program& program)
      : catalogue_(catalogue),
        iface_(iface),
        procedure_(procedure),
        p_(program),
        wide_(program.syntax == Syntax::kNdr64),
        pointer_size_(wide_ ? 8 : 4) {}

  void run();

 private:
  struct Block {
    std::uint32_t first = 0, count = 0;
    std::uint32_t size = 0;
    std::uint8_t align = 1, hoist = 0;
    bool fixed = true, done = false;
    std::string_view why;  ///< not empty: cannot be decoded
  };
  struct Arms {
    std::uint32_t labels = 0, label_count = 0, default_arm = kNoArm;
    std::uint8_t align = 1;
    bool done = false;
  };
  struct Pending {
    std::uint32_t node;
    const Type* type;
    Place place;
  };
  struct Slot {
    std::string_view name;
    const Type* type;
    const Field* field;
  };

  Node& at(std::uint32_t node) { return p_.nodes[node]; }
  std::uint32_t reserve(std::size_t count) {
    const auto first = static_cast<std::uint32_t>(p_.nodes.size());
    p_.nodes.resize(p_.nodes.size() + count);
    return first;
  }
  std::vector<Slot> slots() const;
  const Display* display(const Annotations* field, const Type* type) {
    const Display made = make_display(catalogue_, field, type);
    if (!made.field && !made.type && !made.values && made.status == StatusKind::kNone)
      return &none_;
    return &p_.displays.emplace_back(made);
  }
  Place element_place(const Place& place) const {
    Place inner;
    inner.annotations = place.annotations;
    inner.display = place.display;
    inner.embedded = true;
    inner.element = true;
    inner.inline_depth = place.inline_depth + 1;
    inner.chain = place.chain + 1;
    return inner;
  }

  void fill(std::uint32_t node, const Type* type, const Place& place);
  void unknown(std::uint32_t node, std::string_view why) {
    Node& n = at(node);
    n.op = Op::kUnknown;
    n.kind = ValueKind::kMissing;
    n.fixed = false;
    n.size = 0;
    n.align = 1;
    n.why = why;
  }
  void scalar(std::uint32_t node, Scalar scalar, std::uint8_t align = 0);
  void structure(std::uint32_t node, const Type& type, const Place& place);
  void record(std::uint32_t node, const Type& type, const Place& place);
  void pointer(std::uint32_t node, const Type* target, PointerKind kind, const Place& place);
  void array(std::uint32_t node, const ArrayShape& shape, const Place& place);
  void dimension(std::uint32_t node, const ArrayShape& shape, const Type* element,
                 const std::vector<const Dimension*>& dimensions, std::size_t from,
                 const Place& place);
  void many(std::uint32_t node, const Type* element,
            const std::vector<const Dimension*>& dimensions, std::size_t from, const Place& place);
  bool characters(std::uint32_t node, const Type* element, bool string);
  void choice(std::uint32_t node, const Type& type, const Place& place);
  Block& block(const Type& type, const Place& place);
  Arms& arms(const Type& type, const UnionShape& shape, Scalar discriminant, const Place& place);

  const Catalogue& catalogue_;
  const Interface& iface_;
  const Procedure& procedure_;
  Program& p_;
  const bool wide_;
  const std::uint8_t pointer_size_;
  std::map<const Type*, Block> blocks_;
  std::map<const Type*, Arms> arms_;
  std::vector<Pending> pending_;
  static const Display none_;
};

}  // namespace rpcmarshal::ndr
