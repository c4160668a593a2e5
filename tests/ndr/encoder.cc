#include "ndr/encoder.h"

#include <algorithm>
#include <bit>

#include "base/unicode.h"

namespace rpcmarshal::ndr::test {
namespace {

std::size_t size_of(BaseType type, bool wide) {
  switch (type) {
    case BaseType::kBoolean:
    case BaseType::kByte:
    case BaseType::kChar:
    case BaseType::kInt8:
    case BaseType::kUInt8:
      return 1;
    case BaseType::kWChar:
    case BaseType::kInt16:
    case BaseType::kUInt16:
      return 2;
    case BaseType::kInt64:
    case BaseType::kUInt64:
    case BaseType::kDouble:
      return 8;
    case BaseType::kInt3264:
    case BaseType::kUInt3264:
      return wide ? 8 : 4;
    default:
      return 4;
  }
}

bool is_signed(BaseType type) {
  return type == BaseType::kInt8 || type == BaseType::kInt16 || type == BaseType::kInt32 ||
         type == BaseType::kInt64 || type == BaseType::kInt3264;
}

const BaseShape* base_of(const Type* type) { return std::get_if<BaseShape>(&type->shape); }

}  // namespace

std::string Expect::text() const {
  std::string out = before;
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (i > 0 && separated) out += ',';
    out += children[i]->text();
  }
  return out + after;
}

void Encoder::put(std::size_t size, std::uint64_t v) {
  wire_.align(size);
  if (size == 1) wire_.u8(static_cast<std::uint8_t>(v));
  if (size == 2) wire_.u16(static_cast<std::uint16_t>(v));
  if (size == 4) wire_.u32(static_cast<std::uint32_t>(v));
  if (size == 8) wire_.u64(v);
}

std::size_t Encoder::alignment(const Type* type) const {
  if (const auto* base = base_of(type)) return size_of(base->type, wide());
  if (const auto* e = std::get_if<EnumShape>(&type->shape)) return e->v1 || wide() ? 4 : 2;
  if (const auto* s = std::get_if<StructShape>(&type->shape)) {
    std::size_t largest = 1;
    for (const Field& f : s->fields) largest = std::max(largest, alignment(f.type));
    return largest;
  }
  if (const auto* u = std::get_if<UnionShape>(&type->shape)) {
    std::size_t largest = alignment(u->discriminant);
    for (const UnionArm& arm : u->arms) {
      if (arm.field.type) largest = std::max(largest, alignment(arm.field.type));
    }
    return largest;
  }
  if (const auto* a = std::get_if<ArrayShape>(&type->shape)) {
    std::size_t largest = alignment(a->element);
    for (const Dimension& d : a->dimensions) {
      if (d.varying) largest = std::max(largest, word());
    }
    return largest;
  }
  if (std::holds_alternative<ContextHandleShape>(type->shape)) return 4;
  return word();  // pointers, interface pointers, BSTR, VARIANT
}

/// Maximum counts stand before the outermost structure.
void Encoder::conformance(const Type* type, Counts& counts) {
  if (const auto* s = std::get_if<StructShape>(&type->shape)) {
    if (!s->fields.empty()) conformance(s->fields.back().type, counts);
  } else if (const auto* a = std::get_if<ArrayShape>(&type->shape)) {
    for (const Dimension& d : a->dimensions) {
      if (!d.conformant) continue;
      const std::uint64_t n = pick(0, 4);
      counts.maxima.push_back(a->string ? n + 1 : n);
      put_word(counts.maxima.back());
    }
  }
}

void Encoder::construct(const Type* type, Expect* expect) {
  Counts counts;
  std::vector<Later> later;
  conformance(type, counts);
  body(type, expect, counts, later, false);
  for (const Later& one : later) construct(one.type, one.expect);
}

void Encoder::scalar(BaseType type, Expect* expect) {
  const std::size_t size = size_of(type, wide());
  std::uint64_t v = pick(0, UINT64_MAX);
  if (size < 8) v &= (std::uint64_t{1} << (8 * size)) - 1;
  if (pick(0, 3) == 0) v = pick(0, 1);
  if (type == BaseType::kFloat) {
    v = std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<std::int32_t>(v)) / 8);
    expect->before =
        std::to_string(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(v))));
  } else if (type == BaseType::kDouble) {
    v = std::bit_cast<std::uint64_t>(static_cast<double>(static_cast<std::int32_t>(v)) / 8);
    expect->before = std::to_string(std::bit_cast<double>(v));
  } else if (type == BaseType::kBoolean) {
    expect->before = v ? "true" : "false";
  } else if (is_signed(type)) {
    const int shift = 64 - 8 * static_cast<int>(size);
    expect->before = std::to_string(static_cast<std::int64_t>(v << shift) >> shift);
  } else {
    expect->before = std::to_string(v);
  }
  put(size, v);
}

void Encoder::body(const Type* type, Expect* expect, Counts& counts, std::vector<Later>& later,
                   bool embedded, std::size_t gap) {
  if (const auto* base = base_of(type)) return scalar(base->type, expect);
  if (const auto* e = std::get_if<EnumShape>(&type->shape)) {
    const std::uint64_t v = pick(0, 0x7FFF);
    put(e->v1 || wide() ? 4 : 2, v);
    expect->before = std::to_string(v);
    return;
  }
  if (const auto* s = std::get_if<StructShape>(&type->shape)) {
    wire_.align(alignment(type));
    expect->before = "{";
    expect->after = "}";
    bool conformant = false;
    for (const Field& f : s->fields) {
      Expect* field = expect->add();
      field->before = f.name + ":";
      const bool tail = std::holds_alternative<ArrayShape>(f.type->shape) &&
                        std::ranges::any_of(std::get<ArrayShape>(f.type->shape).dimensions,
                                            &Dimension::conformant);
      conformant = conformant || tail;
      const std::size_t before = counts.next;
      body(f.type, field->add(), counts, later, true, tail && wide() ? alignment(type) : 1);
      conformant = conformant || counts.next != before;
    }
    if (wide() && !conformant) wire_.align(alignment(type));
    return;
  }
  if (const auto* u = std::get_if<UnionShape>(&type->shape)) {
    const UnionArm& arm = u->arms[pick(0, u->arms.size() - 1)];
    const std::int64_t value = arm.is_default ? 99 : arm.cases[pick(0, arm.cases.size() - 1)];
    std::size_t arms = 1;
    for (const UnionArm& one : u->arms) {
      if (one.field.type) arms = std::max(arms, alignment(one.field.type));
    }
    const bool as_largest = wide() || (u->ms_union && !u->encapsulated);
    if (wide()) wire_.align(alignment(type));
    const auto* d = base_of(u->discriminant);
    put(d ? size_of(d->type, wide()) : alignment(u->discriminant),
        static_cast<std::uint64_t>(value));
    expect->before = "<" + std::to_string(value);
    expect->after = ">";
    if (as_largest) wire_.align(arms);
    if (!arm.field.type) return;
    expect->before += " " + arm.field.name + ":";
    body(arm.field.type, expect->add(), counts, later, true);
    return;
  }
  if (const auto* p = std::get_if<PointerShape>(&type->shape)) {
    if (p->kind == PointerKind::kRef && !embedded) {
      later.insert(later.begin(), Later{p->target, expect});
      return;
    }
    const bool null = p->kind != PointerKind::kRef && (budget_ <= 0 || pick(0, 3) == 0);
    if (null) {
      put_word(0);
      expect->before = "null";
      return;
    }
    --budget_;
    // [unique] ids may repeat; those of [ptr] may not, unless they are one referent.
    put_word(p->kind == PointerKind::kFull ? 0x20000 + 4 * ++ids_ : 0x10000);
    later.push_back({p->target, expect});
    return;
  }
  if (const auto* a = std::get_if<ArrayShape>(&type->shape))
    return array(*a, expect, counts, later, gap);
  if (std::holds_alternative<ContextHandleShape>(type->shape)) {
    wire_.align(4);
    const std::size_t at = wire_.size();
    wire_.u32(0);
    for (int i = 0; i < 16; ++i) wire_.u8(static_cast<std::uint8_t>(pick(0, 255)));
    expect->before = "x";
    append_hex(expect->before, wire_.bytes().subspan(at));
    return;
  }
  ADD_FAILURE() << "the encoder does not know this type";
}

void Encoder::array(const ArrayShape& shape, Expect* expect, Counts& hoisted,
                    std::vector<Later>& later, std::size_t gap) {
  std::vector<std::uint64_t> counts;
  for (const Dimension& d : shape.dimensions) {
    counts.push_back(d.conformant ? hoisted.maxima[hoisted.next++] : d.fixed);
  }
  wire_.align(gap);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (!shape.dimensions[i].varying && !(shape.string && i + 1 == counts.size())) continue;
    const std::uint64_t actual =
        shape.string ? pick(1, std::max<std::uint64_t>(counts[i], 1)) : pick(0, counts[i]);
    put_word(0);
    put_word(actual);
    counts[i] = actual;
  }
  elements(shape, counts, 0, expect, later);
}

void Encoder::elements(const ArrayShape& shape, const std::vector<std::uint64_t>& counts,
                       std::size_t level, Expect* expect, std::vector<Later>& later) {
  const auto* base = base_of(shape.element);
  if (level + 1 == counts.size() && base) {
    const std::uint64_t n = counts[level];
    const bool wchar = base->type == BaseType::kWChar;
    const bool narrow = base->type == BaseType::kChar && shape.string;
    if (wchar || narrow) {
      std::string text;
      for (std::uint64_t i = 0; i < n; ++i) {
        const bool last = shape.string && i + 1 == n;
        const auto c = static_cast<std::uint16_t>(last ? 0 : pick('a', 'z'));
        put(wchar ? 2 : 1, c);
        if (c) text += static_cast<char>(c);
      }
      expect->before = '"' + text + '"';
      return;
    }
    if (base->type == BaseType::kByte || base->type == BaseType::kChar ||
        base->type == BaseType::kUInt8 || base->type == BaseType::kInt8) {
      expect->before = "x";
      const std::size_t at = wire_.size();
      for (std::uint64_t i = 0; i < n; ++i) wire_.u8(static_cast<std::uint8_t>(pick(0, 255)));
      append_hex(expect->before, wire_.bytes().subspan(at));
      return;
    }
  }
  expect->before = "[";
  expect->after = "]";
  for (std::uint64_t i = 0; i < counts[level]; ++i) {
    if (level + 1 < counts.size()) {
      elements(shape, counts, level + 1, expect->add(), later);
    } else {
      const auto* u = std::get_if<UnionShape>(&shape.element->shape);
      if (u && u->ms_union && !u->encapsulated) wire_.align(alignment(shape.element));
      Counts none;
      body(shape.element, expect->add(), none, later, true);
    }
  }
}

std::string Encoder::encode(const Procedure& procedure, Half half) {
  Expect root;
  root.before = "{";
  root.after = "}";
  const auto one = [&](const std::string& name, const Type* type) {
    Expect* expect = root.add();
    expect->before = name + ":";
    construct(type, expect->add());
  };
  for (const Parameter& p : procedure.parameters) {
    if (half == Half::kRequest ? p.in : p.out) one(p.field.name, p.field.type);
  }
  if (half == Half::kResponse && procedure.result &&
      !std::holds_alternative<VoidShape>(procedure.result->shape)) {
    one("return", procedure.result);
  }
  return root.text();
}

}  // namespace rpcmarshal::ndr::test
