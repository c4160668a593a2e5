// Lays a procedure's types out as nodes. Inline nesting (struct in struct, array of structs) is
// compiled by recursion, bounded by kInlineDepth; referents of pointers wait in a worklist, so
// recursive types end where their fields were compiled first.
#include <algorithm>
#include <utility>

#include "ndr/automation.h"
#include "ndr/compiler.h"
#include "ndr/decode.h"

namespace rpcmarshal::ndr {

const Display Compiler::none_{};

namespace {

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

}  // namespace

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
