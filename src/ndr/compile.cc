// Lays a procedure's types out as nodes. Inline nesting (struct in struct, array of structs) is
// compiled by recursion, bounded by kInlineDepth; referents of pointers wait in a worklist, so
// recursive types end where their fields were compiled first.
#include <algorithm>
#include <map>
#include <utility>

#include "ndr/automation.h"
#include "ndr/decode.h"
#include "ndr/recognise.h"

namespace rpcmarshal::ndr {
namespace {

/// Deeper inline nesting than any IDL has; also bounds the decoder's frames (decode.cc).
constexpr unsigned kInlineDepth = 48;
/// Pointers to pointers, arrays of arrays: typedef cycles without a struct end here.
constexpr unsigned kChainDepth = 32;
constexpr std::size_t kMaxNodes = 1u << 18;
constexpr std::uint64_t kMaxFixedSize = 1u << 30;
constexpr std::uint8_t kContextHandleSize = 20;

std::uint64_t align_up(std::uint64_t n, std::uint64_t alignment) {
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

const Display Compiler::none_{};

/// A case label as the discriminant's type represents it: case(-1) of an unsigned one is
/// 0xFFFFFFFF.
std::int64_t narrow(std::int64_t value, Scalar scalar) {
  switch (scalar) {
    case Scalar::kBool8:
    case Scalar::kU8:
      return static_cast<std::uint8_t>(value);
    case Scalar::kI8:
      return static_cast<std::int8_t>(value);
    case Scalar::kU16:
      return static_cast<std::uint16_t>(value);
    case Scalar::kI16:
      return static_cast<std::int16_t>(value);
    case Scalar::kU32:
      return static_cast<std::uint32_t>(value);
    case Scalar::kI32:
      return static_cast<std::int32_t>(value);
    default:
      return value;
  }
}

bool has_no_bytes(const Type* type) {
  for (int depth = 0; type && depth < 8; ++depth) {
    if (std::holds_alternative<BindingHandleShape>(type->shape)) return true;
    const auto* pointer = std::get_if<PointerShape>(&type->shape);
    if (!pointer) return false;
    type = pointer->target;
  }
  return false;
}

bool is_pipe(const Type* type) {
  if (!type) return false;
  if (const auto* pointer = std::get_if<PointerShape>(&type->shape)) type = pointer->target;
  return type && std::holds_alternative<PipeShape>(type->shape);
}

std::vector<Compiler::Slot> Compiler::slots() const {
  std::vector<Slot> out;
  const bool request = p_.half == Half::kRequest;
  if (procedure_.object) {
    const AutomationTypes& types = automation_types();
    out.push_back(request ? Slot{"orpcthis", types.orpcthis, nullptr}
                          : Slot{"orpcthat", types.orpcthat, nullptr});
  }
  for (const Parameter& parameter : procedure_.parameters) {
    if (!(request ? parameter.in : parameter.out) || has_no_bytes(parameter.field.type)) continue;
    out.push_back({parameter.field.name, parameter.field.type, &parameter.field});
  }
  if (!request && procedure_.result &&
      !std::holds_alternative<VoidShape>(procedure_.result->shape) &&
      !has_no_bytes(procedure_.result)) {
    out.push_back({"return", procedure_.result, nullptr});
  }
  return out;
}

void Compiler::run() {
  const std::vector<Slot> parameters = slots();
  reserve(1);
  p_.first = reserve(parameters.size());
  p_.count = static_cast<std::uint32_t>(parameters.size());
  Node& root = at(0);
  root.op = Op::kRecord;
  root.kind = ValueKind::kRecord;
  root.child = p_.first;
  root.child_count = p_.count;
  root.display = &none_;
  for (std::uint32_t i = 0; i < p_.count; ++i) {
    const Slot& slot = parameters[i];
    Place place;
    place.name = slot.name;
    place.field = slot.field;
    place.annotations = slot.field ? &slot.field->annotations : nullptr;
    place.scope = p_.first;
    place.scope_count = p_.count;
    place.index = i;
    fill(p_.first + i, slot.type, place);
    if (is_pipe(slot.type)) p_.has_pipes = true;
    if (!slot.field && slot.name == "return") {
      at(p_.first + i).display =
          &p_.displays.emplace_back(make_result_display(catalogue_, iface_, procedure_));
    }
  }
  while (!pending_.empty()) {
    const Pending next = pending_.back();
    pending_.pop_back();
    fill(next.node, next.type, next.place);
  }
}

void Compiler::scalar(std::uint32_t node, Scalar scalar, std::uint8_t align) {
  Node& n = at(node);
  n.op = Op::kFixed;
  n.fixed = true;
  n.scalar = scalar;
  n.kind = scalar_kind(scalar);
  n.size = scalar_size(scalar);
  n.align = align ? align : scalar_size(scalar);
}

void Compiler::fill(std::uint32_t node, const Type* type, const Place& where) {
  Place place = where;
  if (!place.display) place.display = display(place.annotations, type);
  {
    Node& n = at(node);
    n.name = place.name;
    n.field = place.field;
    n.scope = place.scope;
    n.scope_count = place.scope_count;
    n.index = place.index;
    n.type = type;
    n.display = place.display;
  }
  if (!type) return unknown(node, "a type is not known");
  if (place.inline_depth > kInlineDepth || place.chain > kChainDepth) {
    return unknown(node, "the type is nested too deeply");
  }
  if (p_.nodes.size() > kMaxNodes) return unknown(node, "the procedure's types are too large");

  if (const auto* base = std::get_if<BaseShape>(&type->shape)) {
    Scalar kind = scalar_of(base->type, p_.syntax);
    if (kind == Scalar::kI16 && type->name == "VARIANT_BOOL") kind = Scalar::kVariantBool;
    scalar(node, kind);
    if (scalar_size(kind) == 8 && at(node).display->semantic == "filetime")
      at(node).kind = ValueKind::kTime;
  } else if (const auto* values = std::get_if<EnumShape>(&type->shape)) {
    scalar(node, values->v1 || wide_ ? Scalar::kI32 : Scalar::kU16);
  } else if (std::holds_alternative<StructShape>(type->shape)) {
    structure(node, *type, place);
  } else if (std::holds_alternative<UnionShape>(type->shape)) {
    choice(node, *type, place);
  } else if (const auto* to = std::get_if<PointerShape>(&type->shape)) {
    if (place.field && place.field->ignore) {
      Node& n = at(node);
      n.op = Op::kIgnored;
      n.kind = ValueKind::kNull;
      n.align = pointer_size_;
      n.size = pointer_size_;
      return;
    }
    pointer(node, to->target, to->kind, place);
  } else if (const auto* elements = std::get_if<ArrayShape>(&type->shape)) {
    array(node, *elements, place);
  } else if (std::holds_alternative<ContextHandleShape>(type->shape)) {
    Node& n = at(node);
    n.op = Op::kFixed;
    n.fixed = true;
    n.kind = ValueKind::kHandle;
    n.align = 4;
    n.size = kContextHandleSize;
    n.count = kContextHandleSize;
  } else if (std::holds_alternative<InterfacePointerShape>(type->shape)) {
    pointer(node, automation_types().interface_body, PointerKind::kUnique, place);
  } else if (const auto* automation = std::get_if<AutomationShape>(&type->shape)) {
    const AutomationTypes& types = automation_types();
    const Type* wire = automation->kind == AutomationKind::kBstr      ? types.bstr
                       : automation->kind == AutomationKind::kVariant ? types.variant
                                                                      : types.safearray;
    pointer(node, std::get<PointerShape>(wire->shape).target, PointerKind::kUnique, place);
  } else if (const auto* pipe = std::get_if<PipeShape>(&type->shape)) {
    const std::uint32_t chunk = reserve(1);
    ArrayShape shape;  // each chunk is shown as an array of its elements
    shape.element = pipe->element;
    const Dimension one{true, false, 0, {}, {}};
    at(chunk).display = place.display;
    dimension(chunk, shape, pipe->element, {&one}, 0, element_place(place));
    if (at(chunk).child != kNoNode && !at(at(chunk).child).fixed) {
      return unknown(node, "a pipe of elements of variable size");
    }
    at(chunk).array = nullptr;
    Node& n = at(node);
    n.op = Op::kPipe;
    n.kind = ValueKind::kList;
    n.child = chunk;
    n.align = pointer_size_;
    n.size = pointer_size_;
  } else if (const auto* hole = std::get_if<UnknownShape>(&type->shape)) {
    unknown(node, hole->why.empty() ? std::string_view("a type is not known") : hole->why);
  } else {
    unknown(node, "void has no representation");
  }
}

void Compiler::pointer(std::uint32_t node, const Type* target, PointerKind kind,
                       const Place& place) {
  const std::uint32_t referent = reserve(1);
  Node& n = at(node);
  n.op = kind == PointerKind::kRef && !place.embedded ? Op::kReference : Op::kPointer;
  n.full = kind == PointerKind::kFull;
  n.align = n.op == Op::kReference ? 1 : pointer_size_;
  n.size = n.op == Op::kReference ? 0 : pointer_size_;
  n.child = referent;
  n.type = target;
  Place inner = place;
  inner.embedded = false;
  inner.inline_depth = 0;
  inner.chain = place.chain + 1;
  pending_.push_back({referent, target, inner});
}

void Compiler::structure(std::uint32_t node, const Type& type, const Place& place) {
  switch (recognise(type)) {
    case Special::kNone:
      break;
    case Special::kGuid: {
      Node& n = at(node);
      n.op = Op::kFixed;
      n.fixed = true;
      n.kind = ValueKind::kGuid;
      n.align = 4;
      n.size = n.count = 16;
      return;
    }
    case Special::kSid: {
      Node& n = at(node);
      n.op = Op::kSid;
      n.kind = ValueKind::kSid;
      n.align = 4;
      n.size = 8;
      n.hoist = 1;
      return;
    }
    case Special::kTime:
      scalar(node, Scalar::kPairU64, 4);
      at(node).kind = ValueKind::kTime;
      return;
    case Special::kPairSigned:
    case Special::kPairUnsigned:
      scalar(node, recognise(type) == Special::kPairSigned ? Scalar::kPairI64 : Scalar::kPairU64,
             4);
      if (at(node).display->semantic == "filetime") at(node).kind = ValueKind::kTime;
      return;
    case Special::kWrapped: {
      const auto base =
          std::get<BaseShape>(std::get<StructShape>(type.shape).fields[0].type->shape);
      scalar(node, scalar_of(base.type, p_.syntax));
      if (at(node).display->semantic == "filetime") at(node).kind = ValueKind::kTime;
      return;
    }
    case Special::kCounted: {
      const Type* buffer = std::get<StructShape>(type.shape).fields[2].type;
      const std::uint32_t referent = reserve(1);
      Node& n = at(node);
      n.op = Op::kCounted;
      n.kind = ValueKind::kText;
      n.align = pointer_size_;
      n.size = 2 * pointer_size_;
      n.child = referent;
      Place inner = place;
      inner.embedded = false;
      inner.scope = kNoNode;  // its size_is is checked against Length, see Op::kCounted
      fill(referent, std::get<PointerShape>(buffer->shape).target, inner);
      Node& text = at(referent);
      text.display = at(node).display;
      if (text.kind != ValueKind::kText) {
        text.kind = ValueKind::kText;
        text.unit = static_cast<std::uint8_t>(std::clamp<std::uint32_t>(text.stride, 1, 2));
      }
      at(node).unit = text.unit;
      return;
    }
    case Special::kInterface:
    case Special::kWordBlob: {
      const bool text = recognise(type) == Special::kWordBlob;
      Node& n = at(node);
      n.op = Op::kBlob;
      n.kind = text ? ValueKind::kText : ValueKind::kInterface;
      n.unit = text ? 2 : 1;
      n.align = 4;
      n.size = text ? 8 : 4;
      n.hoist = 1;
      return;
    }
  }
  record(node, type, place);
  if (&type == automation_types().variant_body) {
    at(node).op = Op::kVariant;
  }
}

Compiler::Block& Compiler::block(const Type& type, const Place& place) {
  const auto [it, fresh] = blocks_.try_emplace(&type);
  Block& block = it->second;
  if (!fresh) {
    if (!block.done) block.why = "a structure contains itself";
    return block;
  }
  const auto& fields = std::get<StructShape>(type.shape).fields;
  block.first = reserve(fields.size());
  block.count = static_cast<std::uint32_t>(fields.size());
  std::uint64_t size = 0;
  for (std::uint32_t i = 0; i < block.count; ++i) {
    const Field& field = fields[i];
    Place inner;
    inner.name = field.name;
    inner.field = &field;
    inner.annotations = &field.annotations;
    inner.scope = block.first;
    inner.scope_count = block.count;
    inner.index = i;
    inner.embedded = true;
    inner.inline_depth = place.inline_depth + 1;
    fill(block.first + i, field.type, inner);
    Node& n = at(block.first + i);
    if (n.conformant && n.op == Op::kArray) {
      n.hoisted = true;
      n.hoist = 1;
    } else if (n.hoist > 0) {
      n.hoisted = true;
    }
    block.hoist = static_cast<std::uint8_t>(block.hoist + n.hoist);
    block.align = std::max(block.align, n.align);
    block.fixed = block.fixed && n.fixed;
    if (block.fixed) size = align_up(size, n.align);
    n.offset = static_cast<std::uint32_t>(size);
    size = std::min(size + n.size, kMaxFixedSize);
  }
  if (block.fixed && wide_) size = align_up(size, block.align);
  if (wide_ && block.count > 0 && block.hoist > 0) {
    at(block.first + block.count - 1).lead_align = block.align;
  }
  block.size = static_cast<std::uint32_t>(size);
  if (size >= kMaxFixedSize) block.why = "a structure is too large";
  if (block.hoist > 4) block.why = "a structure contains several conformant arrays";
  block.done = true;
  return block;
}

void Compiler::record(std::uint32_t node, const Type& type, const Place& place) {
  const Block& made = block(type, place);
  if (!made.why.empty()) return unknown(node, made.why);
  Node& n = at(node);
  n.op = made.fixed ? Op::kFixed : Op::kRecord;
  n.fixed = made.fixed;
  n.kind = ValueKind::kRecord;
  n.align = made.align;
  n.size = made.size;
  n.child = made.first;
  n.child_count = n.count = made.count;
  n.hoist = made.hoist;
  n.tail_align = wide_ && made.hoist == 0 ? made.align : 1;
}

/// Arrays of characters and bytes are one value. A `char` array that is no [string] is bytes: in
/// published interfaces those are keys and hashes more often than text.
bool Compiler::characters(std::uint32_t node, const Type* element, bool string) {
  const auto* base = element ? std::get_if<BaseShape>(&element->shape) : nullptr;
  if (!base) return false;
  Node& n = at(node);
  const std::string_view semantic = n.display->semantic;
  const bool utf16 = semantic == "utf16" || semantic == "multi_sz";
  switch (base->type) {
    case BaseType::kWChar:
      n.kind = ValueKind::kText;
      n.unit = 2;
      break;
    case BaseType::kUInt16:
    case BaseType::kInt16:
      if (!string && !utf16) return false;
      n.kind = ValueKind::kText;
      n.unit = 2;
      break;
    case BaseType::kByte:
    case BaseType::kChar:
    case BaseType::kInt8:
    case BaseType::kUInt8:
      n.unit = utf16 && !string ? 2 : 1;
      n.kind = string || utf16 || semantic == "ascii" ? ValueKind::kText : ValueKind::kBytes;
      n.stride = 1;
      return true;
    default:
      return false;
  }
  n.stride = 2;
  return true;
}

void Compiler::array(std::uint32_t node, const ArrayShape& shape, const Place& place) {
  std::vector<const Dimension*> dimensions;
  const Type* element = shape.element;
  for (const Dimension& d : shape.dimensions) dimensions.push_back(&d);
  for (int depth = 0; !shape.string && depth < 8 && element; ++depth) {
    const auto* inner = std::get_if<ArrayShape>(&element->shape);
    if (!inner || inner->string) break;
    for (const Dimension& d : inner->dimensions) dimensions.push_back(&d);
    element = inner->element;
  }
  if (dimensions.empty()) return unknown(node, "an array without dimensions");
  if (dimensions.size() > 8) return unknown(node, "an array of too many dimensions");
  dimension(node, shape, element, dimensions, 0, place);
}

void Compiler::dimension(std::uint32_t node, const ArrayShape& shape, const Type* element,
                         const std::vector<const Dimension*>& dimensions, std::size_t from,
                         const Place& place) {
  const bool last = from + 1 == dimensions.size();
  const bool string = shape.string && last;
  const auto counted = [](const Dimension* d) { return d->conformant || d->varying; };
  if (!last && std::any_of(dimensions.begin() + static_cast<std::ptrdiff_t>(from) + 1,
                           dimensions.end(), counted)) {
    if (shape.string) return unknown(node, "an array of strings within an array");
    return many(node, element, dimensions, from, place);
  }
  const Dimension& d = *dimensions[from];
  const std::uint8_t count_size = pointer_size_;
  const bool varying = d.varying || string;
  {
    Node& n = at(node);
    n.op = Op::kArray;
    n.kind = ValueKind::kList;
    n.conformant = d.conformant;
    n.varying = varying;
    n.string = string;
    n.array = &shape;
    n.checked = place.scope != kNoNode && from == 0 &&
                (!d.size_is.empty() || !d.length_is.empty() || shape.range ||
                 (place.field && place.field->range));
  }
  std::uint32_t element_size = 1;
  std::uint8_t element_align = 1;
  bool element_fixed = true;
  if (last && characters(node, element, string)) {
    element_size = at(node).stride;
    element_align = static_cast<std::uint8_t>(element_size);
  } else {
    const std::uint32_t child = reserve(1);
    const Place inner = element_place(place);
    if (last) {
      fill(child, element, inner);
    } else {
      at(child).display = at(node).display;
      dimension(child, shape, element, dimensions, from + 1, inner);
    }
    const Node& e = at(child);
    element_size = e.size;
    element_align = e.align;
    element_fixed = e.fixed;
    Node& n = at(node);
    n.child = child;
    n.stride =
        element_fixed ? static_cast<std::uint32_t>(align_up(element_size, element_align)) : 0;
  }
  Node& n = at(node);
  n.align = varying ? std::max(element_align, count_size) : element_align;
  if (d.conformant || varying) {
    n.size = (varying ? 2u : 0u) * count_size;
    n.count = static_cast<std::uint32_t>(std::min<std::uint64_t>(d.fixed, kMaxFixedSize));
    return;
  }
  if (d.fixed >= kMaxFixedSize || (n.stride && d.fixed * n.stride >= kMaxFixedSize)) {
    return unknown(node, "an array is too large");
  }
  n.count = static_cast<std::uint32_t>(d.fixed);
  if (element_fixed) {
    n.op = Op::kFixed;
    n.fixed = true;
    n.size = n.count ? (n.count - 1) * n.stride + element_size : 0;
    if (n.child == kNoNode) n.count = n.size / n.unit;
  } else {
    n.size = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(std::uint64_t{n.count} * element_size, kMaxFixedSize));
  }
}

void Compiler::many(std::uint32_t node, const Type* element,
                    const std::vector<const Dimension*>& dimensions, std::size_t from,
                    const Place& place) {
  const auto extents = static_cast<std::uint32_t>(p_.extents.size());
  const auto count = static_cast<std::uint32_t>(dimensions.size() - from);
  std::uint8_t hoist = 0;
  bool varying = false;
  for (std::size_t i = from; i < dimensions.size(); ++i) {
    p_.extents.push_back({dimensions[i]->conformant, dimensions[i]->varying, dimensions[i]->fixed});
    if (dimensions[i]->conformant) ++hoist;
    varying = varying || dimensions[i]->varying;
  }
  // One node per inner dimension describes its lists; only the outermost is run.
  std::uint32_t outer = node;
  for (std::uint32_t i = 1; i < count; ++i) {
    const std::uint32_t inner = reserve(1);
    Node& n = at(inner);
    n.op = Op::kArrayMany;
    n.kind = ValueKind::kList;
    n.display = at(node).display;
    at(outer).child = inner;
    outer = inner;
  }
  std::uint8_t element_align = 1;
  if (characters(outer, element, false)) {
    element_align = static_cast<std::uint8_t>(at(outer).stride);
  } else {
    const std::uint32_t child = reserve(1);
    fill(child, element, element_place(place));
    at(outer).child = child;
    at(outer).stride =
        at(child).fixed ? static_cast<std::uint32_t>(align_up(at(child).size, at(child).align)) : 0;
    element_align = at(child).align;
  }
  Node& n = at(node);
  n.op = Op::kArrayMany;
  n.kind = ValueKind::kList;
  n.extents = extents;
  n.extent_count = count;
  n.hoist = hoist;
  n.conformant = hoist > 0;
  n.align = varying ? std::max(element_align, pointer_size_) : element_align;
  n.size = varying ? 2u * pointer_size_ : 0u;
}

Compiler::Arms& Compiler::arms(const Type& type, const UnionShape& shape, Scalar discriminant,
                               const Place& place) {
  const auto [it, fresh] = arms_.try_emplace(&type);
  Arms& out = it->second;
  if (!fresh) return out;
  const std::uint32_t first = reserve(shape.arms.size());
  std::vector<Program::Label> labels;
  for (std::uint32_t i = 0; i < shape.arms.size(); ++i) {
    const UnionArm& arm = shape.arms[i];
    std::uint32_t node = kNoNode;
    const bool empty = !arm.field.type || std::holds_alternative<VoidShape>(arm.field.type->shape);
    if (!empty) {
      node = first + i;
      Place inner;
      inner.name = arm.field.name;
      inner.field = &arm.field;
      inner.annotations = &arm.field.annotations;
      inner.embedded = true;
      inner.inline_depth = place.inline_depth + 1;
      fill(node, arm.field.type, inner);
      out.align = std::max(out.align, at(node).align);
    } else {
      at(first + i).display = &none_;
    }
    for (const std::int64_t value : arm.cases)
      labels.push_back({narrow(value, discriminant), node});
    if (arm.is_default) out.default_arm = node;
  }
  std::ranges::stable_sort(labels, {}, &Program::Label::value);
  out.labels = static_cast<std::uint32_t>(p_.labels.size());
  out.label_count = static_cast<std::uint32_t>(labels.size());
  p_.labels.insert(p_.labels.end(), labels.begin(), labels.end());
  out.done = true;
  return out;
}

void Compiler::choice(std::uint32_t node, const Type& type, const Place& place) {
  const auto& shape = std::get<UnionShape>(type.shape);
  Scalar discriminant = Scalar::kNone;
  if (shape.discriminant) {
    if (const auto* base = std::get_if<BaseShape>(&shape.discriminant->shape)) {
      discriminant = scalar_of(base->type, p_.syntax);
    } else if (const auto* values = std::get_if<EnumShape>(&shape.discriminant->shape)) {
      discriminant = values->v1 || wide_ ? Scalar::kI32 : Scalar::kU16;
    }
  }
  if (discriminant == Scalar::kNone || discriminant == Scalar::kF32 ||
      discriminant == Scalar::kF64) {
    return unknown(node, "a union's discriminant has no known type");
  }
  const Arms& made = arms(type, shape, discriminant, place);
  if (!made.done) return unknown(node, "a union contains itself");
  Node& n = at(node);
  n.op = Op::kUnion;
  n.kind = ValueKind::kUnion;
  n.scalar = discriminant;
  n.size = scalar_size(discriminant);
  // NDR64 aligns the whole union ([MS-RPCE] 2.2.5.3.4), NDR20 the discriminant and then the arm:
  // for itself, or with [ms_union] (and so every element of an array) as the largest arm
  // ([MS-RPCE] 2.2.4.5).
  const bool as_largest = wide_ || (shape.ms_union && !shape.encapsulated);
  n.align = static_cast<std::uint8_t>(std::max<std::uint32_t>(n.size, made.align));
  const bool whole = wide_ || (as_largest && place.element);
  n.lead_align = whole ? n.align : static_cast<std::uint8_t>(n.size);
  n.tail_align = as_largest ? made.align : 1;
  n.labels = made.labels;
  n.label_count = made.label_count;
  n.default_arm = made.default_arm;
}

}  // namespace

const Node* Program::parameter(std::string_view name) const {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (nodes[first + i].name == name) return &nodes[first + i];
  }
  return nullptr;
}

std::unique_ptr<Program> compile(const Catalogue& catalogue, const Interface& iface,
                                 const Procedure& procedure, Half half, Syntax syntax) {
  auto program = std::make_unique<Program>();
  program->iface = &iface;
  program->procedure = &procedure;
  program->half = half;
  program->syntax = syntax;
  Compiler(catalogue, iface, procedure, *program).run();
  program->nodes.shrink_to_fit();
  return program;
}

}  // namespace rpcmarshal::ndr
