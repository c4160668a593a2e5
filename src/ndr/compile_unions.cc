// Unions as nodes: the discriminant, the labels sorted for the decoder, one node per arm.
#include <algorithm>

#include "ndr/compiler.h"

namespace rpcmarshal::ndr {
namespace {

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

}  // namespace

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

}  // namespace rpcmarshal::ndr
