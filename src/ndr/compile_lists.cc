// Arrays and strings as nodes: which counts are sent, whether elements lie side by side.
#include <algorithm>

#include "ndr/compiler.h"

namespace rpcmarshal::ndr {

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

}  // namespace rpcmarshal::ndr
